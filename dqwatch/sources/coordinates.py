"""What each array of a CF data set is for: latitude, time, level, bounds, ... or data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.sources.decoding import NoFieldsError, decode, make_decoder
from dqwatch.sources.raw import RawArray
from dqwatch.sources.times import has_reference
from dqwatch.sources.words import with_words

_BY_STANDARD_NAME = {
    "latitude": "latitude",
    "longitude": "longitude",
    "time": "time",
    "forecast_reference_time": "reference",
    "forecast_period": "lead",
    "realization": "member",
    "grid_latitude": "y",
    "grid_longitude": "x",
    "projection_y_coordinate": "y",
    "projection_x_coordinate": "x",
    "projection_y_angular_coordinate": "y",
    "projection_x_angular_coordinate": "x",
}
_VERTICAL = frozenset(
    {
        *("air_pressure", "height", "altitude", "depth", "model_level_number", "sea_water_pressure"),
        *("height_above_mean_sea_level", "height_above_geopotential_datum", "air_potential_temperature"),
        *("atmosphere_ln_pressure_coordinate", "atmosphere_sigma_coordinate", "atmosphere_sleve_coordinate"),
        *("atmosphere_hybrid_sigma_pressure_coordinate", "atmosphere_hybrid_height_coordinate"),
        *("ocean_sigma_coordinate", "ocean_s_coordinate", "ocean_s_coordinate_g1", "ocean_s_coordinate_g2"),
        *("ocean_sigma_z_coordinate", "ocean_double_sigma_coordinate"),
    }
)
"""Standard names of vertical coordinates."""
_BY_UNITS = {
    **dict.fromkeys(("degrees_north", "degree_north", "degree_n", "degrees_n", "degreen", "degreesn"), "latitude"),
    **dict.fromkeys(("degrees_east", "degree_east", "degree_e", "degrees_e", "degreee", "degreese"), "longitude"),
}
_BY_NAME = {
    "latitude": r"lats?|latitudes?|nav_lat\w*|x?lat_\w+|xlat|[ctu]lat|geolat\w*|gphi[tuvf]|(?:mesh2d_)?face_lat",
    "longitude": r"lons?|longitudes?|nav_lon\w*|x?lon_\w+|xlong?(?:_\w+)?|[ctu]lon|geolon\w*|glam[tuvf]"
    r"|(?:mesh2d_)?face_lon",
    "time": r"times?|valid_?times?|time_counter|time_\w+|xtime|datetimes?|dates?|validity_time",
    "reference": r"forecast_reference_time|ref_?time|init(?:ial)?(?:ization)?(?:_?time)?|base_?(?:time|date)s?"
    r"|analysis_time|run_?time|model_run",
    "lead": r"forecast_period|forecast_hour|fhour|steps?|lead(?:_?times?)?|prediction_timedelta",
    "member": r"number|members?|reali[sz]ation|ens(?:emble)?s?(?:_member)?s?",
    "vertical": r"p?lev(?:el)?s?(?:_?\d+)?|pressure(?:_?levels?)?|isobaric\w*|p|heights?\w*|altitude|alt|depth\w*"
    r"|z|zlev\w*|z_\w|zt|st_ocean|sw_ocean|isentropic\w*|hybrid\w*|sigma\w*|model_?levels?\w*|generalvertical\w*"
    r"|bottom_top\w*|soil_?\w*|sdepth|hlevs?|nlevs?|vertical|layers?",
    "index": r"months?|seasons?|day_?of_?year|doy|hours?(?:_of_day)?|years?|weeks?(?:_of_year)?|month_of_year"
    r"|climatology",
    "y": r"y|yc|y_?\d|rlat\w*|south_north\w*|j|nj|nlat|y_grid\w*|yt_ocean|yu_ocean|lines?|rows?",
    "x": r"x|xc|x_?\d|rlon\w*|west_east\w*|i|ni|nlon|x_grid\w*|xt_ocean|xu_ocean|columns?|pixels?",
    "cell": r"n?cells?\w*|ncol|n?nodes?\w*|n?faces?\w*|n?points?|values|stations?\w*|n?sites?|rgrid|hpx\w*"
    r"|healpix\w*|pix",
}
_NAMES = {role: re.compile(pattern, re.IGNORECASE) for role, pattern in _BY_NAME.items()}
_BOUNDS = re.compile(r"_(bnds|bounds|bnd|vertices|verts|corners)$", re.IGNORECASE)
_ALWAYS = ("latitude", "longitude", "time", "reference", "lead")
"""Roles that a declaration (standard name, units) settles, whether or not anybody refers to the array."""

_NUMERIC = ("latitude", "longitude", "vertical", "x", "y")
"""Roles that only numbers can have."""


def role_of_name(name: str) -> str | None:
    """What a dimension or coordinate of this name usually is."""
    last = name.rsplit("/", 1)[-1]
    return next((role for role, pattern in _NAMES.items() if pattern.fullmatch(last)), None)


def declared_role(array: RawArray) -> str | None:
    """What an array says it is, by its attributes or type."""
    attrs = array.attrs
    standard_name = str(attrs.get("standard_name", "")).strip()
    if standard_name in _BY_STANDARD_NAME:
        return _BY_STANDARD_NAME[standard_name]
    if standard_name in _VERTICAL:
        return "vertical"
    units = str(attrs.get("units", "")).strip().lower()
    if units in _BY_UNITS:
        return _BY_UNITS[units]
    if array.dtype.kind == "M" or has_reference(attrs):
        named = role_of_name(array.name)
        return named if named == "reference" else "time"
    if array.dtype.kind == "m":
        return "lead"
    axis = str(attrs.get("axis", "")).strip().upper()
    if axis in ("T", "Z", "E"):
        return {"T": "time", "Z": "vertical", "E": "member"}[axis]
    if str(attrs.get("positive", "")).lower() in ("up", "down") and len(array.dims) < 2:
        return "vertical"
    if axis in ("X", "Y"):
        return role_of_name(array.name) if role_of_name(array.name) in ("latitude", "longitude") else axis.lower()
    return None


class Collection:
    """The arrays of one data set and what they say about each other; names of groups are paths."""

    def __init__(self, arrays: Mapping[str, RawArray], attributes: Mapping[str, Any]) -> None:
        self.arrays = with_words(arrays)
        self.attributes = attributes
        self._values: dict[str, np.ndarray] = {}
        self._roles: dict[str, str | None] = {}

    def find(self, name: str, near: RawArray) -> RawArray | None:
        """The array that another one means by a name: in its own group, else further out."""
        group = near.name.rpartition("/")[0]
        while True:
            path = f"{group}/{name}" if group else name
            if path in self.arrays:
                return self.arrays[path]
            if not group:
                return self.arrays.get(name.lstrip("/"))
            group = group.rpartition("/")[0]

    def along(self, dim: str) -> RawArray | None:
        """The coordinate of a dimension that has its name."""
        found = self.arrays.get(dim)
        return found if found is not None and found.dims == (dim,) else None

    def named(self, array: RawArray, attribute: str) -> Iterator[RawArray]:
        """The arrays that an attribute names, blank-separated; words that end in a colon are keys."""
        for word in str(array.attrs.get(attribute, "")).split():
            found = None if word.endswith(":") else self.find(word, array)
            if found is not None:
                yield found

    def coordinates(self, array: RawArray) -> list[RawArray]:
        """The coordinates that an array refers to, and those of its dimensions."""
        named = [c for c in self.named(array, "coordinates") if c.name != array.name]
        own = [c for c in map(self.along, array.dims) if c is not None]
        return list({c.name: c for c in [*named, *own]}.values())

    @cached_property
    def referenced(self) -> set[str]:
        """Names of all that some array calls a coordinate."""
        found = {c.name for array in self.arrays.values() for c in self.named(array, "coordinates")}
        return found | {n for n in str(self.attributes.get("coordinates", "")).split() if n in self.arrays}

    @cached_property
    def bounds(self) -> set[str]:
        """Names of the bounds of coordinates."""
        keys = ("bounds", "climatology", "cell_bounds", "nodes", "geometry")
        found = {b.name for array in self.arrays.values() for key in keys for b in self.named(array, key)}
        for name, array in self.arrays.items():
            owner = self.find(_BOUNDS.sub("", name.rsplit("/", 1)[-1]), array)
            if owner is not None and owner.name != name and len(array.dims) > len(owner.dims):
                found.add(name)
        return found

    @cached_property
    def measures(self) -> set[str]:
        """Names of the cell measures."""
        found = {m.name for array in self.arrays.values() for m in self.named(array, "cell_measures")}
        return found | {n for n, a in self.arrays.items() if str(a.attrs.get("standard_name")) == "cell_area"}

    @cached_property
    def supports(self) -> set[str]:
        """Names of grid mappings and meshes, which hold attributes or indices, and of label arrays of dimensions."""
        found = {m.name for a in self.arrays.values() for m in self.named(a, "grid_mapping") if not m.shape}
        found |= {m.name for array in self.arrays.values() for m in self.named(array, "mesh")}
        marks = ("grid_mapping_name", "cf_role")
        return found | {n for n, a in self.arrays.items() if any(mark in a.attrs for mark in marks)}

    def role(self, name: str) -> str | None:
        """What an array is if it is a coordinate; None for data."""
        if name not in self._roles:
            found = self._role(self.arrays[name])
            if found in _NUMERIC and self.arrays[name].dtype.kind not in "iuf":
                found = "auxiliary"
            self._roles[name] = found
        return self._roles[name]

    def _role(self, array: RawArray) -> str | None:
        if array.name in self.bounds or array.name in self.supports or array.name in self.measures:
            return None
        if len(set(array.dims)) < len(array.dims):
            return None
        is_coordinate = array.dims == (array.name,) or array.name in self.referenced
        declared = declared_role(array)
        if declared in _ALWAYS and (is_coordinate or self._stands_alone(array, declared)):
            return declared
        if not is_coordinate:
            # Many files forget to refer to their two-dimensional latitudes.
            named = role_of_name(array.name)
            found = named in ("latitude", "longitude") and len(array.dims) in (1, 2) and array.dtype.kind == "f"
            found = found or (named in ("time", "reference", "lead") and not array.shape)
            return named if found else None
        return declared or role_of_name(array.name) or "auxiliary"

    @staticmethod
    def _stands_alone(array: RawArray, declared: str) -> bool:
        """Whether an array that nobody refers to is a coordinate all the same, and not a field of, say, times."""
        if declared in ("latitude", "longitude"):
            return len(array.dims) <= 3
        return len(array.dims) <= 1 or (len(array.dims) == 2 and role_of_name(array.name) == declared)

    def with_role(self, role: str) -> Iterator[RawArray]:
        """All arrays of a role."""
        return (a for name, a in self.arrays.items() if self.role(name) == role)

    def dim_role(self, dim: str) -> str | None:
        """What a dimension is, by its coordinate or else its name."""
        if self.along(dim) is not None:
            found = self.role(dim)
            if found not in (None, "auxiliary"):
                return found
        return role_of_name(dim)

    def values(self, array: RawArray) -> np.ndarray:
        """All values of a coordinate: dates and text as they are, numbers decoded to float64 with NaN where missing."""
        if array.name not in self._values:
            self._values[array.name] = self._decoded(array)
        return self._values[array.name]

    def _decoded(self, array: RawArray) -> np.ndarray:
        raw = self.raw(array)
        if raw.dtype.kind not in "biuf":
            return raw
        try:
            decoder = make_decoder(raw.dtype, array.attrs)
        except NoFieldsError:  # packed nobody knows how
            return np.full(raw.shape, np.nan)
        out = np.empty(raw.shape, decoder.result)
        with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
            if decoder.scale is None and decoder.offset is None and not decoder.fills:
                return raw.astype(np.float64)  # integers beyond the reach of float32 too
            decode(decoder, raw, out, Buffers())
            return out.astype(np.float64)

    def raw(self, array: RawArray) -> np.ndarray:
        """All values of an array as stored."""
        return array.read(tuple(slice(None) for _ in array.shape), None, Buffers())
