"""Cycles held against a baseline: the tables `drift` and `cycles`, and what the verdict says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from dqwatch.baselines.baseline import Baseline
from dqwatch.departures.calibration import Calibration
from dqwatch.departures.drift_rows import CRITICAL, WARNING, Judged, cycle_row, drift_rows, find_worst, frame
from dqwatch.departures.histograms import count_worst
from dqwatch.departures.matching import find_others, match
from dqwatch.departures.running import count_running
from dqwatch.departures.scoring import Cycle, Scoring, score_source
from dqwatch.departures.slow_table import find_land, find_slow_drift, slow_document
from dqwatch.departures.spreading import score_elsewhere
from dqwatch.departures.where import locate
from dqwatch.feed.devices import Device, one_thread_each
from dqwatch.feed.workers import Progress
from dqwatch.part import Spread
from dqwatch.scores import BACKGROUND, STEP
from dqwatch.types import Source, Variable

if TYPE_CHECKING:
    import pandas as pd

_MANY = 20
"""Cycles from which on it is said how many alarm by chance."""
_KEPT = 2
"""Sets of scores: a state of two times has those of the first, without a change, and those of the second."""
_calibrations: WeakKeyDictionary[Baseline, dict[bytes, Calibration]] = WeakKeyDictionary()


class Judgement(NamedTuple):
    """What is found of a source."""

    tables: Mapping[str, pd.DataFrame]
    drift: Mapping[str, Any] | None
    """The worst cycle, as the JSON document has it; None without any cycle."""
    notes: tuple[str, ...]
    n_bytes: int
    """Of the fields looked at, as float32."""


def judge(
    source: Source,
    baseline: Baseline,
    *,
    previous: Source | None = None,
    background: Source | None = None,
    spread: Spread | None = None,
    workers: int | None = None,
    device: Device | None = None,
    progress: Progress | None = None,
) -> Judgement:
    """Hold every cycle of a source against a baseline.

    Parameters
    ----------
    source : Source
    baseline : Baseline
    previous : Source, optional
        The fields one step before.
    background : Source, optional
        Other estimates of the same fields, such as forecasts valid at their times.
    spread : Spread, optional
        The workers of a Dask scheduler, and where they find all these and the baseline; the tables are the same.
    workers : int, optional
    device : Device, optional
        Score by tensors there.
    progress : callable, optional

    Returns
    -------
    Judgement

    Raises
    ------
    UsageError
        If source and baseline have no variable in common, or not the same grid; likewise a background, which a baseline
        that knows no departures from one refuses.
    """
    matched = match(source, baseline)
    others = find_others(source, baseline, matched, previous, background)
    scoring = Scoring(source, baseline, matched, others, device)
    if spread is None:
        with one_thread_each(device):
            cycles = score_source(scoring, workers=workers, progress=progress)
    else:
        cycles = score_elsewhere(scoring, spread, workers=workers, progress=progress)
    variables = {k: source.variables[i] for i, k in matched.numbers.items()}
    judged, made = judge_cycles(cycles, baseline, variables, matched.absent)
    slow = find_slow_drift(cycles, source, baseline, matched)
    made["slow"] = slow.table
    on = baseline.scorer_on(device).notes() if device is not None else ()
    told = *matched.notes, *others.notes, *on, *_notes(cycles, judged, baseline, previous, background)
    notes = (*told, *_expectation(made["cycles"]), *slow.notes)
    n_bytes = len(cycles) * len(matched.numbers) * baseline.grid.n_cells * 4
    worst = find_worst(made)
    made |= locate(cycles, made["drift"], worst, baseline, find_land(baseline))
    at = None if worst is None else next(c for c in cycles if (c.label, c.member) == (worst["time"], worst["member"]))
    made["histograms"] = count_worst(source, baseline, matched, at, worst)
    return Judgement(made, None if worst is None else {**worst, **slow_document(slow)}, notes, n_bytes)


def judge_cycles(
    cycles: Sequence[Cycle], baseline: Baseline, variables: Mapping[int, Variable], absent: Mapping[int, str]
) -> tuple[list[Judged], dict[str, pd.DataFrame]]:
    """P-values of cycles that were scored, and the tables `drift` and `cycles`.

    Parameters
    ----------
    cycles : sequence of Cycle
        In order of time.
    baseline : Baseline
    variables : mapping
        Number in the baseline -> the variable of the data.
    absent : mapping
        Number -> why a variable could not be scored.
    """
    judged = _calibrate(cycles, baseline)
    rows: list[dict[str, Any]] = []
    totals: list[dict[str, Any]] = []
    for cycle, found in zip(cycles, judged, strict=True):
        own = drift_rows(cycle, found, baseline, variables, absent)
        rows += own
        totals.append(cycle_row(cycle, found, own, baseline))
    count_running(rows, "p_value", ("variable", "member"))
    count_running(totals, "p_cycle", ("member",))
    return judged, {"drift": frame("drift", rows), "cycles": frame("cycles", totals)}


def _calibrate(cycles: Sequence[Cycle], baseline: Baseline) -> list[Judged]:
    """Cycles with the same scores share a null."""
    judged: dict[int, Judged] = {}
    patterns: dict[bytes, list[int]] = {}
    for i, cycle in enumerate(cycles):
        patterns.setdefault(np.isfinite(cycle.scores).tobytes(), []).append(i)
    for members in patterns.values():
        scores = np.stack([cycles[i].scores for i in members])
        calibration = _calibration(baseline, np.isfinite(scores[0]))
        fractions = np.array([cycles[i].fraction for i in members])
        hours = np.array([cycles[i].hour for i in members])
        found = calibration.judge(scores, fractions, hours)
        usual = calibration.typical(fractions, hours)
        judged |= {i: Judged(found, row, usual[row]) for row, i in enumerate(members)}
    return [judged[i] for i in range(len(cycles))]


def _calibration(baseline: Baseline, present: np.ndarray) -> Calibration:
    """The null of one set of scores; of a baseline that stays in memory, the latest are kept, for they take longest."""
    kept = _calibrations.setdefault(baseline, {})
    key = present.tobytes()
    found = kept.pop(key) if key in kept else Calibration(baseline.ledger, baseline.scores, present)
    kept[key] = found  # the latest is the last
    for old in list(kept)[:-_KEPT]:
        del kept[old]
    return found


def _expectation(cycles: pd.DataFrame) -> list[str]:
    """Of many cycles some alarm by chance: how many do, and how many would."""
    found: list[str] = []
    n = int(cycles["p_cycle"].notna().sum())
    if n < _MANY:
        return found
    for level, column in ((WARNING, "p_warning"), (CRITICAL, "p_critical")):
        own = cycles[column].dropna()
        if own.size:
            found.append(
                f"{int((own <= level).sum())} of {own.size:,} have p <= {level} ({level * own.size:.1f} by chance)"
            )
    return [f"drift: of the cycles {', '.join(found)}"] if found else []


def _notes(
    cycles: Sequence[Cycle],
    judged: Sequence[Judged],
    baseline: Baseline,
    previous: Source | None,
    background: Source | None,
) -> list[str]:
    """What of the question could not be answered."""
    notes = []
    sizes = [j.found.null_size for j in judged if j.found.null_size]
    if sizes and 1 / (min(sizes) + 1) > CRITICAL:
        notes.append(
            f"drift: {min(sizes):,} null cycles cannot reach p <= {CRITICAL}, which needs 999: that level is skipped"
        )
    if sizes and 1 / (min(sizes) + 1) > WARNING:
        notes.append(f"drift: it cannot reach p <= {WARNING} either, which needs 99")
    if baseline.step:
        what = f"no fields {baseline.step / 3600:g} h before, so their change was not scored"
        hint = "" if previous is not None else "; --previous gives them, and finds much more"
        notes += _without(_of_kind(STEP, baseline), cycles, what + hint)
    if baseline.knows_departures:
        hint = "" if background is not None else "; --background gives one, and finds much more"
        what = "no background, so no departures from it were scored"
        notes += _without(_of_kind(BACKGROUND, baseline), cycles, what + hint)
    if baseline.relations is not None and len(baseline.variables) > 1:
        what = "a variable of training is not there, so they were not held against one another, which finds much"
        scored = [cycle for cycle in cycles if np.isfinite(cycle.scores).any()]
        notes += _without(baseline.scorer.area_columns, scored, what)
    return notes


def _of_kind(kind: str, baseline: Baseline) -> list[int]:
    return [i for i, s in enumerate(baseline.scores) if s.kind == kind]


def _without(columns: list[int], cycles: Sequence[Cycle], what: str) -> list[str]:
    """A note on how many cycles have none of some scores; none where all have."""
    n = sum(not np.isfinite(cycle.scores[:, columns]).any() for cycle in cycles)
    which = "" if n == len(cycles) else f"{n} of {len(cycles)} times: "
    return [f"drift: {which}{what}"] if n else []
