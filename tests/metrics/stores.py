"""A small store on disk, and the scan of it: what workers elsewhere can open."""

from __future__ import annotations

import inspect
import warnings
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from dqwatch import metrics
from dqwatch.metrics.scan import Scan
from dqwatch.part import Spread
from dqwatch.sources import open_source

NOW = datetime(2026, 1, 1, tzinfo=UTC)
N_LAT, N_LON = 6, 12
FORMAT_2 = {"zarr_format": 2} if "zarr_format" in inspect.signature(xr.Dataset.to_zarr).parameters else {}
"""Older versions of xarray write no other."""


def write_store(path: Path, n_times: int = 24, chunk: int = 1) -> Path:
    """States 6 h apart on a regular grid and a constant, as Zarr with `chunk` times in a chunk."""
    rng = np.random.default_rng(3)
    shape, dims = (n_times, N_LAT, N_LON), ("time", "latitude", "longitude")
    warm = 285 + 10 * rng.standard_normal(shape)
    rain = rng.gamma(0.3, 2e-3, shape)
    warm[7, 2, 3] = np.nan
    fields = {
        "2t": (warm, "K"),
        "2d": (warm - np.abs(rng.standard_normal(shape)), "K"),
        "ssrd": (np.clip(rng.normal(1e6, 8e5, shape), 0, None), "J m-2"),
        "tp": (rain, "m"),
        "cp": (rain * rng.random(shape), "m"),
        "odd": (rng.standard_normal(shape), ""),
    }
    data = xr.Dataset(
        {name: (dims, values.astype("f4"), {"units": units}) for name, (values, units) in fields.items()},
        {
            "time": np.datetime64("2020-03-01T00", "ns") + np.arange(n_times) * np.timedelta64(6, "h"),
            "latitude": ("latitude", 90 - (np.arange(N_LAT) + 0.5) * 180 / N_LAT, {"units": "degrees_north"}),
            "longitude": ("longitude", np.arange(N_LON) * 360 / N_LON, {"units": "degrees_east"}),
        },
    )
    data["lsm"] = (dims[1:], (np.arange(N_LAT * N_LON).reshape(N_LAT, N_LON) % 3 == 0).astype("f4"), {"units": "1"})
    encoding = {name: {"chunks": (chunk, N_LAT, N_LON)} for name in fields}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.to_zarr(path, mode="w", encoding=encoding, **FORMAT_2)
    return path


def scan_store(path: Path, spread: Spread | None = None, **rest: object) -> Scan:
    """All that the audit looks at of a store."""
    from dqwatch import expectations

    rule_sets = expectations.load_rule_sets(("audit",))
    wanted, params = expectations.columns_needed(rule_sets), expectations.params_needed(rule_sets)
    source = open_source(path)
    try:
        return metrics.scan(source, now=NOW, wanted=wanted, params=params, spread=spread, **rest)  # type: ignore[arg-type]
    finally:
        source.close()


def assert_same_bits(a: Scan, b: Scan) -> None:
    """Whatever two scans found is the same."""
    assert a.tables.keys() == b.tables.keys()
    for name, table in a.tables.items():
        pd.testing.assert_frame_equal(table, b.tables[name], check_exact=True)
    for name, histogram in a.histograms.items():
        assert histogram.bins == b.histograms[name].bins
        assert histogram.counts.tolist() == b.histograms[name].counts.tolist()
    assert a.bytes == b.bytes
