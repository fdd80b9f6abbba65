"""A clean state of every variable that relations know, by simple laws on a small global grid."""

from __future__ import annotations

import numpy as np

from dqwatch.metrics.relations import PREVIOUS, Context

LEVELS = (1000, 925, 850, 700, 500, 400, 300, 250, 200, 150, 100, 50)
SECONDS = float(np.datetime64("2021-04-10T18:00", "s").astype(np.int64))
PERIOD = 6.0


def clean_context(n_lat: int = 36, n_lon: int = 72, **rest: object) -> Context:
    """18 UTC on a day of April, after 6 h of accumulation; cells in rows from north to south."""
    lat = 90 - 180 / n_lat * (np.arange(n_lat) + 0.5)
    lon = 360 / n_lon * np.arange(n_lon)
    latitudes, longitudes = np.repeat(lat, n_lon), np.tile(lon, n_lat)
    weights = np.cos(np.radians(latitudes))
    known = {"seconds": SECONDS, "step_h": PERIOD, "lead_h": 2 * PERIOD, "period_h": PERIOD}
    return Context(latitudes, longitudes, weights / weights.sum(), **(known | rest))  # type: ignore[arg-type]


def waves(context: Context, number: int) -> np.ndarray:
    """A smooth field between -1 and 1; another for each number."""
    lat, lon = np.radians(context.latitudes), np.radians(context.longitudes)
    return np.sin((1 + number % 5) * lon + 0.7 * number) * np.cos((1 + number % 3) * lat - 0.3 * number)


def cosine_of_zenith(context: Context, hours_before: float) -> np.ndarray:
    """By the declination of Cooper (1969) and mean solar time: good to a degree or two."""
    when = np.datetime64(int(context.seconds - 3600 * hours_before), "s")
    day = (when - when.astype("M8[Y]")) / np.timedelta64(1, "D")
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + 1 + day) / 365)
    hour = np.radians(360 * (day % 1) + context.longitudes - 180)
    lat = np.radians(context.latitudes)
    return np.sin(lat) * np.sin(declination) + np.cos(lat) * np.cos(declination) * np.cos(hour)


def clean_state(context: Context) -> dict[str, np.ndarray]:
    """Every variable, float64 (cell,), in the units of dqwatch.metrics.relations.definitions.UNITS."""
    height = 4000 * np.clip(waves(context, 1) - 0.4, 0, None) ** 0.5
    state = {"z": 9.80665 * height, "orog": height, "lsm": (waves(context, 2) > 0.3).astype(float)}
    state |= _surface(context, state) | _aloft(context, height) | _sky(context)
    for name in ("tp", "cp", "lsp", "sf", "ro", "sro", "ssro", "ssrd", "strd", "tisr", "fdir"):
        state[name + PREVIOUS] = 0.5 * state[name]
    return state


