"""anemoi-datasets and dqwatch open the same store and agree on what it holds. Runs in `make test-anemoi`."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import anemoi.datasets as anemoi_datasets
import numpy as np
import pytest
import zarr

import dqwatch
from dqwatch import open_source
from dqwatch.buffers import Buffers
from dqwatch.metrics import scan
from examples.make_data import make
from examples.stores import Store
from examples.weather import Weather

# anemoi-utils warns of a function of its own.
pytestmark = pytest.mark.filterwarnings("ignore:Loading the settings config file:DeprecationWarning")


def open_with_anemoi(path: Path):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Loading the settings config file", DeprecationWarning)
        return anemoi_datasets.open_dataset(str(path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "demo"
    make(folder, years=2, test_years=1)
    return folder


@pytest.fixture(scope="module")
def dataset(folder: Path):
    return open_with_anemoi(folder / "training.zarr")


def test_variables_dates_and_grid(folder, dataset):
    source = open_source(folder / "training.zarr")
    assert [v.source_name for v in source.variables] == dataset.variables
    assert list(source.times[0].labels) == np.datetime_as_string(dataset.dates.astype("M8[s]"), unit="s").tolist()
    np.testing.assert_array_equal(source.grids[0].latitudes, dataset.latitudes)
    np.testing.assert_array_equal(source.grids[0].longitudes, dataset.longitudes)
    source.close()


def test_fields(folder, dataset):
    source = open_source(folder / "training.zarr")
    buffers = Buffers()
    seen = 0
    for block in list(source.blocks())[:5]:
        for field in source.read(block, buffers):
            expected = dataset[field.time][field.variable, field.member]
            np.testing.assert_array_equal(field.values, expected)
            seen += 1
    assert seen == 5 * len(dataset.variables)
    source.close()


def test_missing_dates(tmp_path):
    """On an axis that is regular, as anemoi wants one with missing dates."""
    weather = Weather(0)
    dates = np.arange("2001-01-01T00", "2001-01-06T00", 6, dtype="datetime64[h]").astype("M8[s]")
    path = tmp_path / "missing.zarr"
    store = Store(path, dates, weather.grid, description="regular, one date missing")
    states = weather.states(dates)
    states[7] = np.nan
    store.append(states)
    store.close()
    group = zarr.open(str(path), mode="r+")
    group.attrs["missing_dates"] = [str(dates[7])]
    dataset = open_with_anemoi(path)
    source = open_source(path)
    declared = source.times[0].declared_missing
    assert declared is not None
    assert set(np.flatnonzero(declared)) == set(dataset.missing) == {7}
    verdict = dqwatch.audit(path)
    assert verdict.ok, verdict.findings
    source.close()


def test_statistics(folder, dataset):
    """Over the statistics window, as dqwatch scans it and as anemoi stored it."""
    source = open_source(
        folder / "training.zarr",
        start=str(dataset.metadata_specific()["attrs"]["statistics_start_date"]),
        end=str(dataset.metadata_specific()["attrs"]["statistics_end_date"]),
    )
    table = scan(source).tables["variables"].set_index("variable")
    source.close()
    for k, variable in enumerate(source.variables):
        row = table.loc[variable.name]
        stored = {name: dataset.statistics[name][k] for name in ("mean", "stdev", "minimum", "maximum")}
        assert row["min"] == stored["minimum"]
        assert row["max"] == stored["maximum"]
        scale = max(abs(stored["minimum"]), abs(stored["maximum"]))
        assert row["mean"] == pytest.approx(stored["mean"], rel=1e-9, abs=1e-9 * scale)
        assert row["std"] == pytest.approx(stored["stdev"], rel=1e-6, abs=1e-7 * scale)


def test_zarr_2_is_what_is_tested_here():
    assert zarr.__version__.startswith("2.18"), sys.version
