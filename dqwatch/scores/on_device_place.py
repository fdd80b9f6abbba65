"""A grid as tensors: weights, areas, rows and neighbours of its cells."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from dqwatch.feed.devices import Device, load_torch
from dqwatch.metrics.kernel_neighbours import list_pairs_in_rows
from dqwatch.scores.view import Place


class DevicePlace:
    """Where the cells of a grid lie, on a device."""

    def __init__(self, place: Place, device: Device) -> None:
        torch = load_torch()
        self.torch_device = torch.device(str(device))
        self.place = place
        self.weights = self.put(place.weights)
        self.of_cell = self.put(place.areas.of_cell).long()
        self.n_areas = place.areas.size
        self.beside = [tuple(map(self._neighbours, way)) for way in place.beside.ways]

    @property
    def east(self) -> tuple[Any, Any]:
        """Index of the eastern neighbour, 0 where there is none; and whether there is one."""
        east: tuple[Any, Any] = self.beside[0][1]
        return east

    @cached_property
    def row_of(self) -> Any:
        """int64 (cell,), the row of each cell; None where cells lie in none, but have neighbours."""
        geometry = self.place.geometry
        rows = geometry.rows
        if rows is None:
            return None if geometry.graph is not None else self.put(np.zeros(geometry.n_cells, np.int64))
        starts = np.zeros(geometry.n_cells, np.int64)
        starts[rows.starts[1:]] = 1
        return self.put(np.cumsum(starts))

    @cached_property
    def around(self) -> tuple[Any, Any] | None:
        """int64 (pair,) each, cells and the neighbours of each, as `find_isolated_rain` has them; None: unknown."""
        geometry = self.place.geometry
        rows, graph = geometry.rows, geometry.graph
        if graph is not None:
            owner = np.repeat(np.arange(geometry.n_cells), np.diff(graph.starts))
            return self.put(owner), self.put(graph.cells.astype(np.int64))
        if rows is None:
            return None
        owner, other = list_pairs_in_rows(rows.starts, rows.lengths, rows.closed, rows.first, rows.step)
        return self.put(owner), self.put(other)

    def put(self, array: np.ndarray) -> Any:
        """An array on the device; on the host its own memory where that may be written."""
        own = array if array.flags.writeable else array.copy()
        return load_torch().from_numpy(np.ascontiguousarray(own)).to(self.torch_device)

    def put_field(self, values: Any) -> Any:
        """A field on the device: an array, or a tensor that may be there already; of half precision as float32."""
        if isinstance(values, np.ndarray):
            return self.put(values)
        torch = load_torch()
        half = values.dtype in (torch.float16, torch.bfloat16)
        return values.detach().to(self.torch_device, torch.float32 if half else values.dtype)

    def _neighbours(self, index: np.ndarray) -> tuple[Any, Any]:
        return self.put(np.maximum(index, 0)).long(), self.put(index >= 0)
