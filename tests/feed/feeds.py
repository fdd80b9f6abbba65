"""What the tests of the feed share."""

from __future__ import annotations

from typing import Any

import numpy as np

import dqwatch
from dqwatch.feed.feed import Batch

NAMES = ["2t", "t_850", "t_500", "tp", "lsm"]
CELLS = 208


def values_of(times: int = 7, members: int = 1) -> np.ndarray:
    values = np.random.default_rng(5).normal(280, 9, (times, len(NAMES), members, CELLS)).astype("f4")
    values[1, 2, 0, 7:20] = np.nan
    return values


def feed(source: Any, **arguments: Any) -> dqwatch.Feed:
    return dqwatch.Feed(source, **{"device": "numpy", "workers": 2, **arguments})


def batches(fed: dqwatch.Feed) -> list[Batch]:
    """Copies, for a batch is valid only until the next."""
    return [one._replace(values=one.values.copy()) for one in fed]


def assert_holds(found: list[Batch], values: np.ndarray) -> None:
    for batch in found:
        np.testing.assert_array_equal(batch.values, values[batch.times])
