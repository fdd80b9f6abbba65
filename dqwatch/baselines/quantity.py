"""The sums and the climate of one quantity (a variable, or its change): at cells, and over areas.

A small grid has all functions of time at its own cells. A large one has few of them there; what is left of season and
hour comes from coarser areas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from dqwatch.baselines.climate import Climate, fit
from dqwatch.baselines.kernel_sums import refine
from dqwatch.baselines.sums import HarmonicSums
from dqwatch.buffers import Buffers
from dqwatch.metrics.geometry import geometry_of
from dqwatch.scores.areas import lay_areas
from dqwatch.scores.view import Expected, Place, mean_over_areas
from dqwatch.types import Grid

SMALL = 8192
"""Cells up to which a grid has all functions of time at each of them."""
COARSE = 3072
"""Areas that have them on larger grids."""
REGIONS = 192
"""Areas that are scored."""
_FINE_TERMS = 3


class Layout(NamedTuple):
    """Where sums are kept on a grid."""

    place: Place
    coarse: Place | None
    """Areas of the climate's season and hour; None where cells have them."""


def lay_out(grid: Grid) -> Layout:
    """The areas of a grid; the same for the same coordinates."""
    geometry = geometry_of(grid)
    n = grid.n_cells
    weights = np.full(n, 1.0 / n) if grid.area_weights is None else np.asarray(grid.area_weights, np.float64)
    place = Place(geometry, lay_areas(grid, REGIONS), np.ascontiguousarray(weights.reshape(-1)))
    return Layout(place, None if n <= SMALL else place._replace(areas=lay_areas(grid, COARSE)))


class QuantitySums:
    """Sums at cells, over coarse areas where the grid is large, and over the areas that are scored.

    Parameters
    ----------
    first : np.ndarray (cell,)
        First guess.
    layout : Layout
    hours, terms : int
    fine_terms : int
        Terms of the mean that a large grid has at its cells.
    """

    def __init__(
        self, first: np.ndarray, layout: Layout, *, hours: int, terms: int, fine_terms: int = _FINE_TERMS
    ) -> None:
        place, coarse = layout
        self._layout = layout
        self.area = HarmonicSums(mean_over_areas(first, place), hours=hours, terms=terms)
        if coarse is None:
            self.cell = HarmonicSums(first, hours=hours, terms=terms)
            self.coarse: HarmonicSums | None = None
        else:
            self.cell = HarmonicSums(first, hours=1, terms=min(terms, fine_terms), square_terms=1)
            self.coarse = HarmonicSums(mean_over_areas(first, coarse), hours=hours, terms=terms)

    def add(self, values: np.ndarray, hour: int, phi: np.ndarray) -> None:
        """One field, with the functions of its time, float64 (term,)."""
        place, coarse = self._layout
        self.area.add(mean_over_areas(values, place), hour, phi)
        if self.coarse is None or coarse is None:
            self.cell.add(values, hour, phi)
        else:
            self.cell.add(values, 0, phi)
            self.coarse.add(mean_over_areas(values, coarse), hour, phi)

    def merge(self, other: QuantitySums) -> None:
        """The sums of other times onto these.

        Raises
        ------
        ValueError
            If the two were not laid out alike, first guess included.
        """
        for name, own in self._levels().items():
            own.merge(other._levels()[name])

    def arrays(self) -> dict[str, np.ndarray]:
        """What was summed, for keeping; the first guess is kept apart."""
        return {
            f"{level}_{name}": values
            for level, sums in self._levels().items()
            for name, values in sums.arrays().items()
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Put back what `arrays` gave, into sums that were laid out alike."""
        for level, sums in self._levels().items():
            start = f"{level}_"
            sums.restore({name.removeprefix(start): a for name, a in arrays.items() if name.startswith(start)})

    def fit(self) -> QuantityClimate:
        """The climate of the times that were added."""
        place, coarse = self._layout
        cell, area = fit(self.cell, place.weights), fit(self.area, _area_weights(place))
        if self.coarse is None or coarse is None:
            return QuantityClimate(cell, area, None)
        return QuantityClimate(cell, area, fit(self.coarse, _area_weights(coarse)))

    def _levels(self) -> dict[str, HarmonicSums]:
        levels = {"cell": self.cell, "area": self.area}
        return levels if self.coarse is None else levels | {"coarse": self.coarse}


class QuantityClimate:
    """What is expected of a quantity at any time."""

    def __init__(self, cell: Climate, area: Climate, coarse: Climate | None) -> None:
        self.cell, self.area, self.coarse = cell, area, coarse

    def expect(self, layout: Layout, phi: np.ndarray, hour: int, buffers: Buffers) -> Expected:
        """What is expected at one time; valid until the next call with the same buffers."""
        n, n_areas = layout.place.weights.size, layout.place.areas.size
        mean, sd = (buffers.take(f"expected.{name}", n, np.float32) for name in ("mean", "sd"))
        area_mean, area_sd = np.empty((2, n_areas))
        self.area.expect(phi, hour, area_mean, area_sd)
        if self.coarse is None or layout.coarse is None:
            self.cell.expect(phi, hour, mean, sd)
        else:
            self.cell.expect(phi, 0, mean, sd)
            self._refine(self.coarse, layout.coarse, phi, hour, mean, sd)
        return Expected(mean, sd, area_mean, area_sd)

    @staticmethod
    def _refine(climate: Climate, coarse: Place, phi: np.ndarray, hour: int, mean: np.ndarray, sd: np.ndarray) -> None:
        """Add to the mean what season and hour do to the area around, and scale the deviation likewise."""
        wanted, wanted_sd = np.empty((2, coarse.areas.size))
        climate.expect(phi, hour, wanted, wanted_sd)
        usual_sd = np.sqrt(climate.variance.mean(axis=0, dtype=np.float64))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.clip(wanted_sd / usual_sd, 0.5, 2.0)
        shift = wanted - mean_over_areas(mean, coarse)
        shift = np.where(np.isfinite(shift), shift, 0.0).astype(np.float32)
        ratio = np.where(np.isfinite(ratio), ratio, 1.0).astype(np.float32)
        refine(mean, sd, coarse.areas.of_cell, shift, ratio)


def _area_weights(place: Place) -> np.ndarray:
    return np.bincount(place.areas.of_cell, place.weights, minlength=place.areas.size)
