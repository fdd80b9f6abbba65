"""The grammar of patterns, and the times, cells, variables and members that they mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.errors import UsageError
from dqwatch.metrics.access_patterns import (
    BUILT_IN,
    choose_cells,
    choose_members,
    choose_times,
    choose_variables,
    parse_pattern,
)
from dqwatch.metrics.neighbours import nearest
from dqwatch.sources.grids import regular_grid
from dqwatch.types import NOT_A_TIME, Grid, TimeAxis, Variable


def axis(n: int, hours: float = 6, kind: str = "time") -> TimeAxis:
    seconds = (np.arange(n) * hours * 3600).astype(np.int64)
    return TimeAxis("time", [str(s) for s in seconds], seconds, kind=kind)  # type: ignore[arg-type]


def unplaced(*shape: int) -> Grid:
    return Grid("unknown", shape)


def globe(rows: int = 18, columns: int = 36) -> Grid:
    return regular_grid(np.linspace(85, -85, rows), np.arange(columns) * 360 / columns)


def spiral(n: int) -> Grid:
    i = np.arange(n) + 0.5
    latitudes, longitudes = np.degrees(np.arcsin(1 - 2 * i / n)), np.degrees(np.pi * (1 + 5**0.5) * i) % 360
    return Grid("unstructured", (n,), latitudes, longitudes)


VARIABLES = [
    Variable("2t", "2t", "t2m"),
    Variable("t_850", "t", "t", 850.0, "pl"),
    Variable("t_500", "t", "t", 500.0, "pl"),
    Variable("msl", "msl", "msl"),
]


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ("", "'' is no part of a pattern"),
        ("time", "'time' is no part"),
        ("tme=3", "'tme=3' is no part of a pattern; write DIM=AMOUNT with DIM one of time, cell, variable, member"),
        ("time=3,", "'' is no part"),
        ("time=3,time=4", "'time' stands there twice"),
        ("time=0", "time=0 is no amount; give one like 28, 10%, 4x7, 180d, all"),
        ("time=-1", "time=-1 is no amount"),
        ("time=2.5", "time=2.5 is no amount"),
        ("time=2t", "time=2t is no amount"),
        ("time=", r"time=\(nothing\) is no amount"),
        ("time=region", "time=region is no amount"),
        ("cell=0%", "cell=0% is no amount"),
        ("cell=101%", "cell=101% is no amount"),
        ("cell=12h", "cell=12h is no amount"),
        ("cell=0x3", "cell=0x3 is no amount"),
        ("variable=10%", "variable=10% is no amount"),
        ("variable=2t+", r"variable=2t\+ is no amount"),
        ("member=1x1", "member=1x1 is no amount; give one like 1, all"),
    ],
)
def test_what_is_no_pattern_is_told_in_one_line(text, needle):
    with pytest.raises(UsageError, match=needle) as caught:
        parse_pattern(text)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_pattern_is_named_by_its_text_and_blanks_do_not_matter():
    pattern = parse_pattern("time = 28, cell=10% , variable=2t+msl")
    assert pattern.name == "time = 28, cell=10% , variable=2t+msl"
    assert [a.form for a in pattern.amounts.values()] == ["count", "share", "names"]
    assert pattern.strict


def test_the_patterns_of_the_field():
    assert {p.name: p.text for p in BUILT_IN} == {
        "date": "time=1",
        "series": "time=180d,cell=5x9",
        "points": "time=1,cell=10%",
        "window": "time=12h,cell=region",
    }
    assert not any(p.strict for p in BUILT_IN)
    assert all(p.meaning for p in BUILT_IN)


@pytest.mark.parametrize(
    ("text", "n", "hours", "wanted"),
    [
        ("time=1", 8, 6, [3]),
        ("time=3", 8, 6, [2, 3, 4]),
        ("time=8", 8, 6, range(8)),
        ("time=all", 8, 6, range(8)),
        ("cell=3", 8, 6, range(8)),
        ("time=25%", 8, 6, [3, 4]),
        ("time=1%", 8, 6, [3]),
        ("time=2x2", 10, 6, [0, 1, 8, 9]),
        ("time=12h", 9, 6, [3, 4]),  # 48 h long: the middle 12 hours begin at 18 h
        ("time=12h", 49, 1, range(18, 30)),
        ("time=1d", 3, 24, [1]),  # 48 h: begins at 12 h, so at 24 h
        ("time=100d", 5, 24, range(5)),
    ],
)
def test_times(text, n, hours, wanted):
    assert list(choose_times(parse_pattern(text), axis(n, hours))) == list(wanted)


def test_a_duration_is_measured_by_the_times_not_counted():
    seconds = np.array([0, 1, 2, 30, 31, 32, 33, 60], np.int64) * 86400
    gappy = TimeAxis("time", [str(s) for s in seconds], seconds)
    # 60 days: the middle 4 days begin at day 28, the first time from there on is day 30
    assert list(choose_times(parse_pattern("time=4d"), gappy)) == [3, 4, 5, 6]
    unsorted = TimeAxis("time", [str(s) for s in seconds[::-1]], seconds[::-1])
    assert list(choose_times(parse_pattern("time=4d"), unsorted)) == [1, 2, 3, 4]


def test_without_times_there_is_no_duration():
    index = TimeAxis("month", ["1", "7"], np.full(2, NOT_A_TIME), kind="index")
    with pytest.raises(UsageError, match="axis 'month' has no times to measure 12h by; give a count"):
        choose_times(parse_pattern("time=12h"), index)
    window = next(p for p in BUILT_IN if p.name == "window")
    assert list(choose_times(window, index)) == [0, 1]
    assert list(choose_times(window, axis(1, kind="static"))) == [0]


@pytest.mark.parametrize(
    ("text", "message"),
    [("time=9", "time=9, but there are only 8; give 1 to 8"), ("time=3x3", "time=3x3 wants 9, but there are only 8")],
)
def test_more_times_than_there_are(text, message):
    with pytest.raises(UsageError, match=message):
        choose_times(parse_pattern(text), axis(8))
    assert list(choose_times(parse_pattern(text, strict=False), axis(8)))


def cells(text: str, grid: Grid, *, strict: bool = True) -> np.ndarray:
    """Flat indices of the chosen cells."""
    parts = choose_cells(parse_pattern(text, strict=strict), grid)
    assert sorted(a for p in parts for a in p.axes) == list(range(len(grid.shape)))
    if len(parts) == 1 and len(parts[0].axes) > 1:
        return np.asarray(parts[0].indices)
    separate = [np.asarray(p.indices) for p in sorted(parts)]
    return np.ravel_multi_index(np.meshgrid(*separate, indexing="ij"), grid.shape).ravel()


@pytest.mark.parametrize(
    "grid", [globe(), spiral(648), unplaced(648), unplaced(18, 36)], ids=lambda g: f"{g.kind}{g.shape}"
)
def test_cells_are_as_many_as_wanted_ascending_and_the_same_each_time(grid):
    assert list(cells("time=1", grid)) == list(range(648))
    for text, n in (("cell=100", 100), ("cell=10%", 65), ("cell=0.01%", 1), ("cell=648", 648)):
        chosen = cells(text, grid)
        assert len(chosen) == n
        assert (np.diff(chosen) > 0).all()
        assert list(chosen) == list(cells(text, grid))
    spread = cells("cell=100", grid)
    assert np.histogram(spread, 4, (0, 648))[0].min() > 10, "spread over the grid"
    with pytest.raises(UsageError, match="cell=649, but there are only 648"):
        cells("cell=649", grid)
    with pytest.raises(UsageError, match="cell=100x9 wants 900"):
        cells("cell=100x9", grid)
    assert len(cells("cell=100x9", grid, strict=False)) > 300


def test_places_are_neighbours_on_the_sphere():
    grid = spiral(2000)
    chosen = cells("cell=3x12", grid)
    assert 24 < len(chosen) <= 36
    x = xyz(grid)
    near = np.sort(np.arccos(np.clip(x[chosen] @ x[chosen].T, -1, 1)), axis=1)
    # Cells of a 2000th of the sphere are 4.5 degrees apart; the 12 cells of a place lie within some 18.
    assert np.degrees(near[:, 8]).max() < 25


def xyz(grid: Grid) -> np.ndarray:
    assert grid.latitudes is not None
    assert grid.longitudes is not None
    phi, lam = np.radians(grid.latitudes), np.radians(grid.longitudes)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=1)


@given(st.integers(0, 499), st.integers(1, 500))
def test_nearest_is_what_sorting_all_distances_gives(cell, count):
    grid = spiral(500)
    distances = 2 - 2 * xyz(grid) @ xyz(grid)[cell]
    found = nearest(grid, cell, count)
    assert len(set(found)) == count
    assert cell in found
    np.testing.assert_allclose(np.sort(distances[found]), np.sort(distances)[:count], atol=1e-9)


@given(st.integers(0, 59), st.integers(1, 60))
def test_without_coordinates_nearest_goes_by_index(cell, count):
    found = nearest(unplaced(6, 10), cell, count)
    places = np.stack(np.unravel_index(np.arange(60), (6, 10)), axis=1)
    distances = ((places - places[cell]) ** 2).sum(axis=1)
    assert len(set(found)) == count
    assert sorted(distances[found]) == sorted(distances)[:count]


def test_coordinates_that_are_no_numbers_are_passed_over():
    latitudes, longitudes = np.linspace(-80, 80, 40), np.linspace(0, 350, 40)
    latitudes[5:] = np.nan
    grid = Grid("unstructured", (40,), latitudes, longitudes)
    assert list(nearest(grid, 0, 5)) == [0, 1, 2, 3, 4]
    assert list(nearest(grid, 0, 7)) == list(range(7))  # by index, for only five have coordinates
    assert list(nearest(grid, 20, 3)) == [19, 20, 21]


def test_a_region_is_the_middle_third():
    grid = globe()
    assert grid.latitudes is not None
    assert grid.longitudes is not None
    chosen = cells("cell=region", grid)
    # latitudes -85..85 in steps of 10: the middle third is -28.3..28.3; longitudes 0..350: 116.7..233.3
    inside = (np.abs(grid.latitudes) <= 85 / 3) & (grid.longitudes >= 350 / 3) & (grid.longitudes <= 700 / 3)
    assert list(chosen) == list(np.flatnonzero(inside))
    assert len(chosen) == 6 * 12
    scattered = spiral(648)
    assert scattered.latitudes is not None
    assert scattered.longitudes is not None
    places = cells("cell=region", scattered)
    assert np.abs(scattered.latitudes[places]).max() < 30
    assert len(places) == pytest.approx(648 * 0.5 / 3, rel=0.1)  # half of the sphere's area, a third of the longitudes
    assert list(cells("cell=region", unplaced(9))) == [3, 4, 5]
    assert list(cells("cell=region", unplaced(1))) == [0]
    assert list(cells("cell=region", unplaced(3, 6))) == [8, 9]
    tiny = regular_grid(np.array([10.0, 0.0]), np.array([0.0, 1.0]))  # nothing lies in the middle third
    assert len(cells("cell=region", tiny)) >= 1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("time=1", (0, 1, 2, 3)),
        ("variable=all", (0, 1, 2, 3)),
        ("variable=2", (0, 1)),
        ("variable=msl+2t", (0, 3)),
        ("variable=t2m", (0,)),  # as the source calls it
        ("variable=t", (1, 2)),  # all its levels
        ("variable=t_500", (2,)),
    ],
)
def test_variables(text, wanted):
    assert choose_variables(parse_pattern(text), VARIABLES) == wanted


def test_variables_that_there_are_not():
    with pytest.raises(UsageError, match="there is no variable 't_85'; there are t_850") as caught:
        choose_variables(parse_pattern("variable=t_85"), VARIABLES)
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="variable=5, but there are only 4"):
        choose_variables(parse_pattern("variable=5"), VARIABLES)


def test_members():
    assert choose_members(parse_pattern("time=1"), 10) == range(10)
    assert choose_members(parse_pattern("member=3"), 10) == range(3)
    assert choose_members(parse_pattern("member=all"), 10) == range(10)
    with pytest.raises(UsageError, match="member=11, but there are only 10"):
        choose_members(parse_pattern("member=11"), 10)
