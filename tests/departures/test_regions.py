"""Where a field departs."""

from __future__ import annotations

import numpy as np

from dqwatch.departures.regions import Region, find_region, lay_regions, mean_over_regions, name_region, name_regions
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


def test_regions_by_latitude_land_and_boxes() -> None:
    boxes = np.array([(s, s + 30, w, w + 60) for s in range(-90, 90, 30) for w in range(0, 360, 60)], np.float64)
    areas = Areas(np.arange(36, dtype=np.int32), boxes)
    land = boxes[:, 2] == 0
    regions = {r.name: r.areas for r in lay_regions(areas, land)}
    # middles at 75S, 45S, 15S, 15N, 45N, 75N
    assert regions["n.hem"].tolist() == (boxes[:, 0] >= 30).tolist()
    assert regions["tropics"].tolist() == (np.abs(boxes[:, 0] + 15) <= 15).tolist()
    assert regions["s.hem"].tolist() == (boxes[:, 1] <= -30).tolist()
    assert regions["land"].tolist() == land.tolist()
    assert regions["sea"].tolist() == (~land).tolist()
    others = [a for n, a in regions.items() if n not in ("n.hem", "tropics", "s.hem", "land", "sea")]
    assert np.sum(others, axis=0).tolist() == [1] * 36, "each area lies in one box"
    assert [r.name for r in name_regions(areas)] == ["n.hem", "tropics", "s.hem"]


def test_what_is_all_of_a_small_domain_is_no_region() -> None:
    assert [r.name for r in lay_regions(AREAS)] == ["0N-10N 0E-40E", "0N-10N 40E-80E", "0N-10N 80E-120E"], "no tropics"
    known = np.array([[1.0, np.nan, 3.0, 5.0, 5.0, 5.0], [np.nan] * 6])
    halves = [Region("a", np.arange(6) < 3), Region("b", np.arange(6) >= 3)]
    found = mean_over_regions(known, halves)
    assert found[0].tolist() == [2.0, 5.0]
    assert np.isnan(found[1]).all()
