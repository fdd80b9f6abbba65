"""Fields scored against climates: the state, its change since the one before, its departure from a background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from dqwatch.baselines.quantity import Layout, QuantityClimate
from dqwatch.baselines.relations import Relations, time_functions
from dqwatch.buffers import Buffers
from dqwatch.feed.devices import Device
from dqwatch.metrics.isolation import RAIN, RainLimits, rain_limits
from dqwatch.scores import BACKGROUND, KINDS, STATE, STEP, Family, Score, area_columns, list_scores
from dqwatch.scores.on_device import DeviceView, on_host
from dqwatch.scores.on_device_place import DevicePlace
from dqwatch.scores.view import ScoreView, score_field

Climates = Mapping[str, Sequence[QuantityClimate | None]]
"""Kind -> climate of each variable; None for one that is constant or was never seen."""


class Moment(NamedTuple):
    """When a field is valid, as climates know it."""

    phi: np.ndarray
    """float64 (term,), functions of the time of year."""
    hour: int
    """Index of the hour of the day."""
    month: int = 0
    """0 to 11."""


class Scored(NamedTuple):
    """What is found of one field."""

    scores: np.ndarray
    """float64 (score,), in the order of `Scorer.scores`; NaN where there is none."""
    areas: Mapping[str, tuple[np.ndarray, np.ndarray]]
    """Kind -> departure of the mean, and mean square departure, of each area."""
    means: np.ndarray | None
    """float64 (area,), of the field itself, for `Scorer.relate`; None for a variable that is constant."""


def list_rain(names: Sequence[str], units: Sequence[str | None]) -> list[RainLimits | None]:
    """What counts as wet and dry of each variable, accumulated over 6 hours; None of what is no rain."""
    pairs = zip(names, units, strict=True)
    return [rain_limits(unit, None) if name in RAIN and unit else None for name, unit in pairs]


class Scorer:
    """Scores fields; may be used by several threads at once, each with buffers of its own."""

    def __init__(
        self,
        layout: Layout,
        climates: Climates,
        families: Sequence[Family],
        relations: Relations | None = None,
        device: Device | None = None,
        rain: Sequence[RainLimits | None] = (),
    ) -> None:
        self._layout, self._climates, self._families, self._relations = layout, climates, families, relations
        self._device = device
        self._rain = rain
        self.scores: tuple[Score, ...] = list_scores(families, KINDS)
        self.area_columns = area_columns(families)
        """Scores that `relate` gives."""
        fields = [i for i in range(len(self.scores)) if i not in self.area_columns]
        self._columns = {kind: [i for i in fields if self.scores[i].kind == kind] for kind in KINDS}

    def score(
        self,
        variable: int,
        values: Any,
        moment: Moment,
        buffers: Buffers,
        *,
        previous: Any = None,
        background: Any = None,
    ) -> Scored:
        """All scores of a field.

        Parameters
        ----------
        variable : int
            As the climates count them.
        values : np.ndarray (cell,), float32 or float64; where there is a device, also a torch.Tensor
        moment : Moment
        buffers : Buffers
        previous : as `values`, optional
            The field one step before; without it there are no scores of the change.
        background : as `values`, optional
            Another estimate of the same field; without it there are no scores of the departure.
        """
        found = np.full(len(self.scores), np.nan)
        areas: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        means: np.ndarray | None = None
        host = values
        if self._place is not None:
            values, previous, background = (
                None if field is None else self._place.put_field(field) for field in (values, previous, background)
            )
        parts: list[tuple[str, Any]] = [(STATE, values)]
        for kind, other in ((STEP, previous), (BACKGROUND, background)):
            if other is not None:
                parts.append((kind, self._subtract(values, other, kind, buffers)))
        for kind, field in parts:
            climate = self._climates[kind][variable]
            if climate is None:
                continue
            expected = climate.expect(self._layout, moment.phi, moment.hour, buffers, month=moment.month)
            if self._place is None:
                view = ScoreView(field, kind, expected, self._layout.place, buffers)
            else:
                own = host if kind == STATE and isinstance(host, np.ndarray) else None
                view = DeviceView(field, kind, expected, self._place, buffers, own)
            view.rain = self._rain[variable] if self._rain and kind == STATE else None
            found[self._columns[kind]] = score_field(view, self._families)
            areas[kind] = view.area_z, view.area_mean_square
            means = view.area_means if kind == STATE else means
        return Scored(found, areas, means)

    def notes(self) -> tuple[str, ...]:
        """What is to be said of where fields are scored, one clause."""
        if self._place is None:
            return ()
        beside = on_host(self._families)
        return (f"scored on {self._device}" + (f"; on the host: {', '.join(beside)}" if beside else ""),)

    @cached_property
    def _place(self) -> DevicePlace | None:
        return None if self._device is None else DevicePlace(self._layout.place, self._device)

    def _subtract(self, values: Any, other: Any, kind: str, buffers: Buffers) -> Any:
        if self._place is not None:
            return (values - other).to(values.dtype)
        difference = buffers.take(f"scorer.{kind}", values.size, values.dtype)
        with np.errstate(invalid="ignore", over="ignore"):  # infinite values
            return np.subtract(values, other, out=difference)

    def relate(self, means: Mapping[int, np.ndarray | None], moment: Moment) -> np.ndarray:
        """Scores of all variables of a cycle together, float64 (variable, column of `area_columns`).

        Parameters
        ----------
        means : mapping
            Variable -> means over areas, as `score` gave them.
        moment : Moment
        """
        relations, n = self._relations, len(self._climates[STATE])
        if relations is None:
            return np.full((n, len(self.area_columns)), np.nan)
        families = [f for f in self._families if f.areas]
        stacked = stack_means(means, relations.first.shape)
        functions = time_functions(moment.phi[None], np.array([moment.hour]), relations.n_hours(moment.phi.size))
        return relations.score(stacked, functions[0], families)


def stack_means(means: Mapping[int, np.ndarray | None], shape: tuple[int, ...]) -> np.ndarray:
    """Means over areas as one array (variable, area); NaN for variables without."""
    found = np.full(shape, np.nan)
    for variable, values in means.items():
        if values is not None:
            found[variable] = values
    return found
