"""Runs the wanted metrics on each field as it passes, and keeps the field before where one needs it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dqwatch.metrics import kernel_layout as layout
from dqwatch.metrics.known import Knowledge
from dqwatch.metrics.metric import FieldMetric
from dqwatch.metrics.tiles import Tiles
from dqwatch.metrics.view import FieldView
from dqwatch.types import NOT_A_TIME, Field, Source, TimeAxis


class Measures:
    """One worker's own; all of them share the `tiles` of the source."""

    def __init__(
        self,
        source: Source,
        knowledge: Sequence[Knowledge],
        metrics: Sequence[FieldMetric],
        tiles: Tiles,
        params: Sequence[frozenset[str] | None] = (),
    ) -> None:
        self._source, self._knowledge, self._metrics = source, knowledge, metrics
        self._view = FieldView(tiles)
        self._chosen = [[choose_times(axis, m.dates) for axis in source.times] for m in metrics]
        """Metric -> axis -> the times that it looks at; None for all."""
        of = params or [None] * len(metrics)
        self._skips = [[p is not None and v.param not in p for p in of] for v in source.variables]
        """Variable -> metric -> whether nobody looks at it."""
        self._keeps = [
            any(m.needs_previous and not s for m, s in zip(metrics, skips, strict=True)) for skips in self._skips
        ]
        """Whether the field before is kept, of each variable."""
        self._before: dict[tuple[int, int], tuple[int, np.ndarray]] = {}

    def looks_back(self) -> list[int]:
        """The variables whose field before is wanted."""
        return [v for v, keeps in enumerate(self._keeps) if keeps]

    def keep(self, field: Field) -> None:
        """Remember a field as the one before the next of its variable and member."""
        if not self._keeps[field.variable]:
            return
        kept = self._before.get((field.variable, field.member))
        if kept is not None and kept[1].dtype == field.values.dtype and kept[1].size == field.values.size:
            np.copyto(kept[1], field.values)
            self._before[field.variable, field.member] = (field.time, kept[1])
        else:
            self._before[field.variable, field.member] = (field.time, field.values.copy())

    def measure(self, field: Field, ints: np.ndarray, floats: np.ndarray, results: np.ndarray) -> None:
        """All metrics of one field.

        Parameters
        ----------
        field : Field
        ints, floats : np.ndarray
            What the kernel found, as kernel_layout names it.
        results : np.ndarray (column,)
            Filled: the columns of each metric, in their order; NaN for a metric that leaves out this time, or
            that nobody wants of this quantity.
        """
        view, variable = self._view, self._source.variables[field.variable]
        view.show(field.values, variable, self._source.grids[variable.grid], field.time)
        view.entry = self._knowledge[field.variable].entry
        view.n, view.n_nan, view.n_inf = (int(ints[i]) for i in (layout.N, layout.N_NAN, layout.N_INF))
        view.minimum, view.maximum = float(floats[layout.MIN]), float(floats[layout.MAX])
        view.mean, view.std = float(floats[layout.MEAN]), float(floats[layout.STD])
        self._look_back(field)
        row: list[float] = []
        for metric, chosen, skip in zip(self._metrics, self._chosen, self._skips[field.variable], strict=True):
            times = chosen[variable.times]
            if skip or (times is not None and field.time not in times):
                row += [math.nan] * len(metric.columns)
                continue
            found = metric.function(view)
            if len(found) != len(metric.columns):
                raise ValueError(
                    f"the metric of {', '.join(metric.columns)} returned {len(found)} numbers; one per column is due"
                )
            row += found
        results[:] = row
        self.keep(field)

    def _look_back(self, field: Field) -> None:
        time, values = self._before.get((field.variable, field.member), (-1, None))
        view = self._view
        view.previous, view.step_h = None, float("nan")
        if values is None or time != field.time - 1:
            return
        view.previous = values
        seconds = self._source.times[self._source.variables[field.variable].times].seconds
        now, then = int(seconds[field.time]), int(seconds[time])
        if NOT_A_TIME not in (now, then):
            view.step_h = (now - then) / 3600


def choose_times(axis: TimeAxis, dates: int | None) -> frozenset[int] | None:
    """So many times of an axis, evenly spread over those that are looked at, ends included; None for all of them.

    Parameters
    ----------
    axis : TimeAxis
    dates : int or None
        None: no fewer than all.
    """
    if dates is None or axis.n_sampled <= dates:
        return None
    times = np.arange(len(axis)) if axis.sampled is None else np.flatnonzero(axis.sampled)
    return frozenset(times[np.linspace(0, times.size - 1, dates).round().astype(np.int64)].tolist())
