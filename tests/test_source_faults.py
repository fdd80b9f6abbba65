"""Faults that lie in how data are put together: each trips the rules that it must, and clean data trip none."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from corrupt_sources import FAULTS, Fault

import dqwatch

LAT, LON = np.linspace(87.5, -87.5, 36), np.arange(0, 360, 5.0)
SETS = ["integrity", "missing", "time_alignment", "variable_consistency"]


@cache
def clean(n: int = 12, members: int = 0) -> xr.Dataset:
    """Waves that move eastward over a temperature and a pressure that fall towards the poles, every 6 hours."""
    lat, lon = np.radians(LAT)[:, None], np.radians(LON)[None, :]
    rng = np.random.default_rng(0)
    phase = np.cumsum(0.1 + 0.02 * rng.random(n)) + 0.01 * np.arange(max(members, 1))[:, None]
    phase = phase[:, :, None, None]
    wave = np.cos(lat) * np.sin(3 * lon + 2 * lat - phase) + np.cos(lat) ** 2 * np.cos(5 * lon + 2 * phase)
    fields = {
        "t2m": ("K", 280 + 20 * np.cos(lat) + 3 * wave),
        "msl": ("Pa", 101000 + 500 * np.cos(lat) - 800 * wave),
    }
    dims = (*(["number"] if members else []), "time", "latitude", "longitude")
    return xr.Dataset(
        {name: (dims, (v if members else v[0]).astype("f4"), {"units": u}) for name, (u, v) in fields.items()},
        coords={
            "time": np.datetime64("2020-02-01", "ns") + np.arange(n) * np.timedelta64(6, "h"),
            "latitude": ("latitude", LAT, {"units": "degrees_north"}),
            "longitude": ("longitude", LON, {"units": "degrees_east"}),
        },
    )


@pytest.mark.parametrize("members", [0, 4])
def test_clean_data_trip_nothing(members: int) -> None:
    verdict = dqwatch.audit(clean(members=members), rules=SETS)
    assert {f.rule for f in verdict.results if f.status not in ("pass", "skipped")} == set()
    ran = {f.rule for f in verdict.results if f.status == "pass"}
    assert {"var.split", "var.repeated", "var.doubled", "source.complete", "units.understood", "levels.valid"} <= ran
    assert ("member.distinct" in ran) == bool(members)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_each_fault_trips_its_rules_and_no_other(fault: Fault, tmp_path: Path) -> None:
    data = fault.spoil(clean(members=4 if fault.with_members else 0), tmp_path)
    verdict = dqwatch.audit(data, rules=SETS)
    found = {
        severity: {f.rule for f in verdict.results if f.status not in ("pass", "skipped") and f.severity == severity}
        for severity in ("critical", "warning")
    }
    assert found == {"critical": fault.critical, "warning": fault.warnings}
    assert verdict.exit_code == bool(fault.critical)
