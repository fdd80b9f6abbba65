"""How much memory and disk the making of a baseline takes, from shapes alone: told before anything is read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dqwatch.baselines.plans import Plan, wanted_blocks
from dqwatch.baselines.quantity import fine_terms
from dqwatch.errors import UsageError
from dqwatch.feed.workers import AHEAD, default_workers
from dqwatch.metrics.machine import host_memory
from dqwatch.scores import KINDS, STATE, STEP

_WORTH_TELLING = 1 << 30
"""Bytes of memory or disk from which on sizes are told."""
_GB = 1e9


class Sizes(NamedTuple):
    """Bytes."""

    memory: int
    """While building: the sums of one fold, fields that wait, the climates of all folds but one."""
    disk: int
    """While building, beside the output."""
    baseline: int
    """Of the baseline itself, before compression, without the ledger."""

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


def estimate(plan: Plan, workers: int | None = None) -> Sizes:
    """What a plan takes; masks of missing values, which cannot be known before, are not in it.

    Parameters
    ----------
    plan : Plan
    workers : int, optional
    """
    n, variables, threads = plan.grid.n_cells, len(plan.variables), workers or default_workers()
    kinds = (STATE, STEP) if plan.background is None else KINDS
    counts = [_count(plan, kind) for kind in kinds]
    running = variables * sum(8 * (c.cell + c.areas) for c in counts)
    finished = variables * sum((4 if plan.layout.coarse else 8) * c.cell + 8 * c.areas for c in counts)
    held = variables * sum(c.held for c in counts)
    members = [plan.source.variables[v].members for v in plan.variables]
    fields = 4 * n * sum(members)
    blocks = wanted_blocks(plan, np.arange(plan.times.seconds.size))
    most = max(len(b.times) * len(b.variables) for b in blocks) if blocks else 0
    waiting = 4 * n * max(members) * most * AHEAD * threads
    return Sizes(
        memory=max(running + 2 * fields + waiting, held + 2 * fields * threads),
        disk=plan.times.n_folds * finished + running + fields,
        baseline=held,
    )


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
