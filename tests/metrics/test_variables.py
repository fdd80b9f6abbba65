"""The table `variables`, and which NaN are expected."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from metrics.fake_source import HOUR, FakeSource, axis_of, grid_of

from dqwatch.metrics import scan
from dqwatch.metrics.variables import merge
from dqwatch.types import Variable

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RNG = np.random.default_rng(2)


def tables_of(name: str, values: Any, grid: Any = None, axis: Any = None, **variable: Any) -> dict[str, pd.DataFrame]:
    source = FakeSource(
        {Variable(name, **{"param": name, "source_name": name, **variable}): values}, grid=grid, axis=axis
    )
    return dict(scan(source, workers=1, now=NOW).tables)


def row_of(name: str, values: Any, **rest: Any) -> dict[str, Any]:
    return tables_of(name, values, **rest)["variables"].iloc[0].to_dict()


def weather(n_times: int = 6, n_cells: int = 200) -> np.ndarray:
    return RNG.normal(285, 8, (n_times, n_cells))


@given(
    st.lists(
        hnp.arrays(np.float64, st.integers(0, 30), elements=st.integers(-(10**9), 10**9).map(lambda i: i / 1024)),
        min_size=1,
        max_size=8,
    ),
    st.randoms(),
)
def test_parts_merge_to_the_whole(parts: list[np.ndarray], random: Any) -> None:
    def moments(part: np.ndarray) -> tuple[float, ...]:
        if part.size == 0:
            return 0, math.nan, math.nan, math.nan, math.nan
        return part.size, part.min(), part.max(), math.fsum(part) / part.size, float(np.std(part - part.mean()))

    columns = [np.array(c) for c in zip(*map(moments, parts), strict=True)]
    found = merge(*columns)
    whole = np.concatenate(parts)
    assert found.n == whole.size
    if whole.size == 0:
        assert math.isnan(found.mean)
        return
    size = np.abs(whole).mean()
    assert (found.min, found.max) == (whole.min(), whole.max())
    assert found.mean == pytest.approx(math.fsum(whole) / whole.size, abs=1e-12 * size)
    assert found.std == pytest.approx(float(np.std(whole)), rel=1e-9, abs=1e-12 * size)
    order = list(range(len(parts)))
    random.shuffle(order)
    assert merge(*(c[order] for c in columns)) == found


def test_moments_over_all_fields_but_those_declared_missing() -> None:
    values = weather()
    values[2] = np.nan
    values[4, :50] = np.nan
    values[5, 0] = np.inf
    axis = axis_of(np.arange(6) * 6 * HOUR, declared_missing=np.arange(6) == 2)
    row = row_of("2t", values, axis=axis, units="K")
    finite = values[np.isfinite(values)]
    assert (row["n_fields"], row["n_absent"], row["n_values"], row["n_nan"]) == (6, 0, finite.size, 50)
    assert (row["min"], row["max"]) == (finite.min(), finite.max())
    assert row["mean"] == pytest.approx(finite.mean(), rel=1e-13)
    assert row["std"] == pytest.approx(finite.std(), rel=1e-11)


def test_values_near_the_end_of_the_floats() -> None:
    row = row_of("x", np.array([[1e308, -1e308], [1.5e308, 1e308]]))
    assert row["mean"] == pytest.approx(0.625e308)
    assert row["std"] == pytest.approx(1e308 * math.sqrt((0.375**2 + 1.625**2 + 0.875**2 + 0.375**2) / 4))


def test_constant_in_time() -> None:
    field = weather(1)
    assert row_of("z", np.repeat(field, 3, axis=0))["constant_in_time"]
    assert not row_of("z", field)["constant_in_time"]
    assert not row_of("z", weather(3))["constant_in_time"]


@pytest.mark.parametrize(
    ("units", "offset", "units_ok", "magnitude_ok", "suspected"),
    [
        ("K", 0.0, True, True, ""),
        ("degC", -273.15, True, True, ""),
        ("K", -273.15, True, False, "degC"),
        (None, -273.15, True, False, "degC"),
        (None, 0.0, True, True, ""),
        ("m s-1", 0.0, False, True, ""),
    ],
)
def test_units_and_magnitude(
    units: str | None, offset: float, units_ok: bool, magnitude_ok: bool, suspected: str
) -> None:
    row = row_of("2t", weather() + offset, units=units)
    assert row["known"]
    assert row["catalogue_units"] == "K"
    assert row["units"] == (units or "")
    assert row["units_given"] == (units is not None)
    found = (row["units_ok"], row["magnitude_ok"], row["suspected_units"])
    assert found == (units_ok, magnitude_ok, suspected)


def test_bounds_are_in_the_units_of_the_data() -> None:
    celsius = tables_of("2t", weather() - 273.15, units="degC")["fields"]
    assert celsius["n_out_of_bounds"].sum() == 0
    kelvin = tables_of("2t", weather() - 273.15, units="K")["fields"]
    assert kelvin["n_out_of_bounds"].sum() == 6 * 200


def test_a_name_alone_is_not_a_quantity() -> None:
    # "z" in metres per second, which somebody called so: neither units nor level make it geopotential
    assert not row_of("w", weather(), units="banana")["known"]
    assert row_of("t_850", weather(), param="t", source_name="t_850", level=850.0, level_type="pl")["known"]
    unknown = row_of("my_index", weather())
    assert (unknown["known"], unknown["catalogue_units"], unknown["units_ok"], unknown["magnitude_ok"]) == (
        False,
        "",
        True,
        True,
    )


def test_the_globe_has_a_mean_of_its_own() -> None:
    lat, lon = (a.reshape(-1) for a in np.meshgrid(np.linspace(88, -88, 20), np.arange(0, 360, 15), indexing="ij"))
    weights = np.cos(np.radians(lat)) / np.cos(np.radians(lat)).sum()
    globe = grid_of(480, latitudes=lat, longitudes=lon, area_weights=weights, kind="unstructured")
    polar = np.full((2, 480), 235.0) + RNG.normal(0, 5, (2, 480))  # possible somewhere, not everywhere
    assert row_of("2t", polar, units="K")["magnitude_ok"]
    cold = row_of("2t", polar - 273.15 + 50, grid=globe, units="K")
    assert not cold["magnitude_ok"]


def test_levels_in_mixed_units() -> None:
    variables = [
        Variable(f"t_{p}", "t", "t", level=p, level_type="pl", level_units=u) for p, u in ((850, "hPa"), (700, "Pa"))
    ]
    other = Variable("q_850", "q", "q", level=850, level_type="pl", level_units="hPa")
    source = FakeSource({v: weather() for v in [*variables, other]})
    table = scan(source, now=NOW).tables["variables"]
    assert table["level_units_agree"].tolist() == [False, False, True]
    assert table["level"].tolist() == [850.0, 700.0, 850.0]


def masked(cells: slice, times: Any = slice(None), n_times: int = 6) -> np.ndarray:
    values = weather(n_times)
    values[times, cells] = np.nan
    return values


def judged(name: str, values: Any, **rest: Any) -> tuple[bool, bool, list[int], list[bool]]:
    """nan_allowed, mask_constant, unexpected NaN and changed masks."""
    tables = tables_of(name, values, **rest)
    row, fields = tables["variables"].iloc[0], tables["fields"]
    return (
        bool(row["nan_allowed"]),
        bool(row["mask_constant"]),
        fields["n_nan_unexpected"].tolist(),
        fields["mask_changed"].tolist(),
    )


NEVER = [False] * 6


def test_nan_where_the_catalogue_has_no_mask() -> None:
    assert judged("2t", masked(slice(5), 3), units="K") == (
        False,
        False,
        [0, 0, 0, 5, 0, 0],
        [False, False, False, True, False, False],
    )
    assert judged("2t", masked(slice(5)), units="K") == (False, True, [5] * 6, NEVER)


def test_a_constant_mask_that_the_catalogue_knows() -> None:
    assert judged("sst", masked(slice(70)), units="K") == (True, True, [0] * 6, NEVER)
    assert judged("sst", masked(slice(70), n_times=1), units="K") == (True, True, [0], [False])


def test_a_mask_that_changes_once() -> None:
    values = masked(slice(70))
    values[4, 70:90] = np.nan
    changed = [False, False, False, False, True, False]
    assert judged("sst", values, units="K") == (False, False, [0, 0, 0, 0, 90, 0], changed)


def test_a_mask_that_is_never_the_same() -> None:
    values = weather()
    for t in range(6):
        values[t, t : t + 3] = np.nan
    assert judged("sst", values, units="K")[2] == [3] * 6


def test_sea_ice_may_move() -> None:
    values = RNG.random((6, 200))
    for t in range(6):
        values[t, 20 * t : 100 + 10 * t] = np.nan
    assert judged("sithick", values, units="m") == (True, False, [0] * 6, NEVER)
    values[2] = np.nan
    assert judged("sithick", values, units="m")[2] == [0, 0, 200, 0, 0, 0]


@pytest.mark.parametrize(("level", "allowed"), [(1000.0, True), (500.0, True), (300.0, False)])
def test_below_ground(level: float, allowed: bool) -> None:
    values = weather()
    for t in range(6):
        values[t, : 30 + t] = np.nan  # the ground rises and falls with the surface pressure
    name = f"t_{level:.0f}"
    found = judged(name, values, param="t", source_name="ta", level=level, level_type="pl", units="K")
    assert found == (allowed, False, [0] * 6 if allowed else [30, 31, 32, 33, 34, 35], NEVER if allowed else found[3])


def test_a_lost_field_above_a_moving_ground() -> None:
    values = weather()
    for t in range(6):
        values[t, : 30 + t] = np.nan
    values[3] = np.nan
    found = judged("t_850", values, param="t", source_name="ta", level=850.0, level_type="pl", units="K")
    assert found == (True, False, [0, 0, 0, 200, 0, 0], NEVER)


def test_nan_in_one_field_is_not_below_ground() -> None:
    found = judged("t_850", masked(slice(4), 2), param="t", source_name="ta", level=850.0, level_type="pl", units="K")
    assert found[2] == [0, 0, 4, 0, 0, 0]


def test_the_word_of_the_source() -> None:
    assert judged("2t", masked(slice(5)), units="K", nan_allowed=True) == (True, True, [0] * 6, NEVER)
    assert judged("sst", masked(slice(5)), units="K", nan_allowed=False) == (False, True, [5] * 6, NEVER)


def test_an_unknown_quantity_may_have_a_mask_but_not_holes() -> None:
    assert judged("thing", masked(slice(5))) == (True, True, [0] * 6, NEVER)
    assert judged("thing", masked(slice(5), 3))[2] == [0, 0, 0, 5, 0, 0]


def test_a_station_series_may_have_gaps() -> None:
    series = RNG.normal(size=(6, 1))
    series[4:] = np.nan
    tables = tables_of("index", series)
    assert tables["fields"]["n_nan_unexpected"].sum() == 0
    assert tables["fields"]["all_nan"].tolist() == [False] * 4 + [True] * 2
    assert tables["times"]["missing_as_declared"].all()
    known = tables_of("2t", series + 280, units="K")
    assert known["fields"]["n_nan_unexpected"].tolist() == [0, 0, 0, 0, 1, 1]


def test_declared_dates_do_not_change_masks() -> None:
    values = masked(slice(70))
    values[3] = np.nan
    axis = axis_of(np.arange(6) * 6 * HOUR, declared_missing=np.arange(6) == 3)
    assert judged("sst", values, units="K", axis=axis) == (True, True, [0] * 6, NEVER)
    assert judged("sst", values, units="K")[2] == [0, 0, 0, 200, 0, 0]
