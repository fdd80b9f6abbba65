"""How much variance two fields have at each scale along their rows: smoothing and aliasing show here first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dqwatch.metrics.latitude_rows import LatitudeRows

_TROPICS_AND_BEYOND = 60.0
"""Degrees of latitude; rows of reduced grids have fewer cells nearer to the poles."""
_MOST_ROWS = 48
_LEAST_WAVES = 8
"""Highest wavenumber below which there are no bands to tell apart."""


class _Group(NamedTuple):
    """Rows of one length."""

    cells: np.ndarray
    """int64 (row, column)."""
    pairs: np.ndarray
    """int64 (row,), which pairs of rows they belong to."""


class Bands:
    """Rows of two grids that lie at about the same latitudes, and the zonal wavenumbers that both resolve.

    Attributes
    ----------
    limit : int
        The highest zonal wavenumber that all rows of both resolve; 0 where there are too few.
    """

    def __init__(self, data: LatitudeRows | None, reference: LatitudeRows | None) -> None:
        self.limit = 0
        chosen = _pairs(data, reference)
        if data is None or reference is None or not len(chosen):
            return
        lengths = np.concatenate([data.lengths[chosen[:, 0]], reference.lengths[chosen[:, 1]]])
        limit = int(lengths.min()) // 2
        if limit < _LEAST_WAVES:
            return
        self.limit = limit
        self._weights = np.cos(np.radians(data.latitudes[chosen[:, 0]]))
        self._data, self._reference = _groups(data, chosen[:, 0]), _groups(reference, chosen[:, 1])

    def ratios(self, field: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
        """Variance of the data over that of the reference, both in the same units.

        Returns
        -------
        large, small : float
            At wavenumbers 1 to an eighth, and from a quarter to half, of the highest that both resolve; NaN where
            there are no rows, half of them have missing values, or the reference has no variance.
        """
        if not self.limit:
            return np.nan, np.nan
        own = self._energies(field, self._data)
        other = self._energies(reference, self._reference)
        there = np.isfinite(own[:, 0]) & np.isfinite(other[:, 0])
        if there.sum() * 2 < there.size:
            return np.nan, np.nan
        weights = self._weights[there, None]
        total, least = (weights * own[there]).sum(axis=0), (weights * other[there]).sum(axis=0)
        mean = float(np.abs(reference[np.isfinite(reference)]).mean(dtype=np.float64))
        noise = (1e-6 * mean) ** 2 * weights.sum()
        ratios = np.where(least > noise, total / np.where(least > noise, least, 1.0), np.nan)
        return float(ratios[0]), float(ratios[1])

    def _energies(self, field: np.ndarray, groups: list[_Group]) -> np.ndarray:
        """Variance of each chosen row in the two bands, float64 (row, 2)."""
        bands = (slice(1, max(2, self.limit // 8 + 1)), slice(self.limit // 4, self.limit // 2 + 1))
        found = np.empty((self._weights.size, 2))
        for cells, pairs in groups:
            with np.errstate(invalid="ignore"):  # rows with missing values are NaN throughout, and so are told
                waves = np.fft.rfft(field[cells].astype(np.float64), axis=1)[:, : self.limit + 1] / cells.shape[1]
                power = 2 * (waves.real**2 + waves.imag**2)
            for k, band in enumerate(bands):
                found[pairs, k] = power[:, band].sum(axis=1)
        return found


def _pairs(data: LatitudeRows | None, reference: LatitudeRows | None) -> np.ndarray:
    """Closed rows of both, each of the data with the nearest of the reference: int64 (pair, 2)."""
    nothing = np.empty((0, 2), np.int64)
    if data is None or reference is None:
        return nothing
    own = np.flatnonzero(data.closed & (np.abs(data.latitudes) <= _TROPICS_AND_BEYOND))
    other = np.flatnonzero(reference.closed)
    if not own.size or not other.size:
        return nothing
    own = own[np.unique(np.linspace(0, own.size - 1, min(own.size, _MOST_ROWS)).round().astype(int))]
    away = np.abs(data.latitudes[own][:, None] - reference.latitudes[other])
    near = away.min(axis=1) <= max(data.spacing, reference.spacing)
    return np.stack([own, other[away.argmin(axis=1)]], axis=1)[near]


def _groups(rows: LatitudeRows, chosen: np.ndarray) -> list[_Group]:
    found = []
    for length in np.unique(rows.lengths[chosen]).tolist():
        pairs = np.flatnonzero(rows.lengths[chosen] == length)
        cells = rows.cells[rows.starts[chosen[pairs]][:, None] + np.arange(length)]
        found.append(_Group(cells, pairs))
    return found
