"""The streaming pass: every field of the training data once, onto sums by fold."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from dqwatch.baselines.histograms import choose_bins
from dqwatch.baselines.lookup import pick
from dqwatch.baselines.pieces import Means
from dqwatch.baselines.plans import Plan, wanted_blocks
from dqwatch.baselines.quantity import QuantityClimate, QuantitySums, cut
from dqwatch.baselines.scorer import Moment
from dqwatch.baselines.unfinished import Unfinished
from dqwatch.buffers import Buffers
from dqwatch.catalogue import load_catalogue
from dqwatch.feed import Worker, run
from dqwatch.feed.workers import Progress
from dqwatch.metrics.known import know
from dqwatch.metrics.scout import name_block
from dqwatch.scores import BACKGROUND, KINDS, STATE, STEP
from dqwatch.types import Block, Field, Source

_Beside = tuple[Field, np.ndarray | None]
"""A field, and another estimate of it."""
_FIRST = "first"
"""The part that holds the first field of each variable."""


class Builder:
    """Sums of all quantities, filled field by field in order of time; those of finished folds lie in a folder.

    Attributes
    ----------
    first : list of np.ndarray or None
        The first field of each variable: a first guess, and what a constant is compared with.
    spare : deque of np.ndarray
        Fields that are needed no more: their memory is for others.
    """

    def __init__(self, plan: Plan, folder: Unfinished) -> None:
        self.plan, self.folder = plan, folder
        self._number = {v: k for k, v in enumerate(plan.variables)}
        self._moments = plan.moments(plan.times.seconds)
        self._pieces = cut(plan.layout)
        self._known_of = know(plan.source, load_catalogue())
        self.spare: deque[np.ndarray] = deque()
        self._guesses: dict[int | None, Means] = {}
        if not folder.has(_FIRST):
            fields = enumerate(_first_fields(plan))
            folder.write(_FIRST, {str(k): {"values": f} for k, f in fields if f is not None}, {})
        self.first = [folder.read(_FIRST, str(k)).get("values") for k in range(len(plan.variables))]
        self._clear()

    def _clear(self) -> None:
        n = len(self.plan.variables)
        self._sums: dict[str, list[QuantitySums | None]] = {k: [None] * n for k in KINDS}
        self._recent: dict[tuple[int, int], tuple[int, np.ndarray]] = {}
        self._constant = [True] * n

    @cached_property
    def constant(self) -> list[bool]:
        """Whether all fields of a variable have had the same values, in all folds: once they are finished."""
        folds = [self.folder.facts(_fold(f))["constant"] for f in range(self.plan.times.n_folds)]
        return [all(own) for own in zip(*folds, strict=True)]

    def add(self, found: Field, background: np.ndarray | None = None) -> None:
        """One field of the fold, with another estimate of it if there is one.

        Its values are kept until the next of the same variable and member.
        """
        plan, number = self.plan, self._number[found.variable]
        position = plan.place_of[found.time]
        moment, second = self._moments[position], int(plan.times.seconds[position])
        first = self.first[number]
        if first is not None and self._constant[number]:
            self._constant[number] = bool(np.array_equal(first, found.values, equal_nan=True))
        self._onto(STATE, number, found.values, moment)
        if background is not None:
            self._onto(BACKGROUND, number, found.values, moment, less=background)
        before = self._recent.pop((number, found.member), None)
        # A change from one fold to the next is of both, and left out.
        if before is not None and plan.times.step and before[0] == second - plan.times.step:
            self._onto(STEP, number, found.values, moment, less=before[1])
        if before is not None:
            self.spare.append(before[1])
        self._recent[number, found.member] = second, found.values

    def _onto(self, kind: str, number: int, values: np.ndarray, moment: Moment, less: np.ndarray | None = None) -> None:
        sums = self._sums[kind][number]
        if sums is None:
            sums = self._sums[kind][number] = self._empty(kind, number)
        sums.add(values, moment.hour, moment.phi, moment.month, less=less)

    def _empty(self, kind: str, number: int) -> QuantitySums:
        """Sums of no time yet."""
        first = self.first[number]
        if first is None:
            raise ValueError("sums of a variable that was never seen")
        plan, own = self.plan, number if kind == STATE else None
        guess = first if kind == STATE else np.zeros(first.size)
        if own not in self._guesses:
            self._guesses[own] = self._pieces.means(guess)
        return QuantitySums(
            guess,
            self._pieces,
            hours=plan.hours.size,
            terms=plan.terms,
            kind=kind,
            compact=plan.compact,
            bins=choose_bins(self._known_of[plan.variables[number]], first) if kind == STATE else None,
            means=self._guesses[own],
        )

    def resume(self, fold: int) -> int:
        """Begin a fold, or go on with it: how many of its blocks are in it."""
        self._clear()
        part = _running(fold)
        if not self.folder.has(part):
            return 0
        facts = self.folder.facts(part)
        self._constant = facts["constant"]
        for kind, held in self._sums.items():
            for k in range(len(held)):
                held[k] = self._read(part, kind, k)
        for number, member, second in facts["recent"]:
            values = self.folder.read(part, f"recent-{number}-{member}")["values"]
            self._recent[number, member] = second, values
        return int(facts["blocks"])

    def keep(self, fold: int, blocks: int) -> None:
        """A checkpoint: what is there after so many blocks of a fold."""
        recent = [[number, member, second] for (number, member), (second, _) in self._recent.items()]
        values = {f"recent-{n}-{m}": {"values": v} for (n, m), (_, v) in self._recent.items()}
        self._write(_running(fold), blocks, values, {"recent": recent})

    def finish(self, fold: int, blocks: int) -> None:
        """Put the sums of a whole fold away."""
        self._write(_fold(fold), blocks, {}, {})
        self.folder.drop(_running(fold))
        self._clear()

    def _write(
        self, part: str, blocks: int, more: Mapping[str, Mapping[str, np.ndarray]], facts: Mapping[str, Any]
    ) -> None:
        rounded = "recent" not in facts  # a finished fold
        sums = {
            f"{kind}-{k}": s.arrays(rounded=rounded)
            for kind, held in self._sums.items()
            for k, s in enumerate(held)
            if s is not None
        }
        self.folder.write(part, {**sums, **more}, {"blocks": blocks, "constant": self._constant, **facts})

    def _read(self, part: str, kind: str, number: int) -> QuantitySums | None:
        arrays = self.folder.read(part, f"{kind}-{number}")
        if not arrays:
            return None
        sums = self._empty(kind, number)
        sums.restore(arrays)
        return sums

    def climates(self, folds: Sequence[int]) -> dict[str, list[QuantityClimate | None]]:
        """What some of the folds expect; None for what is constant."""
        return {kind: [self._climate(kind, k, folds) for k in range(len(held))] for kind, held in self._sums.items()}

    def _climate(self, kind: str, number: int, folds: Sequence[int]) -> QuantityClimate | None:
        if self.constant[number]:
            return None
        total: QuantitySums | None = None
        for fold in folds:
            sums = self._read(_fold(fold), kind, number)
            if total is None:
                total = sums
            elif sums is not None:
                total.merge(sums)
        return None if total is None else total.fit()


def accumulate(
    plan: Plan, folder: Unfinished, *, workers: int | None = None, progress: Progress | None = None
) -> Builder:
    """One pass over the training data, from where a former one was broken off.

    Fields are decoded by workers and added in order of time by one thread, so that the sums are the same for any number
    of workers, and for any number of passes that were broken off.
    """
    builder = Builder(plan, folder)
    sizes = count_blocks(plan)
    for fold in range(plan.times.n_folds):
        onward = None if progress is None else partial(_onward, progress, sum(sizes[:fold]), sum(sizes))
        add_fold(builder, fold, workers=workers, progress=onward)
    return builder


def count_blocks(plan: Plan) -> list[int]:
    """How many blocks there are to read of each fold."""
    folds = plan.times.folds
    return [len(wanted_blocks(plan, np.flatnonzero(folds == f))) for f in range(plan.times.n_folds)]


def add_fold(builder: Builder, fold: int, *, workers: int | None = None, progress: Progress | None = None) -> None:
    """All fields of a fold, unless it is finished; what was broken off goes on."""
    plan, folder = builder.plan, builder.folder
    blocks = wanted_blocks(plan, np.flatnonzero(plan.times.folds == fold))
    if folder.has(_fold(fold)):
        folder.facts(_fold(fold))  # complains of a broken one
        if progress is not None:
            progress(len(blocks), len(blocks))
        return
    done = builder.resume(fold)
    counted = itertools.count(done + 1)

    def read(block: Block, worker: Worker) -> list[_Beside]:
        fields = read_fields(plan.source, block, worker.buffers, builder.spare)
        fields.sort(key=lambda one: plan.place_of[one.time])
        return _with_background(plan, fields, worker.buffers)

    def take(fields: list[_Beside]) -> None:
        for one, background in fields:
            builder.add(one, background)
        now = next(counted)
        if folder.due():
            builder.keep(fold, now)

    run(
        blocks[done:],
        read,
        workers=workers,
        take=take,
        describe=lambda b: name_block(plan.source, b),
        progress=None if progress is None else partial(_onward, progress, done, len(blocks)),
    )
    builder.finish(fold, len(blocks))


def _onward(progress: Progress, done: int, total: int, n: int, _: int) -> None:
    """Progress of a part that begins where others have ended."""
    progress(done + n, total)


def has_fold(folder: Unfinished, number: int) -> bool:
    """Whether a fold is finished."""
    return folder.has(_fold(number))


def _fold(number: int) -> str:
    """The part that holds a finished fold."""
    return f"fold-{number}"


def _running(number: int) -> str:
    """The part that holds a fold that is not finished."""
    return f"running-{number}"


def _first_fields(plan: Plan) -> list[np.ndarray | None]:
    """The first field of each variable, its first member; None where it has no time."""
    found: list[np.ndarray | None] = [None] * len(plan.variables)
    number, buffers = {v: k for k, v in enumerate(plan.variables)}, Buffers()
    for block in wanted_blocks(plan, np.arange(plan.times.seconds.size)):
        left = tuple(v for v in block.variables if found[number[v]] is None)
        fields = read_fields(plan.source, Block(block.times[:1], left), buffers) if left else []
        for one in fields:
            if found[number[one.variable]] is None:
                found[number[one.variable]] = one.values
        if all(values is not None for values in found):
            break
    return found


def read_fields(source: Source, block: Block, buffers: Buffers, spare: deque[np.ndarray] | None = None) -> list[Field]:
    """The fields of a block, each with values of its own, in spare memory where there is some that fits."""
    return [one._replace(values=_keep(one.values, spare)) for one in source.read(block, buffers)]


def _keep(values: np.ndarray, spare: deque[np.ndarray] | None) -> np.ndarray:
    """A copy. Fresh memory is dearer than the copying: the system clears it page by page."""
    try:
        own = spare.popleft() if spare else None
    except IndexError:  # another thread was sooner
        own = None
    if own is None or own.shape != values.shape or own.dtype != values.dtype:
        return values.copy()
    np.copyto(own, values)
    return own


def _with_background(plan: Plan, fields: list[Field], buffers: Buffers) -> list[_Beside]:
    """Fields, each with the background of its time, variable and member if there is one."""
    if plan.background is None:
        return [(one, None) for one in fields]
    number = {v: k for k, v in enumerate(plan.variables)}
    axis = plan.source.times[plan.axis]
    second = {one.time: int(axis.seconds[one.time]) for one in fields}
    held = plan.background.read(second.values(), buffers, only={number[one.variable] for one in fields})
    return [(one, pick(held.get(second[one.time], {}), number[one.variable], one.member)) for one in fields]