def _surface(context: Context, static: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    lat, height = np.radians(context.latitudes), static["orog"]
    temperature = 301 - 45 * np.sin(lat) ** 2 - 0.0065 * height + 2 * waves(context, 3)
    depression = 3 + 2.5 * waves(context, 4)
    dewpoint = temperature - depression
    u, v = 8 * waves(context, 5), 6 * waves(context, 6)
    wet = np.clip(waves(context, 7), 0, None)
    saturation = 611.21 * np.exp(
        17.502 * (np.stack([dewpoint, temperature]) - 273.16) / (np.stack([dewpoint, temperature]) - 32.19)
    )
    pressure = 101325 * np.exp(-height / 8200) * (1 + 0.01 * waves(context, 8))
    snow = np.where(temperature < 275, 0.1 * (1 + waves(context, 9)), 0.0)
    sea = 300 - 35 * np.sin(lat) ** 2
    return {
        "2t": temperature, "2d": dewpoint, "mn2t": temperature - 2, "mx2t": temperature + 2,
        "2r": 100 * saturation[0] / saturation[1],
        "2sh": 0.6219807 * saturation[0] / (pressure - 0.3780193 * saturation[0]), "sp": pressure,
        "10u": u, "10v": v, "10si": np.sqrt(u * u + v * v), "10fg": 1.4 * np.sqrt(u * u + v * v) + 1,
        "i10fg": 1.3 * np.sqrt(u * u + v * v) + 1, "100u": 1.3 * u, "100v": 1.3 * v,
        "100si": 1.3 * np.sqrt(u * u + v * v),
        "cp": 0.002 * wet, "lsp": 0.003 * wet, "tp": 0.005 * wet, "sf": 0.001 * wet,
        "ro": 0.002 * wet, "sro": 0.001 * wet, "ssro": 0.001 * wet,
        "cprate": 1e-4 * wet, "lsprate": 1.5e-4 * wet, "tprate": 2.5e-4 * wet,
        "sd": snow, "sde": snow / 0.25, "ci": np.clip((272.5 - sea) / 3, 0, 1),
        "sst": np.where(static["lsm"] > 0.5, np.nan, np.maximum(sea, 271.35)),
        "slt": np.where(static["lsm"] > 0.5, 2.0, 0.0),
        **{f"swvl{k}": np.where(static["lsm"] > 0.5, 0.3 + 0.1 * waves(context, 9 + k), 0.0) for k in (1, 2, 3, 4)},
    }  # fmt: skip


def _aloft(context: Context, ground: np.ndarray) -> dict[str, np.ndarray]:
    """Temperature with a tropopause at 200 hPa; heights by the hypsometric equation from level to level."""
    state = {}
    warmth = 15 * np.cos(np.radians(context.latitudes)) ** 2
    height = 100 + 80 * waves(context, 11)
    below = None
    for k, level in enumerate(LEVELS):
        humidity = 0.004 * (level / 1000) ** 3 * (1 + waves(context, 12 + k))
        temperature = np.maximum(288 * (level / 1013) ** 0.19, 212.0) + warmth * (level / 1000) + waves(context, k)
        virtual = temperature * (1 + 0.6077 * humidity)
        if below is not None:
            height = height + 287.06 / 9.80665 * 0.5 * (virtual + below[1]) * np.log(below[0] / level)
        below = level, virtual
        u, v = 20 * waves(context, 3 * k), 10 * waves(context, 3 * k + 1)
        state |= {
            f"t_{level}": temperature, f"q_{level}": humidity, f"gh_{level}": height, f"z_{level}": 9.80665 * height,
            f"u_{level}": u, f"v_{level}": v, f"ws_{level}": np.sqrt(u * u + v * v),
        }  # fmt: skip
    return state


def _sky(context: Context) -> dict[str, np.ndarray]:
    low, medium, high = (0.5 * (1 + waves(context, 15 + k)) for k in range(3))
    total = 1 - (1 - low) * (1 - medium) * (1 - high)
    moments = [cosine_of_zenith(context, hours) for hours in np.linspace(0, context.period_h or 0.0, 73)]
    top = 1361 * np.mean([np.clip(cosine, 0, None) for cosine in moments], axis=0)
    down = top * (0.75 - 0.5 * total)
    thermal = 300 + 100 * np.cos(np.radians(context.latitudes)) ** 2
    flux = {
        "avg_tdswrf": top, "avg_tnswrf": 0.7 * top, "avg_sdswrf": down, "avg_snswrf": 0.8 * down,
        "avg_sdlwrf": thermal, "avg_snlwrf": -0.2 * thermal, "rlut": 0.7 * thermal,
    }  # fmt: skip
    names = {
        "tisr": "avg_tdswrf", "tsr": "avg_tnswrf", "ssrd": "avg_sdswrf", "ssr": "avg_snswrf", "strd": "avg_sdlwrf",
        "str": "avg_snlwrf",
    }  # fmt: skip
    seconds = 3600 * (context.period_h or 0.0)
    energy = {name: seconds * flux[rate] for name, rate in names.items()}
    energy |= {"fdir": 0.5 * energy["ssrd"], "ttr": -seconds * flux["rlut"]}
    return {"lcc": low, "mcc": medium, "hcc": high, "tcc": total, **flux, **energy}
