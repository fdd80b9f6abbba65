"""How variables fit together: time axes beside one another, levels, units, members."""

from __future__ import annotations

import math

import numpy as np
import pytest
from metrics.fake_source import HOUR, FakeSource, axis_of

from dqwatch.metrics import scan
from dqwatch.metrics.coherence import axis_shares, level_problem
from dqwatch.metrics.unit_texts import understood
from dqwatch.types import NOT_A_TIME, TimeAxis, Variable

SIX = np.arange(0, 10 * 24, 6) * HOUR


def variable(name: str, times: int = 0, **rest: object) -> Variable:
    return Variable(name, name, name, times=times, **rest)


def share(main: np.ndarray, other: np.ndarray, kind: str = "instant", **rest: object) -> float:
    """Of an axis beside that of two other variables."""
    axes = [axis_of(main), axis_of(other, **rest)]
    nan, also_nan, found = axis_shares([variable("a"), variable("b"), variable("c", 1, kind=kind)], axes)
    assert math.isnan(nan)
    assert math.isnan(also_nan)
    return found


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (SIX + HOUR, 0.0),
        (SIX - HOUR, 0.0),
        (SIX + 2, 1.0),  # rounded
        (SIX[1::2], 1.0),  # 06 and 18
        (np.arange(0, 10 * 24) * HOUR, 1.0),  # hourly
        (SIX[20:] + 2 * 24 * HOUR, 1.0),  # only the later part is common
        (np.concatenate([SIX[:10], SIX[10:] + HOUR]), 0.25),  # 10 of 40
        (SIX[:1] + HOUR, 0.0),
        (SIX[:1], 1.0),
    ],
)
def test_the_share_is_of_the_axis_with_fewer_times_in_the_common_period(other: np.ndarray, expected: float) -> None:
    assert share(SIX, other) == expected
    assert share(other, SIX) == expected


def test_axes_without_a_common_period_have_nothing_to_disagree_about() -> None:
    assert math.isnan(share(SIX, SIX + 1000 * 24 * HOUR))
    assert math.isnan(share(SIX, np.array([SIX[-1] + 6 * HOUR])))  # accumulated until after the last
    assert math.isnan(share(SIX, SIX + HOUR, calendar="noleap"))
    assert math.isnan(share(SIX, np.full(3, NOT_A_TIME)))
    assert math.isnan(share(SIX, SIX + HOUR, kind="constant"))


def test_two_single_times_are_compared_if_both_are_of_instants() -> None:
    assert share(SIX[:1], SIX[:1] + HOUR) == 0.0
    assert math.isnan(share(SIX[:1], SIX[:1] + 6 * HOUR, kind="accumulation"))
    assert math.isnan(share(SIX[:1], SIX[:1] + 24 * HOUR))


def test_the_calendars_of_today_are_one() -> None:
    assert share(SIX, SIX + HOUR, calendar="standard") == 0.0
    assert share(SIX, SIX, calendar="standard") == 1.0


def test_a_static_axis_is_none() -> None:
    static = TimeAxis("", [""], np.zeros(1, np.int64), kind="static")
    assert all(map(math.isnan, axis_shares([variable("a"), variable("b", 1)], [axis_of(SIX), static])))


@pytest.mark.parametrize(
    ("level", "level_type", "units", "problem"),
    [
        (850.0, "pl", "hPa", ""),
        (0.01, "pl", "hPa", ""),
        (1100.0, "pl", "Pa", ""),
        (1100.1, "pl", "hPa", "1100.1 hPa is more than 1100"),
        (0.0, "pl", "hPa", "0 hPa is no pressure"),
        (-5.0, "pl", "hPa", "-5 hPa is no pressure"),
        (200000.0, "pl", "dbar", ""),
        (None, "pl", "hPa", "the level is no number"),
        (None, "ml", None, "the level is no number"),
        (None, "sfc", None, ""),
        (None, "tropopause", None, ""),
        (0.0, "ml", None, ""),
        (-10.0, "hl", "m", ""),
    ],
)
def test_levels(level: float | None, level_type: str, units: str | None, problem: str) -> None:
    assert level_problem(variable("t", level=level, level_type=level_type, level_units=units)) == problem


@pytest.mark.parametrize(
    "units",
    [
        *(None, "", "~", "K", "m s**-1", "W/m2", "hours since 1970-01-01", "(0 - 1)", "Code table 4.222", "kelvin"),
        *("dBZ", "(-1 to 1)", "CCITTIA5", "Number m**-2", "m s**-1 per time step", "kgC m-2 s-1", "# cm-3", "tenths"),
    ],
)
def test_units_that_are_in_use_are_understood(units: str | None) -> None:
    assert understood(units)


@pytest.mark.parametrize("units", ["foo", "K/foo", "Celcius", "g/Kg", "m/s/", "unknown units", "sootons m-2"])
def test_units_that_are_none_are_not_understood(units: str) -> None:
    assert not understood(units)


def test_a_copied_member_is_the_later_of_the_two() -> None:
    values = np.random.default_rng(0).random((2, 4, 50)).astype("f4")  # time, member, cell
    values[1, 3] = values[1, 1]
    source = FakeSource({variable("x", members=4): values, "single": values[:, 0]})
    fields = scan(source).tables["fields"]
    found = fields[fields["variable"] == "x"].pivot(index="time_index", columns="member", values="same_as_member")
    assert found.to_numpy(bool).tolist() == [[False] * 4, [False, False, False, True]]
    assert fields[fields["variable"] == "single"]["same_as_member"].isna().all()
