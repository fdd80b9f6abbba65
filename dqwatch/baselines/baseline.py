"""A baseline: what training data were like, and how its own cycles scored against the rest of it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dqwatch.baselines.building import accumulate
from dqwatch.baselines.harmonics import basis, hour_indices, year_fractions
from dqwatch.baselines.ledger import CYCLES, Ledger, PartScorer, choose_cycles, cut_cycles, gather_ledger, score_cycles
from dqwatch.baselines.lookup import tell_apart
from dqwatch.baselines.plans import Plan, plan
from dqwatch.baselines.quantity import Layout, lay_out
from dqwatch.baselines.relations import Relations
from dqwatch.baselines.scorer import Climates, Moment, Scorer, list_rain
from dqwatch.baselines.sizes import check_room, estimate
from dqwatch.baselines.spreading import Elsewhere
from dqwatch.baselines.unfinished import Unfinished
from dqwatch.errors import UsageError
from dqwatch.feed.devices import Device
from dqwatch.feed.workers import Progress
from dqwatch.metrics.calendars import DAY, dates
from dqwatch.part import Spread
from dqwatch.scores import BACKGROUND, KINDS, Score, list_scores, load_families
from dqwatch.types import Grid, Source

RELIABLE_CYCLES, RELIABLE_YEARS = 1500, 15
_OFTEN = 0.5
"""Of the cycles: what is scored at fewer is said to have too few values."""
_OFF_HOUR = 5400
"""Seconds from the nearest hour of the day of the baseline within which a time is of that hour."""


@dataclass(frozen=True, eq=False)
class Baseline:
    """Training statistics with the ledger of held-out scores."""

    variables: tuple[str, ...]
    units: tuple[str, ...]
    grid: Grid
    calendar: str
    hours: np.ndarray
    """int64 (hour,), seconds since midnight."""
    step: int
    """Seconds that changes are taken over; 0 for none."""
    terms: int
    climates: Climates
    constants: Mapping[int, np.ndarray]
    """Variable -> its field, of those that never changed."""
    scores: tuple[Score, ...]
    ledger: Ledger
    relations: Relations | None
    """What means over areas are to one another; None where there were too few cycles to tell."""
    record: Mapping[str, Any]
    """Provenance: data, period, version, numbers of times, years and folds."""

    @property
    def name(self) -> str:
        """The data that it was made of."""
        return str(self.record["data"]["name"])

    @cached_property
    def layout(self) -> Layout:
        """The areas of the grid."""
        return lay_out(self.grid)

    @cached_property
    def scorer(self) -> Scorer:
        """Scores fields against all of training."""
        return self._make_scorer(None)

    def scorer_on(self, device: Device | None) -> Scorer:
        """Likewise, by tensors on a device; by the compiled kernels without one."""
        if device is None:
            return self.scorer
        if device not in self._scorers:
            self._scorers[device] = self._make_scorer(device)
        return self._scorers[device]

    @cached_property
    def _scorers(self) -> dict[Device, Scorer]:
        """One for each device that was asked for."""
        return {}

    def _make_scorer(self, device: Device | None) -> Scorer:
        rain = list_rain(self.variables, self.units)
        return Scorer(self.layout, self.climates, load_families(), self.relations, device, rain)

    def moments(self, seconds: np.ndarray) -> list[Moment | None]:
        """When some times are; None for one whose hour of the day was not in training."""
        hours = hour_indices(seconds, self.hours)
        apart = np.abs(seconds % DAY - self.hours[hours])
        known = np.minimum(apart, DAY - apart) <= _OFF_HOUR
        phis = basis(year_fractions(seconds, self.calendar), self.terms)
        months = dates(seconds, self.calendar).month - 1
        each = zip(phis, hours, months, known, strict=True)
        return [Moment(phi, int(hour), int(month)) if k else None for phi, hour, month, k in each]

    def check_grid(self, grid: Grid, name: str) -> None:
        """Refuse another grid.

        Raises
        ------
        UsageError
            If cells differ in number or place.
        """
        what = tell_apart(grid, self.grid, "the baseline")
        if what:
            raise UsageError(
                f"{name}: not on the grid of the baseline of {self.name}: {what}; give the state on that grid"
            )

    @property
    def knows_departures(self) -> bool:
        """Whether departures from a background were learnt."""
        return any(climate is not None for climate in self.climates.get(BACKGROUND, ()))

    def check_background(self, name: str) -> None:
        """Refuse a background where departures from one were not learnt.

        Raises
        ------
        UsageError
        """
        if not self.knows_departures:
            raise UsageError(
                f"{name}: the baseline of {self.name} knows no departures from a background; make one by "
                "'dqwatch baseline DATA --background BACKGROUND', or do without --background"
            )

    def limits(self) -> list[str]:
        """What so small a null cannot support, one clause each."""
        n, years = self.ledger.size, int(self.record["years"])
        found = self._silent()
        if n < 999:
            found.append(f"{n} null cycles cannot reach p <= 0.001, which needs 999")
        if years < 5:
            found.append(f"{years} full years are too few to be the unit of what is normal: p-values count cycles only")
        elif n < RELIABLE_CYCLES or years < RELIABLE_YEARS:
            found.append(
                f"{n:,} null cycles of {years} years: rates of false alarms are relied on from about "
                f"{RELIABLE_CYCLES:,} cycles of {RELIABLE_YEARS} years on"
            )
        shared = self.record.get("background", {}).get("times", self.record["times"])
        if shared < self.record["times"]:
            found.append(f"a background is known at {shared:,} of {self.record['times']:,} times only")
        return found

    def _silent(self) -> list[str]:
        """Which variables give no p-value, and why."""
        empty = [self.variables[k] for k, field in self.constants.items() if not np.isfinite(field).any()]
        ranked = [not score.exact for score in self.scores]
        scored = np.isfinite(self.ledger.scores[:, :, ranked]).any(axis=2).mean(axis=0)
        few = [v for k, v in enumerate(self.variables) if scored[k] < _OFTEN and k not in self.constants]
        found = [f"no value in all of training: {', '.join(empty)}"] if empty else []
        if few:
            found.append(f"too few values, or absurd ones, to be scored at most times: {', '.join(few)}")
        if not scored.any():
            found.append("no variable gives a score: states are compared with constants only")
        return found


def build(
    source: Source,
    *,
    background: Source | None = None,
    cycles: int = CYCLES,
    compact: bool = False,
    folder: Path | None = None,
    spread: Spread | None = None,
    workers: int | None = None,
    device: Device | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> Baseline:
    """Make a baseline of training data: one streaming pass, then the ledger.

    Parameters
    ----------
    source : Source
    background : Source, optional
        Other estimates of the same fields, such as forecasts valid at their times: departures from them are learnt too.
    cycles : int
        Most cycles that the ledger may have.
    compact : bool
        Keep nothing at the cells of a large grid: what is expected of a cell is what its area has.
    folder : Path, optional
        Where what is done is kept; if something broke off, the same call goes on from there. It is not
        removed. None: nothing is kept.
    spread : Spread, optional
        The workers of a Dask scheduler, and where they find the data; they must see `folder` too.
    workers : int, optional
    device : Device, optional
        Score the cycles by tensors there.
    progress : callable, optional
        `progress(done, total)`; the pass counts blocks, the ledger cycles.
    tell : callable, optional
        `tell(clause)`, called before anything is read, with what large grids take, and what is found of a former call.

    Returns
    -------
    Baseline
        The same, bit for bit, however often its making was broken off.

    Raises
    ------
    UsageError
        If the background has none of their fields, the data are too few, or the disk has less room than it takes.
    SourceError
        If they cannot be read.
    """
    asked = replace(plan(source, background), compact=compact)
    families = load_families()
    scores = list_scores(families, KINDS)
    place = Path(tempfile.gettempdir()) if folder is None else folder.parent
    told = check_room(estimate(asked, workers, cycles), place)
    ingredients = {**identify_plan(asked), "cycles": cycles} | ({} if device is None else {"device": str(device)})
    with Unfinished(folder, ingredients) as unfinished:
        if tell is not None:
            for clause in (*told, *unfinished.found()):
                tell(clause)
        chosen_cycles = choose_cycles(asked, cycles)
        parts = cut_cycles(asked, chosen_cycles)
        if spread is None:
            builder = accumulate(asked, unfinished, workers=workers, progress=progress)
            scorer = PartScorer(asked, builder, unfinished, families, device)
            score_cycles(scorer, parts, workers=workers, progress=progress)
        else:
            elsewhere = Elsewhere(asked, unfinished, spread, identify_plan, workers)
            builder = elsewhere.accumulate(progress)
            elsewhere.score(parts, progress)
        ledger, relations = gather_ledger(asked, unfinished, parts, chosen_cycles, families)
        climates = builder.climates(range(asked.times.n_folds))
    chosen = [source.variables[v] for v in asked.variables]
    return Baseline(
        variables=tuple(v.name for v in chosen),
        units=tuple(v.units or "" for v in chosen),
        grid=asked.grid,
        calendar=source.times[asked.axis].calendar,
        hours=asked.hours,
        step=asked.times.step,
        terms=asked.terms,
        climates=climates,
        constants={k: f for k, f in enumerate(builder.first) if f is not None and builder.constant[k]},
        scores=scores,
        ledger=ledger,
        relations=relations,
        record=_record(source, background, asked, ledger),
    )


def identify_plan(asked: Plan) -> dict[str, Any]:
    """All that the numbers of a baseline depend on, but for the number of cycles: plain values."""
    from dqwatch import __version__

    source, times = asked.source, asked.times
    return {
        "dqwatch": __version__,
        "data": _identify(source),
        "background": None if asked.background is None else _identify(asked.background.source),
        "variables": [[v.name, v.members] for v in (source.variables[i] for i in asked.variables)],
        "grid": hash_grid(asked.grid),
        "times": [hashlib.sha256(a.tobytes()).hexdigest() for a in (times.indices, times.seconds, times.folds)],
        "layout": [times.step, times.n_folds, asked.terms, asked.hours.tolist()],
        "compact": asked.compact,
        "scores": [list(s) for s in list_scores(load_families(), KINDS)],
    }


def _record(source: Source, background: Source | None, asked: Plan, ledger: Ledger) -> dict[str, Any]:
    from datetime import UTC, datetime

    from dqwatch import __version__

    times, labels = asked.times, source.times[asked.axis].labels
    more = {}
    if background is not None and asked.background is not None:
        shared = sum(s in asked.background.at for s in times.seconds.tolist())
        more = {"background": {**_identify(background), "times": shared}}
    return {
        "data": _identify(source),
        **more,
        "variables": [source.variables[v].name for v in asked.variables],
        "grid": {"kind": asked.grid.kind, "shape": list(asked.grid.shape), "hash": hash_grid(asked.grid)},
        "first": labels[int(times.indices[0])],
        "last": labels[int(times.indices[-1])],
        "times": int(times.seconds.size),
        "years": times.n_years,
        "folds": times.n_folds,
        "cycles": ledger.size,
        "cells": asked.grid.n_cells,
        "compact": asked.compact,
        "notes": list(asked.notes),
        "tool": {"name": "dqwatch", "version": __version__},
        "made": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def hash_grid(grid: Grid) -> str:
    """Of the places of the cells in their order, to about a metre; `sha256:...`."""
    digest = hashlib.sha256(f"{grid.kind} {grid.shape}".encode())
    for places in (grid.latitudes, grid.longitudes):
        digest.update(b"none" if places is None else (np.rint(np.asarray(places, np.float64) * 1e5) + 0.0).tobytes())
    return f"sha256:{digest.hexdigest()}"


def _identify(source: Source) -> dict[str, str]:
    return {"name": source.name, "kind": source.kind, "identity": source.identity}
