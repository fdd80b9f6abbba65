"""How much memory and disk the making of a baseline takes, from shapes alone: told before anything is read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dqwatch.baselines.histograms import MONTHS
from dqwatch.baselines.ledger import CYCLES, Ledger, choose_cycles
from dqwatch.baselines.plans import Plan, wanted_blocks
from dqwatch.baselines.quantity import fine_terms
from dqwatch.errors import UsageError
from dqwatch.feed.workers import AHEAD, default_workers
from dqwatch.metrics.kernel_layout import SLOTS
from dqwatch.metrics.machine import host_memory
from dqwatch.scores import KINDS, STATE, STEP, list_scores, load_families

_WORTH_TELLING = 1 << 30
"""Bytes of memory or disk from which on sizes are told."""
_GB = 1e9


class Sizes(NamedTuple):
    """Bytes."""

    memory: int
    """While building: the sums of one fold and fields that wait; or the climates of all folds but one, and the ledger
    with the means over areas and what relates them."""
    disk: int
    """While building, beside the output."""
    baseline: int
    """Of the baseline itself with its ledger, before compression."""

    def in_words(self) -> str:
        """One clause."""
        return (
            f"making it takes about {self.memory / _GB:.1f} GB of memory and {self.disk / _GB:.1f} GB of disk; "
            f"the baseline has about {self.baseline / _GB:.2f} GB"
        )


class _Counts(NamedTuple):
    """Of one quantity."""

    cell: int
    """Numbers summed at cells."""
    areas: int
    """Numbers summed over areas."""
    held: int
    """Bytes of its climate."""


def estimate(plan: Plan, workers: int | None = None, cycles: int = CYCLES) -> Sizes:
    """What a plan takes; masks of missing values, which cannot be known before, are not in it.

    Parameters
    ----------
    plan : Plan
    workers : int, optional
    cycles : int
        Most cycles that the ledger may have.
    """
    n, variables, threads = plan.grid.n_cells, len(plan.variables), workers or default_workers()
    kinds = (STATE, STEP) if plan.background is None else KINDS
    counts = [_count(plan, kind) for kind in kinds]
    running = variables * sum(8 * (c.cell + c.areas) for c in counts)
    finished = variables * sum((4 if plan.layout.coarse else 8) * c.cell + 8 * c.areas for c in counts)
    ledger = _count_ledger(plan, cycles)
    relations = _count_relations(plan)
    held = variables * (sum(c.held for c in counts) + 8 * MONTHS * plan.hours.size * SLOTS)
    members = [plan.source.variables[v].members for v in plan.variables]
    fields = 4 * n * sum(members)
    blocks = wanted_blocks(plan, np.arange(plan.times.seconds.size))
    most = max(len(b.times) * len(b.variables) for b in blocks) if blocks else 0
    waiting = 4 * n * max(members) * most * AHEAD * threads
    return Sizes(
        memory=max(running + 2 * fields + waiting, held + 2 * fields * threads + ledger.building + relations.building),
        disk=plan.times.n_folds * finished + running + fields + ledger.building,
        baseline=held + ledger.held + relations.held + _count_places(plan),
    )


class _Beside(NamedTuple):
    """Bytes of what is not of one quantity."""

    held: int
    building: int


def _count_ledger(plan: Plan, cycles: int) -> _Beside:
    """Scores and areas of the cycles, with the times of each; while building, with the means over areas too."""
    rows = choose_cycles(plan, cycles).size * max(plan.source.variables[v].members for v in plan.variables)
    areas = rows * len(plan.variables) * plan.layout.place.areas.size
    scores = rows * len(plan.variables) * len(list_scores(load_families(), KINDS))
    times = 8 * rows * (len(Ledger.__dataclass_fields__) - len(("scores", "areas")))
    held = areas + 4 * scores + times
    return _Beside(held, held + 4 * areas)


def _count_relations(plan: Plan) -> _Beside:
    """What means over areas are to one another; while building, the sums of all folds."""
    n, areas, functions = len(plan.variables), plan.layout.place.areas.size, plan.terms + plan.hours.size - 1
    sums = 8 * (functions * functions + areas * n * (functions + n + 2))
    held = 8 * n * areas * (2 + functions) + 4 * areas * n * n
    return _Beside(held, held + (plan.times.n_folds + 1) * sums)


def _count_places(plan: Plan) -> int:
    """Hours, and where the cells lie."""
    places = (plan.grid.latitudes, plan.grid.longitudes, plan.grid.area_weights)
    return int(plan.hours.nbytes + sum(np.asarray(p).nbytes for p in places if p is not None))


def _count(plan: Plan, kind: str) -> _Counts:
    place, coarse = plan.layout
    n, hours, terms = plan.grid.n_cells, plan.hours.size, plan.terms
    areas = place.areas.size + (0 if coarse is None else coarse.areas.size)
    over_areas, held = 2 * hours * areas * terms, areas * (8 + 4 * hours * (2 * terms + 1))
    if coarse is None:
        return _Counts(2 * hours * n * terms, over_areas, held + n * (8 + 4 * hours * (2 * terms + 1)))
    if plan.compact:
        return _Counts(0, over_areas, held)
    at_cells = n * (fine_terms(kind, terms) + 1)
    return _Counts(at_cells, over_areas, held + 2 * at_cells)


def check_room(sizes: Sizes, folder: Path) -> list[str]:
    """What to tell of sizes before anything is read: nothing where they are small.

    Raises
    ------
    UsageError
        If the disk has less room than it takes.
    """
    if max(sizes) < _WORTH_TELLING:
        return []
    free = shutil.disk_usage(folder).free
    if sizes.disk + sizes.baseline > free:
        raise UsageError(
            f"{folder}: {sizes.in_words()}, and {free / _GB:.1f} GB are free; write it elsewhere, or give --compact"
        )
    told, memory = [sizes.in_words()], host_memory()
    if memory is not None and sizes.memory > memory:
        told.append(f"this machine has {memory / _GB:.1f} GB of memory: give fewer --workers, or --compact")
    return told
