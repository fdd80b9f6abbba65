"""Which relations the variables of a source allow, and with which of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dqwatch.metrics.relations.definitions import RELATIONS
from dqwatch.metrics.relations.relation import PREVIOUS, Relation
from dqwatch.types import TimeAxis, Variable

SURFACE = (None, "sfc", "hl", "soil", "depth")
"""Level types on which a name without level is at home; `tcc` of a low layer is another quantity."""
_LEVELS = ("pl", "ml", "hl")


@dataclass(frozen=True, eq=False)
class Use:
    """A relation with the variables of a source that it can be judged on.

    Attributes
    ----------
    relation : Relation
    level : float or None
        The level, or the lower of two (the higher pressure).
    variables : mapping of str to int
        Name for the function, `t_850` or `tp@previous`, -> index of the variable.
    times : int
        The time axis of those that are not constant (of all, if all are).
    """

    relation: Relation
    level: float | None
    variables: Mapping[str, int]
    times: int


def find_uses(
    variables: Sequence[Variable], axes: Sequence[TimeAxis], relations: Sequence[Relation] = RELATIONS
) -> list[Use]:
    """All relations that can be judged on some variables.

    Variables go together if they have one grid, number of members and time axis, but constant ones of one member may
    stand on an axis without time. A quantity that is there twice (over the same period) is ambiguous, and left out.

    Parameters
    ----------
    variables : sequence of Variable
    axes : sequence of TimeAxis
        Those that `Variable.times` counts.
    relations : sequence of Relation, optional
    """
    rooms: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for index, variable in enumerate(variables):
        rooms[variable.grid, variable.members, variable.times].append(index)
    found = []
    for (grid, members, times), own in rooms.items():
        still = [
            i for (g, m, t), there in rooms.items() for i in there
            if g == grid and m in (1, members) and t != times and axes[t].kind == "static"
        ]  # fmt: skip
        by_name = _named(variables, (*own, *still))
        for relation in relations:
            for level, chosen in _choices(relation, by_name, variables):
                of = [variables[i] for i in chosen.values()]
                grows = not relation.from_start or all(accumulates_from_start(v, axes[times]) for v in of)
                if grows and any(v.times == times for v in of):
                    found.append(Use(relation, level, chosen, times))
    return found


def period_of(variable: Variable, axis: TimeAxis, time: int) -> float | None:
    """Hours up to a time over which a variable ran: 0 if it is instantaneous, None if it is unknown.

    Without a declared period an accumulation of an hourly axis ran over its step.
    """
    if variable.kind in ("instant", "constant"):
        return 0.0
    if accumulates_from_start(variable, axis) and axis.lead_seconds is not None:
        return float(axis.lead_seconds[time]) / 3600
    if variable.period is not None:
        return variable.period
    steps = np.diff(np.unique(axis.seconds)) if axis.lead_seconds is None else np.array([])
    return float(np.median(steps)) / 3600 if steps.size and 0 < np.median(steps) <= 3600 else None


def accumulates_from_start(variable: Variable, axis: TimeAxis) -> bool:
    """Whether a variable is known to be accumulated since the start of each forecast.

    So it is if the axis has several lead times, and the period of the variable is the first of them.
    """
    if variable.kind != "accumulation" or axis.lead_seconds is None or variable.period is None:
        return False
    leads = np.unique(axis.lead_seconds[axis.lead_seconds > 0])
    return leads.size > 1 and abs(leads[0] / 3600 - variable.period) < 1e-6


def _named(variables: Sequence[Variable], indices: Iterable[int]) -> dict[str, list[int]]:
    """Indices by the name that relations know: `2t`; on levels `pl:t_850`."""
    found: dict[str, list[int]] = defaultdict(list)
    for index in indices:
        variable = variables[index]
        if variable.level is not None and variable.level_type in _LEVELS:
            found[f"{variable.level_type}:{variable.param}_{variable.level:g}"].append(index)
        if variable.level_type in SURFACE:
            found[variable.param].append(index)
    return found


def _choices(
    relation: Relation, by_name: Mapping[str, list[int]], variables: Sequence[Variable]
) -> Iterator[tuple[float | None, dict[str, int]]]:
    """The levels and variables with which one relation can be judged."""
    if not relation.levels:
        for chosen in _combine(relation, (), "", by_name, variables):
            yield None, chosen
        return
    for level_type in _LEVELS if relation.levels == "each" else ("pl",):
        levels = _common_levels(relation, by_name, level_type)
        groups = zip(levels, strict=True) if relation.levels == "each" else pairwise(levels)
        for group in groups:
            for chosen in _combine(relation, group, level_type, by_name, variables):
                yield group[0], chosen


def _common_levels(relation: Relation, by_name: Mapping[str, list[int]], level_type: str) -> list[float]:
    """Levels on which all needed variables are, the highest pressure first."""
    sets = []
    for name in relation.variables:
        stem = f"{level_type}:{name[:-1]}"
        tails = (there.removeprefix(stem) for there in by_name if there.startswith(stem))
        sets.append({float(tail) for tail in tails if "_" not in tail})
    return sorted(set.intersection(*sets), reverse=True)


def _combine(
    relation: Relation,
    levels: Sequence[float],
    level_type: str,
    by_name: Mapping[str, list[int]],
    variables: Sequence[Variable],
) -> Iterator[dict[str, int]]:
    """The ways to fill the names of a relation with variables that go together, one for each period."""

    def candidates(name: str) -> dict[str, list[int]]:
        if name.endswith("*"):
            spelt = [f"{name[:-1]}{level:g}" for level in levels]
            return {n: by_name.get(f"{level_type}:{n}", []) for n in spelt}
        return {name: by_name.get(name.removesuffix(PREVIOUS), [])}

    needed = {n: found for name in relation.variables for n, found in candidates(name).items()}
    optional = {n: found for name in relation.optional for n, found in candidates(name).items()}
    every = {i for found in (needed or optional).values() for i in found}
    periods = {_period(variables[i]): None for i in sorted(every)} if relation.one_period else {None: None}
    for period in periods:
        chosen = {}
        for name, found in (needed | optional).items():
            fitting = [i for i in found if period in (None, _period(variables[i])) or variables[i].kind == "constant"]
            if len(fitting) == 1 and (not relation.kinds or variables[fitting[0]].kind in relation.kinds):
                chosen[name] = fitting[0]
        if needed.keys() <= chosen.keys() and len(chosen.keys() & optional.keys()) >= relation.least:
            yield chosen


def _period(variable: Variable) -> tuple[str, float | None]:
    """What two variables must share to be compared: that they are instantaneous, or the period."""
    return ("instant", None) if variable.kind in ("instant", "constant") else ("period", variable.period)
