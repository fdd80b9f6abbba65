"""What a family of scores sees of a field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.metrics.geometry import Geometry
from dqwatch.metrics.histogram import Bins, count_values
from dqwatch.metrics.isolation import RainLimits, find_isolated_rain
from dqwatch.metrics.texture import Texture, texture
from dqwatch.scores.areas import Areas
from dqwatch.scores.beside import Beside, find_beside
from dqwatch.scores.family import STATE, Family
from dqwatch.scores.kernel_scores import (
    LARGEST,
    add_areas,
    count_points,
    count_unexpected,
    extremes,
    gather_tails,
    keep_largest,
    plain_moments,
    slope_products,
    squared_steps,
    standardise,
    subtract,
    weighted_moments,
    weighted_products,
)

_T = TypeVar("_T")
_BOUNDS = (np.float32(2.5), np.float32(1.5))
"""Departures beyond which tails are looked for first, one after the other: a tenth of the cost of sorting all."""
_ROOM = 100
"""Times as many values as a tail has cells are kept: of a tail of 0.1 %, 10 % of the field."""


class Distribution(NamedTuple):
    """A histogram."""

    bins: Bins
    counts: np.ndarray
    """int64 (slot,)."""


class Expected(NamedTuple):
    """What training expects of a field at its time of year and day."""

    mean: np.ndarray
    """float32 (cell,), units of the variable."""
    sd: np.ndarray
    """float32 (cell,); NaN where unknown."""
    area_mean: np.ndarray
    """float64 (area,), of the mean over the area."""
    area_sd: np.ndarray
    """float64 (area,)."""
    distribution: Distribution | None = None
    """Of the values at that month and hour; None of changes and departures."""


class Place(NamedTuple):
    """Where the cells of a variable lie; one for each grid."""

    geometry: Geometry
    areas: Areas
    weights: np.ndarray
    """float64 (cell,), sum 1."""

    @property
    def beside(self) -> Beside:
        """What lies beside each cell."""
        return self.geometry.once(find_beside)


class Sums(NamedTuple):
    """Weighted sums over the cells whose z is known."""

    n: int
    weight: float
    mean: float
    mean_square: float


class ScoreView:
    """A field, or a change of one, before what is expected of it; what several families need is made once.

    Attributes
    ----------
    values : np.ndarray (cell,), float32 or float64, units of the variable
        The field, its change since the field before, or its departure from a background.
    kind : str
        Which of these.
    expected : Expected
    place : Place
    std : float
        Population standard deviation of the finite values.
    rain : RainLimits or None
        What counts as wet and dry; None of what is no rain.
    """

    rain: RainLimits | None = None

    def __init__(self, values: np.ndarray, kind: str, expected: Expected, place: Place, buffers: Buffers) -> None:
        self.values = values
        self._prepare(kind, expected, place, buffers)

    def _prepare(self, kind: str, expected: Expected, place: Place, buffers: Buffers) -> None:
        self.kind, self.expected, self.place = kind, expected, place
        self._buffers = buffers
        self._made: dict[Callable[[ScoreView], Any], Any] = {}

    @cached_property
    def z(self) -> np.ndarray:
        """float32 (cell,), departures from the mean in standard deviations; NaN where unknown."""
        out = self._buffers.take("scores.z", self.values.size, np.float32)
        standardise(self.values, self.expected.mean, self.expected.sd, out)
        return out

    @cached_property
    def sums(self) -> Sums:
        """Area-weighted mean of z and of its square; NaN without any value."""
        n, weight, first, second = weighted_moments(self.z, self.place.weights)
        return Sums(n, weight, first / weight, second / weight) if weight > 0 else Sums(0, 0.0, np.nan, np.nan)

    @cached_property
    def largest(self) -> np.ndarray:
        """float64 (8,), the largest abs(z), ascending; zeros where there are fewer."""
        found = np.zeros(LARGEST)
        keep_largest(self.z, found)
        return found

    @cached_property
    def area_means(self) -> np.ndarray:
        """float64 (area,), the means over areas; NaN where there is none."""
        return mean_over_areas(self.values, self.place)

    @cached_property
    def area_z(self) -> np.ndarray:
        """float64 (area,), these standardised by their own mean and deviation; NaN where unknown."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            z = (self.area_means - self.expected.area_mean) / self.expected.area_sd
        return np.where(np.isfinite(z), z, np.nan)

    @cached_property
    def area_mean_square(self) -> np.ndarray:
        """float64 (area,), mean of z^2 over each area; NaN where unknown."""
        size, _, square = self._sum_areas(self.z)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(size > 0, square / size, np.nan)

    @cached_property
    def std(self) -> float:
        """Population standard deviation of the finite values."""
        guess = float(self.expected.mean[0])
        n, first, second = plain_moments(self.values, guess if np.isfinite(guess) else 0.0)
        return float(np.sqrt(max(second / n - first / n * (first / n), 0.0))) if n else np.nan

    @cached_property
    def range(self) -> tuple[float, float]:
        """Smallest and largest finite value; NaN without any."""
        low, high = extremes(self.values)
        return (low, high) if low <= high else (np.nan, np.nan)

    @cached_property
    def anomaly(self) -> np.ndarray:
        """float32 (cell,), departures from the mean, units of the variable; NaN where either is."""
        out = self.take("anomaly", self.values.size)
        subtract(self.values, self.expected.mean, out)
        return out

    def count(self, bins: Bins) -> np.ndarray:
        """How many of the finite values lie in each slot, int64 (slot,)."""
        return count_values(np.ascontiguousarray(self.values), bins, self._buffers)

    @cached_property
    def unexpected(self) -> tuple[float, float]:
        """Cells without a finite value where one is expected, and cells with one where none is."""
        missing, appeared = count_unexpected(self.values, self.expected.sd)
        return missing, appeared

    def sample(self, cells: int) -> np.ndarray:
        """The values of every n-th cell, some more than `cells`."""
        return self.values[:: max(1, self.values.size // cells)]

    @cached_property
    def steps_east(self) -> tuple[float, float]:
        """Sums of w, and of w (difference of z)^2, over the cells whose eastern neighbour is known and both finite."""
        weight, square = squared_steps(self.z, self.place.beside.east, self.place.weights)
        return weight, square

    @cached_property
    def products(self) -> tuple[float, ...]:
        """Sums of w, w x, w y, w x^2, w y^2 and w x y, x the values, y their mean, where both are finite."""
        return tuple(weighted_products(self.values, self.expected.mean, self.place.weights))

    @cached_property
    def slopes(self) -> list[tuple[float, float]]:
        """Along rows, and across them: sums of w z g and w g^2, g the slope of the expected mean over its deviation."""
        mean, sd, weights = self.expected.mean, self.expected.sd, self.place.weights
        return [slope_products(self.z, mean, sd, *ways, weights) for ways in self.place.beside.ways]

    @cached_property
    def texture(self) -> Texture:
        """Texture of the values."""
        return texture(self.values, self.place.geometry, std=self.std)

    @cached_property
    def anomaly_texture(self) -> Texture:
        """Texture of the departures from the mean."""
        n, first, second = plain_moments(self.anomaly, 0.0)
        return texture(self.anomaly, self.place.geometry, std=spread_of(n, first, second))

    @cached_property
    def isolated(self) -> tuple[float, int]:
        """Wet cells all of whose neighbours are dry, NaN where neighbours are unknown; and finite values. Of rain."""
        assert self.rain is not None  # noqa: S101 (whoever asks has looked)
        values = np.ascontiguousarray(self.values)
        found = find_isolated_rain(values, self.place.geometry, self.rain)
        return found.n, int(np.count_nonzero(np.isfinite(values)))

    def count_points(self, low: float, high: float) -> tuple[int, ...]:
        """Finite values, those equal to `low`, to `high`, pairs of finite neighbours, and those of equal values."""
        return tuple(count_points(self.values, self.place.beside.east, low, high))

    def tails(self, share: float) -> tuple[float, float]:
        """The quantiles of z at `share` and 1 - `share`: elements, of few cells the extremes; NaN without any value."""
        n = self.sums.n
        if n == 0:
            return np.nan, np.nan
        place = int(share * (n - 1))
        room = min(n, _ROOM * (place + 1))
        low, high = self.take("tails.low", room), self.take("tails.high", room)
        for bound in _BOUNDS:
            n_low, n_high = gather_tails(self.z, bound, low, high)
            if place < n_low <= room and place < n_high <= room:
                low, high = low[:n_low], high[:n_high]
                low.partition(place)
                high.partition(n_high - 1 - place)
                return float(low[place]), float(high[n_high - 1 - place])
        z = self.z[np.isfinite(self.z)]
        z.partition((place, n - 1 - place))
        return float(z[place]), float(z[n - 1 - place])

    def once(self, make: Callable[[ScoreView], _T]) -> _T:
        """What `make` makes of this view, made by the first family that asks."""
        if make not in self._made:
            self._made[make] = make(self)
        made: _T = self._made[make]
        return made

    def take(self, name: str, size: int) -> np.ndarray:
        """Scratch memory, float32 (size,); the same whenever the name is."""
        return self._buffers.take(f"scores.{name}", size, np.float32)

    def _sum_areas(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        areas = self.place.areas
        size, total, square = np.zeros((3, areas.size))
        add_areas(values, areas.of_cell, self.place.weights, size, total, square)
        return size, total, square


def mean_over_areas(values: np.ndarray, place: Place) -> np.ndarray:
    """Weighted means of the finite values over areas, float64 (area,); NaN where there is none."""
    size, total, square = np.zeros((3, place.areas.size))
    add_areas(values, place.areas.of_cell, place.weights, size, total, square)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(size > 0, total / size, np.nan)


def spread_of(n: float, first: float, second: float) -> float:
    """Standard deviation from sums of values and of their squares; 0 without any."""
    return float(max(second / n - (first / n) ** 2, 0.0) ** 0.5) if n else 0.0


def score_field(view: ScoreView, families: Sequence[Family]) -> list[float]:
    """All scores of one kind that look at a field, in the order of `list_scores`."""
    found: list[float] = []
    for family in families:
        if view.kind in family.kinds and not family.areas:
            scores = family(view)
            if len(scores) != len(family.names):
                raise ValueError(f"the family of {', '.join(family.names)} gave {len(scores)} scores")
            found += scores
    return found


def log(value: float) -> float:
    """Logarithm for scores: of 0 (a stuck or empty field) it is that of 1e-12; NaN stays NaN."""
    return float(np.log(max(value, 1e-12))) if np.isfinite(value) else np.nan


__all__ = ["STATE", "Distribution", "Expected", "Place", "ScoreView", "Sums", "log", "mean_over_areas", "score_field"]
