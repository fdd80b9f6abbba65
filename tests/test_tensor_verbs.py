"""Fields in memory scored as those of a file are; batches scored as they pass."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from baselines.training_data import DAY, make_fields, make_source

import dqwatch
from dqwatch.baselines.baseline import Baseline, build
from dqwatch.departures.judging import judge
from dqwatch.departures.watching import Pace
from dqwatch.errors import UsageError

N, LATER = 300, 6
FIELDS = make_fields(21, N + LATER)
NAMES = ("t", "sst", "lsm")
STEP = 5 * DAY
SECONDS = (N + np.arange(LATER)) * STEP


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return build(make_source({k: f[:N] for k, f in FIELDS.items()}))


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    """(time, variable, cell), one date spoilt."""
    later = np.stack([FIELDS[name][N:].copy() for name in NAMES], axis=1)
    later[4, 0] += 5.0
    return later


@pytest.fixture(scope="module")
def expected(baseline: Baseline, values: np.ndarray) -> dict[str, pd.DataFrame]:
    source = make_source({name: values[:, k] for k, name in enumerate(NAMES)}, first=N)
    return dict(judge(source, baseline).tables)


COLUMNS = [
    "time",
    "variable",
    "p_value",
    "q_value",
    "leading_score",
    "score",
    "region",
    "n_exact",
    "n_running",
    "reason",
]


def assert_same(found: Any, expected: dict[str, pd.DataFrame], rows: slice = slice(None)) -> None:
    cycles = expected["cycles"].iloc[rows].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.cycles[["time", "p_cycle"]], cycles[["time", "p_cycle"]], check_exact=True)
    drift = expected["drift"][expected["drift"]["time"].isin(cycles["time"])].reset_index(drop=True)
    columns = COLUMNS if rows == slice(None) else [c for c in COLUMNS if c != "n_running"]
    pd.testing.assert_frame_equal(found.drift[columns], drift[columns], check_exact=True)


TIMES = {
    "seconds": SECONDS,
    "datetime64": SECONDS.astype("M8[s]"),
    "text": [str(t) for t in SECONDS.astype("M8[s]")],
    "datetime": [dt.datetime.fromtimestamp(int(s), dt.UTC) for s in SECONDS],
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
def test_fields_in_memory_are_scored_like_those_of_a_source(
    baseline: Baseline, values: np.ndarray, expected: dict[str, pd.DataFrame], times: Any
) -> None:
    found = dqwatch.score(values, baseline, times=times, variables=NAMES)
    assert found.cycles["p_cycle"].min() < 0.01
    assert_same(found, expected)


def test_layouts_say_the_same(baseline: Baseline, values: np.ndarray, expected: dict[str, pd.DataFrame]) -> None:
    assert_same(dqwatch.score(values[:, :, None], baseline, times=SECONDS, variables=NAMES), expected)
    batch = values.reshape(3, 2, 3, 1, -1)
    assert_same(dqwatch.score(batch, baseline, times=SECONDS.reshape(3, 2), variables=NAMES), expected)
    one = dqwatch.score(values[2], baseline, times=SECONDS[2], variables=NAMES, previous=values[1])
    assert_same(one, expected, slice(2, 3))


def test_order_and_strangers_do_not_matter(
    baseline: Baseline, values: np.ndarray, expected: dict[str, pd.DataFrame]
) -> None:
    more = np.concatenate([values[:, ::-1], values[:, :1]], axis=1)
    assert_same(dqwatch.score(more, baseline, times=SECONDS, variables=[*NAMES[::-1], "other"]), expected)


def test_without_the_state_before_changes_are_not_scored(baseline: Baseline, values: np.ndarray) -> None:
    alone = dqwatch.score(values[2], baseline, times=SECONDS[2], variables=NAMES)
    assert not alone.drift["leading_score"].str.startswith("step_").any()
    given = {"times": SECONDS[2], "variables": NAMES, "previous": values[1]}
    late = dqwatch.score(values[2], baseline, **given, previous_times=SECONDS[0])
    pd.testing.assert_frame_equal(late.drift, alone.drift)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.ones(3)}, r"values: got 1 dimensions; allowed: \(variable, cell\), \(time, variable, cell\)"),
        ({"values": np.ones((1, 3, 7))}, "values: got fields of 7 cells, the baseline has 128"),
        ({"times": SECONDS[:2]}, r"times: got 2 for 6 times of fields \(time, variable, cell\)"),
        ({"times": ["yesterday"] * 6}, "times: 'yesterday' is no datetime"),
        ({"variables": ["t"]}, "variables: got 1 names for 3 variables"),
        ({"variables": ["a", "b", "c"]}, "variables: none of a, b, c is in the baseline of fake"),
        ({"device": "tpu"}, "device: got 'tpu'"),
        ({"baseline": None}, "baseline: fields in memory are scored against"),
        ({"background": np.ones((6, 3, 128))}, "background: the baseline of fake knows no departures"),
    ],
)
def test_what_does_not_fit_is_told(
    baseline: Baseline, values: np.ndarray, change: dict[str, Any], message: str
) -> None:
    given = {"values": values, "baseline": baseline, "times": SECONDS, "variables": NAMES, **change}
    with pytest.raises(UsageError, match=f"^{message}"):
        dqwatch.score(given.pop("values"), given.pop("baseline"), **given)


def test_batches_pass_and_are_scored(baseline: Baseline, values: np.ndarray, expected: dict[str, pd.DataFrame]) -> None:
    source = make_source({name: values[:, k] for k, name in enumerate(NAMES)}, first=N)
    feed = dqwatch.Feed(source, device="numpy", window=2)
    watch = dqwatch.Watch(feed, baseline, share=1.0)
    seen = [batch.values.copy() for batch in watch]
    np.testing.assert_array_equal(np.concatenate(seen)[:, 1, :, 0], values[1:])
    assert (watch.pace.n_batches, watch.pace.n_scored) == (5, 5)
    assert 0 < watch.pace.overhead <= 1
    assert_same(watch.scores(), expected, slice(1, None))
    few = dqwatch.Watch(feed, baseline, share=1.0, most=2)
    assert len(list(few)) == 5
    assert len(few.scores().cycles) == 2


def test_every_sample_of_a_batch_has_its_turn(baseline: Baseline, values: np.ndarray) -> None:
    source = make_source({name: values[:, k] for k, name in enumerate(NAMES)}, first=N)
    watch = dqwatch.Watch(dqwatch.Feed(source, device="numpy", batch=3), baseline, share=1.0)
    list(watch)
    times = watch.scores().cycles["time"].tolist()
    assert times == [str(np.datetime64(int(SECONDS[i]), "s")) for i in (1, 5)]


def test_scoring_takes_its_share_of_the_time() -> None:
    now = 0.0
    pace = Pace(0.1, 10, clock=lambda: now)
    for _ in range(1000):
        if pace.begin():
            now += 0.3  # of scoring
            pace.end([])
        now += 0.1  # of the model
    assert pace.n_batches == 1000
    assert pace.overhead == pytest.approx(0.1, abs=0.01)
    assert pace.n_scored == pytest.approx(1000 * 0.1 / (1 - 0.1) * 0.1 / 0.3, abs=2)


@pytest.mark.parametrize("share", [0, -1, 1.1, float("nan")])
def test_a_share_that_is_none_is_told(baseline: Baseline, share: float) -> None:
    with pytest.raises(UsageError, match=r"^share: got .*; give a part of the time, above 0 and up to 1$"):
        dqwatch.Watch([], baseline, share=share)
