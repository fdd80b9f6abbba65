"""Whatever arrays say about themselves and each other, there is a source whose parts fit, or one kind of error."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources.cf_data import Plain, fields, plain

from dqwatch.errors import SourceError
from dqwatch.sources.cf import CFSource

NAMES = [
    *("time", "valid_time", "init_time", "step", "month", "hour", "lat", "lon", "nav_lat", "nav_lon", "x", "y", "cell"),
    *("plev", "level", "depth", "height", "number", "expver", "t2m", "ta", "areacella", "crs", "mesh", "strlen"),
    *("bnds", "lat_bnds", "time_bnds", "g/time", "g/t2m", "g/lat"),
]
ATTRIBUTES = {
    "units": [
        *("K", "Pa", "hPa", "m", "days since 2000-01-01", "hours", "degrees_north", "degrees_east", "Months", "1"),
        *("radian", 5, "", np.array([1, 2])),
    ],
    "standard_name": [
        *("latitude", "longitude", "grid_latitude", "grid_longitude", "air_pressure", "height", "depth", "realization"),
        *("time", "forecast_period", "forecast_reference_time", "cell_area", "air_temperature", np.array([1, 2])),
    ],
    "axis": ["X", "Y", "Z", "T", "E"],
    "positive": ["up", "down"],
    "coordinates": ["lat lon", "time", "nav_lat nav_lon", "plev height", "t2m", "nothing"],
    "bounds": ["bnds", "time_bnds", "t2m"],
    "cell_measures": ["area: areacella", "areacella", "area:"],
    "grid_mapping": ["crs", "crs: x y"],
    "grid_mapping_name": ["rotated_latitude_longitude", "lambert"],
    "grid_north_pole_latitude": [37.5, "north"],
    "mesh": ["mesh"],
    "location": ["face", "node"],
    "face_coordinates": ["lon lat", "x y"],
    "cf_role": ["mesh_topology"],
    "calendar": ["noleap", "maya", "360_day"],
    "_FillValue": [0, 1.0, np.nan, "x"],
    "scale_factor": [0.1, "a"],
    "cell_methods": ["time: mean", "area: time: sum"],
    "formula_terms": ["a: lat"],
    "frequency": ["day"],
}
KINDS = ["f4", "f8", "i4", "i2", "S1", "O", "M8[s]", "m8[h]", "?", "c8"]


def values_of(kind: str, numbers: list[int]) -> np.ndarray:
    if kind == "O":
        return np.array([str(n) for n in numbers], object)
    if kind == "S1":
        return np.full(len(numbers), b"a")
    return np.array(numbers, "i8").astype(kind)


@st.composite
def collections(draw):
    """Up to nine arrays of a few dimensions, with any attributes, that agree only about lengths."""
    sizes: dict[str, int] = {}
    arrays = []
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=9, unique=True)):
        dims = (name,) if draw(st.booleans()) else tuple(draw(st.lists(st.sampled_from(NAMES), max_size=4)))
        shape = tuple(sizes.setdefault(d, draw(st.sampled_from([1, 2, 3, 4, 0]))) for d in dims)
        n = int(np.prod(shape))
        numbers = draw(st.lists(st.integers(-100, 1000), min_size=n, max_size=n))
        keys = draw(st.lists(st.sampled_from(sorted(ATTRIBUTES)), max_size=4, unique=True))
        attrs = {k: draw(st.sampled_from(ATTRIBUTES[k])) for k in keys}
        values = values_of(draw(st.sampled_from(KINDS)), numbers)
        arrays.append(Plain(name, dims, values.reshape(shape), None, **attrs))
    return arrays


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(collections())
def test_the_parts_of_a_source_fit_each_other(arrays):
    try:
        source = CFSource("x", "test", plain(*arrays), {"coordinates": "lat lon"})
    except SourceError:
        return
    assert {a.name for a in source.arrays()} == {a.name for a in arrays}
    names = [v.name for v in source.variables]
    assert len(set(names)) == len(names)
    for grid in source.grids:
        for values in (grid.latitudes, grid.longitudes, grid.area_weights):
            assert values is None or values.shape == (grid.n_cells,)
    for axis in source.times:
        assert len(axis.labels) == len(axis.seconds)
    check_fields(source)


def check_fields(source: CFSource) -> None:
    seen = set()
    for field in fields(source):
        variable = source.variables[field.variable]
        assert field.values.shape == (source.grids[variable.grid].n_cells,)
        assert field.time < len(source.times[variable.times])
        assert field.member < variable.members
        seen.add((field.time, field.variable, field.member))
    assert len(seen) == len(list(fields(source)))
    assert len(seen) == sum(len(source.times[v.times]) * v.members for v in source.variables)
