"""Judges relations between variables while the scan passes: fields wait here until those they belong to have come."""

from __future__ import annotations

import copy
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dqwatch import tables
from dqwatch.buffers import Buffers
from dqwatch.metrics.known import Knowledge
from dqwatch.metrics.phased import Phases
from dqwatch.metrics.relations.matching import Use, find_uses, period_of
from dqwatch.metrics.relations.relation import PREVIOUS, Context, Violations
from dqwatch.types import NOT_A_TIME, Block, Field, Source, TimeAxis, Variable
from dqwatch.units import Conversion

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
        self._conversions = [_conversion(v, k) for v, k in zip(source.variables, knowledge, strict=True)]
        self._promised = _list_promised(source)
        self._starts = [_starts(axis) for axis in source.times]
        found = find_uses(source.variables, source.times)
        self.uses = [use for use in found if all(self._conversions[v] is not None for v in use.variables.values())]
        """What cannot be had in the units of a relation stands in none; `units.match` tells of it."""
        self._phases = Phases(source, [c is not None for c in self._conversions])
        self._of: dict[int, list[tuple[int, int]]] = defaultdict(list)
        """Variable -> (use, how many times earlier it stands there)."""
        for number, use in enumerate(self.uses):
            for name, variable in use.variables.items():
                if source.variables[variable].times == use.times:
                    self._of[variable].append((number, name.endswith(PREVIOUS)))
        self._statics: dict[tuple[int, int], np.ndarray] = {}
        self._memo: dict[int, dict[str, Any]] = defaultdict(dict)
        self._periods: dict[tuple[tuple[int, ...], int], float | None] = {}
        self._forget_all()

    def _forget_all(self) -> None:
        self._waiting: dict[_Key, np.ndarray] = {}
        self._due: dict[_Key, int] = {}
        self._rows: list[_Row] = []
        self._lock = threading.Lock()

    def anew(self) -> Relate:
        """Another for the same source, that has seen nothing but the fields without time."""
        other = copy.copy(self)
        other._phases = self._phases.anew()
        other._forget_all()
        return other

    def looks_back(self) -> list[int]:
        """The variables whose field before is wanted."""
        return [v for v, uses in self._of.items() if any(later for _, later in uses)]

    def keep(self, field: Field) -> None:
        """Take a field only as the one before the next: it is judged itself where it is added."""
        uses = [use for use in self._of.get(field.variable, ()) if use[1]]
        if uses:
            self._wait(field, self._converted(field), uses)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """What has been found, in a few arrays."""
        rows = sorted(self._rows, key=lambda row: row[:4])
        ints = [(*row[:4], row.found.n_checked, row.found.n_violations, row.found.worst_cell) for row in rows]
        return {
            "relations": np.array(ints, np.int64).reshape(-1, 7),
            "relations_worst": np.array([row.found.worst for row in rows], np.float64),
            **self._phases.arrays,
        }

    def put(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take in what another has found, of other times."""
        for ints, worst in zip(arrays["relations"].tolist(), arrays["relations_worst"].tolist(), strict=True):
            axis, time, use, member, n_checked, n_violations, cell = ints
            self._rows.append(_Row(axis, time, use, member, Violations(n_checked, n_violations, worst, cell)))
        self._phases.put(arrays)

    def read_statics(self, buffers: Buffers) -> None:
        """Read the fields without time that stand in a relation with fields of every time."""
        variables = self._source.variables
        own = {v for use in self.uses for v in use.variables.values() if variables[v].times != use.times}
        for v in sorted(own):
            for field in self._source.read(Block((0,), (v,)), buffers):
                self._statics[v, field.member] = self._converted(field)

    def add(self, field: Field) -> None:
        """Take a field; judge every use that it completes."""
        uses, phased = self._of.get(field.variable), self._phases.wants(field)
        if not uses and not phased:
            return
        values = self._converted(field)
        if phased:
            self._phases.add(field, values, self._context((field.variable,), field.time))
        if uses:
            self._wait(field, values, uses)

    def _wait(self, field: Field, values: np.ndarray, uses: Sequence[tuple[int, int]]) -> None:
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
        """Whether all fields of a use at a time are to come: promised, and the earlier of the same forecast."""
        use = self.uses[number]
        starts = self._starts[use.times]
        if not 0 <= time < len(starts):
            return False
        for _, key, v in self._keys(number, time, 0):
            if key is not None and not (key[1] >= 0 and self._promised[v][key[1]] and starts[key[1]] == starts[time]):
                return False
        return True

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
        convert = self._conversions[field.variable]
        if convert is None or (convert.factor == 1 and convert.offset == 0):
            return field.values.copy()
        return np.asarray(convert(field.values.astype(np.float64)))

    def _judge(self, number: int, time: int, fields: dict[str, np.ndarray]) -> Violations:
        use = self.uses[number]
        moving = [v for v in use.variables.values() if self._source.variables[v].times == use.times]
        return use.relation(fields, self._context(moving, time))

    def _context(self, moving: Sequence[int], time: int) -> Context:
        """Where and when fields of some variables of one axis are."""
        source, first = self._source, self._source.variables[moving[0]]
        axis, grid = source.times[first.times], source.grids[first.grid]
        seconds = int(axis.seconds[time])
        known = seconds != NOT_A_TIME and axis.calendar in _SUN_CALENDARS and axis.kind == "time"
        step = int(axis.seconds[time]) - int(axis.seconds[time - 1]) if time and axis.kind == "time" else None
        return Context(
            latitudes=grid.latitudes,
            longitudes=grid.longitudes,
            area_weights=grid.area_weights,
            seconds=float(seconds) if known else float("nan"),
            step_h=None if step is None else step / 3600,
            lead_h=None if axis.lead_seconds is None else float(axis.lead_seconds[time]) / 3600,
            period_h=self._period(tuple(moving), axis, time),
            memo=self._memo[first.grid],
        )

    def _period(self, moving: tuple[int, ...], axis: TimeAxis, time: int) -> float | None:
        """Hours over which some variables ran; looked up once where it is the same at all times."""
        key = (moving, time if axis.lead_seconds is not None else -1)
        if key not in self._periods:
            periods = [period_of(self._source.variables[v], axis, time) for v in moving]
            self._periods[key] = next((p for p in periods if p != 0), 0.0)
        return self._periods[key]

    def table(self) -> pd.DataFrame:
        """The table `relations`, in order of axis, time, relation, level and member; then those over all times."""
        import pandas as pd

        rows = sorted(self._rows, key=lambda row: row[:4])
        uses = [self.uses[row.use] for row in rows]
        found = [row.found for row in rows]
        places = [self._place(use, f.worst_cell) for use, f in zip(uses, found, strict=True)]
        names = [" ".join(self._source.variables[v].name for v in dict.fromkeys(u.variables.values())) for u in uses]
        each = tables.frame(
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
        whole = self._phases.table()
        return whole if each.empty else each if whole.empty else pd.concat([each, whole], ignore_index=True)

    def _place(self, use: Use, cell: int) -> tuple[float, float]:
        grid = self._source.grids[self._source.variables[next(iter(use.variables.values()))].grid]
        if cell < 0 or grid.latitudes is None or grid.longitudes is None:
            return np.nan, np.nan
        return float(grid.latitudes[cell]), float(grid.longitudes[cell])


def _conversion(variable: Variable, known: Knowledge) -> Conversion | None:
    """To the units of the catalogue, which are taken for granted where none are declared; None where there is none."""
    if known.entry is None:
        return None
    return known.entry.conversion(variable.units) if variable.units else Conversion(1.0)


def _list_promised(source: Source) -> list[np.ndarray]:
    """Of each variable, bool (time,): whether the blocks of the source hold its field."""
    promised = [np.zeros(len(source.times[v.times]), bool) for v in source.variables]
    for block in source.blocks():
        for v in block.variables:
            promised[v][list(block.times)] = True
    return promised


def _starts(axis: TimeAxis) -> np.ndarray:
    """int64 (time,): starts of the forecasts; all the same where the axis is none of lead times."""
    if axis.lead_seconds is None:
        return np.zeros(len(axis), np.int64)
    return np.asarray(axis.seconds, np.int64) - np.asarray(axis.lead_seconds, np.int64)
