"""Where the cells of a CF variable are: regular, curvilinear, unstructured, rotated, or said to be unknown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dqwatch.sources.coordinates import Collection, role_of_name
from dqwatch.sources.grids import curvilinear_grid, regular_grid, unstructured_grid
from dqwatch.sources.raw import RawArray
from dqwatch.types import Grid

_NOWHERE = "none: there are no latitudes and longitudes"


class Cells(NamedTuple):
    """The horizontal dimensions of a variable."""

    dims: tuple[str, ...]
    """In the order of the grid's shape."""
    key: tuple[Any, ...]
    """The same for variables on the same grid."""
    make: Callable[[], Grid]


class Grids:
    """The grids of a collection, each made once."""

    def __init__(self, collection: Collection) -> None:
        self.made: list[Grid] = []
        self.notes: list[str] = []
        self._collection = collection
        self._indices: dict[tuple[Any, ...], int] = {}

    def index(self, cells: Cells, array: RawArray) -> int:
        """Position in `made` of the grid of some cells, with the cell areas that the file gives if it gives any."""
        areas = next(self._areas(array, cells), None)
        key = (*cells.key, areas.name if areas is not None else "")
        if key not in self._indices:
            grid = cells.make()
            if areas is not None:
                grid = self._weighted(grid, areas, cells)
            self._indices[key] = len(self.made)
            self.made.append(grid)
            if grid.kind == "unknown" and grid.latitudes is None:
                self.notes.append(f"grid '{grid.name}' has no latitudes and longitudes: its checks are left out")
        return self._indices[key]

    def _areas(self, array: RawArray, cells: Cells) -> Iterator[RawArray]:
        named = set(str(array.attrs.get("cell_measures", "")).replace(":", " ").split())
        for name in sorted(self._collection.measures):
            measure = self._collection.arrays[name]
            meant = name in named or str(measure.attrs.get("standard_name")) == "cell_area"
            if meant and sorted(measure.dims) == sorted(cells.dims) and measure.dtype.kind in "iuf":
                yield measure

    def _weighted(self, grid: Grid, areas: RawArray, cells: Cells) -> Grid:
        found = self._collection.values(areas)
        values = np.transpose(found, [areas.dims.index(d) for d in cells.dims]).ravel()
        values = np.where(np.isfinite(values), values, 0.0)
        if (values < 0).any() or not values.sum() > 0:
            self.notes.append(f"cell areas '{areas.name}' are negative or all missing: not used")
            return grid
        return dataclasses.replace(
            grid, area_weights=values / values.sum(), weights_origin=f"cell areas '{areas.name}' of the source"
        )


def find_cells(collection: Collection, array: RawArray) -> Cells | None:
    """The horizontal dimensions of a variable; None if it has none."""
    return (
        _mesh_cells(collection, array)
        or _located_cells(collection, array)
        or _one_sided_cells(collection, array)
        or _projected_cells(collection, array)
        or _listed_cells(collection, array)
    )


def _mesh_cells(collection: Collection, array: RawArray) -> Cells | None:
    """Cells of a UGRID mesh, by the coordinates of its faces, edges or nodes."""
    location = str(array.attrs.get("location", ""))
    for mesh in collection.named(array, "mesh"):
        found = [c for c in collection.named(mesh, f"{location}_coordinates") if len(c.dims) == 1]
        latitudes = [c for c in found if collection.role(c.name) == "latitude"]
        longitudes = [c for c in found if collection.role(c.name) == "longitude"]
        if latitudes and longitudes and latitudes[0].dims == longitudes[0].dims and latitudes[0].dims[0] in array.dims:
            return _paired(collection, latitudes[0], longitudes[0])
    return None


