"""What `anemoi.datasets.open_dataset` takes (a YAML file, or a mapping in Python), opened by it as a source."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dqwatch.errors import DqwatchError, MissingExtraError, SourceError, SourceNotFoundError, UsageError
from dqwatch.sources.anemoi_dataset import AnemoiDataset, make_source
from dqwatch.yaml_files import read_yaml

KEYS = (
    *("dataset", "datasets", "join", "concat", "merge", "ensemble", "grids", "cutout", "complement", "synthetic"),
    *("zip", "xy", "x", "chain"),
)
"""A mapping with one of these says what to open; further keys say what part of it, and how."""
_LOADER = "dataset_config"
"""A training data set in the configuration of anemoi-training: {dataset_config: a specification, start, end}."""


def open_anemoi_spec(data: Any, **_options: Any) -> AnemoiDataset | None:
    """Open a specification of anemoi-datasets, or what its `open_dataset` has returned.

    Parameters
    ----------
    data : path of a YAML file, dict, or anemoi data set
        The specification is handed to `open_dataset` as it stands, paths in it relative to the working directory. The
        form `{dataset_config: ..., start: ..., end: ...}` of the data loader of anemoi-training is understood too.

    Returns
    -------
    AnemoiDataset or None
        None if it is nothing of the kind.

    Raises
    ------
    UsageError
        If the file or mapping is no specification, anemoi-datasets refuses it, or makes something else of it than
        fields on dates.
    SourceNotFoundError
        If a store that it names is not there.
    SourceError
        If one cannot be read.
    MissingExtraError
        If anemoi-datasets is not installed.
    """
    if isinstance(data, str | os.PathLike):
        where, spec = os.fspath(data), read_yaml(data)[0]
        name = Path(where).name
    elif isinstance(data, dict):
        if "fields" in data:
            return None  # a state
        where = name = "specification"
        spec = dict(data)
    elif type(data).__module__.startswith("anemoi.datasets."):
        return make_source(data, "dataset", "dataset", repr(data))
    else:
        return None
    checked = check_spec(where, spec)
    with _without_reporting():
        opened = _open(where, checked)
    return make_source(opened, name, where, checked)


def check_spec(where: str, spec: Any) -> dict[str, Any] | list[Any]:
    """What is to be handed to `open_dataset`.

    Raises
    ------
    UsageError
        If `spec` is neither a list nor a mapping that says what to open.
    """
    if isinstance(spec, list) and spec:
        return spec
    if not isinstance(spec, dict):
        got = "nothing" if spec is None else f"a {type(spec).__name__}" if spec != [] else "an empty list"
        raise UsageError(f"{where}: got {got}, no open_dataset specification; give one like {{dataset: training.zarr}}")
    if _LOADER in spec:
        inner, others = spec[_LOADER], {k: v for k, v in spec.items() if k != _LOADER and v is not None}
        inner = dict(inner) if isinstance(inner, Mapping) else {"dataset": inner}
        return check_spec(where, {**inner, **others})
    if not set(KEYS) & set(spec):
        raise UsageError(
            f"{where}: no open_dataset specification: got keys {', '.join(map(str, spec)) or '(none)'}; one of "
            f"{', '.join(KEYS)} must be there"
        )
    return dict(spec)


def _open(where: str, spec: dict[str, Any] | list[Any]) -> Any:
    try:
        from anemoi.datasets import open_dataset
    except ImportError as error:
        raise MissingExtraError(
            f"{where}: opening an open_dataset specification needs anemoi-datasets: pip install 'dqwatch[anemoi]'"
        ) from error
    try:
        return open_dataset(spec) if isinstance(spec, list) else open_dataset(**spec)
    except Exception as error:  # it raises of every kind, assertions and keys among them
        raise _explained(where, error) from error


def _explained(where: str, error: Exception) -> DqwatchError:
    """What anemoi-datasets complained of, in one line."""
    said = " ".join(str(error).split())
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "NotFoundError" in type(error).__name__ or "FileNotFoundError" in kinds:
        return SourceNotFoundError(f"{where}: {said}")
    if isinstance(error, OSError):
        return SourceError(f"{where}: cannot be read: {said}")
    return UsageError(f"{where}: open_dataset refuses this specification: {type(error).__name__}: {said}")


@contextmanager
def _without_reporting() -> Iterator[None]:
    """Open stores without a word to anybody.

    anemoi-datasets starts a process at each opening that may tell its makers of it, and that hangs where it is forked
    while another thread imports.
    """
    try:
        store = importlib.import_module("anemoi.datasets.usage.store")
    except ImportError:  # not installed, or of a release that has no such module
        yield
        return
    reports = getattr(store, "collect_analytics", None)
    if reports is None:
        yield
        return
    store.collect_analytics = lambda *_, **__: None  # type: ignore[attr-defined]
    try:
        yield
    finally:
        store.collect_analytics = reports  # type: ignore[attr-defined]
