"""All relations: which variables they need, in which units, and what is allowed.

Figures marked P are proposals of dqwatch, tried on real data that hold such pairs: an ERA5 state on 37 levels, a year
of hourly ERA5 at six cells, a GFS forecast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dqwatch.metrics.relations import clouds, levels, phases, radiation, rain, surface, thermodynamic, wind
from dqwatch.metrics.relations.relation import PREVIOUS, Judgement, Levels, Relation

UNITS: Mapping[str, str] = {
    **dict.fromkeys(("2t", "2d", "mn2t", "mx2t", "sst", "t_*"), "K"),
    **dict.fromkeys(("tp", "cp", "lsp", "sf", "ro", "sro", "ssro", "sd", "sde", "orog", "gh_*"), "m"),
    **dict.fromkeys(("tprate", "cprate", "lsprate"), "kg m-2 s-1"),
    **dict.fromkeys(("10u", "10v", "10si", "100u", "100v", "100si", "u_*", "v_*", "ws_*", "10fg", "i10fg"), "m s-1"),
    **dict.fromkeys(("tcc", "lcc", "mcc", "hcc", "lsm", "ci", "slt"), "1"),
    **dict.fromkeys(("ssrd", "ssr", "strd", "str", "tisr", "tsr", "ttr", "fdir"), "J m-2"),
    **dict.fromkeys(("avg_sdswrf", "avg_snswrf", "avg_tdswrf", "avg_tnswrf", "avg_sdlwrf", "avg_snlwrf"), "W m-2"),
    **dict.fromkeys(("swvl1", "swvl2", "swvl3", "swvl4"), "m3 m-3"),
    **dict.fromkeys(("z", "z_*"), "m2 s-2"),
    **dict.fromkeys(("2sh", "q_*"), "kg kg-1"),
    "rlut": "W m-2",
    "2r": "%",
    "sp": "Pa",
}
"""Units in which relations want their variables: those of the catalogue."""
P = "P"
PACKED = "P; the packing errors of the variables are added"
"""Sources of tolerances."""


@dataclass(frozen=True)
class Series:
    """A relation of one variable with the sun over all its times: `make()` gathers fields, one at a time."""

    id: str
    variable: str
    make: Callable[[], phases.Phase]
    unit: str
    tolerance: float
    tolerance_source: str
    text: str

    @property
    def units(self) -> str:
        """Units in which fields are added."""
        return UNITS[self.variable]


def _relation(
    name: str,
    function: Judgement,
    needs: str,
    unit: str,
    tolerance: float,
    source: str,
    text: str,
    *,
    optional: str = "",
    **rest: Any,
) -> Relation:
    """A relation; its variables separated by blanks."""
    variables, more = tuple(needs.split()), tuple(optional.split())
    units = {v: UNITS[v.removesuffix(PREVIOUS)] for v in (*variables, *more)}
    return Relation(name, function, variables, units, unit, tolerance, source, text, optional=more, **rest)


def _accumulations() -> list[Relation]:
    """Of each variable that may only grow while it is accumulated."""
    depth, energy = (rain.DEPTH, "m", "tp cp lsp sf ro sro ssro"), (radiation.ENERGY, "J m-2", "ssrd strd tisr fdir")
    source = "GRIB FAQ of ECMWF: -2 x packing error; " + P + " for data that are not packed"
    found = []
    for tolerance, unit, names in (depth, energy):
        for name in names.split():
            grows, starts = rain.never_decreases(name, tolerance), rain.starts_at_zero(name, tolerance)
            text = f"{name} accumulated from the start of a forecast"
            found += [
                _relation(
                    "accum", grows, f"{name}{PREVIOUS} {name}", unit, tolerance, source, f"{text} does not decrease",
                    from_start=True, share=0.001,
                ),
                _relation(
                    "accum_start", starts, name, unit, tolerance, source, f"{text} is 0 there", from_start=True
                ),
            ]  # fmt: skip
    return found


def _below(
    name: str, make: Callable, pairs: str, unit: str, tolerance: float, text: str, **rest: Any
) -> list[Relation]:
    """One relation for each of the `pairs`, `ssr<ssrd tsr<tisr`."""
    found = []
    for first, second in (pair.split("<") for pair in pairs.split()):
        words = f"{first} <= {second}: {text}"
        function = make(first, second)
        found.append(_relation(name, function, f"{first} {second}", unit, tolerance, PACKED, words, **rest))
    return found


def _winds() -> list[Relation]:
    source = "P: 1e-3 of the speed; plus 0.01 m/s and the packing errors of three fields"
    both, least = wind.speed_is_that_of_components, wind.speed_not_below_components
    found = []
    for needs in ("10si 10u 10v", "100si 100u 100v", "ws_* u_* v_*"):
        how: Levels = "each" if "*" in needs else ""
        found += [
            _relation(
                "wind", both, needs, "m s-1", wind.LEAST, source, "speed = sqrt(u2 + v2)",
                kinds=("instant",), levels=how, share=0.05,
            ),
            _relation(
                "wind_mean", least, needs, "m s-1", wind.LEAST, source, "speed >= sqrt(u2 + v2), of means too",
                levels=how, share=0.001,
            ),
        ]  # fmt: skip
    return found


RELATIONS: tuple[Relation, ...] = (
    _relation(
        "td_le_t", thermodynamic.dewpoint_below_temperature, "2d 2t", "K", thermodynamic.DEWPOINT_EXCESS, PACKED,
        "dew point <= temperature at 2 m", share=0.001,
    ),
    _relation(
        "tas_order", thermodynamic.ordered_extremes, "", "K", thermodynamic.ORDER,
        "xclim data flags: 0; GFS differs by up to 0.06 K (P); packing errors are added",
        "minimum <= temperature <= maximum at 2 m", optional="mn2t 2t mx2t", least=2, one_period=False,
    ),
    *(
        _relation(
            "humidity", thermodynamic.humidity_agrees, needs, "%", thermodynamic.HUMIDITY, P,
            "relative humidity at 2 m is that of temperature and moisture, over water or ice", share=0.01,
        )
        for needs in ("2r 2t 2d", "2r 2t 2sh sp")
    ),
    *_below("cp_le_tp", rain.depth_below, "cp<tp", "m", rain.DEPTH, "a part", share=0.005),
    *_below(
        "cp_le_tp", rain.rate_below, "cprate<tprate", "kg m-2 s-1", rain.RATE, "a part",
        share=0.005,
    ),
    *_below("sf_le_tp", rain.depth_below, "sf<tp", "m", rain.DEPTH, "a part", share=0.001),
    _relation(
        "rain_parts", rain.parts_make_total, "cp lsp tp", "m", rain.DEPTH, PACKED, "cp + lsp = tp", share=0.001
    ),
    _relation(
        "rain_parts", rain.parts_make_total, "cprate lsprate tprate", "kg m-2 s-1", rain.RATE, PACKED,
        "cprate + lsprate = tprate", share=0.001,
    ),
    *_accumulations(),
    *_winds(),
    *(
        _relation(
            "gust", wind.gust_not_below_wind, f"{gust} 10u 10v", "m s-1", wind.GUST, P,
            "gust >= wind speed at 10 m", share=0.01, one_period=False,
        )
        for gust in ("10fg", "i10fg")
    ),
    _relation(
        "clouds", clouds.layers_bound_total, "tcc", "1", clouds.COVER, PACKED,
        "max(lcc, mcc, hcc) <= tcc <= min(1, their sum)", optional="lcc mcc hcc", least=1, share=0.01,
    ),
    *_below(
        "radiation_net", radiation.energy_below, "ssr<ssrd tsr<tisr str<strd", "J m-2", radiation.ENERGY,
        "net radiation is at most the downward one; the tolerance is per hour", share=0.001,
    ),
    *_below(
        "radiation_net", radiation.flux_below,
        "avg_snswrf<avg_sdswrf avg_tnswrf<avg_tdswrf avg_snlwrf<avg_sdlwrf", "W m-2", radiation.FLUX,
        "net radiation is at most the downward one", share=0.001,
    ),
    *_below(
        "radiation_direct", radiation.energy_below, "fdir<ssrd", "J m-2", radiation.ENERGY,
        "direct radiation is part of the global; the tolerance is per hour", share=0.001,
    ),
    *_below(
        "radiation_top", radiation.energy_below, "ssrd<tisr", "J m-2", radiation.ENERGY,
        "no more sun at the ground than at the top; the tolerance is per hour", share=0.001,
    ),
    *_below(
        "radiation_top", radiation.flux_below, "avg_sdswrf<avg_tdswrf", "W m-2", radiation.FLUX,
        "no more sun at the ground than at the top", share=0.001,
    ),
    _relation(
        "radiation_olr", radiation.leaves_upward, "ttr", "J m-2", radiation.ENERGY, PACKED,
        "ttr <= 0: downward positive, and thermal radiation leaves; the tolerance is per hour",
    ),
    _relation(
        "radiation_olr", radiation.leaves_upward, "rlut", "W m-2", radiation.FLUX, PACKED, "outgoing radiation >= 0"
    ),
    _relation(
        "night", radiation.dark_at_night("ssrd", is_rate=False), "ssrd", "J m-2", radiation.ENERGY, PACKED,
        "no sunshine where the sun stays below -6 degrees; the tolerance is per hour", share=0.001,
    ),
    _relation(
        "night", radiation.dark_at_night("avg_sdswrf", is_rate=True), "avg_sdswrf", "W m-2", radiation.FLUX, PACKED,
        "no sunshine where the sun stays below -6 degrees", share=0.001,
    ),
    *(
        _relation(
            "hydrostatic", levels.thickness_is_hydrostatic, needs, "m", levels.THICKNESS,
            "P: 20 m or 1 %; or 300 m x ln(pressure ratio)^2, the curvature between two levels",
            "thickness = R/g Tv ln(p1/p2)", optional="q_* sp z", share=0.05, levels="pairs",
        )
        for needs in ("z_* t_*", "gh_* t_*")
    ),
    *(
        _relation(
            "levels_height", levels.height_grows_upward, needs, "m", 0.0, P + ": a layer as thick as at 34 K",
            "height grows from level to level", levels="pairs",
        )
        for needs in ("z_*", "gh_*")
    ),
    _relation(
        "levels_theta", levels.potential_temperature_grows_upward, "t_*", "K", levels.OVERTURN, P,
        "potential temperature does not fall from level to level", share=0.01, levels="pairs",
    ),
    *(
        _relation(
            "sp_orography", levels.pressure_follows_ground, needs, "1", levels.UNEXPLAINED, P + ": r2 > 0.95",
            "ln(sp) is a straight line of the height of the ground",
        )
        for needs in ("sp z", "sp orog")
    ),
    _relation("snow_sign", surface.snow_not_negative, "sd", "m", surface.NEGATIVE, PACKED, "snow >= 0"),
    _relation(
        "snow_warm", surface.no_snow_in_warmth, "sd 2t", "m", 0.0, P, "at most 1 cm of water in snow above 20 degC",
        share=0.01,
    ),
    _relation(
        "snow_density", surface.snow_has_density, "sd sde", "kg m-3", 0.0, P, "density of snow is 30..950 kg m-3",
        share=0.01,
    ),
    _relation(
        "sst_ice", surface.ice_is_cold, "ci sst", "K", 0.0, P, "sst < 275 K where ice covers 15 % and more", share=0.01
    ),
    _relation(
        "soil_porosity", surface.soil_water_fits_pores, "", "m3 m-3", surface.SOIL,
        "porosities of the ECMWF land scheme by soil type; 0.02 for interpolation (P)",
        "soil water <= porosity", optional="swvl1 swvl2 swvl3 swvl4 slt", least=1, share=0.001,
    ),
    _relation(
        "lsm", surface.sea_is_where_land_is_not, "lsm sst", "1", 0.5, P, "sst is missing on land only", share=0.01
    ),
)  # fmt: skip
"""Every relation at one time (or between it and the lead time before)."""

SERIES: tuple[Series, ...] = (
    *(
        Series(
            "ssrd_zenith", name, phases.SunshinePhase, "h", phases.SUNSHINE_LAG, P, "sunshine keeps the time of the sun"
        )
        for name in ("ssrd", "avg_sdswrf", "tisr", "avg_tdswrf")
    ),
    Series(
        "warmth_phase", "2t", phases.WarmthPhase, "h", phases.WARMTH_LAG, P, "2t is warmest at about 14.5 h local time"
    ),
)
"""Relations over many times, gathered field by field."""
