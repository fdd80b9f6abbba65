"""The fields of a source, scanned one at a time into rows of preallocated columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dqwatch.errors import SourceError
from dqwatch.metrics import kernel_layout as layout
from dqwatch.metrics.fills import fills
from dqwatch.metrics.histogram import Bins, codes, numbers
from dqwatch.metrics.kernel import scan_field
from dqwatch.metrics.kernel_hash import hash_keys
from dqwatch.metrics.kernel_looks import count_fills, count_outside, hash_nan, local_quantiles
from dqwatch.metrics.known import Knowledge, rounded
from dqwatch.metrics.measures import Measures
from dqwatch.metrics.pieces import Piece
from dqwatch.types import Field, Grid, Source

ROW_ARRAYS = ("seen", "ints", "floats", "hashes", "extra")
_NO_WEIGHTS = np.empty(0)


class Rows:
    """One row for each field that the source promises: in order of axis, time, variable and member.

    Of a `piece` there are the rows of its own times only; `put` takes them into those of the whole source.
    """

    def __init__(self, source: Source, extra: Sequence[str] = (), piece: Piece | None = None) -> None:
        variables = source.variables
        self.width = [0] * len(source.times)
        """Rows of one time, of each axis."""
        self.offset = []
        for variable in variables:
            self.offset.append(self.width[variable.times])
            self.width[variable.times] += variable.members
        times = [len(axis) for axis in source.times]
        self.first = [0] * len(times)
        """First time of each axis that has rows."""
        if piece is not None:
            times = [piece.stop - piece.start if axis == piece.axis else 0 for axis in range(len(times))]
            self.first[piece.axis] = piece.start
        lengths = [n * width for n, width in zip(times, self.width, strict=True)]
        self.start = [0, *np.cumsum(lengths, dtype=np.int64).tolist()]
        """First row of each axis, and the number of all rows."""
        self.axis_of = [variable.times for variable in variables]
        n = self.start[-1]
        self.seen = np.zeros(n, bool)
        self.ints = np.zeros((n, len(layout.INTS)), np.int64)
        self.floats = np.zeros((n, len(layout.FLOATS)))
        self.hashes = np.zeros((n, len(layout.HASHES)), np.uint64)
        self.extra_names = tuple(extra)
        self.extra = np.full((n, len(self.extra_names)), np.nan)
        """Columns of metrics."""

    def of(self, time: int, variable: int, member: int) -> int:
        """The row of a field."""
        axis = self.axis_of[variable]
        return self.start[axis] + (time - self.first[axis]) * self.width[axis] + self.offset[variable] + member

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All columns, in a few arrays (row, ...)."""
        return {name: getattr(self, name) for name in ROW_ARRAYS}

    def put(self, piece: Piece, arrays: Mapping[str, np.ndarray]) -> None:
        """Take in the rows of a piece."""
        width = self.width[piece.axis]
        start = self.start[piece.axis] + (piece.start - self.first[piece.axis]) * width
        own = slice(start, start + (piece.stop - piece.start) * width)
        for name in ROW_ARRAYS:
            getattr(self, name)[own] = arrays[name]

    def keys(self, source: Source) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """int64 (row,): time index, variable and member of every row."""
        times, variables, members = [], [], []
        for axis, (moments, width) in enumerate(zip(source.times, self.width, strict=True)):
            inside = [(v, m) for v, x in enumerate(source.variables) if x.times == axis for m in range(x.members)]
            pairs = np.array(inside, np.int64).reshape(-1, 2)
            times.append(np.repeat(np.arange(len(moments)), width))
            variables.append(np.tile(pairs[:, 0], len(moments)))
            members.append(np.tile(pairs[:, 1], len(moments)))
        return tuple(np.concatenate([np.empty(0, np.int64), *part]) for part in (times, variables, members))  # type: ignore[return-value]


@dataclass(frozen=True, eq=False)
class Plan:
    """What the kernel needs to know of a variable whose fields have this type."""

    codes: np.ndarray
    bins: np.ndarray
    edges: np.ndarray
    limits: np.ndarray
    fills: np.ndarray
    binning: int
    bounded: bool
    integers: np.dtype


