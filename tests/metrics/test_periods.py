"""What a time axis covers, in numbers and words."""

import numpy as np
import pytest

from dqwatch.metrics.periods import describe_period
from dqwatch.types import NOT_A_TIME, TimeAxis


def axis(seconds, **options) -> TimeAxis:
    seconds = np.asarray(seconds, np.int64)
    labels = [str(np.datetime64(int(s), "s")) if s != NOT_A_TIME else "?" for s in seconds]
    return TimeAxis("time", labels, seconds, **options)


DAY = 86400


@pytest.mark.parametrize(
    ("seconds", "options", "words"),
    [
        (np.arange(10) * 21600, {}, "6 h"),
        (np.arange(10) * 21600, {"frequency": 21600}, "6 h"),
        (np.arange(10) * 900, {}, "15 min"),
        (np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30]) * DAY, {"calendar": "noleap"}, "1 month"),
        (np.cumsum([0, 366, 365, 365, 365, 366, 365]) * DAY + 730 * DAY, {}, "1 year"),
        (np.add.outer(np.arange(8) * 3 * DAY, [0, 21600]).ravel(), {}, "00, 06 UTC every 3 d"),
        (np.add.outer(np.arange(8) * DAY, [0, 45000]).ravel(), {"hours": (0, 12)}, "00, 12 UTC every day"),
        ([0, 7, 100], {}, ""),
    ],
)
def test_the_frequency_in_words(seconds, options, words):
    found = describe_period(axis(seconds, **options))
    assert found.frequency == words
    assert found.frequency_declared == bool({"frequency", "hours"} & options.keys())


def test_missing_repeated_and_undecodable_times():
    seconds = np.arange(20) * 21600
    kept = np.delete(seconds, [3, 4, 9])
    found = describe_period(axis(kept))
    assert (found.n_missing, found.missing[:2]) == (3, ("1970-01-01T18:00:00", "1970-01-02T00:00:00"))
    found = describe_period(axis([*kept, kept[0], NOT_A_TIME]))
    assert (found.n_duplicates, found.n_undecodable) == (1, 1)
    assert (found.first, found.last) == ("1970-01-01T00:00:00", "1970-01-05T18:00:00")
    declared = np.zeros(20, bool)
    declared[[2, 5]] = True
    found = describe_period(axis(seconds, declared_missing=declared))
    assert (found.n_declared_missing, found.declared_missing) == (2, ("1970-01-01T12:00:00", "1970-01-02T06:00:00"))
    assert (found.n_missing, found.missing) == (0, ())


def test_many_missing_times_are_counted_and_the_first_named():
    found = describe_period(axis(np.r_[np.arange(100), np.arange(1100, 1200)] * 3600))
    assert found.n_missing == 1000
    assert len(found.missing) == 20


def test_axes_that_are_no_time():
    static = describe_period(TimeAxis("static", [""], np.array([NOT_A_TIME]), kind="static"))
    assert (static.n, static.first, static.frequency, static.n_missing, static.n_undecodable) == (1, "", "", 0, 0)
    months = describe_period(TimeAxis("month", ["1", "7"], np.full(2, NOT_A_TIME), kind="index"))
    assert (months.first, months.last, months.n_undecodable) == ("1", "7", 0)
    empty = describe_period(axis([]))
    assert (empty.n, empty.first, empty.last, empty.n_missing) == (0, "", "", 0)
