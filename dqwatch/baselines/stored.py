"""A poor baseline: the statistics that a store carries for its data to be normalised by, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from dqwatch.baselines.lookup import tell_apart
from dqwatch.errors import UsageError
from dqwatch.storage import CarriesStatistics, StoredStatistics
from dqwatch.types import Grid, Source

KIND = "stored statistics"
_FOUND = (
    "found are wrong units, values far beyond those of training, missing values that training has not, and copies of "
    "the field before; nothing finer"
)
_NUMBERS = ("mean", "stdev", "minimum", "maximum", "counted", "sums")
_SEE = "make one by 'dqwatch baseline DATA -o BASELINE', without --from-statistics"


@dataclass(frozen=True, eq=False)
class StoredBaseline:
    """Mean, deviation, extremes and changes of each variable over all cells and times: no season, no ledger."""

    variables: tuple[str, ...]
    units: tuple[str, ...]
    grid: Grid
    calendar: str
    statistics: tuple[StoredStatistics, ...]
    record: Mapping[str, Any]
    """Provenance; its `kind` says what this is."""

    @property
    def name(self) -> str:
        """The data that it was made of."""
        return str(self.record["data"]["name"])

    def check_grid(self, grid: Grid, name: str) -> None:
        """Refuse another number of cells: statistics over all cells are of one grid.

        Raises
        ------
        UsageError
        """
        what = tell_apart(grid, self.grid, "the baseline")
        if what:
            raise UsageError(
                f"{name}: not on the grid of the baseline of {self.name}: {what}; give the state on that grid"
            )

    def check_background(self, name: str) -> None:
        """Refuse a background: departures from one were not learnt.

        Raises
        ------
        UsageError
        """
        raise UsageError(
            f"{name}: the baseline of {self.name} has {KIND} alone, no departures from a background; {_SEE}"
        )

    def limits(self) -> list[str]:
        """What it cannot support, one clause each."""
        found = [f"made of {KIND} alone: no p-values, no seasons, no places; {_FOUND}"]
        if not any(s.tendencies for s in self.statistics):
            found.append("the store has no statistics of changes: changes are not judged")
        return found


def from_statistics(source: Source) -> StoredBaseline:
    """A baseline of the statistics that a store carries; no field is read.

    Raises
    ------
    UsageError
        If it carries none.
    """
    stored = source.stored_statistics() if isinstance(source, CarriesStatistics) else ()
    moving = [source.times[v.times].kind == "time" for v in source.variables]
    sound = [k for k, s in enumerate(stored) if s is not None and moving[k] and _is_sound(s)]
    if not sound:
        raise UsageError(
            f"{source.name}: it carries no statistics (anemoi stores do: mean, stdev, minimum, maximum); "
            "leave --from-statistics out to learn from its fields"
        )
    grids = [source.variables[k].grid for k in sound]
    grid = max(dict.fromkeys(grids), key=grids.count)
    kept = [k for k in sound if source.variables[k].grid == grid]
    lacking = [v.name for k, v in enumerate(source.variables) if k not in kept]
    notes = [f"not in the baseline, for the store has no statistics of them: {', '.join(lacking)}"] if lacking else []
    chosen = [source.variables[k] for k in kept]
    own = tuple(s for k in kept if (s := stored[k]) is not None)
    return StoredBaseline(
        variables=tuple(v.name for v in chosen),
        units=tuple(v.units or "" for v in chosen),
        grid=source.grids[grid],
        calendar=source.times[chosen[0].times].calendar,
        statistics=own,
        record=_record(source, source.grids[grid], own[0], [v.name for v in chosen], notes),
    )


def describe(statistics: Sequence[StoredStatistics]) -> list[dict[str, Any]]:
    """Statistics as plain values; numbers that are not finite are None."""
    return [
        {
            **{name: _finite(getattr(s, name)) for name in _NUMBERS},
            **{name: getattr(s, name) for name in ("window", "n_times", "constant", "has_nans", "effective")},
            "tendencies": [[step, _finite(mean), _finite(sd)] for step, (mean, sd) in s.tendencies.items()],
        }
        for s in statistics
    ]


def restore(described: Sequence[Mapping[str, Any]]) -> tuple[StoredStatistics, ...]:
    """What `describe` was given."""
    return tuple(
        StoredStatistics(
            **{name: _number(s[name]) for name in _NUMBERS},
            window=None if s["window"] is None else (s["window"][0], s["window"][1]),
            n_times=s["n_times"],
            constant=s["constant"],
            has_nans=s["has_nans"],
            effective=bool(s.get("effective")),
            tendencies={int(step): (_number(mean), _number(sd)) for step, mean, sd in s["tendencies"]},
        )
        for s in described
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _is_sound(stored: StoredStatistics) -> bool:
    numbers = stored.mean, stored.stdev, stored.minimum, stored.maximum
    return bool(np.isfinite(numbers).all() and stored.stdev >= 0 and stored.minimum <= stored.mean <= stored.maximum)


def _record(source: Source, grid: Grid, stored: StoredStatistics, names: list[str], notes: list[str]) -> dict[str, Any]:
    from dqwatch import __version__

    first, last = (None, None) if stored.window is None else (str(np.datetime64(s, "s")) for s in stored.window)
    return {
        "kind": KIND,
        "data": {"name": source.name, "kind": source.kind, "identity": source.identity},
        "variables": names,
        "grid": {"kind": grid.kind, "shape": list(grid.shape)},
        "first": first,
        "last": last,
        "times": stored.n_times,
        "cycles": 0,
        "cells": grid.n_cells,
        "notes": notes,
        "tool": {"name": "dqwatch", "version": __version__},
        "made": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
