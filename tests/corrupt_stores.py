"""Corrupters of stores: each spoils one thing in a clean anemoi store on disk, by default the least that must be found.

A corrupter is named after the rule that must find it, its dots as underscores. `TRIPS` names all rules of `audit` that
it must trip in a store as `tests/test_store_rules.py` makes it; no other may be.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr


def opened(path: Path | str) -> Any:
    return zarr.open_group(str(path), mode="r+")


def change_statistic(path: Path | str, array: str, variable: str, factor: float = 1.0, shift: float = 0.0) -> None:
    """Another value of a stored statistic: times a factor, plus a shift in stored standard deviations."""
    group = opened(path)
    v = list(group.attrs["variables"]).index(variable)
    group[array][v] = group[array][v] * factor + shift * group["stdev"][v]


def stats_valid(path: Path | str, sigma: float = 1e-3) -> None:
    """A stored mean above the stored maximum by some standard deviations, which were both those of something else."""
    group = opened(path)
    v = list(group.attrs["variables"]).index("tp")
    group["maximum"][v] = group["mean"][v] - sigma * group["stdev"][v]


def stats_stored(path: Path | str, sigma: float = 0.11, factor: float = 1.0) -> None:
    """A stored mean off by some standard deviations, or a stored deviation off by a factor."""
    change_statistic(path, "mean", "2t", shift=sigma)
    change_statistic(path, "stdev", "2t", factor)


def stats_range(path: Path | str, factor: float = 1 + 1e-5) -> None:
    """A stored maximum off by a factor: one value was changed, or one date added."""
    change_statistic(path, "maximum", "msl", factor)


def stats_tendencies(path: Path | str, factor: float = 1.11) -> None:
    """A stored standard deviation of changes off by a factor."""
    change_statistic(path, "statistics_tendencies_6h_stdev", "2t", factor)


def const_declared(path: Path | str, variable: str = "2t") -> None:
    """A variable declared constant that is not; or no longer declared so, if it is."""
    group = opened(path)
    constant, metadata = list(group.attrs["constant_fields"]), dict(group.attrs["variables_metadata"])
    if variable in constant:
        constant.remove(variable)
        metadata[variable] = {k: v for k, v in metadata[variable].items() if k != "constant_in_time"}
    else:
        constant.append(variable)
    group.attrs.update({"constant_fields": constant, "variables_metadata": metadata})


def chunk_files(path: Path | str, array: str = "data") -> list[Path]:
    """The chunk objects of an array in order of time."""
    hidden = {".zarray", ".zattrs", "zarr.json"}
    files = [p for p in (Path(path) / array).rglob("*") if p.is_file() and p.name not in hidden]
    numbers = {p: [int(n) for n in str(p.relative_to(path)).replace("/", ".").split(".") if n.isdigit()] for p in files}
    return sorted(files, key=numbers.__getitem__)


def zarr_missing_chunks(path: Path | str, chunks: int = 1) -> None:
    """Some chunk objects gone, from the date after the statistics window on."""
    dates = np.asarray(opened(path)["dates"][:])
    first = int(np.searchsorted(dates, np.datetime64(opened(path).attrs["statistics_end_date"]), side="right"))
    for file in chunk_files(path)[first : first + chunks]:
        file.unlink()


def zarr_empty_chunks(path: Path | str, chunks: int = 1) -> None:
    """Some dates declared missing, and their chunk objects gone: nothing is lost."""
    group = opened(path)
    dates = np.asarray(group["dates"][:])
    first = int(np.searchsorted(dates, np.datetime64(group.attrs["statistics_end_date"]), side="right"))
    group.attrs["missing_dates"] = [str(d) for d in dates[first : first + chunks]]
    zarr_missing_chunks(path, chunks)


TRIPS: dict[str, frozenset[str]] = {
    "stats_valid": frozenset({"stats.valid", "stats.range"}),
    "stats_stored": frozenset({"stats.stored"}),
    "stats_range": frozenset({"stats.range"}),
    "stats_tendencies": frozenset({"stats.tendencies"}),
    "const_declared": frozenset({"const.declared"}),
    "zarr_missing_chunks": frozenset(
        {"zarr.missing_chunks", "nan.none", "nan.pattern", "field.all_nan", "time.missing_declared", "static.const"}
    ),
    "zarr_empty_chunks": frozenset({"zarr.empty_chunks"}),
}
