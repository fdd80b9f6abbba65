"""The sums and the climate of one quantity (a variable, or its change): at cells, and over areas.

A small grid has all functions of time at its own cells. A large one has few of them there; what is left of season and
hour comes from coarser areas. A compact one has nothing at cells: what is expected of a cell is what its area has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from dqwatch.baselines.climate import Climate, fit
from dqwatch.baselines.histograms import Histograms, HistogramSums
from dqwatch.baselines.kernel_sums import refine, spread
from dqwatch.baselines.packed import PackedClimate, pack
from dqwatch.baselines.pieces import Means, Pieces
from dqwatch.baselines.sums import HarmonicSums
from dqwatch.buffers import Buffers
from dqwatch.metrics.geometry import geometry_of
from dqwatch.metrics.histogram import Bins
from dqwatch.scores import STATE, STEP
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


def cut(layout: Layout) -> Pieces:
    """The cells of a grid in pieces, by which areas are summed."""
    return Pieces(layout.place, None if layout.coarse is None else layout.coarse.areas)


def fine_terms(kind: str, terms: int) -> int:
    """Terms of the mean that a large grid has at its cells: of changes none, for theirs is next to nothing."""
    return 0 if kind == STEP else min(terms, _FINE_TERMS)


class QuantitySums:
    """Sums at cells, over coarse areas where the grid is large, and over the areas that are scored.

    Parameters
    ----------
    first : np.ndarray (cell,)
        First guess.
    pieces : Pieces
        Of the grid.
    hours, terms : int
    kind : {'state', 'step', 'background'}
    compact : bool
        Whether a large grid has nothing at its cells.
    bins : Bins, optional
        Those of a histogram of the values; without them there is none.
    means : Means, optional
        Those of the first guess, where they are known already.
    """

    def __init__(
        self,
        first: np.ndarray,
        pieces: Pieces,
        *,
        hours: int,
        terms: int,
        kind: str = STATE,
        compact: bool = False,
        bins: Bins | None = None,
        means: Means | None = None,
    ) -> None:
        self.histogram = None if bins is None else HistogramSums(bins, hours)
        self._pieces = pieces
        means = pieces.means(first) if means is None else means
        self.area = HarmonicSums(means.of_areas, hours=hours, terms=terms)
        self.cell: HarmonicSums | None = None
        self.coarse: HarmonicSums | None = None
        if not means.of_coarse.size:
            self.cell = HarmonicSums(first, hours=hours, terms=terms)
            return
        self.coarse = HarmonicSums(means.of_coarse, hours=hours, terms=terms)
        if not compact:
            self.cell = HarmonicSums(first, hours=1, terms=fine_terms(kind, terms), square_terms=1)

    def add(
        self, values: np.ndarray, hour: int, phi: np.ndarray, month: int = 0, *, less: np.ndarray | None = None
    ) -> None:
        """One field, or its difference to another of its type.

        Parameters
        ----------
        values : np.ndarray (cell,), float32 or float64
        hour : int
            Index of the hour of the day.
        phi : np.ndarray float64 (term,)
            The functions of its time.
        month : int
            0 to 11.
        less : np.ndarray (cell,), optional
            What is subtracted from the values.
        """
        means = self._pieces.means(values, less)
        self.area.add(means.of_areas, hour, phi)
        if self.coarse is not None:
            self.coarse.add(means.of_coarse, hour, phi)
            if self.cell is None:
                self.coarse.add_within(means.of_coarse, means.coarse_squares, hour, phi)
        if self.cell is None and self.histogram is None:
            return
        if less is not None:
            with np.errstate(invalid="ignore", over="ignore"):  # infinite values
                values = values - less
        if self.histogram is not None:
            self.histogram.add(values, month, hour)
        if self.cell is not None:
            self.cell.add(values, hour if self.coarse is None else 0, phi)

    def merge(self, other: QuantitySums) -> None:
        """The sums of other times onto these.

        Raises
        ------
        ValueError
            If the two were not laid out alike, first guess included.
        """
        for name, own in self._levels().items():
            own.merge(other._levels()[name])
        if self.histogram is not None and other.histogram is not None:
            self.histogram.merge(other.histogram)

    def arrays(self, *, rounded: bool = False) -> dict[str, np.ndarray]:
        """What was summed, for keeping; the first guess is kept apart.

        Parameters
        ----------
        rounded : bool
            Whether the sums at the cells of large grids, which are many, may be rounded to float32.
        """
        found = {
            f"{level}_{name}": values
            for level, sums in self._levels().items()
            for name, values in sums.arrays().items()
        }
        if rounded and self.coarse is not None:
            found |= {
                name: found[name].astype(np.float32) for name in ("cell_products", "cell_squares") if name in found
            }
        if self.histogram is not None:
            found["histogram"] = self.histogram.counts
        return found

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Put back what `arrays` gave, into sums that were laid out alike."""
        for level, sums in self._levels().items():
            start = f"{level}_"
            sums.restore({name.removeprefix(start): a for name, a in arrays.items() if name.startswith(start)})
        if self.histogram is not None:
            self.histogram.counts[...] = arrays["histogram"]

    def fit(self) -> QuantityClimate:
        """The climate of the times that were added."""
        pieces = self._pieces
        cell = None if self.cell is None else fit(self.cell, pieces.weights)
        area = fit(self.area, pieces.area_weights)
        values = None if self.histogram is None else Histograms(self.histogram.bins, self.histogram.counts)
        if self.coarse is None:
            return QuantityClimate(cell, area, None, values)
        packed = None if cell is None else pack(cell)
        return QuantityClimate(packed, area, fit(self.coarse, pieces.coarse_weights), values)

    def _levels(self) -> dict[str, HarmonicSums]:
        levels = {"cell": self.cell, "area": self.area, "coarse": self.coarse}
        return {name: sums for name, sums in levels.items() if sums is not None}


class QuantityClimate:
    """What is expected of a quantity at any time."""

    def __init__(
        self,
        cell: Climate | PackedClimate | None,
        area: Climate,
        coarse: Climate | None,
        histograms: Histograms | None = None,
    ) -> None:
        self.cell, self.area, self.coarse, self.histograms = cell, area, coarse, histograms

    def expect(self, layout: Layout, phi: np.ndarray, hour: int, buffers: Buffers, *, month: int = 0) -> Expected:
        """What is expected at one time; valid until the next call with the same buffers."""
        n, n_areas = layout.place.weights.size, layout.place.areas.size
        mean, sd = (buffers.take(f"expected.{name}", n, np.float32) for name in ("mean", "sd"))
        area_mean, area_sd = np.empty((2, n_areas))
        self.area.expect(phi, hour, area_mean, area_sd)
        if self.cell is not None:
            self.cell.expect(phi, hour, mean, sd)
        if self.coarse is not None and layout.coarse is not None:
            if self.cell is None:
                wanted, wanted_sd = np.empty((2, layout.coarse.areas.size))
                self.coarse.expect(phi, hour, wanted, wanted_sd)
                spread(wanted, wanted_sd, layout.coarse.areas.of_cell, mean, sd)
            else:
                self._refine(self.coarse, layout.coarse, phi, hour, mean, sd)
        distribution = None if self.histograms is None else self.histograms.expect(month, hour)
        return Expected(mean, sd, area_mean, area_sd, distribution)

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
