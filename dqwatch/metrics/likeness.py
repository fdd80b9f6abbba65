"""One field held against the same field of a reference: the numbers of a row of the table `pairs`."""

from __future__ import annotations

import hashlib
import threading
from functools import cached_property

import numpy as np

from dqwatch.metrics import kernel_pairs as kernel
from dqwatch.metrics.bands import Bands
from dqwatch.metrics.overlay import Overlay
from dqwatch.metrics.registration import NOWHERE, Placing, Registration
from dqwatch.types import Grid
from dqwatch.units import Conversion

COLUMNS = (
    "n_places", "n_valid", "min", "max", "mean", "wmean",
    "reference_min", "reference_max", "reference_mean", "reference_wmean", "reference_std",
    "mean_difference", "rms", "rms_relative", "correlation", "range_excess", "mask_agreement", "nan_dilation",
    "energy_ratio_large", "energy_ratio_small",
)  # fmt: skip
"""What `Comparer.compare` fills, in this order; SERIES follow."""
SERIES = ("common_mean", "common_reference_mean")
"""Means over the places where both have a value: what series are made of."""

_NO_WEIGHTS = np.empty(0)
_ROUNDING = 1e-6
"""Of the size of values: a standard deviation or range below it is rounding (float32 has 7 digits)."""
_FARTHEST = 180.0
"""Degrees: how far a mask has grown that had nothing to grow from."""
_MASKS_KEPT = 256


