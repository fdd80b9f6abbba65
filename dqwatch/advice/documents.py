"""Training configurations as they lie on disk: YAML, whole or one group of it, or the metadata of a checkpoint."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from dqwatch.errors import SourceError, UsageError
from dqwatch.yaml_files import read_yaml

_METADATA = ("anemoi.json", "ai-models.json")
_REFERENCE = re.compile(r"\$\{([A-Za-z_][\w-]*(?:\.[\w-]+)*)\}")
_MOST_BYTES = 1 << 28
"""Metadata beyond this size are none that anemoi writes."""
_WHOLE = {"training", "data", "dataloader", "config"}
_TRAINING = {"variable_loss_scaling", "loss_scaling", "scalers", "training_loss", "optimization", "lr"}
_DATA = {"normalizer", "processors", "forcing", "diagnostic"}
_SCALERS = {"general_variable", "builders"}


class Document(NamedTuple):
    """What is read of all files together."""

    config: Mapping[str, Any]
    """With top-level keys `training`, `data`, ... as Hydra composes them."""
    metadata: Mapping[str, Any]
    """Name of a variable -> its metadata, where a checkpoint has them."""
    names: tuple[str, ...]
    notes: tuple[str, ...]


def read_documents(paths: Sequence[str]) -> Document:
    """Read training configurations; of what several say, the last counts.

    Parameters
    ----------
    paths : sequence of str
        YAML as Hydra composes it, one group file of it (`training/default.yaml`, `data/zarr.yaml`), JSON, or a
        checkpoint, of which only the metadata are read: nothing in it is executed.

    Returns
    -------
    Document

    Raises
    ------
    UsageError
        If a file is none of these.
    SourceError
        If a checkpoint is broken.
    """
    config: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    notes: list[str] = []
    for path in paths:
        found, own = _read(path)
        if not isinstance(found, Mapping):
            raise UsageError(f"{path}: got {type(found).__name__}, expected a mapping: a training configuration")
        place, left = _placed(found, path)
        if left:
            notes.append(f"{_short(path)}: its list of defaults is not followed ({', '.join(left[:6])})")
        config = merge(config, place)
        metadata |= own
    return Document(_resolve(config, config), metadata, tuple(_short(p) for p in paths), tuple(notes))


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings merged key by key; anything else of `over` replaces what `base` has."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def dig(config: Any, *path: str) -> Any:
    """What lies at a path of keys; None where there is nothing."""
    for key in path:
        config = config.get(key) if isinstance(config, Mapping) else None
    return config


def _read(path: str) -> tuple[Any, Mapping[str, Any]]:
    """The configuration in a file, and the metadata of variables that come with it."""
    if zipfile.is_zipfile(path):
        document = _read_checkpoint(path)
    elif path.endswith(".json"):
        document = _read_json(path)
    else:
        return read_yaml(path)[0], {}
    if not isinstance(document, Mapping) or "config" not in document:
        return document, {}
    return document["config"], _variables_metadata(document.get("dataset"))


def _read_json(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path}: is not JSON: {error}") from error


def _read_checkpoint(path: str) -> Any:
    """The JSON that anemoi adds to a checkpoint; the pickled model in it is not touched."""
    try:
        with zipfile.ZipFile(path) as archive:
            held = [i for i in archive.infolist() if PurePosixPath(i.filename).name in _METADATA]
            if not held:
                raise UsageError(f"{path}: a checkpoint without anemoi's metadata ({' or '.join(_METADATA)})")
            if held[0].file_size > _MOST_BYTES:
                raise SourceError(f"{path}: {held[0].filename} has {held[0].file_size:,} bytes, too many for metadata")
            return json.loads(archive.read(held[0]))
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        if isinstance(error, UsageError | SourceError):
            raise
        raise SourceError(f"{path}: the metadata of the checkpoint cannot be read: {error}") from error


def _variables_metadata(dataset: Any) -> dict[str, Any]:
    """`variables_metadata` of all data sets of a checkpoint, flat or by name."""
    flat = dig(dataset, "variables_metadata")
    if isinstance(flat, Mapping):
        return dict(flat)
    found: dict[str, Any] = {}
    for one in dataset.values() if isinstance(dataset, Mapping) else ():
        own = dig(one, "variables_metadata")
        found |= own if isinstance(own, Mapping) else {}
    return found


def _placed(document: Mapping[str, Any], path: str) -> tuple[Mapping[str, Any], list[str]]:
    """A document where it belongs in the whole, and the defaults that it names."""
    defaults = document.get("defaults")
    left = [" ".join(map(str, d.values())) if isinstance(d, Mapping) else str(d) for d in defaults or ()]
    left = [name for name in left if name not in ("_self_", "None")]
    rest = {key: value for key, value in document.items() if key != "defaults"}
    if rest.keys() & _WHOLE or not rest:
        return rest, left
    if rest.keys() & _TRAINING:
        return {"training": rest}, left
    if rest.keys() & _DATA:
        return {"data": rest}, left
    if rest.keys() & _SCALERS:
        return {"training": {"scalers": rest}}, left
    datasets = rest.get("datasets")
    inner = [one for one in datasets.values() if isinstance(one, Mapping)] if isinstance(datasets, Mapping) else []
    if any(one.keys() & _SCALERS for one in inner):
        return {"training": {"scalers": rest}}, left
    if any(one.keys() & _DATA for one in inner):
        return {"data": rest}, left
    keys = ", ".join(map(str, list(rest)[:5]))
    raise UsageError(f"{path}: has neither 'training' nor 'data' (but {keys}); give an anemoi-training configuration")


def _resolve(value: Any, whole: Mapping[str, Any], depth: int = 0) -> Any:
    """References to other places of the same document (`${data.normalizer}`) replaced by what lies there."""
    if isinstance(value, Mapping):
        return {key: _resolve(one, whole, depth) for key, one in value.items()}
    if isinstance(value, list):
        return [_resolve(one, whole, depth) for one in value]
    match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if match is None or depth > 8:
        return value
    found = dig(whole, *match[1].split("."))
    return value if found is None else _resolve(found, whole, depth + 1)


def _short(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name
