"""Where a field departs."""

from __future__ import annotations

import numpy as np

from dqwatch.departures.regions import find_region, name_region
from dqwatch.scores.areas import Areas

BOXES = np.array([(0, 10, 20.0 * k, 20.0 * k + 20) for k in range(6)])
AREAS = Areas(np.arange(6, dtype=np.int32), BOXES)


def test_the_region_is_connected_and_at_least_half_as_far_out() -> None:
    departures = np.array([1.0, 5.0, 10.0, 4.9, 9.0, 1.0])
    assert find_region(departures, AREAS).tolist() == [False, True, True, False, False, False]
    assert name_region(departures, AREAS) == "0N-10N 20E-60E"


def test_a_departure_everywhere_or_nowhere_has_no_region() -> None:
    assert name_region(np.full(6, 3.0), AREAS) == ""
    assert name_region(np.zeros(6), AREAS) == ""
    assert name_region(np.full(6, np.nan), AREAS) == ""


def test_unknown_areas_are_no_part_of_a_region() -> None:
    departures = np.array([np.nan, 5.0, np.nan, 5.0, 0.0, 0.0])
    assert find_region(departures, AREAS).sum() == 1
