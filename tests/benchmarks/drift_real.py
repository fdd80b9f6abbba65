"""How often real years alarm, each held out in turn of everything: the scores, and their calibration.

The series are those of the folder of real data (`$DQWATCH_REAL_DATA`, or `../shared/data` beside the checkout); without
it there is nothing to measure.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import dqwatch
from dqwatch.baselines.baseline import build
from dqwatch.departures.replay import Rate, replay

ROOT = Path(__file__).resolve().parents[2]
_IBERIA, _CMIP = "iberia/NCEP_Iberia_", "cmip6/"
SERIES = {
    "NCEP, Iberia: t, q at 850 hPa and pressure, daily winters": [
        f"{_IBERIA}{v}.nc" for v in ("ta850", "hus850", "psl")
    ],
    "NCEP, Iberia: 2 m temperature and rain, daily winters": [f"{_IBERIA}{v}.nc" for v in ("tas", "pr")],
    "regional model, Iberia: 2 m temperature, daily winters": ["iberia/CORDEX_Iberia_tas.nc"],
    "BCC-ESM1: temperature at 2 levels, daily": [_CMIP + "ta_day_BCC-ESM1_historical_r1i1p1f1_gn_19900101-20091231.nc"],
    "CMCC-CM2: 2 m temperature, daily": [
        _CMIP + "tas_day_CMCC-CM2-SR5_dcppA-hindcast_s1960-r1i1p1f1_gn_19601101-19701231.nc"
    ],
    "MPI-ESM: highest temperature of the day": [
        _CMIP + "tasmax_day_MPI-ESM1-2-LR_dcppA-hindcast_s1980-r1i1p1f1_gn_19801101-19901231.nc"
    ],
    "CESM2: 2 m temperature, daily": [_CMIP + "tas_day_CESM2-WACCM_historical_r1i1p1f1_gn_20000101-20091231.nc"],
    "ERSST: sea surface, monthly": ["monthly/sst.mnmean.nc"],
    "climate model, 1890-1999: 2 m temperature, yearly": ["annual/TREFHT.B06.57.atm.1890-1999ANN.nc"],
}

_FEWEST_ALARMS = 5
"""Alarms to be expected of a series at a level, below which its rate tells nothing and is left out."""


class Held(NamedTuple):
    """The rate of one series at one level."""

    series: str
    years: int
    rate: Rate

    @property
    def below(self) -> bool:
        """Whether the target is missed: the interval over years overlaps half to twice the level."""
        return self.rate.years_high < 0.5 * self.rate.level or self.rate.years_low > 2 * self.rate.level


def folder() -> Path:
    """Where the real data are."""
    return Path(os.environ.get("DQWATCH_REAL_DATA") or ROOT.parent / "shared" / "data")


def measure() -> list[Held]:
    """All series that are there."""
    found = []
    for name, files in SERIES.items():
        paths = [folder() / file for file in files]
        if not all(path.exists() for path in paths):
            continue
        made = build(dqwatch.open_source([str(p) for p in paths] if len(paths) > 1 else str(paths[0])))
        each = np.unique(made.ledger.years, return_inverse=True)[1]
        ledger = dataclasses.replace(made.ledger, groups=each.astype(np.int64))
        rates = [rate for rate in replay(ledger, made.scores) if rate.cycles * rate.level >= _FEWEST_ALARMS]
        found += [Held(name, int(each.max()) + 1, rate) for rate in rates]
    return found


def markdown(rows: Sequence[Held]) -> str:
    """Rows as a table in Markdown; nothing without any."""
    if not rows:
        return ""
    text = """## Real series: every year held out in turn

What alarms when each year is judged by a calibration that has not seen it, of scores against a climate that has not
seen it either (`python -m tests.benchmarks drift_real`). Small grids and few variables, as the public files are; the
series are listed where at least 5 alarms are to be expected. *By itself*, or with the field one step before.

| series | years | cycles | scored | nominal | achieved | 95 % over years |
| --- | --- | --- | --- | --- | --- | --- |
"""
    lines = [
        f"| {h.series} | {h.years} | {h.rate.cycles:,} | "
        f"{'by itself' if h.rate.kinds == 'state' else 'with the step'} | "
        f"{h.rate.level:.0%} | {h.rate.rate:.2%} | {h.rate.years_low:.2%} to {h.rate.years_high:.2%} |"
        for h in rows
    ]
    return text + "\n".join(lines)


def table(rows: Sequence[Held]) -> str:
    """Rows as text."""
    if not rows:
        return f"no real data at {folder()}; say where they are with DQWATCH_REAL_DATA"
    return "\n".join(
        f"{h.series:60} {h.rate.kinds:15} {h.rate.cycles:5} cycles of {h.years:3} years, nominal {h.rate.level:.0%}: "
        f"{h.rate.rate:6.2%} ({h.rate.years_low:.2%} to {h.rate.years_high:.2%} over years)"
        f"{'  BELOW' if h.below else ''}"
        for h in rows
    )