def _located_cells(collection: Collection, array: RawArray) -> Cells | None:
    """Cells by a pair of latitudes and longitudes."""
    referenced = [c.name for c in collection.coordinates(array)]

    def usable(role: str) -> list[RawArray]:
        found = [a for a in collection.with_role(role) if a.dims and set(a.dims) <= set(array.dims)]
        found = [a for a in found if len(a.dims) > 1 or not _is_time(collection, a.dims[0])]
        return sorted(found, key=lambda a: (a.name not in referenced, -len(a.dims)))

    longitudes = usable("longitude")
    for latitude in usable("latitude"):
        fitting = [lon for lon in longitudes if _fit(latitude, lon)]
        if fitting:
            alike = latitude.name.lower().replace("lat", "lon")
            fitting.sort(key=lambda lon: (lon.name not in referenced, lon.name.lower() != alike))
            return _paired(collection, latitude, fitting[0])
    return None


def _is_time(collection: Collection, dim: str) -> bool:
    return collection.dim_role(dim) in ("time", "reference", "lead")


def _fit(latitude: RawArray, longitude: RawArray) -> bool:
    same = latitude.dims == longitude.dims and len(latitude.dims) <= 3
    return same or (len(latitude.dims) == len(longitude.dims) == 1)


def _degrees(collection: Collection, array: RawArray) -> np.ndarray:
    values = collection.values(array)
    return np.degrees(values) if str(array.attrs.get("units", "")).lower().startswith("rad") else values


def _paired(collection: Collection, latitude: RawArray, longitude: RawArray) -> Cells:
    key = (latitude.name, longitude.name)

    def make() -> Grid:
        lat, lon = _degrees(collection, latitude), _degrees(collection, longitude)
        name = f"{latitude.name}, {longitude.name}"
        if latitude.dims != longitude.dims:
            return regular_grid(lat, lon, name)
        if lat.ndim == 1:
            return unstructured_grid(lat, lon, name)
        while lat.ndim > 2:  # WRF writes them anew for every time
            lat, lon = lat[0], lon[0]
        return curvilinear_grid(lat, lon, name)

    if latitude.dims == longitude.dims:
        return Cells(latitude.dims[-2:], key, make)
    return Cells((*latitude.dims, *longitude.dims), key, make)


def _one_sided_cells(collection: Collection, array: RawArray) -> Cells | None:
    """Zonal means, meridional means and sections: cells along one of latitude and longitude."""
    scalars = [c for c in collection.coordinates(array) if not c.shape]
    for role, other in (("latitude", "longitude"), ("longitude", "latitude")):
        for along in collection.with_role(role):
            if len(along.dims) != 1 or along.dims[0] not in array.dims or _is_time(collection, along.dims[0]):
                continue
            fixed = next((c for c in scalars if collection.role(c.name) == other), None)
            return Cells(along.dims, (along.name, fixed.name if fixed else ""), _maker(collection, along, fixed, role))
    return None


def _maker(collection: Collection, along: RawArray, fixed: RawArray | None, role: str) -> Callable[[], Grid]:
    def make() -> Grid:
        values = _degrees(collection, along)
        if fixed is not None:
            place = np.full(values.shape, float(_degrees(collection, fixed)))
            latitudes, longitudes = (values, place) if role == "latitude" else (place, values)
            return unstructured_grid(latitudes, longitudes, f"{along.name}, {fixed.name}")
        if role == "longitude":
            return Grid("unknown", values.shape, None, values, None, "none: there are no latitudes", along.name)
        # The zonal mean of a grid: its rows, each around the globe.
        rows = regular_grid(values, np.zeros(1), along.name)
        return dataclasses.replace(rows, shape=values.shape, longitudes=None)

    return make


def _projected_cells(collection: Collection, array: RawArray) -> Cells | None:
    """Cells on projected or rotated coordinates, or on dimensions that are only called y and x."""
    ys = [d for d in array.dims if _horizontal_role(collection, d) in ("y", "latitude")]
    xs = [d for d in array.dims if _horizontal_role(collection, d) in ("x", "longitude")]
    if not ys or not xs:
        return None
    dims = (ys[-1], xs[-1])
    shape = tuple(array.shape[array.dims.index(d)] for d in dims)
    mapping = next(iter(_mapping(collection, array)), None)
    name = f"{dims[0]}, {dims[1]}"
    pole = _pole(mapping.attrs) if mapping is not None else None
    y, x = (_projected(collection, dim) for dim in dims)
    if mapping is not None and pole is not None and y is not None and x is not None:
        return Cells(dims, (*dims, mapping.name), lambda: _rotated_grid(collection, pole, y, x, name))
    return Cells(dims, (*dims, shape), lambda: Grid("unknown", shape, None, None, None, _NOWHERE, name))


