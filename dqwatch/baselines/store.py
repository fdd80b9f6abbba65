"""A baseline as a Zarr group of format 2: written whole or not at all, opened by any zarr."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dqwatch.baselines.baseline import Baseline
from dqwatch.baselines.climate import Climate
from dqwatch.baselines.histograms import Histograms
from dqwatch.baselines.ledger import Ledger
from dqwatch.baselines.packed import PackedClimate
from dqwatch.baselines.quantity import QuantityClimate
from dqwatch.baselines.relations import Relations
from dqwatch.baselines.stored import KIND, StoredBaseline, describe, restore
from dqwatch.errors import SourceError, SourceNotFoundError, UsageError
from dqwatch.metrics.histogram import Bins
from dqwatch.scores import STATE, Score
from dqwatch.types import Grid

FORMAT = "dqwatch-baseline"
VERSION = 6
_MARK = ".zattrs"
_LEVELS = ("cell", "area", "coarse")
_PARTS = ("first", "mean", "square", "variance")
_PACKED = ("mean", "root")


def check_target(path: str | os.PathLike[str]) -> None:
    """Complain of a place where a baseline cannot be written, before anything is read.

    Raises
    ------
    UsageError
        If something else stands there, or the folder above is missing or cannot be written.
    """
    target = Path(path)
    if os.path.lexists(target) and not _is_baseline(target):
        raise UsageError(f"{path}: exists and is no baseline; give another name for the output")
    parent = target.absolute().parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise UsageError(f"{path}: the folder {parent} is missing or cannot be written")


def save(baseline: Baseline | StoredBaseline, path: str | os.PathLike[str]) -> None:
    """Write a baseline; an older one of the same name is replaced when the new one is complete.

    Raises
    ------
    UsageError
        If something else stands there, or the folder above is missing or cannot be written.
    SourceError
        If the disk is full, or likewise.
    """
    check_target(path)
    target = Path(path).absolute()
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
            new = Path(scratch, "new")
            _write(baseline, new)
            if target.exists():
                target.rename(Path(scratch, "old"))
            new.rename(target)
    except OSError as error:
        raise SourceError(f"{path}: cannot be written: {error.strerror or error}") from error


def _write(baseline: Baseline | StoredBaseline, path: Path) -> None:
    import zarr

    options: dict[str, Any] = {} if zarr.__version__.startswith("2.") else {"zarr_format": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        group = zarr.open_group(str(path), mode="w", **options)
        arrays, attributes = _contents(baseline)
        for name, values in arrays.items():
            group[name] = values
        group.attrs.update(attributes)


def load(path: str | os.PathLike[str]) -> Baseline | StoredBaseline:
    """Open a baseline.

    Raises
    ------
    SourceNotFoundError
        If there is none.
    UsageError
        If something else is there, or it was written by a later version.
    SourceError
        If it is broken.
    """
    import zarr

    target = Path(path)
    if not target.is_dir():
        raise SourceNotFoundError(f"{path}: no such baseline; make one with 'dqwatch baseline DATA -o {path}'")
    if not _is_baseline(target):
        raise UsageError(f"{path}: no baseline; make one with 'dqwatch baseline DATA -o {path}'")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            group = zarr.open_group(str(target), mode="r")
            return _read(group, dict(group.attrs))
    except (KeyError, ValueError, OSError, TypeError) as error:
        if isinstance(error, UsageError):
            raise
        reason = " ".join(str(error).split())
        raise SourceError(f"{path}: a broken baseline ({type(error).__name__}: {reason}); make it anew") from error


def measure(path: str | os.PathLike[str]) -> int:
    """Bytes that a baseline takes on disk."""
    return sum(p.stat().st_size for p in Path(path).rglob("*") if p.is_file())


def remove(path: str | os.PathLike[str]) -> None:
    """Remove a baseline, and nothing that is none."""
    if _is_baseline(Path(path)):
        shutil.rmtree(path)


def _is_baseline(path: Path) -> bool:
    try:
        marks = json.loads((path / _MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(marks, dict) and marks.get("format") == FORMAT


def _contents(baseline: Baseline | StoredBaseline) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and attributes."""
    if isinstance(baseline, Baseline):
        return _arrays(baseline), _attributes(baseline)
    more = {"kind": KIND, "statistics": describe(baseline.statistics)}
    return _places(baseline.grid), _common(baseline) | more