class Comparer:
    """Compares fields on the grids of an overlay; may be used by several threads."""

    def __init__(self, overlay: Overlay) -> None:
        self.overlay = overlay
        self._weights = [_weights(overlay.data), _weights(overlay.reference)]
        placed = overlay.interpolators is not None and overlay.n_places > 0
        self._registration = Registration(overlay) if placed else None
        rows = [i.rows for i in overlay.interpolators] if overlay.interpolators is not None else [None, None]
        self._bands = Bands(*rows)
        self._growths: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Make what all threads share before they start."""
        _ = self._same_area

    def compare(self, field: np.ndarray, reference: np.ndarray, units: Conversion, row: np.ndarray) -> Placing:
        """Hold a field against that of the reference.

        Parameters
        ----------
        field, reference : np.ndarray (cell,)
            On the grids of the data and of the reference.
        units : Conversion
            From the units of the reference to those of the data.
        row : np.ndarray (column,), float64
            Filled: COLUMNS, then SERIES.
        """
        overlay = self.overlay
        own = field if overlay.cells is None or not overlay.n_places else field[overlay.cells]
        read, state = self._read(reference, units)
        found = np.full(kernel.NUMBERS, np.nan)
        kernel.compare(own, read, state, overlay.weights, found)
        summaries = [np.empty(kernel.SUMMARY) for _ in range(3)]
        kernel.summarise(field, self._weights[0], summaries[0])
        kernel.summarise(reference, self._weights[1], summaries[1])
        if overlay.cells is None:
            summaries[2][:] = summaries[0]
        else:
            kernel.summarise(own, _NO_WEIGHTS, summaries[2])
        summaries[1][1:] = units(summaries[1][1:])
        row[:] = np.nan
        self._fill(row, found, summaries)
        row[COLUMNS.index("nan_dilation")] = self._growth(own, state, found)
        row[COLUMNS.index("energy_ratio_large") : COLUMNS.index("energy_ratio_small") + 1] = self._energies(
            field, reference, units.factor
        )
        if self._registration is None:
            return NOWHERE
        return self._registration.place(own, read, state, reference, units.factor)

    def _read(self, reference: np.ndarray, units: Conversion) -> tuple[np.ndarray, np.ndarray]:
        """The reference at the places, in the units of the data, and what is known there."""
        n, reading = self.overlay.n_places, self.overlay.reading
        out, state = np.empty(n), np.empty(n, np.uint8)
        if n and reading is None:
            kernel.take_cells(reference, units.factor, units.offset, out, state)
        elif n and reading is not None:
            starts, cells, weights, _ = reading
            kernel.read_places(reference, starts, cells, weights, units.factor, units.offset, out, state)
        return out, state

    def _fill(self, row: np.ndarray, found: np.ndarray, summaries: list[np.ndarray]) -> None:
        """Everything that follows from the moments."""
        own, other, inside = summaries
        values = dict(zip(("mean", "wmean", "min", "max"), own[1:], strict=True))
        values |= dict(
            zip(
                ("reference_mean", "reference_wmean", "reference_min", "reference_max"),
                other[1:],
                strict=True,
            )
        )
        size = max(abs(other[kernel.LEAST]), abs(other[kernel.MOST])) * _ROUNDING
        std = float(np.sqrt(found[kernel.VAR_B]))
        whole = self._same_area and own[kernel.FINITE] == self.overlay.data.n_cells
        whole = whole and other[kernel.FINITE] == self.overlay.reference.n_cells
        means = (own[kernel.WMEAN], other[kernel.WMEAN]) if whole else (found[kernel.MEAN_A], found[kernel.MEAN_B])
        values |= {
            "n_places": self.overlay.n_places,
            "n_valid": found[kernel.N_VALID],
            "reference_std": std,
            "mean_difference": _relative(means[0] - means[1], std, size),
            "rms": np.sqrt(found[kernel.MEAN_SQUARE]),
            "rms_relative": _relative(float(np.sqrt(found[kernel.MEAN_SQUARE])), std, size),
            "correlation": _correlation(found, size),
            "range_excess": _excess(inside, other, size),
            "mask_agreement": found[kernel.N_AGREE] / found[kernel.N_CLEAR] if found[kernel.N_CLEAR] > 0 else np.nan,
            "common_mean": found[kernel.MEAN_A],
            "common_reference_mean": found[kernel.MEAN_B],
        }
        for k, name in enumerate((*COLUMNS, *SERIES)):
            row[k] = values.get(name, np.nan)

    @cached_property
    def _same_area(self) -> bool:
        """Whether the means of whole fields are means of one area: of the same cells, or of the globe."""
        areas = self.overlay.data.area_weights is not None and self.overlay.reference.area_weights is not None
        return areas and self.overlay.relation != "same" and self.overlay.whole

    def _energies(self, field: np.ndarray, reference: np.ndarray, factor: float) -> tuple[float, float]:
        if not self._bands.limit:
            return np.nan, np.nan
        large, small = self._bands.ratios(field, reference)
        return large / factor**2, small / factor**2

    def _growth(self, own: np.ndarray, state: np.ndarray, found: np.ndarray) -> float:
        """Cells by which missing values reach beyond those of the reference; 0 if nowhere."""
        if not found[kernel.N_LOST] > 0:
            return 0.0 if found[kernel.N_CLEAR] > 0 else np.nan
        if self.overlay.interpolators is None:
            return np.nan
        lost, edge = ~np.isfinite(own) & (state == kernel.WHOLE), state != kernel.WHOLE
        key = hashlib.blake2b(np.packbits(lost).tobytes() + np.packbits(edge).tobytes(), digest_size=16).digest()
        if key not in self._growths:
            farthest = _farthest(self.overlay.vectors, lost, edge)
            with self._lock:
                if len(self._growths) >= _MASKS_KEPT:
                    self._growths.clear()
                self._growths[key] = farthest
            return farthest / self.overlay.cell_size
        return self._growths[key] / self.overlay.cell_size


def _farthest(places: np.ndarray, lost: np.ndarray, edge: np.ndarray) -> float:
    """Degrees from the edge to the farthest place that is lost."""
    from scipy.spatial import cKDTree

    if not edge.any():
        return _FARTHEST
    chord, _ = cKDTree(places[edge]).query(places[lost])
    return float(np.degrees(2 * np.arcsin(min(float(chord.max()) / 2, 1.0))))


def _weights(grid: Grid) -> np.ndarray:
    return _NO_WEIGHTS if grid.area_weights is None else np.ascontiguousarray(grid.area_weights, np.float64)


def _relative(difference: float, scale: float, rounding: float) -> float:
    """A difference in units of a scale, which is at least the rounding of the values."""
    if not np.isfinite(difference):
        return np.nan
    return 0.0 if difference == 0 else float(difference / max(scale, rounding, np.finfo(np.float64).tiny))


def _correlation(found: np.ndarray, rounding: float) -> float:
    """NaN where the reference has no variance; 0 where only the data have none."""
    a, b = found[kernel.VAR_A], found[kernel.VAR_B]
    if not b > rounding**2:
        return np.nan
    if a == 0:
        return 0.0
    return float(np.clip(found[kernel.COVARIANCE] / np.sqrt(a * b), -1.0, 1.0))


def _excess(inside: np.ndarray, other: np.ndarray, rounding: float) -> float:
    """How far values reach beyond the extremes of the reference, in units of its range; 0 if nowhere."""
    beyond = max(other[kernel.LEAST] - inside[kernel.LEAST], inside[kernel.MOST] - other[kernel.MOST])
    if np.isnan(beyond):
        return np.nan
    return _relative(max(float(beyond), 0.0), float(other[kernel.MOST] - other[kernel.LEAST]), rounding)
