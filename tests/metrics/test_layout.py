"""What a layout costs, against figures counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

import dqwatch
from dqwatch.metrics.layout import COLUMNS, layout_columns
from dqwatch.sources import open_source


@pytest.fixture
def weather() -> xr.Dataset:
    """Twenty times on 10 by 36 cells."""
    values = np.arange(20 * 10 * 36, dtype="f4").reshape(20, 10, 36)
    times = np.datetime64("2020-01-01", "ns") + np.arange(20) * np.timedelta64(6, "h")
    places = {"latitude": np.linspace(-80, 80, 10), "longitude": np.arange(36) * 10.0}
    data = xr.Dataset({"2t": (("time", "latitude", "longitude"), values)}, {"time": times, **places})
    data["latitude"].attrs["units"], data["longitude"].attrs["units"] = "degrees_north", "degrees_east"
    return data


def columns(path) -> dict[str, dict[str, float]]:
    source = open_source(str(path))
    arrays = source.arrays()
    made = layout_columns(source, arrays, {"arrays": COLUMNS})
    source.close()
    return {a.name: {name: made[name][i] for name in COLUMNS} for i, a in enumerate(arrays)}


@pytest.mark.parametrize(
    ("chunks", "date", "series", "padding"),
    [
        ((1, 10, 36), 1, 360, 0),  # of each of 20 chunks one cell of 360 is wanted
        ((20, 10, 36), 20, 360, 0),
        ((20, 1, 1), 20, 1, 0),
        ((8, 10, 36), 8, 24 * 360 / 20, 1 - 20 / 24),  # three chunks of eight times
        ((1, 8, 30), 16 * 60 / 360, 240, 1 - 360 / (16 * 60)),  # a date is 2 x 2 chunks
    ],
)
def test_of_chunks(weather, tmp_path, chunks, date, series, padding) -> None:
    weather.to_netcdf(tmp_path / "a.nc", engine="h5netcdf", encoding={"2t": {"chunksizes": chunks}})
    found = columns(tmp_path / "a.nc")
    assert list(found["2t"].values()) == pytest.approx([date, series, padding])
    assert all(math.isnan(value) for value in found["time"].values())


def test_without_chunks_pages_are_read(weather, tmp_path) -> None:
    weather.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    found = columns(tmp_path / "a.nc")["2t"]
    # A date is 1,440 bytes, in one page of 4,096. A cell has 80 bytes, each four 1,440 after the ones before: the last
    # ones begin at byte 27,360, in page 6, so that pages 0 to 6 are read.
    assert list(found.values()) == pytest.approx([4096 / 1440, 7 * 4096 / 80, math.nan], nan_ok=True)


def test_of_a_part_the_whole_array_counts(weather, tmp_path) -> None:
    weather.to_netcdf(tmp_path / "a.nc", engine="h5netcdf", encoding={"2t": {"chunksizes": (20, 10, 36)}})
    arrays = dqwatch.audit(tmp_path / "a.nc", rules="storage", start="2020-01-02").tables["arrays"].set_index("array")
    assert arrays.loc["2t", "date_amplification"] == 20


def test_nothing_is_computed_that_no_rule_wants(weather) -> None:
    source = open_source(weather)
    assert layout_columns(source, source.arrays(), {"arrays": ("chunk_mb",)}) == {}
