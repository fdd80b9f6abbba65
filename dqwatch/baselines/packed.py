"""What large grids keep of a climate at their cells: integers of 16 bits with a scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dqwatch.baselines.climate import FLOOR, Climate
from dqwatch.baselines.kernel_sums import unpack

_TOP = 32000
_FINE = 0.004
"""Of the area mean of the standard deviation: the coarsest step that a mean may be rounded to."""
_LEAST = 30
"""Steps that the least deviation must have, so that it is known to some per cent."""


@dataclass(frozen=True, eq=False)
class PackedClimate:
    """Mean and standard deviation of one quantity at the cells of a large grid, without hours of the day.

    Attributes
    ----------
    mean : np.ndarray int16 (cell, term)
        Coefficients, of which `mean * scale + offset` are the numbers; float32 where 16 bits would not tell cells
        apart, as where a few cells are absurd.
    scale, offset : np.ndarray float64 (term,)
    root : np.ndarray int16 (cell,)
        Of the standard deviation, in `step`; -1 where unknown. float32 as above.
    step : float
    floor : float
        Least standard deviation.
    """

    mean: np.ndarray
    scale: np.ndarray
    offset: np.ndarray
    root: np.ndarray
    step: float
    floor: float

    def expect(self, phi: np.ndarray, hour: int, mean: np.ndarray, sd: np.ndarray) -> None:
        """Mean and standard deviation at a time, into float32 (cell,) each; sd is NaN where unknown."""
        unpack(self.mean, self.scale, self.offset, self.root, self.step, phi, self.floor, mean, sd)


def pack(climate: Climate) -> PackedClimate:
    """A climate of one hour in less memory; its first guess becomes part of the mean, its deviation has no season."""
    sd = np.sqrt(climate.variance[0].astype(np.float64))
    known = np.isfinite(sd)
    coefficients = climate.mean[0].astype(np.float64)
    if climate.terms:
        coefficients[:, 0] += climate.first
    elif climate.first.any():
        coefficients = climate.first[:, None].copy()
    coefficients[~known] = 0.0
    terms = coefficients.shape[1]
    scale, offset = np.ones((2, terms))
    packed = np.zeros(coefficients.shape, np.int16)
    fine = True
    for k in range(terms):
        least, most = _ends(coefficients[known, k])
        offset[k], scale[k] = 0.5 * (least + most), max((most - least) / (2 * _TOP), 1e-300)
        packed[:, k] = np.rint(np.clip((coefficients[:, k] - offset[k]) / scale[k], -_TOP, _TOP))
        fine &= bool(scale[k] <= _FINE * climate.floor / FLOOR)
    root, step = _roots(sd, known, climate.floor)
    if fine:
        return PackedClimate(packed, scale, offset, root, step, climate.floor)
    return PackedClimate(coefficients.astype(np.float32), np.ones(terms), np.zeros(terms), root, step, climate.floor)


def _ends(values: np.ndarray) -> tuple[float, float]:
    return (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)


def _roots(sd: np.ndarray, known: np.ndarray, floor: float) -> tuple[np.ndarray, float]:
    """Square roots of deviations, which tell small ones better, and their step."""
    root = np.sqrt(np.where(known, sd, 0.0))
    step = float(root.max()) / _TOP if root.size else 0.0
    if step == 0.0 or np.sqrt(floor) < _LEAST * step:
        return np.where(known, root, -1.0).astype(np.float32), 1.0
    return np.where(known, np.rint(root / step), -1).astype(np.int16), step
