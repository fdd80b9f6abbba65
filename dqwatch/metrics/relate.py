"""Judges relations between variables while the scan passes: fields wait here until those they belong to have come."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dqwatch import tables
from dqwatch.buffers import Buffers
from dqwatch.metrics.known import Knowledge
from dqwatch.metrics.relations.matching import Use, find_uses, period_of
from dqwatch.metrics.relations.relation import PREVIOUS, Context, Violations
from dqwatch.types import NOT_A_TIME, Block, Field, Source, Variable

if TYPE_CHECKING:
    import pandas as pd

_SUN_CALENDARS = ("standard", "gregorian", "proleptic_gregorian")
_Key = tuple[int, int, int]
"""Variable, time and member."""


class _Row(NamedTuple):
    axis: int
    time: int
    use: int
    member: int
    found: Violations


class Relate:
    """The relations of one source; `add` may be called by several threads.

    Memory: the fields of the times that are being read, of those variables that stand in a relation. Blocks come in
    order of time, so that few times wait at once.
    """

    def __init__(self, source: Source, knowledge: Sequence[Knowledge]) -> None:
        self._source, self._knowledge = source, knowledge
        self.uses = find_uses(source.variables, source.times)
        self._of: dict[int, list[tuple[int, int]]] = defaultdict(list)
        """Variable -> (use, how many times earlier it stands there)."""
        for number, use in enumerate(self.uses):
            for name, variable in use.variables.items():
                if source.variables[variable].times == use.times:
                    self._of[variable].append((number, name.endswith(PREVIOUS)))
        self._statics: dict[tuple[int, int], np.ndarray] = {}
        self._waiting: dict[_Key, np.ndarray] = {}
        self._due: dict[_Key, int] = {}
        self._memo: dict[int, dict[str, Any]] = defaultdict(dict)
        self._periods: dict[tuple[int, int], float | None] = {}
        self._rows: list[_Row] = []
        self._lock = threading.Lock()

    def read_statics(self, buffers: Buffers) -> None:
        """Read the fields without time that stand in a relation with fields of every time."""
        variables = self._source.variables
        own = {v for use in self.uses for v in use.variables.values() if variables[v].times != use.times}
        for v in sorted(own):
            for field in self._source.read(Block((0,), (v,)), buffers):
                self._statics[v, field.member] = self._converted(field)

    def add(self, field: Field) -> None:
        """Take a field; judge every use that it completes."""
        uses = self._of.get(field.variable)
        if not uses:
            return
        values = self._converted(field)
        key = (field.variable, field.time, field.member)
        ready: list[tuple[int, int, dict[str, np.ndarray]]] = []
        with self._lock:
            self._waiting[key] = values
            times = {(number, field.time + later) for number, later in uses}
            self._due[key] = sum(self._exists(number, time) for number, time in times)
            for number, time in sorted(times):
                gathered = self._gather(number, time, field.member) if self._exists(number, time) else None
                if gathered is not None:
                    ready.append((number, time, gathered))
            for number, time, _ in ready:
                self._release(number, time, field.member)
            if self._due.get(key) == 0:
                self._forget(key)
        rows = [_Row(self.uses[n].times, t, n, field.member, self._judge(n, t, fields)) for n, t, fields in ready]
        with self._lock:
            self._rows += rows

    def _exists(self, number: int, time: int) -> bool:
        use = self.uses[number]
        earlier = any(name.endswith(PREVIOUS) for name in use.variables)
        return earlier <= time < len(self._source.times[use.times])

    def _keys(self, number: int, time: int, member: int) -> Iterable[tuple[str, _Key | None, int]]:
        """Name, key among the waiting (None for what has no time) and variable of each field of a use."""
        use = self.uses[number]
        for name, v in use.variables.items():
            moving = self._source.variables[v].times == use.times
            yield name, (v, time - name.endswith(PREVIOUS), member) if moving else None, v

    def _gather(self, number: int, time: int, member: int) -> dict[str, np.ndarray] | None:
        fields = {}
        for name, key, v in self._keys(number, time, member):
            still = self._statics.get((v, member), self._statics.get((v, 0)))
            values = still if key is None else self._waiting.get(key)
            if values is None:
                return None
            fields[name] = values
        return fields

    def _release(self, number: int, time: int, member: int) -> None:
        for key in {key for _, key, _ in self._keys(number, time, member) if key is not None}:
            self._due[key] -= 1
            if self._due[key] == 0:
                self._forget(key)

    def _forget(self, key: _Key) -> None:
        self._waiting.pop(key, None)
        self._due.pop(key, None)

    def _converted(self, field: Field) -> np.ndarray:
        """The values in the catalogue's units, which relations want; a copy, for the scan reuses its buffers."""
        known = self._knowledge[field.variable].entry
        convert = None if known is None else known.conversion(self._source.variables[field.variable].units)
        if convert is None or (convert.factor == 1 and convert.offset == 0):
            return field.values.copy()
        return np.asarray(convert(field.values.astype(np.float64)))

    def _judge(self, number: int, time: int, fields: dict[str, np.ndarray]) -> Violations:
        use = self.uses[number]
        return use.relation(fields, self._context(use, time))

    def _context(self, use: Use, time: int) -> Context:
        source, axis = self._source, self._source.times[use.times]
        moving = [source.variables[v] for v in use.variables.values() if source.variables[v].times == use.times]
        seconds = int(axis.seconds[time])
        known = seconds != NOT_A_TIME and axis.calendar in _SUN_CALENDARS and axis.kind == "time"
        step = int(axis.seconds[time]) - int(axis.seconds[time - 1]) if time and axis.kind == "time" else None
        grid = moving[0].grid
        return Context(
            latitudes=source.grids[grid].latitudes,
            longitudes=source.grids[grid].longitudes,
            area_weights=source.grids[grid].area_weights,
            seconds=float(seconds) if known else float("nan"),
            step_h=None if step is None else step / 3600,
            lead_h=None if axis.lead_seconds is None else float(axis.lead_seconds[time]) / 3600,
            period_h=self._period(use, moving, time),
            memo=self._memo[grid],
        )

    def _period(self, use: Use, moving: Sequence[Variable], time: int) -> float | None:
        """Hours over which the fields of a use ran; looked up once where it is the same at all times."""
        axis = self._source.times[use.times]
        key = (id(use), time if axis.lead_seconds is not None else -1)
        if key not in self._periods:
            periods = [period_of(v, axis, time) for v in moving]
            self._periods[key] = next((p for p in periods if p != 0), 0.0)
        return self._periods[key]

    def table(self) -> pd.DataFrame:
        """The table `relations`, in order of axis, time, relation, level and member."""
        rows = sorted(self._rows, key=lambda row: row[:4])
        uses = [self.uses[row.use] for row in rows]
        found = [row.found for row in rows]
        places = [self._place(use, f.worst_cell) for use, f in zip(uses, found, strict=True)]
        names = [" ".join(self._source.variables[v].name for v in dict.fromkeys(u.variables.values())) for u in uses]
        return tables.frame(
            "relations",
            {
                "time": [self._source.times[row.axis].labels[row.time] for row in rows],
                "time_index": [row.time for row in rows],
                "relation": [use.relation.id for use in uses],
                "variable": names,
                "level": [np.nan if use.level is None else use.level for use in uses],
                "member": [row.member for row in rows],
                "n_checked": [f.n_checked for f in found],
                "n_violations": [f.n_violations for f in found],
                "share": [f.share for f in found],
                "worst": [f.worst for f in found],
                "unit": [use.relation.unit for use in uses],
                "latitude": [place[0] for place in places],
                "longitude": [place[1] for place in places],
            },
        )

    def _place(self, use: Use, cell: int) -> tuple[float, float]:
        grid = self._source.grids[self._source.variables[next(iter(use.variables.values()))].grid]
        if cell < 0 or grid.latitudes is None or grid.longitudes is None:
            return np.nan, np.nan
        return float(grid.latitudes[cell]), float(grid.longitudes[cell])
