"""The faults, their sizes, and the weather, that drift detection is measured on (drift_skill.py).

All of this was fixed before anything was scored on it, and is not changed for what comes out. Detectors are developed
on seeds below 100,000; what is published comes from `TEST_SEEDS` only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from examples.weather import CONSTANT, VARIABLES
from tests.benchmarks import drift_real_spoiling as real_ways
from tests.benchmarks import drift_spoiling as ways
from tests.benchmarks.drift_real_spoiling import RealFault, on_values
from tests.benchmarks.drift_spoiling import Fault, Moment

TEST_SEEDS = (100_001, 100_002, 100_003)
LEAST_TEST_SEED = 100_000
TRAINING_YEARS, TEST_YEARS = 20, 8
DAYS_APART = 5
"""From one training or clean test cycle to the next; the hour of the day changes each time. A cycle comes with the
state 6 hours before it."""
FAULTY_EVERY = 7
"""Clean test cycles from one that is spoilt to the next."""
# The independent background is that of examples/backgrounds.py.
EARLIER = (6, 12, 24, 30, 720, 726)
"""Hours before a cycle from which faults take fields."""
MOVING = tuple(name for name in VARIABLES if name not in CONSTANT)


def _each(
    family: str, sizes: dict[str, Callable[[Moment, str], np.ndarray]], *where: str | Sequence[str], **how: bool
) -> list[Fault]:
    """Every size in every variable, or in several at once; 'all' is the whole state."""
    found = []
    for one in where:
        variables = MOVING if one == "all" else (one,) if isinstance(one, str) else tuple(one)
        label = one if isinstance(one, str) else "+".join(one)
        found += [Fault(family, label, size, variables, f, **how) for size, f in sizes.items()]
    return found


_SD = (0.05, 0.2, 0.5)
_LEVEL = {840: 0.022, 800: 0.114, 700: 0.366}
"""ln(850 / p) / ln(850 / 500): the way from 850 to 500 hPa."""

FAULTS: tuple[Fault, ...] = (
    *_each("unit", {"K as C": partial(ways.times, plus=-273.15)}, "2t", ("t_850", "t_500")),
    *_each("unit", {"m as mm": partial(ways.times, factor=1000.0)}, "tp"),
    *_each("unit", {"Pa as hPa": partial(ways.times, factor=0.01)}, "msl"),
    *_each("unit", {"as gpm": partial(ways.times, factor=1 / 9.80665)}, "z_500"),
    *_each("unit", {"as g/kg": partial(ways.times, factor=1000.0)}, "q_850"),
    *_each(
        "offset",
        {f"{s:g} sd": partial(ways.offset, sds=s) for s in _SD},
        *("t_850", "msl", "10v", "q_850", "swvl1", ("t_850", "t_500")),
    ),
    *_each("offset on land", {f"{s:g} sd": partial(ways.offset, sds=s, where="land") for s in (0.2, 0.5, 1.0)}, "2t"),
    *_each(
        "scale",
        {f"x {f:g}": partial(ways.times, factor=f) for f in (1.02, 1.1, 1.3)},
        *("u_850", "10v", "tp", "q_850", "swvl1", ("10u", "10v")),
    ),
    *_each("sign", {"negative": partial(ways.times, factor=-1.0)}, "v_850", "10u"),
    *_each("shift", {"1/2 cell": partial(ways.shifted, cells=0.5)}, "t_850", "v_850", "z_500", "q_850"),
    *_each("shift", {"1 cell": partial(ways.shifted, cells=1)}, "t_850", "v_850", "2t", "tp", "swvl1", "all"),
    *_each("latitude flip", {"": ways.flipped}, "t_850", "u_850", "v_850", "tp", "all"),
    *_each("longitude roll", {"180": ways.rolled}, "t_850", "u_850", "2t", "tp", "swvl2", "all"),
    *_each(
        "wrong level", {f"{p} hPa": partial(ways.blended, other="t_500", share=s) for p, s in _LEVEL.items()}, "t_850"
    ),
    *_each("wrong level", {"10 m": partial(ways.blended, other="10u", share=1.0)}, "u_850"),
    *_each("wrong level", {"2nd layer": partial(ways.blended, other="swvl2", share=1.0)}, "swvl1"),
    *_each("NaN patch", {f"{s:g} of cells": partial(ways.holed, share=s) for s in (1e-4, 1e-2, 0.2)}, "t_850", "tp"),
    *_each(
        "smoothing",
        {
            "1/4": partial(ways.smoothed, strength=0.25),
            "1": partial(ways.smoothed, strength=1),
            "3": partial(ways.smoothed, strength=3),
        },
        *("t_850", "v_850", "tp", "swvl1"),
    ),
    *_each(
        "regridding", {f"nearest O{n}": partial(ways.regridded, number=n, points=1) for n in (14, 12, 8)}, "t_850", "tp"
    ),
    *_each(
        "regridding",
        {f"distances O{n}": partial(ways.regridded, number=n, points=4) for n in (14, 12, 8)},
        *("z_500", "10u", "all"),
    ),
    *_each("packing", {f"{b} bit": partial(ways.repacked, bits=b) for b in (12, 10, 8)}, "tp", "q_850", packed=False),
    *_each(
        "packing", {f"{b} bit": partial(ways.repacked, bits=b) for b in (10, 8)}, "t_850", "msl", "u_850", packed=False
    ),
    *_each(
        "local soil",
        {f"{s:g} sd {r} deg": partial(ways.local, sds=s, radius=r) for r in (10, 25) for s in (0.5, 1.0, 2.0, 3.0)},
        ("swvl1", "swvl2"),
    ),
    *_each(
        "local", {f"2 sd {r} deg": partial(ways.local, sds=2.0, radius=r) for r in (10, 25)}, "t_850", "10u", "q_850"
    ),
    *_each(
        "stuck",
        {f"{h} h": partial(ways.earlier, hours=h) for h in (6, 24)},
        *("t_850", "z_500", "v_850", "tp", "swvl1"),
        held=True,
    ),
    *_each("stuck", {"constant": ways.flattened}, "t_850", "10v"),
    *_each(
        "partly old",
        {f"{s:g} of cells": partial(ways.partly_earlier, share=s) for s in (0.1, 0.5)},
        "t_850",
        "10u",
        "all",
    ),
    *_each("swapped", {"": partial(ways.swapped, pair=("u_850", "v_850"))}, ("u_850", "v_850")),
    *_each("swapped", {"": partial(ways.swapped, pair=("10u", "10v"))}, ("10u", "10v")),
    *_each("swapped", {"": partial(ways.swapped, pair=("2t", "2d"))}, ("2t", "2d")),
    *_each("swapped", {"": partial(ways.swapped, pair=("swvl1", "swvl2"))}, ("swvl1", "swvl2")),
    *_each("rain pox", {f"{s:g} of cells": partial(ways.poxed, share=s) for s in (5e-4, 2e-3, 1e-2)}, "tp"),
    *_each(
        "mask", {f"{s:g} of coast + 1": partial(ways.mask_moved, share=s, outward=True) for s in (0.05, 1.0)}, "swvl1"
    ),
    *_each(
        "mask", {f"{s:g} of coast - 1": partial(ways.mask_moved, share=s, outward=False) for s in (0.05, 1.0)}, "swvl1"
    ),
    *_each(
        "time label",
        {
            "6 h": partial(ways.earlier, hours=6),
            "1 d": partial(ways.earlier, hours=24),
            "30 d": partial(ways.earlier, hours=720),
        },
        *("2t", "msl", "u_850", "all"),
    ),
    *_each(
        "noise", {f"{s:g} sd": partial(ways.noisy, sds=s) for s in (0.01, 0.05, 0.2)}, "t_850", "v_850", "msl", "swvl1"
    ),
    *_each("spike", {f"{s:g} sd": partial(ways.spiked, sds=s) for s in (2.0, 4.0, 8.0)}, "t_850", "u_850", "tp"),
    *_each("clipping", {f"{s:g} of cells": partial(ways.clipped, share=s) for s in (0.01, 0.05)}, "q_850", "tp"),
    *_each("accumulation", {"12 h": ways.longer}, "tp"),
    *_each("ramp", {f"{r:g} a year": partial(ways.ramp, yearly=r) for r in (0.02, 0.05, 0.1)}, "swvl1"),
    *_each("ramp", {f"{r:g} K a year": partial(ways.ramp, yearly=r) for r in (0.5, 1.0, 2.0)}, "t_850"),
)

LASTING_CYCLES = (1, 2, 4, 8, 16, 40)
"""Numbers of cycles after which it is asked whether a fault that lasts has been found (drift_lasting.py)."""
EPISODE_EVERY = 48
"""Test cycles from the first of one episode of `LASTING_CYCLES[-1]` spoilt cycles to the first of the next."""
LASTING: tuple[str, ...] = (
    *(f"local soil swvl1+swvl2 {s} sd {r} deg" for r in (10, 25) for s in ("0.5", "1", "2", "3")),
    "local 10u 2 sd 10 deg",
    "local q_850 2 sd 10 deg",
    "local q_850 2 sd 25 deg",
    "offset on land 2t 0.2 sd",
    "offset on land 2t 0.5 sd",
    "offset swvl1 0.2 sd",
    "scale tp x 1.1",
    "scale 10v x 1.1",
    "noise t_850 0.05 sd",
    "noise swvl1 0.05 sd",
    "smoothing v_850 1/4",
    "smoothing swvl1 1/4",
    "packing t_850 10 bit",
    "packing q_850 12 bit",
    "rain pox tp 0.0005 of cells",
    "rain pox tp 0.002 of cells",
    "spike tp 8 sd",
)
"""Local and weak faults of `FAULTS`, which are planted at the same place in cycles one after the other."""

_WARMTH = ("t", "2t", "mx2t", "sst")
_GRID = 5
"""Rows and columns of a grid on which fields can be shifted and smoothed."""
REAL_TEST_SHARE = 1 / 3
"""Of the years of a real series, the last: not trained on."""
REAL_CLEAN, REAL_SPOILT = 400, 24
"""Clean test cycles of a real series at most, and how many of them are spoilt."""
REAL_FAULTS: tuple[RealFault, ...] = (
    RealFault("unit", "K as C or C as K", real_ways.kelvin, _WARMTH),
    RealFault("unit", "Pa as hPa", partial(ways.times, factor=0.01), ("msl",)),
    RealFault("unit", "as g/kg", partial(ways.times, factor=1000.0), ("q",)),
    RealFault("unit", "per s as per 3 h", partial(ways.times, factor=10800.0), ("tprate",)),
    *(RealFault("offset", f"{s:g} sd", partial(real_ways.offset, sds=s)) for s in (0.2, 0.5, 1.0)),
    *(RealFault("scale", f"x {f:g}", partial(ways.times, factor=f), ("q", "tprate")) for f in (1.02, 1.1, 1.3)),
    *(
        RealFault("scale", f"deviations x {f:g}", on_values(real_ways.widened, factor=f), (*_WARMTH, "msl"))
        for f in (1.1, 1.3)
    ),
    *(
        RealFault("shift", f"{text} cell", partial(real_ways.moved, cells=c), least=_GRID)
        for text, c in (("1/2", 0.5), ("1", 1.0))
    ),
    RealFault("latitude flip", "", ways.flipped, least=2),
    RealFault("longitude roll", "half", ways.rolled, least=2),
    *(RealFault("NaN patch", f"{s:g} of cells", partial(ways.holed, share=s)) for s in (0.01, 0.2)),
    *(
        RealFault("smoothing", text, on_values(ways.smoothed, strength=s), least=_GRID)
        for text, s in (("1/4", 0.25), ("1", 1.0))
    ),
    *(RealFault("packing", f"{b} bit", on_values(ways.repacked, bits=b), least=_GRID) for b in (12, 10, 8)),
    RealFault("duplicated", "1 step", partial(ways.earlier, hours=1), held=True),
    RealFault("stuck", "constant", on_values(ways.flattened)),
    RealFault("time label", "1 step", partial(ways.earlier, hours=1)),
    RealFault("time label", "30 d", partial(ways.earlier, hours=30), step="day"),
    RealFault("time label", "6 months", partial(ways.earlier, hours=6), step="month"),
    RealFault("time label", "10 years", partial(ways.earlier, hours=10), step="year"),
    *(
        RealFault("local", f"{s:g} sd, {a:g} of cells", partial(real_ways.changed_there, sds=s, share=a), least=_GRID)
        for a in (0.05, 0.25)
        for s in (1.0, 2.0)
    ),
    *(RealFault("noise", f"{s:g} sd", partial(real_ways.whitened, sds=s)) for s in (0.05, 0.2, 0.5)),
    *(RealFault("spike", f"{s:g} sd", partial(ways.spiked, sds=s), least=_GRID) for s in (4.0, 8.0)),
    *(RealFault("clipping", f"{s:g} of cells", on_values(ways.clipped, share=s), least=_GRID) for s in (0.05, 0.2)),
    RealFault("point mass", "below 0.1 mm a day as 0", partial(real_ways.dried, below=0.1 / 86400), ("tprate",)),
    RealFault("point mass", "0.1 mm a day at least", partial(real_ways.drizzled, least=0.1 / 86400), ("tprate",)),
    RealFault("rain pox", "1 cell", partial(real_ways.showered, amount=30 / 86400, share=0.01), ("tprate",)),
    RealFault("point mass", "ice: below 0 as -1.8 C", partial(real_ways.frozen, below=0.0, least=-1.8), ("sst",)),
)
"""Of real series: `hours` of a way are steps there."""
