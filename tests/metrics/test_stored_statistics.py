"""Statistics that a store carries against those of its data, held against numpy in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from sources.zarr_files import make_anemoi, make_array

from dqwatch import sources
from dqwatch.metrics import scan
from dqwatch.metrics.stored_statistics import COLUMNS
from dqwatch.tables import columns_of

WANTED = {"variables": frozenset(COLUMNS)}
NAMES = ["2t", "t_850", "tp", "lsm"]
WINDOW = {"statistics_start_date": "2020-01-01T00:00:00", "statistics_end_date": "2020-01-02T18:00:00"}
"""The first 8 of 10 dates."""


def weather(times: int = 10, members: int = 1) -> np.ndarray:
    rng = np.random.default_rng(3)
    values = rng.normal(280, 9, (times, 4, members, 208))
    values[:, 2] = rng.gamma(0.1, 0.001, (times, members, 208))
    values[:, 3] = (rng.random(208) > 0.5)[None, None, :]
    return values.astype("f4")


def make(path, values=None, *, window=8, change=(), **attrs: Any):
    """A store with statistics of its first dates; `change` is (array, variable, value) of what is put there instead."""
    values = weather() if values is None else values
    given = {**WINDOW, "constant_fields": ["lsm"], **attrs}
    group = make_anemoi(path, values, NAMES, attrs=given)
    early = values[:window].astype(np.float64)
    for name, function in {"mean": np.nanmean, "stdev": np.nanstd, "minimum": np.nanmin, "maximum": np.nanmax}.items():
        group[name][:] = function(early, axis=(0, 2, 3))
        group[f"statistics_tendencies_6h_{name}"] = function(np.diff(early, axis=0), axis=(0, 2, 3))
    for name, variable, value in change:
        group[name][variable] = value
    return group


def rows(path, **part):
    with_change = {**WANTED, "fields": frozenset(["change"])}
    table = scan(sources.open_source(str(path), **part), wanted=with_change).tables["variables"]
    return {row["variable"]: row for row in table.to_dict("records")}


def test_the_columns_are_declared_and_only_there_where_they_are_wanted(tmp_path):
    assert set(COLUMNS) < {c.name for c in columns_of("variables")}
    make(tmp_path / "a.zarr")
    table = scan(sources.open_source(str(tmp_path / "a.zarr"))).tables["variables"]
    assert not set(COLUMNS) & set(table)


def test_what_is_right_is_found_right_over_the_window_alone(tmp_path):
    values = weather()
    values[8:, 0] += 50  # after the window
    make(tmp_path / "a.zarr", values)
    for name, row in rows(tmp_path / "a.zarr").items():
        early = values[:8, NAMES.index(name)].astype(np.float64)
        assert row["stats_valid"] is True
        assert row["stats_compared"] is True
        assert row["constant_as_declared"] is True
        assert row["true_mean"] == pytest.approx(early.mean(), rel=1e-12)
        assert row["true_stdev"] == pytest.approx(early.std(), rel=1e-10)
        assert row["d_mean"] < 1e-9
        assert row["sd_ratio"] == pytest.approx(1, abs=1e-9)
        assert row["stats_differences"] == ""
        assert row["tendency_error"] < 1e-6


def test_members_nan_and_declared_missing_dates_are_left_out_or_in_as_anemoi_does(tmp_path):
    values = weather(members=2)
    values[2, :, :, :] = np.nan  # declared missing
    values[4, 0, 1, 5:60] = np.nan
    make(tmp_path / "a.zarr", values, missing_dates=["2020-01-01T12:00:00"], allow_nans=True)
    for name, row in rows(tmp_path / "a.zarr").items():
        early = values[:8, NAMES.index(name)].astype(np.float64)
        assert row["true_mean"] == pytest.approx(np.nanmean(early), rel=1e-12)
        assert row["true_stdev"] == pytest.approx(np.nanstd(early), rel=1e-10)
        assert (row["d_mean"] < 1e-9, row["stats_differences"]) == (True, "")


def test_wrong_means_and_deviations_are_measured_in_true_deviations(tmp_path):
    values = weather()
    true = values[:8, 0].astype(np.float64)
    wrong = [("mean", 0, true.mean() + 0.25 * true.std()), ("stdev", 1, 3.0), ("stdev", 2, 0.0)]
    make(tmp_path / "a.zarr", values, change=wrong)
    found = rows(tmp_path / "a.zarr")
    assert found["2t"]["d_mean"] == pytest.approx(0.25, rel=1e-9)
    assert found["t_850"]["sd_ratio"] == pytest.approx(3 / values[:8, 1].astype(np.float64).std(), rel=1e-9)
    assert found["tp"]["sd_ratio"] < 1e-3
    assert [found[n]["stats_error"] for n in ("2t", "t_850")] == pytest.approx(
        [0.25, abs(found["t_850"]["sd_ratio"] - 1)]
    )
    assert found["tp"]["stats_valid"] is False
    assert [found[name]["stats_valid"] for name in ("2t", "t_850", "lsm")] == [True] * 3


@pytest.mark.parametrize(
    ("name", "value"),
    [("stdev", -5.0), ("stdev", np.nan), ("mean", np.inf), ("mean", 500.0), ("minimum", 1e9), ("maximum", np.nan)],
)
def test_statistics_that_cannot_be(tmp_path, name, value):
    make(tmp_path / "a.zarr", change=[(name, 0, value)])
    found = rows(tmp_path / "a.zarr", every=3)  # whether they are sound does not need all dates
    assert {n: row["stats_valid"] for n, row in found.items()} == {"2t": False, "t_850": True, "tp": True, "lsm": True}


def test_extremes_and_counts_are_exact(tmp_path):
    values = weather()
    group = make(tmp_path / "a.zarr", values, change=[("maximum", 0, 400.0)])
    n = 8 * 208
    make_array(group, "count", np.array([n, n, n, n - 1]), (4,), dims=("variable",))
    make_array(group, "has_nans", np.array([False, True, False, False]), (4,), dims=("variable",))
    make_array(group, "sums", values[:8].astype(np.float64).sum(axis=(0, 2, 3)) + np.array([0, 0, 1e3, 0]), (4,))
    found = rows(tmp_path / "a.zarr")
    most = float(values[:8, 0].max())
    assert found["2t"]["stats_differences"] == f"maximum 400, of the data {most:g}"
    assert found["t_850"]["stats_differences"] == "has_nans true, NaN in the data 0"
    assert found["lsm"]["stats_differences"] == f"count {n - 1}, of the data {n}"
    assert [found[name]["stats_valid"] for name in NAMES] == [True, True, False, True]  # sums of tp


def test_extremes_may_be_rounded_to_single_precision(tmp_path):
    values = weather()
    near = float(values[:8, 0].max()) * (1 + 2.0**-23)
    make(tmp_path / "a.zarr", values, change=[("maximum", 0, near)])
    assert rows(tmp_path / "a.zarr")["2t"]["stats_differences"] == ""


@pytest.mark.parametrize(
    ("part", "compared"),
    [
        ({"every": 2}, False),
        ({"start": "2020-01-01T06"}, False),
        ({"end": "2020-01-02T12"}, False),
        ({"end": "2020-01-02T18"}, True),  # the window is whole
        ({"select": "2t,lsm"}, True),  # so are the series of these two
    ],
)
def test_a_part_of_the_window_is_not_compared(tmp_path, part, compared):
    make(tmp_path / "a.zarr", change=[("mean", 0, 200.0)])
    found = rows(tmp_path / "a.zarr", **part)
    assert {row["stats_compared"] for row in found.values()} == {compared}
    assert math.isnan(found["2t"]["d_mean"]) is not compared
    if not compared:
        assert all(math.isnan(row["tendency_error"]) and row["stats_differences"] == "" for row in found.values())


@pytest.mark.parametrize(
    "window",
    [{"statistics_start_date": None}, {"statistics_end_date": "soon"}, {"statistics_start_date": "2031-01-01"}],
)
def test_without_a_window_of_these_dates_nothing_is_compared(tmp_path, window):
    make(tmp_path / "a.zarr", **window)
    assert {row["stats_compared"] for row in rows(tmp_path / "a.zarr").values()} == {False}


def test_an_end_without_a_time_is_its_whole_day(tmp_path):
    make(tmp_path / "a.zarr", statistics_start_date="2020-01-01", statistics_end_date="2020-01-02")
    found = rows(tmp_path / "a.zarr")
    assert all(row["stats_compared"] and row["d_mean"] < 1e-9 for row in found.values())


def test_a_store_that_is_shorter_than_its_dates_is_compared_over_what_it_has(tmp_path):
    make(tmp_path / "a.zarr", weather(6), window=6)
    dates = np.datetime64("2020-01-01", "s") + np.arange(10) * np.timedelta64(6, "h")
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="r+")
    del group["dates"]
    make_array(group, "dates", dates, (10,), dims=("time",), fill_value=np.datetime64("NaT", "s"))
    assert all(row["stats_compared"] and row["d_mean"] < 1e-9 for row in rows(tmp_path / "a.zarr").values())


def test_statistics_of_changes(tmp_path):
    values = weather()
    step = np.diff(values[:8].astype(np.float64), axis=0)
    sd = step.std(axis=(0, 2, 3))
    wrong = [
        ("statistics_tendencies_6h_stdev", 0, 2 * sd[0]),
        ("statistics_tendencies_6h_mean", 1, step[:, 1].mean() + 0.5 * sd[1]),
        ("statistics_tendencies_6h_stdev", 3, 1.0),
    ]
    group = make(tmp_path / "a.zarr", values, change=wrong)
    group["statistics_tendencies_12h_mean"] = np.full(4, 1e9)  # no neighbouring dates are 12 h apart
    group["statistics_tendencies_12h_stdev"] = np.full(4, 1e9)
    found = rows(tmp_path / "a.zarr")
    assert found["2t"]["tendency_error"] == pytest.approx(1, rel=1e-6)
    assert found["t_850"]["tendency_error"] == pytest.approx(0.5, rel=1e-6)
    assert found["tp"]["tendency_error"] < 1e-6
    assert found["lsm"]["tendency_error"] > 1e3


def test_changes_are_looked_at_of_all_quantities_only_where_the_store_has_statistics_of_them(tmp_path):
    """Whatever rules want of the fields."""
    group = make(tmp_path / "a.zarr")
    wanted, params = {**WANTED, "fields": frozenset({"change"})}, {"change": frozenset({"2t"})}
    known = []
    for _ in range(2):
        tables = scan(sources.open_source(str(tmp_path / "a.zarr")), wanted=wanted, params=params).tables
        changes = tables["fields"].dropna(subset="change")
        known.append((set(changes["variable"]), int(tables["variables"]["tendency_error"].notna().sum())))
        for name in [name for name in group if name.startswith("statistics_tendencies")]:
            del group[name]
    assert known == [(set(NAMES), 4), ({"2t"}, 0)]


@pytest.mark.parametrize(
    ("declared", "as_declared"),
    [(["lsm"], [True] * 4), ([], [True, True, True, False]), (["2t", "lsm"], [False, True, True, True])],
)
def test_constant_in_time_against_what_is_declared(tmp_path, declared, as_declared):
    make(tmp_path / "a.zarr", constant_fields=declared)
    assert [row["constant_as_declared"] for row in rows(tmp_path / "a.zarr").values()] == as_declared


def test_what_nobody_declares_or_a_part_cannot_tell_is_left_open(tmp_path):
    make(tmp_path / "a.zarr", constant_fields=None)
    assert all(row["constant_as_declared"] is None for row in rows(tmp_path / "a.zarr").values())
    make(tmp_path / "b.zarr", constant_fields=["2t"])
    found = rows(tmp_path / "b.zarr", every=4)
    assert found["2t"]["constant_as_declared"] is False  # any two dates can tell that
    assert found["lsm"]["constant_as_declared"] is None


def test_a_store_without_statistics_and_other_sources_have_none_of_the_columns(tmp_path):
    group = make(tmp_path / "a.zarr")
    for name in ("mean", "stdev", "minimum", "maximum"):
        del group[name]
    table = scan(sources.open_source(str(tmp_path / "a.zarr")), wanted=WANTED).tables["variables"]
    assert not set(COLUMNS) & set(table)


def test_statistics_of_another_length_are_as_good_as_none(tmp_path):
    group = make(tmp_path / "a.zarr")
    del group["stdev"]
    make_array(group, "stdev", np.ones(7), (7,), dims=("variable",))
    assert {row["stats_valid"] for row in rows(tmp_path / "a.zarr").values()} == {False}


def test_a_constant_variable_is_compared_within_single_precision(tmp_path):
    values = weather()
    values[:, 3] = np.float32(0.1)
    make(tmp_path / "a.zarr", values, change=[("mean", 3, 0.1), ("stdev", 3, 1e-10)])  # 0.1 is no float32
    row = rows(tmp_path / "a.zarr")["lsm"]
    assert row["stats_valid"] is True
    assert row["d_mean"] < 1
    assert row["sd_ratio"] == 1
    make(tmp_path / "b.zarr", values, change=[("mean", 3, 0.11)])
    assert rows(tmp_path / "b.zarr")["lsm"]["d_mean"] > 1e5
    values[:, 3] = 0
    make(tmp_path / "c.zarr", values, change=[("mean", 3, 1e-9)])
    assert rows(tmp_path / "c.zarr")["lsm"]["d_mean"] == math.inf


@given(
    factor=st.floats(1e-3, 1e3),
    shift=st.floats(-1e3, 1e3),
    gaps=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=12),
)
def test_the_pooled_moments_are_those_of_all_values(tmp_path_factory, factor, shift, gaps):
    values = (weather() * factor + shift).astype("f4")
    for time, variable in gaps:
        values[time, variable, 0, ::3] = np.nan
    path = tmp_path_factory.mktemp("store") / "a.zarr"
    make(path, values, allow_nans=True)
    for name, row in rows(path).items():
        early = values[:8, NAMES.index(name)].astype(np.float64)
        spread = max(np.nanstd(early), 1e-7 * np.nanmax(np.abs(early)))
        assert abs(row["true_mean"] - np.nanmean(early)) < 1e-6 * spread
        assert row["d_mean"] < 1e-6
        assert row["sd_ratio"] == pytest.approx(1, abs=1e-5)
        assert row["stats_differences"] == ""