class Scanner:
    """One worker's own: scans fields with scratch memory that it keeps."""

    def __init__(
        self,
        source: Source,
        knowledge: Sequence[Knowledge],
        bins: Sequence[Bins],
        rows: Rows,
        measures: Measures | None = None,
    ) -> None:
        self._measures = measures
        self._source, self._knowledge, self._bins, self._rows = source, knowledge, bins, rows
        self._plans: dict[tuple[int, np.dtype], Plan] = {}
        self._scratch: dict[np.dtype, tuple[np.ndarray, ...]] = {}
        self._keys = hash_keys()
        self._weights = [_weights(grid) for grid in source.grids]
        self._missing = [axis.declared_missing for axis in source.times]
        self._total = np.zeros(layout.SLOTS, np.int64)
        self.counts = np.zeros((len(source.variables), layout.SLOTS), np.int64)
        """Histogram of each variable, over all fields scanned; dates declared missing left out."""
        self.bytes = 0

    def scan(self, field: Field) -> None:
        """The row of one field.

        Raises
        ------
        SourceError
            If the field is not what its source promised.
        """
        time, v, member, values = field
        variable = self._source.variables[v]
        plan = self._plans.get((v, values.dtype)) or self._plan(v, values)
        if values.size != self._source.grids[variable.grid].n_cells or not values.flags.c_contiguous:
            raise SourceError(
                f"variable '{variable.name}': a field of shape {values.shape} (C-contiguous: "
                f"{values.flags.c_contiguous}); the grid has {self._source.grids[variable.grid].n_cells} cells"
            )
        rows, row = self._rows, self._rows.of(time, v, member)
        ints, floats, hashes = rows.ints[row], rows.floats[row], rows.hashes[row]
        looks = self._look(v, values, plan, ints, floats, hashes)
        missing = self._missing[variable.times]
        if missing is None or not missing[time]:
            self.counts[v] += self._total
        if looks:
            self._look_again(looks, v, values, plan, ints, floats, hashes)
        if self._measures is not None:
            self._measures.measure(field, ints, floats, rows.extra[row])
        self.bytes += values.nbytes
        rows.seen[row] = True

    def _look(self, v: int, values: np.ndarray, plan: Plan, ints: Any, floats: Any, hashes: Any) -> int:
        """What one pass tells of a field, into its row; its histogram into `_total`; what deserves another look."""
        bits, words = values.view(plan.integers), values.view(np.uint32)
        weights = self._weights[self._source.variables[v].grid]
        scratch = self._scratch[values.dtype]
        looks: int = scan_field(
            values, bits, words, weights, plan.codes, plan.bins, plan.edges, plan.limits, plan.fills, plan.binning,
            self._keys, *scratch, self._total, ints, floats, hashes,
        )  # fmt: skip
        return looks

    def _look_again(
        self, looks: int, v: int, values: np.ndarray, plan: Plan, ints: Any, floats: Any, hashes: Any
    ) -> None:
        """What costs a pass of its own, where there is reason for it."""
        limits, bits = plan.limits, values.view(plan.integers)
        block, slots, counts = self._scratch[values.dtype][1:4]
        if looks & layout.NAN_LOOK:
            hashes[layout.NAN_HASH] = hash_nan(bits, plan.codes, block, self._keys)
        if looks & layout.BOUNDS_LOOK:
            ints[layout.N_OUT_OF_BOUNDS] = count_outside(values, limits[layout.LOW], limits[layout.HIGH])
        if looks & layout.USUAL_LOOK:
            ints[layout.N_UNUSUAL] = count_outside(values, limits[layout.USUAL_LOW], limits[layout.USUAL_HIGH])
        if looks & layout.FILL_LOOK:
            ints[layout.N_SENTINEL] = count_fills(values, plan.fills, limits, plan.bounded, floats)
        if looks & layout.BIN_LOOK and floats[layout.MIN] < floats[layout.MAX]:
            n_nan, n_inf = ints[layout.N_NAN], ints[layout.N_INF]
            bins, edges = plan.bins.copy(), np.empty(layout.SLOTS + 1)
            local_quantiles(values, bins, slots, counts, self._total, edges, n_nan, n_inf, floats)

    def _plan(self, v: int, values: np.ndarray) -> Plan:
        dtype = values.dtype
        if values.ndim != 1 or dtype.str[1:] not in ("f4", "f8") or not dtype.isnative:
            name = self._source.variables[v].name
            raise SourceError(f"variable '{name}': a field of {dtype.str} {values.shape}; float32 or float64 (cell,)")
        known, bins = self._knowledge[v], self._bins[v]
        plan = Plan(
            codes=codes(dtype, bins),
            bins=numbers(dtype, bins),
            edges=bins.edges,
            limits=rounded(known.limits, dtype),
            fills=fills(dtype, self._source.variables[v].raw_fills),
            binning=layout.BIT_BINS if bins.skewed else layout.EQUAL_BINS,
            bounded=known.bounded,
            integers=np.dtype(f"i{dtype.itemsize}"),
        )
        self._plans[v, dtype] = plan
        if dtype not in self._scratch:
            self._scratch[dtype] = scratch(dtype)
        return plan


def scratch(dtype: np.dtype) -> tuple[np.ndarray, ...]:
    """Scratch memory of `scan_field`, in its order."""
    integers = np.dtype(f"i{dtype.itemsize}")
    block_bits, pair_bits = np.empty(layout.BLOCK, integers), np.empty(1, integers)
    slots, counts = np.empty(layout.BLOCK, np.int32), np.empty((4, layout.SLOTS), np.int32)
    samples, totals = np.empty(layout.SAMPLES), np.empty(6)
    return block_bits, block_bits.view(np.uint32), slots, counts, samples, totals, pair_bits, pair_bits.view(dtype)


def _weights(grid: Grid) -> np.ndarray:
    if grid.area_weights is None:
        return _NO_WEIGHTS
    return np.ascontiguousarray(grid.area_weights, np.float64).reshape(-1)
