"""What the rules of `regridding` say of data that were regridded well, and of data in which one thing went wrong."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import xarray as xr
from corrupt_regridding import REGRIDDING, Corruption
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import Delaunay

import dqwatch
from dqwatch.expectations import evaluate, load_rule_sets
from dqwatch.metrics.pairs import compare
from dqwatch.sources import open_source
from examples.weather import STEP, VARIABLES, Weather

UNITS = {name: quantity.units for name, quantity in VARIABLES.items()} | {"sst": "K"}
CHOSEN = {
    "2t": "2t",
    "t_850": "t850",
    "t_500": "t500",
    "u_850": "u850",
    "msl": "msl",
    "tp": "tp",
    "swvl1": "swvl1",
    "lsm": "lsm",
}
FIRST = np.datetime64("2000-02-01T00", "s")
N_TIMES = 24


@cache
def states() -> tuple[Weather, dict[str, np.ndarray]]:
    """Six days of example weather by variable, (time, cell), with a sea surface that is missing on land."""
    weather = Weather(0, number=16)
    values = weather.states(FIRST + np.arange(N_TIMES) * STEP)
    index = {name: i for i, name in enumerate(VARIABLES)}
    fields = {new: values[:, index[old]] for old, new in CHOSEN.items()}
    fields["sst"] = np.where(weather.land.fraction > 0.7, np.nan, np.clip(fields["2t"], 271, None)).astype(np.float32)
    return weather, fields


def dataset(fields: dict[str, np.ndarray], dims: tuple[str, ...], coords: dict) -> xr.Dataset:
    original = {new: old for old, new in CHOSEN.items()}
    times = (FIRST + np.arange(N_TIMES) * STEP).astype("M8[ns]")
    bounds = np.stack([times - STEP, times], axis=1)
    arrays = {n: (("time", *dims), v, {"units": UNITS[original.get(n, n)]}) for n, v in fields.items()}
    data = xr.Dataset(
        arrays,
        {"time": ("time", times, {"bounds": "time_bounds"}), "time_bounds": (("time", "edge"), bounds), **coords},
    )
    data["tp"].attrs["cell_methods"] = "time: sum"
    return data


def coordinates(latitudes: np.ndarray, longitudes: np.ndarray, dims: tuple[str, ...]) -> dict:
    return {
        "latitude": (dims[0], latitudes, {"units": "degrees_north"}),
        "longitude": (dims[-1], longitudes, {"units": "degrees_east"}),
    }


@cache
def reference() -> xr.Dataset:
    weather, fields = states()
    return dataset(fields, ("cell",), coordinates(weather.grid.latitudes, weather.grid.longitudes, ("cell",)))


@cache
def regridded(n_rows: int = 37, n_columns: int = 72) -> xr.Dataset:
    """Bilinear on triangles between the cells, by scipy; the polar rows from the ring nearest to them."""
    weather, fields = states()
    grid = weather.grid
    west, east = grid.longitudes > 180, grid.longitudes < 180
    lon = np.concatenate([grid.longitudes, grid.longitudes[west] - 360, grid.longitudes[east] + 360])
    lat = np.concatenate([grid.latitudes, grid.latitudes[west], grid.latitudes[east]])
    end = np.abs(grid.latitudes).max() - 1e-6
    triangles = Delaunay(np.stack([lat, lon], axis=1))
    rows, columns = np.linspace(90, -90, n_rows), np.arange(n_columns) * 360 / n_columns
    there = np.stack([a.ravel() for a in np.meshgrid(np.clip(rows, -end, end), columns, indexing="ij")], axis=1)

    def interpolate(values: np.ndarray) -> np.ndarray:
        around = np.concatenate([values, values[:, west], values[:, east]], axis=1)
        found = LinearNDInterpolator(triangles, around.T)(there).T
        return found.reshape(len(values), n_rows, n_columns).astype(np.float32)

    fields = {name: interpolate(values) for name, values in fields.items()}
    return dataset(fields, ("latitude", "longitude"), coordinates(rows, columns, ("latitude", "longitude")))


def tripped(data: xr.Dataset, other: xr.Dataset) -> set[str]:
    """The rules on pairs that do not simply pass."""
    pairs = compare(open_source(data), open_source(other), workers=1)
    results = evaluate(load_rule_sets(["regridding"]), {"pairs": pairs}).results
    return {f.rule for f in results if f.table == "pairs" and f.status not in ("pass", "skipped")}


def test_identical_data_agree() -> None:
    assert tripped(reference(), reference()) == set()
    pairs = compare(open_source(reference()), open_source(reference()))
    assert (pairs["rms"] == 0).all()
    assert (pairs["shift"] == 0).all()
    assert (pairs["grid_relation"] == "same").all()


@pytest.mark.parametrize("shape", [(37, 72), (91, 180), (73, 144)])
def test_data_regridded_well_trip_nothing(shape: tuple[int, int]) -> None:
    """To the same and to finer grids."""
    assert tripped(regridded(*shape), reference()) == set()


def test_of_the_way_back_only_the_extremes_tell() -> None:
    """What was interpolated has lost the highest peaks of the original."""
    assert tripped(reference(), regridded(91, 180)) == {"cons.minmax"}


@pytest.mark.parametrize(("name", "corruption"), REGRIDDING.items(), ids=REGRIDDING)
def test_what_went_wrong_trips_its_rules_and_no_other(name: str, corruption: Corruption) -> None:
    data = reference() if corruption.same_grid else regridded()
    if corruption.spoilt == "data":
        found = tripped(corruption.spoil(data), reference())
    else:
        found = tripped(data, corruption.spoil(reference()))
    assert found == corruption.trips


def test_every_rule_on_pairs_has_its_corruption() -> None:
    rules = {r.id for s in load_rule_sets(["regridding"]) for r in s.rules if r.table == "pairs"}
    assert set().union(*(c.trips for c in REGRIDDING.values())) == rules


def test_an_audit_against_the_reference() -> None:
    """The whole way: rules found by themselves, both inputs named, the gate closed by what went wrong."""
    spoilt = REGRIDDING["rows reversed"].spoil(regridded())
    for data, code in ((regridded(), 0), (spoilt, 1)):
        verdict = dqwatch.audit(data, against=reference(), select=["2t", "msl"], rules="missing")
        assert verdict.exit_code == code
        assert [i.get("role") for i in verdict.inputs] == [None, "reference"]
        assert [s.name for s in verdict.rule_sets] == ["missing", "regridding"]
        assert set(verdict.tables["pairs"]["variable"]) == {"2t", "msl"}
        assert ("grid.flip_roll" in {f.rule for f in verdict.results if f.status == "fail"}) == bool(code)


def test_every_nth_time_of_the_data_finds_its_own_in_the_reference() -> None:
    """The reference begins one step earlier: its every second time is another."""
    data = regridded().isel(time=slice(1, None))
    verdict = dqwatch.audit(data, against=reference(), every=2, select="2t")
    pairs = verdict.tables["pairs"]
    assert list(pairs["time_index"]) == [-1, *range(0, 23, 2)]  # the first time of the reference is missing
    assert list(pairs["present"]) == [False] + [True] * 12
    assert {f.rule for f in verdict.results if f.status == "fail" and f.table == "pairs"} == {"time.align"}
    assert verdict.sampled == "every 2nd time, only 2t"
