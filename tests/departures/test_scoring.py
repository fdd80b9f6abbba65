"""What is compared cell by cell."""

from __future__ import annotations

import numpy as np

from dqwatch.departures.scoring import count_changed


def test_constants_may_be_packed_otherwise() -> None:
    constant = np.array([0.0, 1.0, np.nan, 0.5])
    assert count_changed(np.array([0.0005, 1.0, np.nan, 0.5]), constant) == 0
    assert count_changed(np.array([0.002, 1.0, 0.0, np.nan]), constant) == 3
    assert count_changed(np.full(2, 5.0), np.full(2, 5.0)) == 0
