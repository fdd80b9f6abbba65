"""The sphere under the example weather: octahedral reduced Gaussian grids and real spherical harmonics on them.

Harmonics are normalised so that the mean of each squared over the sphere is 1 (the "4 pi" normalisation). A real field
is ``sum Re(c_lm P_lm(latitude) exp(i m longitude))`` over m = 0..l, so `c` with independent real and imaginary parts of
variance ``E_l / (2 l + 1)`` gives a homogeneous field with the variance E_l at degree l.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Grid:
    """An octahedral reduced Gaussian grid `O<number>`, from north to south, each row eastward from longitude 0.

    latitudes, longitudes : float64 (cell,), degrees
    area_weights : float64 (cell,), sum 1
    rows : int64 (row,), cells in each row
    """

    number: int
    latitudes: np.ndarray
    longitudes: np.ndarray
    area_weights: np.ndarray
    rows: np.ndarray

    @property
    def size(self) -> int:
        return self.latitudes.size

    @property
    def vectors(self) -> np.ndarray:
        """Unit vectors to the cells, float64 (cell, 3)."""
        lat, lon = np.radians(self.latitudes), np.radians(self.longitudes)
        return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)

    def distance(self, cell: int) -> np.ndarray:
        """Great-circle distance of all cells from one, degrees (cell,)."""
        vectors = self.vectors
        return np.degrees(np.arccos(np.clip(vectors @ vectors[cell], -1.0, 1.0)))

    def neighbours(self, count: int = 8) -> np.ndarray:
        """The nearest other cells of each cell, int64 (cell, count)."""
        vectors = self.vectors
        closeness = vectors @ vectors.T
        np.fill_diagonal(closeness, -2.0)
        return np.argpartition(-closeness, count, axis=1)[:, :count]


def octahedral_grid(number: int) -> Grid:
    """The grid with `number` rows between a pole and the equator: 20, 24, 28, ... cells a row; O16 has 1,600 cells."""
    nodes, weights = np.polynomial.legendre.leggauss(2 * number)
    row_latitudes = np.degrees(np.arcsin(nodes[::-1]))
    half = 20 + 4 * np.arange(number)
    rows = np.concatenate([half, half[::-1]])
    return Grid(
        number,
        np.repeat(row_latitudes, rows),
        np.concatenate([np.arange(n) * (360.0 / n) for n in rows]),
        np.repeat(weights[::-1] / (2 * rows), rows),
        rows,
    )


def legendre(lmax: int, latitudes: np.ndarray) -> np.ndarray:
    """Associated Legendre functions at `latitudes` (degrees): float64 (degree, order, latitude), 0 above the degree."""
    sine, cosine = np.sin(np.radians(latitudes)), np.cos(np.radians(latitudes))
    values = np.zeros((lmax + 1, lmax + 1, latitudes.size))
    values[0, 0] = 1.0
    for m in range(lmax + 1):
        if m:
            values[m, m] = values[m - 1, m - 1] * cosine * np.sqrt((2 * m + 1) / (2 * m if m > 1 else 1))
        for n in range(m + 1, lmax + 1):
            a = np.sqrt((4 * n * n - 1) / (n * n - m * m))
            b = np.sqrt(((n - 1) ** 2 - m * m) / (4 * (n - 1) ** 2 - 1))
            values[n, m] = a * (sine * values[n - 1, m] - (b * values[n - 2, m] if n > m + 1 else 0.0))
    return values


class Harmonics:
    """Matrices that turn coefficients into fields: ``coefficients.view(float32) @ values``.

    degree, order : int64 (k,), of the complex coefficients
    values : float32 (2 k, cell)
    eastward, northward : float32 (2 k, cell), the derivatives d/dlongitude / cos(latitude) and d/dlatitude, per radian
    """

    def __init__(self, grid: Grid, lmax: int) -> None:
        self.order, self.degree = (
            index.ravel()[keep]
            for keep in [np.triu(np.ones((lmax + 1, lmax + 1), bool)).ravel()]
            for index in np.indices((lmax + 1, lmax + 1))
        )
        step = 1e-4  # radians
        shift = np.degrees(step)
        pattern = legendre(lmax, grid.latitudes)[self.degree, self.order]
        slope = (
            legendre(lmax, grid.latitudes + shift)[self.degree, self.order]
            - legendre(lmax, grid.latitudes - shift)[self.degree, self.order]
        ) / (2 * step)
        phase = self.order[:, None] * np.radians(grid.longitudes)
        per_cosine = self.order[:, None] / np.cos(np.radians(grid.latitudes))
        self.values = _interleave(pattern * np.cos(phase), -pattern * np.sin(phase))
        self.northward = _interleave(slope * np.cos(phase), -slope * np.sin(phase))
        self.eastward = _interleave(-per_cosine * pattern * np.sin(phase), -per_cosine * pattern * np.cos(phase))


def _interleave(real: np.ndarray, imaginary: np.ndarray) -> np.ndarray:
    """Rows for the real and imaginary parts in the order in which complex numbers lie in memory."""
    return np.stack([real, imaginary], axis=1).reshape(-1, real.shape[1]).astype(np.float32)


def spectrum(lmax: int, peak: float, slope: float) -> np.ndarray:
    """Variance by degree, float64 (lmax + 1,), sum 1: none at degree 0, falling as degree ** -slope beyond `peak`."""
    degree = np.arange(lmax + 1.0)
    energy = degree**2 / (degree**2 + peak**2) ** (1 + slope / 2)
    return energy / energy.sum()
