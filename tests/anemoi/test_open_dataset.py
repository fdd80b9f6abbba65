"""anemoi-datasets and dqwatch open the same store and agree on what it holds. Runs in `make test-anemoi`."""

from __future__ import annotations

import sys
from pathlib import Path

import anemoi.datasets as anemoi_datasets
import numpy as np
import pytest

from dqwatch import open_source
from dqwatch.buffers import Buffers
from dqwatch.metrics import scan
from examples.make_data import make


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "demo"
    make(folder, years=2, test_years=0)
    return folder


@pytest.fixture(scope="module")
def dataset(folder: Path):
    return anemoi_datasets.open_dataset(str(folder / "training.zarr"))


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


def test_missing_dates(folder, tmp_path):
    import shutil

    import zarr

    copy = tmp_path / "missing.zarr"
    shutil.copytree(folder / "training.zarr", copy)
    group = zarr.open(str(copy), mode="r+")
    date = np.datetime_as_string(group["dates"][7].astype("M8[s]"), unit="s")
    group.attrs["missing_dates"] = [str(date)]
    dataset = anemoi_datasets.open_dataset(str(copy))
    source = open_source(copy)
    declared = source.times[0].declared_missing
    assert declared is not None
    assert set(np.flatnonzero(declared)) == set(dataset.missing) == {7}
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
    import zarr

    assert zarr.__version__.startswith("2.18"), sys.version
