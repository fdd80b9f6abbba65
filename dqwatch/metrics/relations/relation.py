"""What a relation between variables is, what its function is told of the place and time, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from dqwatch.metrics.relations.packing import packing_error

Fields = Mapping[str, np.ndarray]
"""Name of a variable -> its values, float (cell,); those on levels as `t_850`, those before as `tp@previous`."""
Levels = Literal["", "each", "pairs"]
PREVIOUS = "@previous"
"""Marks, behind the name of an accumulation, the same field at the lead time before."""


@dataclass(frozen=True, eq=False)
class Context:
    """Where and when the fields of one call are.

    Attributes
    ----------
    latitudes, longitudes : float64 (cell,) or None
        Degrees north, degrees east in any convention.
    area_weights : float64 (cell,) or None
        Sum 1.
    seconds : float
        Valid time since 1970-01-01, UTC; NaN where it is unknown or the calendar is not that of the sun.
    step_h, lead_h : float or None
        Hours since the time before on the axis; since the start of the forecast.
    period_h : float or None
        Hours up to the valid time over which accumulations and means among the fields ran; None if unknown.
    packing : mapping
        Largest error by which packing changed a variable, in the units of the relation; where one is absent it is
        estimated from the values if it matters.
    memo : dict
        What depends on the cells alone, kept by the functions: hand the same dict on for every time of a grid.
    """

    latitudes: np.ndarray | None = None
    longitudes: np.ndarray | None = None
    area_weights: np.ndarray | None = None
    seconds: float = float("nan")
    step_h: float | None = None
    lead_h: float | None = None
    period_h: float | None = None
    packing: Mapping[str, float] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)

    def packing_of(self, fields: Fields, *names: str) -> float:
        """Sum of the packing errors of some variables; 0 for one that is not packed."""
        known = self.packing
        return sum(known[n] if n in known else packing_error(fields[n]) for n in names)


class Violations(NamedTuple):
    """How far some cells depart from a relation.

    Cells where a field that is compared is NaN or infinite are not checked; neither are those to which the relation
    does not apply (daylight, when darkness is checked). Relations of a whole field (a regression) count all cells or
    none as violations.
    """

    n_checked: int
    n_violations: int
    """Cells that depart by more than the tolerance."""
    worst: float
    """Largest departure, in the unit of the relation; 0 if the relation holds everywhere, NaN if nothing is checked."""
    worst_cell: int
    """Where; -1 if nowhere."""

    @property
    def share(self) -> float:
        """`n_violations / n_checked`; NaN if nothing is checked."""
        return self.n_violations / self.n_checked if self.n_checked else float("nan")


Judgement = Callable[[Fields, Context], Violations]
"""The function of a relation."""
_ABSURD = 1e19
NOTHING = Violations(0, 0, float("nan"), -1)
"""Nothing could be checked."""


@dataclass(frozen=True, eq=False)
class Relation:
    """One relation; calling it judges the fields of one time.

    Attributes
    ----------
    id : str
        As in the column `relation`; relations of one id say the same of different variables.
    function : callable
        `function(fields, context) -> Violations`.
    variables : tuple of str
        ECMWF names, all needed. `t_*` is `t` on levels; a name with `@previous` is the field at the lead time before.
    optional : tuple of str
        Used where they are there; at least `least` of them must be.
    units : mapping
        Name -> the units in which the function wants it: those of the catalogue.
    unit : str
        Of `Violations.worst`.
    tolerance : float
        In `unit`, before packing errors; `tolerance_source` says where it comes from and what is added.
    share : float
        Of the cells checked, the largest that healthy data have beyond the tolerance; the rules carry it.
    levels : '', 'each' or 'pairs'
        Names with `*` stand for each level alone, or for two neighbouring pressure levels that have all of them.
    kinds : tuple of str
        If not empty, what `Variable.kind` of all variables must be.
    one_period : bool
        Whether all variables that run over a period must run over the same, and none be instantaneous beside them.
    from_start : bool
        Whether it is about accumulations since the start of a forecast.
    text : str
        The relation in words.
    """

    id: str
    function: Judgement
    variables: tuple[str, ...]
    units: Mapping[str, str]
    unit: str
    tolerance: float
    tolerance_source: str
    text: str
    optional: tuple[str, ...] = ()
    least: int = 0
    share: float = 0.0
    levels: Levels = ""
    kinds: tuple[str, ...] = ()
    one_period: bool = True
    from_start: bool = False

    def __call__(self, fields: Fields, context: Context) -> Violations:
        """Judge the fields of one time.

        Parameters
        ----------
        fields : mapping of name to np.ndarray (cell,), float32 or float64, in `units`
            Names on levels as `t_850`: of one or any number of levels.
        context : Context
        """
        # Infinities and fill values are not checked: the counts of the scan tell of them.
        with np.errstate(all="ignore"):
            return self.function({name: _without_absurd(values) for name, values in fields.items()}, context)


def _without_absurd(values: np.ndarray) -> np.ndarray:
    """The values, NaN in place of infinities and of fill values beyond any weather; a copy only if there are any."""
    if abs(values.sum()) < _ABSURD:
        return values
    absurd = np.abs(values) >= _ABSURD
    return np.where(absurd, np.nan, values).astype(values.dtype) if absurd.any() else values


def judge(departure: np.ndarray, tolerance: float | np.ndarray = 0.0) -> Violations:
    """Count the cells that depart by more than is allowed.

    Parameters
    ----------
    departure : np.ndarray (cell,)
        How far a cell is beyond the relation; negative where it holds with room to spare, NaN or infinite where it
        cannot be told (a result may overflow).
    tolerance : float or np.ndarray (cell,)
    """
    known = np.isfinite(departure)
    n = int(np.count_nonzero(known))
    if n == 0:
        return NOTHING
    if n < departure.size:
        departure = np.where(known, departure, -np.inf)
    cell = int(np.argmax(departure))
    worst = float(departure[cell])
    if worst <= 0:
        return Violations(n, 0, 0.0, -1)
    return Violations(n, int(np.count_nonzero(departure > tolerance)), worst, cell)


def pool(parts: Iterable[Violations]) -> Violations:
    """One answer from those of several levels."""
    told = [part for part in parts if part.n_checked]
    if not told:
        return NOTHING
    worst = max(told, key=lambda part: part.worst)
    return Violations(
        sum(part.n_checked for part in told), sum(part.n_violations for part in told), worst.worst, worst.worst_cell
    )


def on_levels(fields: Fields, param: str) -> dict[float, np.ndarray]:
    """The fields of a variable by level, the highest pressure first; left out is what has no level, or none above 0."""
    found = {float(name[len(param) + 1 :]): f for name, f in fields.items() if name.startswith(f"{param}_")}
    return dict(sorted(((level, f) for level, f in found.items() if level > 0), reverse=True))
