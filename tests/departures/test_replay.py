"""The self-test: years held against the others alarm as often as they should, and its intervals are those of theory."""

from __future__ import annotations

import numpy as np
import pytest
from departures.test_calibration import SCORES, cycles
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dqwatch.departures.replay import as_records, clopper_pearson, replay, warn_of_newest
from dqwatch.reports.baseline import render


def test_sound_years_alarm_about_as_often_as_they_should() -> None:
    found = [replay(cycles(seed, 20), SCORES) for seed in range(8)]
    assert [(r.kinds, r.level) for r in found[0]] == [
        (kinds, level) for kinds in ("state", "state and step") for level in (0.05, 0.01, 0.001)
    ]  # fmt: skip
    rates = np.array([[r.rate for r in one] for one in found]).mean(axis=0)
    assert (rates[[0, 3]] >= 0.025).all()
    assert (rates[[0, 3]] <= 0.1).all()
    assert (rates[[1, 4]] >= 0.005).all()
    assert (rates[[1, 4]] <= 0.02).all()


def test_a_level_that_the_null_cannot_reach_is_said_to_be_out_of_reach() -> None:
    short, long = (replay(cycles(5, years), SCORES)[2] for years in (12, 20))
    assert (short.level, short.reachable, short.rate, short.too_often) == (0.001, False, 0.0, False)
    assert short.null_size < 999 <= long.null_size
    assert long.reachable
    record = {"data": {"name": "x"}, "first": "", "last": "", "times": 9, "cells": 9, "years": 12, "cycles": 9,
              "notes": [], "self_test": as_records([short, long])}  # fmt: skip
    lines = render(record, ["2t"], [], "b.zarr", 1000).splitlines()
    assert lines[1] == (
        f"self-test by the state alone: nominal 0.1% is out of reach: held against {short.null_size} cycles, "
        f"p is {1 / (short.null_size + 1):.2%} at least"
    )
    assert f"{long.rate:.2%} of {long.cycles:,} sound cycles alarm at nominal 0.1% (95 % interval " in lines[2]


def test_newest_years_that_have_drifted_are_told() -> None:
    ledger = cycles(3, 20)
    ledger.scores[ledger.years >= 17, 0, 0] += 30.0
    first = replay(ledger, SCORES)[0]
    assert first.too_often
    assert first.newest > 0.5
    record = {"data": {"name": "era5.zarr"}, "first": "", "last": "", "times": 9, "cells": 9, "years": 20, "cycles": 9,
              "notes": [], "self_test": as_records([first])}  # fmt: skip
    lines = render(record, ["2t"], [], "b.zarr", 1000).splitlines()
    assert lines[1].startswith("self-test by the state alone: ")
    assert lines[2].startswith("note: the newest years alarm too often")


@given(st.integers(1, 200), st.data())
def test_the_interval_is_that_of_clopper_and_pearson(total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, total))
    exact = stats.binomtest(count, total).proportion_ci(method="exact")
    assert clopper_pearson(count, total) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_newest_years_that_have_drifted_are_warned_of_without_a_self_test() -> None:
    assert [warn_of_newest(cycles(seed, 20), SCORES) for seed in range(3)] == ["", "", ""]
    ledger = cycles(3, 20)
    ledger.scores[ledger.years >= 17, 0, 0] += 30.0
    warning = warn_of_newest(ledger, SCORES)
    assert warning.startswith("the newest 3 years of training, held against the others, alarm in ")
    few = ledger.take(ledger.years >= 16)
    assert warn_of_newest(few, SCORES) == "", "4 years"
    record = {"data": {"name": "era5.zarr"}, "first": "", "last": "", "times": 9, "cells": 9, "years": 20, "cycles": 9,
              "notes": [], "warnings": [warning]}  # fmt: skip
    assert f"warning: {warning}" in render(record, ["2t"], [], "b.zarr", 1000).splitlines()


def test_one_group_cannot_be_replayed() -> None:
    ledger = cycles(4, 5)
    assert replay(ledger.take(ledger.groups == 0), SCORES) == []
    record = {"data": {"name": "x"}, "first": "", "last": "", "times": 9, "cells": 9, "years": 1, "cycles": 9,
              "notes": [], "self_test": []}  # fmt: skip
    assert "too few years" in render(record, ["2t"], [], "b.zarr", 1000)