def _projected(collection: Collection, dim: str) -> RawArray | None:
    """The coordinate of a dimension if it is one of a projection."""
    found = collection.along(dim)
    return found if found is not None and collection.role(dim) in ("y", "x") else None


def _horizontal_role(collection: Collection, dim: str) -> str | None:
    role = collection.dim_role(dim)
    return role if role in ("x", "y", "latitude", "longitude", "cell") else None


def _mapping(collection: Collection, array: RawArray) -> Iterator[RawArray]:
    for word in str(array.attrs.get("grid_mapping", "")).split():
        found = collection.find(word.rstrip(":"), array)
        if found is not None and "grid_mapping_name" in found.attrs:
            yield found


_POLE = {"grid_north_pole_latitude": 90.0, "grid_north_pole_longitude": 0.0, "north_pole_grid_longitude": 0.0}


def _pole(attrs: Mapping[str, Any]) -> list[float] | None:
    """The three angles of a rotated pole; None for another mapping, or if they are no numbers."""
    if str(attrs["grid_mapping_name"]) != "rotated_latitude_longitude":
        return None
    try:
        return [float(np.asarray(attrs.get(key, default)).item()) for key, default in _POLE.items()]
    except ValueError:
        return None


def _rotated_grid(collection: Collection, pole: Sequence[float], y: RawArray, x: RawArray, name: str) -> Grid:
    rows, columns = _degrees(collection, y), _degrees(collection, x)
    flat = regular_grid(rows, columns, name)  # a rotation keeps areas
    lat, lon = unrotated(flat.latitudes, flat.longitudes, *pole)
    origin = flat.weights_origin
    origin = origin if origin.startswith("none") else f"{origin}, on the rotated grid"
    return dataclasses.replace(flat, kind="curvilinear", latitudes=lat, longitudes=lon, weights_origin=origin)


def unrotated(
    latitudes: Any, longitudes: Any, pole_latitude: float, pole_longitude: float, pole_grid_longitude: float
) -> tuple[np.ndarray, np.ndarray]:
    """Latitudes and longitudes of places given on a rotated pole, as CF's `rotated_latitude_longitude` defines it.

    Parameters
    ----------
    latitudes, longitudes : np.ndarray (cell,), degrees on the rotated grid
    pole_latitude, pole_longitude : float, degrees
        Where the north pole of the rotated grid is.
    pole_grid_longitude : float, degrees
        Longitude of the true north pole on the rotated grid.

    Returns
    -------
    tuple of np.ndarray (cell,), degrees north and degrees east in -180..180
    """
    phi, lam = np.radians(latitudes), np.radians(np.asarray(longitudes) - pole_grid_longitude)
    tilt = np.radians(pole_latitude)
    sine = np.sin(tilt) * np.sin(phi) + np.cos(tilt) * np.cos(phi) * np.cos(lam)
    east = -np.cos(phi) * np.sin(lam)
    north = np.cos(tilt) * np.sin(phi) - np.sin(tilt) * np.cos(phi) * np.cos(lam)
    lon = pole_longitude + np.degrees(np.arctan2(east, north))
    return np.degrees(np.arcsin(np.clip(sine, -1, 1))), (lon + 180) % 360 - 180


def _listed_cells(collection: Collection, array: RawArray) -> Cells | None:
    """A list of cells or stations without places."""
    dim = next((d for d in array.dims if role_of_name(d) == "cell"), None)
    if dim is None:
        return None
    shape = (array.shape[array.dims.index(dim)],)
    return Cells((dim,), (dim, shape), lambda: Grid("unknown", shape, None, None, None, _NOWHERE, dim))