def _attributes(baseline: Baseline) -> dict[str, Any]:
    return {
        **_common(baseline),
        "step": baseline.step,
        "terms": baseline.terms,
        "constants": sorted(baseline.constants),
        "scores": [s._asdict() for s in baseline.scores],
        "floors": {
            kind: {level: [_floor(q, level) for q in climates] for level in _LEVELS}
            for kind, climates in baseline.climates.items()
        },
        "bins": [_bins(c) for c in baseline.climates[STATE]],
        "packing": {
            kind: [_packing(c.cell) if c is not None else None for c in climates]
            for kind, climates in baseline.climates.items()
        },
    }


def _common(baseline: Baseline | StoredBaseline) -> dict[str, Any]:
    """Attributes that both kinds have."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "record": dict(baseline.record),
        "variables": list(baseline.variables),
        "units": list(baseline.units),
        "grid": {
            "kind": baseline.grid.kind,
            "shape": list(baseline.grid.shape),
            "name": baseline.grid.name,
            "weights_origin": baseline.grid.weights_origin,
        },
        "calendar": baseline.calendar,
    }


def _bins(climate: QuantityClimate | None) -> dict[str, Any] | None:
    """What makes the bins of the histograms of one variable."""
    return None if climate is None or climate.histograms is None else asdict(climate.histograms.bins)


def _packing(cell: Climate | PackedClimate | None) -> dict[str, Any] | None:
    """What makes numbers of the integers of one variable."""
    if not isinstance(cell, PackedClimate):
        return None
    return {"scale": cell.scale.tolist(), "offset": cell.offset.tolist(), "step": cell.step}


def _floor(climate: QuantityClimate | None, level: str) -> float | None:
    part = None if climate is None else getattr(climate, level)
    return None if part is None else float(part.floor)


def _places(grid: Grid) -> dict[str, np.ndarray]:
    held = {name: getattr(grid, name) for name in ("latitudes", "longitudes", "area_weights")}
    return {f"grid/{name}": np.asarray(values) for name, values in held.items() if values is not None}


def _read_grid(group: Any, described: Mapping[str, Any]) -> Grid:
    names = ("latitudes", "longitudes", "area_weights")
    places: dict[str, Any] = {n: group[f"grid/{n}"][:] for n in names if f"grid/{n}" in group}
    more = {name: described[name] for name in ("kind", "name", "weights_origin")}
    return Grid(shape=tuple(described["shape"]), **more, **places)


def _arrays(baseline: Baseline) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {"hours": baseline.hours, **_places(baseline.grid)}
    if baseline.constants:
        found["constants"] = np.stack([baseline.constants[k] for k in sorted(baseline.constants)])
    for name in Ledger.__dataclass_fields__:
        found[f"ledger/{name}"] = getattr(baseline.ledger, name)
    for name in () if baseline.relations is None else Relations._fields:
        found[f"relations/{name}"] = getattr(baseline.relations, name)
    counted = [c.histograms.counts for c in baseline.climates[STATE] if c is not None and c.histograms is not None]
    if counted:
        found["histograms"] = np.stack(counted)
    for kind, climates in baseline.climates.items():
        for level in _LEVELS:
            held = [getattr(c, level) for c in climates if c is not None and getattr(c, level) is not None]
            plain = [c for c in held if isinstance(c, Climate)]
            for part in _PARTS if plain else ():
                found[f"climate/{kind}/{level}/{part}"] = np.stack([getattr(c, part) for c in plain])
        for k, climate in enumerate(climates):
            if climate is not None and isinstance(climate.cell, PackedClimate):
                found |= {f"climate/{kind}/cell/{k}/{part}": getattr(climate.cell, part) for part in _PACKED}
    return found


def _read(group: Any, attributes: Mapping[str, Any]) -> Baseline | StoredBaseline:
    if attributes["version"] != VERSION:
        raise UsageError(
            f"a baseline of version {attributes['version']}; this dqwatch reads version {VERSION}: make it anew"
        )
    if attributes.get("kind") == KIND:
        return StoredBaseline(
            variables=tuple(attributes["variables"]),
            units=tuple(attributes["units"]),
            grid=_read_grid(group, attributes["grid"]),
            calendar=attributes["calendar"],
            statistics=restore(attributes["statistics"]),
            record=attributes["record"],
        )
    constants = attributes["constants"]
    return Baseline(
        variables=tuple(attributes["variables"]),
        units=tuple(attributes["units"]),
        grid=_read_grid(group, attributes["grid"]),
        calendar=attributes["calendar"],
        hours=group["hours"][:],
        step=attributes["step"],
        terms=attributes["terms"],
        climates={
            kind: _climates(group, kind, floors, attributes["packing"][kind], attributes["bins"])
            for kind, floors in attributes["floors"].items()
        },
        constants=dict(zip(constants, group["constants"][:], strict=True)) if constants else {},
        scores=tuple(Score(**s) for s in attributes["scores"]),
        relations=Relations(*(group[f"relations/{name}"][:] for name in Relations._fields))
        if "relations/first" in group
        else None,
        ledger=Ledger(*(group[f"ledger/{name}"][:] for name in Ledger.__dataclass_fields__)),
        record=attributes["record"],
    )  # fmt: skip


def _climates(
    group: Any,
    kind: str,
    floors: Mapping[str, Sequence[float | None]],
    packing: Sequence[Mapping[str, Any] | None],
    bins: Sequence[Mapping[str, Any] | None],
) -> list[QuantityClimate | None]:
    """The climates of one kind, in the order of the variables."""
    where = f"climate/{kind}"
    cells: list[Climate | PackedClimate | None]
    if any(packing):
        pairs = enumerate(zip(packing, floors["cell"], strict=True))
        cells = [None if p is None or f is None else _unpacked(group, f"{where}/cell/{k}", p, f) for k, (p, f) in pairs]
    else:
        cells = list(_parts(group, f"{where}/cell", floors["cell"]))
    areas, coarse = (_parts(group, f"{where}/{level}", floors[level]) for level in ("area", "coarse"))
    histograms = _histograms(group, bins) if kind == STATE else [None] * len(bins)
    return [
        None if area is None else QuantityClimate(cell, area, larger, values)
        for cell, area, larger, values in zip(cells, areas, coarse, histograms, strict=True)
    ]


def _histograms(group: Any, bins: Sequence[Mapping[str, Any] | None]) -> list[Histograms | None]:
    held = iter(group["histograms"][:] if any(bins) else ())
    return [None if one is None else Histograms(Bins(**one), next(held)) for one in bins]


def _unpacked(group: Any, name: str, packing: Mapping[str, Any], floor: float) -> PackedClimate:
    mean, root = (group[f"{name}/{part}"][:] for part in _PACKED)
    return PackedClimate(
        mean, np.array(packing["scale"], float), np.array(packing["offset"], float), root, packing["step"], floor
    )


def _parts(group: Any, name: str, floors: Sequence[float | None]) -> Iterable[Climate | None]:
    if all(floor is None for floor in floors):
        return [None] * len(floors)
    arrays = [group[f"{name}/{part}"][:] for part in _PARTS]
    held = iter(range(len(arrays[0])))
    return [None if floor is None else _climate(arrays, next(held), floor) for floor in floors]


def _climate(arrays: Sequence[np.ndarray], k: int, floor: float) -> Climate:
    first, mean, square, variance = (a[k] for a in arrays)
    return Climate(first, mean, square, variance, floor)
