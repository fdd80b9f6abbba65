"""The table `pairs` of whole sources."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import real_data
from hypothesis import given
from hypothesis import strategies as st
from metrics.fake_source import HOUR, FakeSource, axis_of
from metrics.grid_cases import reduced, regular, smooth
from metrics.test_pair_reading import Blocky
from pandas.testing import assert_frame_equal

from dqwatch import tables
from dqwatch.errors import SourceError
from dqwatch.metrics.pairs import compare
from dqwatch.sources import open_source
from dqwatch.types import Block, Field, Grid, TimeAxis, Variable

FIELD_NUMBERS = ["mean", "rms", "correlation", "mean_difference", "mask_agreement"]


def weather(grid: Grid, n_times: int, seed: int, dtype: type = np.float32) -> np.ndarray:
    """Fields that differ from time to time, (time, cell)."""
    return np.stack([smooth(grid, seed + t, dtype=dtype) for t in range(n_times)])


def variable(name: str, **rest: Any) -> Variable:
    return Variable(**{"name": name, "param": name, "source_name": name, "units": "K", **rest})


def source(data: dict[Any, np.ndarray], grid: Grid, **rest: Any) -> FakeSource:
    return FakeSource({k if isinstance(k, Variable) else variable(k): v for k, v in data.items()}, grid=grid, **rest)


def test_every_number_of_a_row_against_numpy() -> None:
    """Two variables, three times, the same cells; area means over the globe."""
    grid = regular()
    w = grid.area_weights
    data = {name: weather(grid, 3, seed) for name, seed in (("2t", 0), ("sst", 10))}
    other = {name: values + np.float32(0.3) * weather(grid, 3, 99) for name, values in data.items()}
    found = compare(source(data, grid), source(other, grid), workers=2)
    assert list(found.columns) == [c.name for c in tables.TABLES["pairs"]]
    assert list(found["variable"]) == ["2t"] * 3 + ["sst"] * 3
    assert list(found["time"]) == list(source(data, grid).times[0].labels) * 2
    for row in found.itertuples():
        a, b = (x[row.variable][row.time_index].astype(np.float64) for x in (data, other))
        std = np.sqrt((w * (b - (w * b).sum()) ** 2).sum())
        assert row.n_valid == row.n_places == grid.n_cells
        assert row.wmean == pytest.approx((w * a).sum())
        assert row.reference_std == pytest.approx(std)
        assert row.mean_difference == pytest.approx((w * (a - b)).sum() / std, rel=1e-6, abs=1e-9)
        assert row.rms == pytest.approx(np.sqrt((w * (a - b) ** 2).sum()))
        assert row.correlation == pytest.approx(
            np.cov(a, b, aweights=w)[0, 1] / np.sqrt(np.cov(a, aweights=w) * np.cov(b, aweights=w))
        )
        assert (row.in_data, row.in_reference, row.present, row.grid_relation, row.overlap) == (
            True,
            True,
            True,
            "same",
            1,
        )
        assert (row.units_relation, row.registration, row.member) == ("same", "identity", 0)


def blocks_of(n_times: int, n_variables: int, length: int, width: int) -> list[Block]:
    return [
        Block(tuple(range(t, min(t + length, n_times))), tuple(range(v, min(v + width, n_variables))))
        for t in range(0, n_times, length)
        for v in range(0, n_variables, width)
    ]


@given(st.integers(1, 8), st.integers(1, 3), st.integers(1, 8), st.integers(1, 3), st.integers(1, 4))
def test_neither_blocks_nor_workers_leave_a_trace(a: int, b: int, c: int, d: int, workers: int) -> None:
    fields = np.random.default_rng(0).normal(280, 10, (2, 3, 8, 3)).astype(np.float32)
    sources = []
    for values, (length, width) in zip(fields, ((a, b), (c, d)), strict=True):
        one = Blocky(8, 3, blocks_of(8, 3, length, width))
        one.data = list(values)
        sources.append(one)
    plain = [FakeSource({f"v{i}": x for i, x in enumerate(values)}) for values in fields]
    expected = compare(*plain, workers=1)
    assert_frame_equal(compare(*sources, workers=workers), expected, check_exact=True)
    assert expected["n_valid"].eq(3).all()


def test_times_and_variables_that_only_one_has() -> None:
    grid = regular()
    hours = np.arange(0, 10) * 6 * HOUR
    fields = weather(grid, 10, 0)
    data = source({"2t": fields[[0, 1, 3, 4, 5]], "forcing": fields[:5]}, grid, axis=axis_of(hours[[0, 1, 3, 4, 5]]))
    reference = source(
        {variable("t_500", param="t", level=500.0): fields[:5], "2t": fields[:5]}, grid, axis=axis_of(hours[:5])
    )
    found = compare(data, reference)
    rows = found[["variable", "time_index", "in_data", "in_reference", "present"]].to_numpy().tolist()
    assert rows == [
        ["2t", 0, True, True, True],
        ["2t", 1, True, True, True],
        ["2t", -1, False, True, False],
        ["2t", 2, True, True, True],
        ["2t", 3, True, True, True],
        ["2t", 4, True, False, False],
        ["forcing", -1, True, False, False],
        ["t_500", -1, False, True, False],
    ]
    assert list(found["quantity_in_data"]) == [True] * 7 + [False]
    assert list(found["variable_in_data"]) == [True] * 7 + [False]
    assert list(found["variable_in_reference"]) == [True] * 6 + [False, True]
    both = found[found["present"]]
    assert (both["rms"] == 0).all()
    assert found.loc[~found["present"], FIELD_NUMBERS].isna().all(axis=None)
    assert "t_500" not in set(compare(data, reference, complete=False)["variable"])


def test_a_level_that_is_missing_is_told_from_a_quantity_that_is() -> None:
    grid, fields = regular(), weather(regular(), 1, 0)
    levels = [variable(f"t_{p}", param="t", level=float(p)) for p in (500, 850)]
    data, reference = source({levels[0]: fields}, grid), source(dict.fromkeys(levels, fields), grid)
    row = compare(data, reference).iloc[1]
    assert (row["variable"], row["quantity_in_data"], row["variable_in_data"]) == ("t_850", True, False)
    assert row["level"] == 850


def test_fields_that_are_not_stored_are_absent() -> None:
    """The axis has the time, the source yields nothing: a hole in GRIB, in either of the two."""
    grid, fields = regular(), list(weather(regular(), 4, 0))
    for blocks in (1, 4):
        data = source({"2t": [fields[0], None, fields[2], fields[3]]}, grid, times_per_block=blocks)
        reference = source({"2t": [fields[0], fields[1], None, fields[3]]}, grid)
        found = compare(data, reference)
        assert list(found["in_data"]) == [True, False, True, True]
        assert list(found["in_reference"]) == [True, True, False, True]
        assert list(found["present"]) == [True, False, False, True]
        assert found["correlation"].isna().tolist() == [False, True, True, False]


def test_only_sampled_times_are_read_and_those_of_one_only_are_still_told() -> None:
    grid, fields = regular(), weather(regular(), 6, 0)
    axis = replace(axis_of(np.arange(6) * 6 * HOUR), sampled=np.arange(6) % 2 == 0)
    data = source({"2t": fields}, grid, axis=axis)
    reference = source({"2t": fields[:5]}, grid, axis=axis_of(np.arange(5) * 6 * HOUR))
    found = compare(data, reference)
    assert list(found["time_index"]) == [0, 2, 4, 5]
    assert list(found["present"]) == [True, True, True, False]
    assert {t for s in (data, reference) for b in s.reads for t in b.times} == {0, 2, 4}


def test_dates_declared_missing_are_marked_whoever_declares_them() -> None:
    grid, fields = regular(), weather(regular(), 3, 0)
    axes = [replace(axis_of(np.arange(3) * 6 * HOUR), declared_missing=np.arange(3) == i) for i in (0, 2)]
    found = compare(*(source({"2t": fields}, grid, axis=axis) for axis in axes))
    assert list(found["declared_missing"]) == [True, False, True]


def test_constant_fields_are_compared_once_with_those_that_are_stored_at_each_time() -> None:
    grid, fields = regular(), weather(regular(), 1, 0)
    static = TimeAxis("static", [""], np.array([0]), kind="static")
    repeated = source({"z": np.repeat(fields, 5, axis=0)}, grid)
    lone = source({"z": fields}, grid, axis=static)
    found = compare(repeated, lone)
    assert list(found["time_index"]) == [0]
    assert (found["rms"] == 0).all()
    assert list(compare(lone, repeated)["time"]) == [""]
    assert len(compare(lone, lone)) == 1


def test_members_meet_their_own() -> None:
    """Five members against two: the two are compared."""
    grid = regular()
    fields = np.stack([weather(grid, 5, 10 * t) for t in range(3)])
    data = source({variable("2t", members=5): fields}, grid)
    reference = source({variable("2t", members=2): fields[:, :2]}, grid)
    for one, other in ((data, reference), (reference, data)):
        found = compare(one, other, workers=2)
        assert list(found["member"]) == [0, 1] * 3
        assert list(found["time_index"]) == [0, 0, 1, 1, 2, 2]
        assert (found["rms"] == 0).all()
    swapped = source({variable("2t", members=2): fields[:, [1, 0]]}, grid)
    assert (compare(data, swapped)["rms"] > 1).all()


def test_units_are_converted_before_anything_is_compared() -> None:
    grid, fields = regular(), weather(regular(), 2, 0)
    celsius = source({variable("2t", units="degC"): fields - np.float32(273.15)}, grid)
    found = compare(celsius, source({"2t": fields}, grid))
    assert list(found["units_relation"]) == ["converted"] * 2
    assert list(found["units"]) == ["degC"] * 2
    assert found["rms"].max() < 1e-4
    assert found["reference_max"].to_numpy() == pytest.approx(found["max"].to_numpy(), abs=1e-4)
    wrong = compare(source({variable("2t", units="m"): fields}, grid), source({"2t": fields}, grid))
    assert list(wrong["units_relation"]) == ["conflict"] * 2


@pytest.mark.parametrize(("hours", "same"), [((6, 6), True), ((6, 1), False), ((6, None), None)])
def test_periods(hours: tuple[int, int | None], same: bool | None) -> None:
    grid = regular()
    rain = [
        source({variable("tp", kind="accumulation", period=p, units="m"): weather(grid, 1, 0)}, grid) for p in hours
    ]
    (row,) = compare(*rain).to_dict("records")
    assert row["kind"] == "accumulation"
    assert (None if pd.isna(row["period_same"]) else row["period_same"]) is same


def test_each_variable_is_compared_on_its_own_grids() -> None:
    """A variable on one grid, another on another, as GRIB files have them."""

    class TwoGrids(FakeSource):
        def __init__(self, grids: tuple[Grid, Grid]) -> None:
            super().__init__(
                {variable("2t", grid=0): weather(grids[0], 2, 0), variable("sst", grid=1): weather(grids[1], 2, 5)}
            )
            self.grids = grids

    found = compare(TwoGrids((regular(), reduced())), TwoGrids((regular(), regular())))
    assert found.groupby("variable")["grid_relation"].first().to_dict() == {"2t": "same", "sst": "between"}
    assert found.groupby("variable")["n_places"].first().to_dict() == {"2t": 2664, "sst": reduced().n_cells}


def test_a_late_series_is_told_and_weather_that_has_moved_on_is_no_shift() -> None:
    grid = regular()
    lon = grid.longitudes
    times = np.arange(30)
    noise = np.cumsum(np.random.default_rng(0).normal(size=30))
    moving = (
        280
        + 10 * np.sin(np.radians(3 * (lon - 4 * times[:, None]))) * np.cos(np.radians(grid.latitudes))
        + noise[:, None]
    )
    still = np.repeat(smooth(grid)[None], 30, axis=0)
    late = np.concatenate([moving[:1], moving[:-1]])
    fixed = variable("lsm", kind="constant")
    reference = source({"2t": moving, fixed: still}, grid)
    found = compare(source({"2t": late, fixed: still}, grid), reference).groupby("variable")[["lag", "shift"]].first()
    assert found.loc["2t", "lag"] == 1
    assert np.isnan(found.loc["2t", "shift"])
    assert np.isnan(found.loc["lsm", "lag"])
    assert found.loc["lsm", "shift"] == pytest.approx(0, abs=1e-6)
    in_time = compare(source({"2t": moving}, grid), reference)
    assert in_time["lag"].dropna().unique().tolist() == [0]
    assert in_time["shift"].max() < 1e-6
    early = compare(source({"2t": moving[2:]}, grid, axis=axis_of(times[:28] * 6 * HOUR)), reference)
    assert early["lag"].dropna().unique().tolist() == [-2]


def test_an_empty_source_gives_an_empty_table() -> None:
    nothing = FakeSource({})
    found = compare(nothing, nothing)
    assert found.empty
    assert list(found.columns) == [c.name for c in tables.TABLES["pairs"]]


def test_a_field_of_another_size_is_refused() -> None:
    class Short(FakeSource):
        def read(self, block: Block, buffers: Any) -> Any:
            for field in super().read(block, buffers):
                yield Field(field.time, field.variable, field.member, field.values[:-1])

    grid, fields = regular(), weather(regular(), 2, 0)
    whole = source({"2t": fields}, grid)
    short = Short({variable("2t"): fields}, grid=grid, name="short.nc")
    with pytest.raises(SourceError, match="variable '2t': a field of 2663 values; the grid has 2664 cells"):
        compare(whole, short)


def test_progress_and_errors_name_blocks() -> None:
    class Broken(FakeSource):
        def read(self, block: Block, buffers: Any) -> Any:
            if 2 in block.times:
                raise OSError("truncated")
            yield from super().read(block, buffers)

    grid, fields = regular(), weather(regular(), 3, 0)
    seen: list[tuple[int, int]] = []
    compare(source({"2t": fields}, grid), source({"2t": fields}, grid), progress=lambda a, b: seen.append((a, b)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    broken = Broken({variable("2t"): fields}, grid=grid, name="broken.grib")
    with pytest.raises(SourceError, match=r"2t at 2020|2t at 1970-01-01T12.*truncated"):
        compare(source({"2t": fields}, grid), broken)


def test_real_data_against_themselves_in_another_form() -> None:
    """ERSST, once as its file, once shifted to longitudes from -180 and with north and south exchanged."""
    path = real_data("monthly", "sst.mnmean.nc")
    with xr.open_dataset(path, decode_times=True) as file:
        other = file[["sst"]].isel(time=slice(0, 3)).load().sortby("lat")
    other = other.assign_coords(lon=(other["lon"] + 180) % 360 - 180).sortby("lon")
    with_file = open_source(path, end="2010-03")
    found = compare(open_source(other), with_file)
    assert list(found["grid_relation"]) == ["between"] * 3
    assert found["present"].all()
    assert found["rms"].max() < 1e-5
    assert (found["mask_agreement"] == 1).all()
    assert (found["nan_dilation"] == 0).all()
    assert found["shift"].max() < 1e-6
    assert list(found["overlap"]) == pytest.approx([1.0] * 3)


def test_real_data_on_a_curvilinear_grid_of_a_region() -> None:
    """A regional model against the reanalysis that drives it: another grid, other values, the same winters."""
    data = open_source(real_data("iberia", "CORDEX_Iberia_tas.nc"), end="1982-12-31")
    reference = open_source(real_data("iberia", "NCEP_Iberia_tas.nc"), end="1982-12-31")
    found = compare(data, reference)
    assert set(found["grid_relation"]) == {"between"}
    assert 0.3 < found["overlap"].iloc[0] <= 1
    assert found["n_valid"].gt(100).all()
    assert found["present"].all()
    assert found["correlation"].between(-1, 1).all()
