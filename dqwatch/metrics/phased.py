"""Judges, over all times of a source, whether its variables keep the time of the sun."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dqwatch import tables
from dqwatch.metrics.measures import choose_times
from dqwatch.metrics.relations.definitions import SERIES, Series
from dqwatch.metrics.relations.matching import SURFACE
from dqwatch.metrics.relations.phases import Phase
from dqwatch.metrics.relations.relation import Context
from dqwatch.types import Field, Source, TimeAxis

if TYPE_CHECKING:
    import pandas as pd

_DATES = 480
"""Times that are looked at, evenly spread: their mean tells a phase as well as that of all."""


class _Gathered(NamedTuple):
    series: Series
    variable: int
    phase: Phase


class Phases:
    """The series of one source; `add` may be called by several threads. Of an ensemble the first member is taken."""

    def __init__(self, source: Source, convertible: Sequence[bool]) -> None:
        self._source = source
        self._gathered = [
            _Gathered(series, v, series.make())
            for v, variable in enumerate(source.variables)
            for series in SERIES
            if variable.param == series.variable
            and variable.level_type in SURFACE
            and convertible[v]
            and source.times[variable.times].kind == "time"
        ]
        self._times = {g.variable: choose_times(self._axis(g.variable), _DATES) for g in self._gathered}
        self._lock = threading.Lock()

    def anew(self) -> Phases:
        """Another for the same source, that has seen nothing."""
        other = copy.copy(self)
        other._gathered = [g._replace(phase=g.series.make()) for g in self._gathered]
        other._lock = threading.Lock()
        return other

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """What has been gathered, in a few arrays."""
        return {f"phase{k}_{name}": a for k, g in enumerate(self._gathered) for name, a in g.phase.arrays.items()}

    def put(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take in what another has gathered, of other times."""
        for k, gathered in enumerate(self._gathered):
            own = f"phase{k}_"
            gathered.phase.put({name.removeprefix(own): a for name, a in arrays.items() if name.startswith(own)})

    def _axis(self, variable: int) -> TimeAxis:
        return self._source.times[self._source.variables[variable].times]

    def wants(self, field: Field) -> bool:
        """Whether a field is to be added."""
        if field.variable not in self._times or field.member:
            return False
        times = self._times[field.variable]
        return times is None or field.time in times

    def add(self, field: Field, values: np.ndarray, context: Context) -> None:
        """Take in a field, in the units of the catalogue."""
        with self._lock:
            for _, variable, phase in self._gathered:
                if variable == field.variable:
                    phase.add(values, context)

    def table(self) -> pd.DataFrame:
        """Rows of the table `relations`, without time: one for each series and variable."""
        found = [phase.finish() for _, _, phase in self._gathered]
        n = len(found)
        return tables.frame(
            "relations",
            {
                "time": [""] * n,
                "time_index": [-1] * n,
                "relation": [series.id for series, _, _ in self._gathered],
                "variable": [self._source.variables[v].name for _, v, _ in self._gathered],
                "level": [np.nan] * n,
                "member": [0] * n,
                "n_checked": [f.n_checked for f in found],
                "n_violations": [f.n_violations for f in found],
                "share": [f.share for f in found],
                "worst": [f.worst for f in found],
                "unit": [series.unit for series, _, _ in self._gathered],
                "latitude": [np.nan] * n,
                "longitude": [np.nan] * n,
            },
        )
