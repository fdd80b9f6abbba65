"""The table `fields`: one row for each field that was there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dqwatch import tables
from dqwatch.metrics import kernel_layout as layout
from dqwatch.metrics.change import beyond_median, departures
from dqwatch.metrics.fields import Rows
from dqwatch.metrics.masks import Mask
from dqwatch.metrics.members import same_as_member
from dqwatch.types import Source

if TYPE_CHECKING:
    import pandas as pd


class Seen:
    """The fields that were there, column by column, in order of axis, time, variable and member."""

    def __init__(self, source: Source, rows: Rows) -> None:
        seen = rows.seen
        self.time, self.variable, self.member = (key[seen] for key in rows.keys(source))
        self.axis = np.array([v.times for v in source.variables], np.int64)[self.variable]
        self.ints = {name: rows.ints[seen, i] for i, name in enumerate(layout.INTS)}
        self.floats = {name: rows.floats[seen, i] for i, name in enumerate(layout.FLOATS)}
        self.hashes = {name: rows.hashes[seen, i] for i, name in enumerate(layout.HASHES)}
        self.extra = {name: rows.extra[seen, i] for i, name in enumerate(rows.extra_names)}
        self.missing = np.zeros(len(self.time), bool)
        for number, axis in enumerate(source.times):
            if axis.declared_missing is not None:
                own = self.axis == number
                self.missing[own] = np.asarray(axis.declared_missing, bool)[self.time[own]]
        order = np.argsort(self.variable, kind="stable")
        ends = np.searchsorted(self.variable[order], np.arange(len(source.variables) + 1))
        self._of = [order[a:b] for a, b in pairwise(ends)]

    def of(self, variable: int, *, declared: bool = False) -> np.ndarray:
        """Positions of the fields of a variable in order of time; dates declared missing only if asked for."""
        own = self._of[variable]
        return own if declared else own[~self.missing[own]]

    @property
    def all_nan(self) -> np.ndarray:
        """Bool (field,)."""
        return self.ints["n_nan"] == self.ints["n"]


def fields_table(
    source: Source, seen: Seen, masks: Sequence[Mask], lost: Mapping[tuple[str, str], int] | None = None
) -> pd.DataFrame:
    """The table `fields`.

    Parameters
    ----------
    source : Source
    seen : Seen
    masks : sequence of Mask, one per variable
    lost : mapping of variable and label of the time to int, optional
        Chunks that the store has lost of a field; for the column `lost_chunks`.
    """
    variables = source.variables
    changed, unexpected = np.zeros(len(seen.time), bool), np.zeros(len(seen.time), bool)
    for v, mask in enumerate(masks):
        changed[seen.of(v)], unexpected[seen.of(v)] = mask.changed, mask.unexpected
    return tables.frame(
        "fields",
        {
            "time": _labels(source, seen),
            "time_index": seen.time,
            "variable": np.array([v.name for v in variables], object)[seen.variable],
            "param": np.array([v.param for v in variables], object)[seen.variable],
            "level": np.array([np.nan if v.level is None else v.level for v in variables])[seen.variable],
            "member": seen.member,
            "declared_missing": seen.missing,
            "n_nan_unexpected": np.where(unexpected, seen.ints["n_nan"], 0),
            "mask_changed": changed,
            "same_as_member": same_as_member(source, seen),
            "all_nan": seen.all_nan,
            **seen.ints,
            **seen.floats,
            **seen.hashes,
            **_extra(source, seen),
            **({} if lost is None else {"lost_chunks": _lost(source, seen, lost)}),
        },
    )


def _lost(source: Source, seen: Seen, lost: Mapping[tuple[str, str], int]) -> np.ndarray:
    if not lost:
        return np.zeros(len(seen.time))
    names = np.array([v.name for v in source.variables], object)[seen.variable]
    return np.array([lost.get(key, 0) for key in zip(names, _labels(source, seen), strict=True)], np.float64)


def _extra(source: Source, seen: Seen) -> dict[str, np.ndarray]:
    """Columns of metrics, and what follows from the whole series of one."""
    extra = dict(seen.extra)
    series = [seen.of(v) for v in range(len(source.variables))]
    if "change" in extra:
        extra["tendency"] = departures(extra["change"], series)
    for column, own in (("stuck_excess", "same_inside"), ("slope_change", "spectrum_slope")):
        if own in extra:
            extra[column] = beyond_median(extra[own], series)
    return extra


def _labels(source: Source, seen: Seen) -> np.ndarray:
    found = np.full(len(seen.time), "", object)
    for number, axis in enumerate(source.times):
        own = seen.axis == number
        if axis.kind != "static" and own.any():
            found[own] = np.array(list(axis.labels), object)[seen.time[own]]
    return found
