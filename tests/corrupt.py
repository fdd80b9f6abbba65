"""Corrupters: each breaks one thing in clean data, at a severity; the default is the smallest that must be found.

A corrupter of a relation is named after it. It takes fields by name, float (..., cell), in the units of
`dqwatch.metrics.relations.definitions.UNITS`, and returns them with what it changed in place of the clean ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

Fields = Mapping[str, np.ndarray]
PREVIOUS = "@previous"


def first_cells(values: np.ndarray, share: float) -> np.ndarray:
    """Bool (..., cell): a share of the cells, spread evenly."""
    n = values.shape[-1]
    chosen = np.zeros(n, bool)
    chosen[np.linspace(0, n - 1, max(1, round(share * n))).astype(int)] = True
    return np.broadcast_to(chosen, values.shape)


def put(fields: Fields, name: str, values: np.ndarray, share: float = 1.0) -> dict[str, np.ndarray]:
    """The fields with new values of one variable in a share of the cells."""
    return {**fields, name: np.where(first_cells(fields[name], share), values, fields[name])}


def one_of(fields: Fields, *names: str) -> str:
    return next(name for name in names if name in fields)


def stems(fields: Fields, *stems: str) -> list[str]:
    """Names on levels, from the ground upward."""
    found = [name for name in fields if name.rsplit("_", 1)[0] in stems and name[-1].isdigit() and "_" in name]
    return sorted(found, key=lambda name: -float(name.rsplit("_", 1)[1]))


def td_le_t(fields: Fields, excess: float = 0.15) -> dict[str, np.ndarray]:
    """Dew point above temperature by some K in 1 % of the cells."""
    return put(fields, "2d", fields["2t"] + excess, 0.01)


def tas_order(fields: Fields, excess: float = 0.15) -> dict[str, np.ndarray]:
    """Minimum above the temperature by some K in one cell."""
    return put(fields, "mn2t", fields["2t"] + excess, 0)


def humidity(fields: Fields, points: float = 6.0) -> dict[str, np.ndarray]:
    """Relative humidity too high by some percentage points, beyond both ways to refer it."""
    cold = np.where(fields["2t"] < 273.16, 1.0, 0.0)
    over_ice = fields["2r"] * np.exp(cold * (22.587 * (273.16 - fields["2t"]) / (fields["2t"] + 0.7)
        - 17.502 * (273.16 - fields["2t"]) / (fields["2t"] - 32.19)))  # fmt: skip
    return put(fields, "2r", over_ice + points, 0.02)


def cp_le_tp(fields: Fields, excess: float = 2.0) -> dict[str, np.ndarray]:
    """Convective above total precipitation by so many hundredths of a millimetre (in 3 h) in 2 % of the cells."""
    depth = "cp" in fields
    part, total = ("cp", "tp") if depth else ("cprate", "tprate")
    return put(fields, part, fields[total] + excess * (1e-5 if depth else 1e-6), 0.02)


def sf_le_tp(fields: Fields, excess: float = 2.0) -> dict[str, np.ndarray]:
    """Snowfall above total precipitation by so many hundredths of a millimetre in 2 % of the cells."""
    return put(fields, "sf", fields["tp"] + excess * 1e-5, 0.02)


def rain_parts(fields: Fields, factor: float = 1.1) -> dict[str, np.ndarray]:
    """Large-scale precipitation of another period: off by a factor."""
    name = one_of(fields, "lsp", "lsprate")
    return put(fields, name, fields[name] * factor)


def accum(fields: Fields, factor: float = 0.9) -> dict[str, np.ndarray]:
    """An accumulation smaller than before, by a factor."""
    name = next(name for name in fields if name + PREVIOUS in fields)
    return put(fields, name, fields[name + PREVIOUS] * factor)


def accum_start(fields: Fields, factor: float = 0.1) -> dict[str, np.ndarray]:
    """The first field holds a part of what fell before the start."""
    (name,) = fields
    return put(fields, name, fields[name] * factor)


def wind(fields: Fields, factor: float = 1.01) -> dict[str, np.ndarray]:
    """Speed too high by a factor."""
    name = next(name for name in fields if name in ("10si", "100si") or name.startswith("ws_"))
    return put(fields, name, fields[name] * factor)


def wind_mean(fields: Fields, factor: float = 0.99) -> dict[str, np.ndarray]:
    """Speed too low by a factor."""
    return wind(fields, factor)


def gust(fields: Fields, factor: float = 0.9) -> dict[str, np.ndarray]:
    """Gusts of another time or scale: below the wind by a factor."""
    return put(fields, one_of(fields, "10fg", "i10fg"), factor * np.hypot(fields["10u"], fields["10v"]))


def clouds(fields: Fields, factor: float = 0.95) -> dict[str, np.ndarray]:
    """Total cover smaller than that of the layers, by a factor."""
    layers = [fields[name] for name in ("lcc", "mcc", "hcc") if name in fields]
    return put(fields, "tcc", factor * np.max(layers, axis=0), 0.1)


def radiation_net(fields: Fields, factor: float = 1.1) -> dict[str, np.ndarray]:
    """Net radiation above the downward one by a factor."""
    net, down = fields
    return put(fields, net, fields[down] * factor)


radiation_direct = radiation_top = radiation_net


def radiation_olr(fields: Fields, factor: float = -1.0) -> dict[str, np.ndarray]:
    """The other sign convention."""
    (name,) = fields
    return put(fields, name, factor * fields[name])


def night(fields: Fields, flux: float = 2.0) -> dict[str, np.ndarray]:
    """So many W m-2 everywhere, also in the dark: a shift in time, noise, a filled gap (of 6 h)."""
    (name,) = fields
    return put(fields, name, fields[name] + flux * (1 if name.startswith("avg") else 6 * 3600))


def hydrostatic(fields: Fields, kelvin: float = 15.0) -> dict[str, np.ndarray]:
    """One level too warm by some K (two neighbours at 850 and 700 hPa: 42 m)."""
    name = stems(fields, "t")[0]
    return put(fields, name, fields[name] + kelvin)


def levels_height(fields: Fields, share: float = 0.001) -> dict[str, np.ndarray]:
    """One level is a copy of the one below in a share of the cells."""
    low, high = stems(fields, "z", "gh")[:2]
    return put(fields, high, fields[low], share)


def levels_theta(fields: Fields, kelvin: float = 5.5) -> dict[str, np.ndarray]:
    """The lower of two levels is potentially warmer by some K."""
    low, high = stems(fields, "t")[:2]
    ratio = float(low.rsplit("_", 1)[1]) / float(high.rsplit("_", 1)[1])
    return put(fields, low, (fields[high] * ratio ** (287.0597 / 1004.709)) + kelvin, 0.05)


def sp_orography(fields: Fields, cells: int = 3) -> dict[str, np.ndarray]:
    """Surface pressure on a grid that starts some cells further east."""
    return put(fields, "sp", np.roll(fields["sp"], cells, axis=-1))


def snow_sign(fields: Fields, depth: float = 1e-4) -> dict[str, np.ndarray]:
    """A cell with less than no snow, by so many m of water."""
    return put(fields, "sd", np.full_like(fields["sd"], -depth), 0)


def snow_warm(fields: Fields, depth: float = 0.02) -> dict[str, np.ndarray]:
    """Snow, in m of water, everywhere."""
    return put(fields, "sd", fields["sd"] + depth)


def snow_density(fields: Fields, factor: float = 5.0) -> dict[str, np.ndarray]:
    """Snow of another density or unit: lower by a factor."""
    return put(fields, "sde", fields["sde"] / factor)


def sst_ice(fields: Fields, kelvin: float = 5.0) -> dict[str, np.ndarray]:
    """The sea too warm by some K."""
    return put(fields, "sst", fields["sst"] + kelvin)


def soil_porosity(fields: Fields, factor: float = 1.5) -> dict[str, np.ndarray]:
    """Soil wetter by a factor: water over porosity, or another layer depth."""
    return put(fields, "swvl1", fields["swvl1"] * factor)


def lsm(fields: Fields, cells: int = 2) -> dict[str, np.ndarray]:
    """The land mask shifted by some cells."""
    return put(fields, "lsm", np.roll(fields["lsm"], cells, axis=-1))


CORRUPTERS: dict[str, Callable[..., dict[str, np.ndarray]]] = {
    function.__name__: function
    for function in (
        td_le_t, tas_order, humidity, cp_le_tp, sf_le_tp, rain_parts, accum, accum_start, wind, wind_mean, gust, clouds,
        radiation_net, radiation_olr, night, hydrostatic, levels_height, levels_theta, sp_orography, snow_sign,
        snow_warm, snow_density, sst_ice, soil_porosity, lsm,
    )
} | {"radiation_direct": radiation_direct, "radiation_top": radiation_top}  # fmt: skip
"""Of the relations at one time, by id."""
