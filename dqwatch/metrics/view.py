"""What a metric sees of a field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dqwatch.types import Grid, Variable

if TYPE_CHECKING:
    from dqwatch.catalogue import Entry
    from dqwatch.metrics.geometry import Geometry
    from dqwatch.metrics.tiles import Tiles


class FieldView:
    """One field with what is known around it; valid only while the metric runs.

    Attributes
    ----------
    values : np.ndarray (cell,), float32 or float64, units of the variable
    n, n_nan, n_inf : int
    minimum, maximum, mean, std : float
        Of the finite values; NaN if there is none.
    variable : Variable
    entry : Entry or None
        What the catalogue knows.
    grid : Grid
    time : int
        Position on the time axis.
    previous : np.ndarray (cell,) or None
        The field of the time before on the axis, for metrics that need it.
    step_h : float
        Hours since then; NaN if unknown.
    """

    values: np.ndarray
    variable: Variable
    grid: Grid
    time: int
    n: int
    n_nan: int
    n_inf: int
    minimum: float
    maximum: float
    mean: float
    std: float

    def __init__(self, tiles: Tiles) -> None:
        self._tiles = tiles
        self._of: Grid | None = None
        self._geometry: Geometry | None = None
        self._mask: np.ndarray | None = None
        self.entry: Entry | None = None
        self.previous: np.ndarray | None = None
        self.step_h = float("nan")

    def show(self, values: np.ndarray, variable: Variable, grid: Grid, time: int) -> None:
        """Turn to another field."""
        self.values, self.variable, self.grid, self.time = values, variable, grid, time
        self._mask = None

    @property
    def all_finite(self) -> bool:
        """Whether there is neither NaN nor infinity."""
        return self.n_nan == 0 and self.n_inf == 0

    @property
    def finite(self) -> np.ndarray:
        """Bool (cell,): where the values are finite."""
        if self._mask is None:
            self._mask = np.isfinite(self.values)
        return self._mask

    @property
    def geometry(self) -> Geometry:
        """Rows and neighbours of the cells; made once per grid."""
        from dqwatch.metrics.geometry import geometry_of

        if self._geometry is None or self._of is not self.grid:
            self._of, self._geometry = self.grid, geometry_of(self.grid)
        return self._geometry

    @property
    def tile(self) -> tuple[int, ...] | None:
        """Cells of a chunk along each axis of the grid; None where a field is one chunk, or nothing is known."""
        return self._tiles.of(self.variable)
