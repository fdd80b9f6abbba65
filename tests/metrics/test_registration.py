"""Fields that are turned or moved by known amounts."""

from __future__ import annotations

import numpy as np
import pytest
from metrics.grid_cases import curvilinear, limited, reduced, regular, scattered

from dqwatch.metrics.interpolation import vectors
from dqwatch.metrics.kernel_pairs import read_places, take_cells
from dqwatch.metrics.overlay import Overlay, lay_over
from dqwatch.metrics.registration import NOWHERE, TURNS, Placing, Registration, judge
from dqwatch.sources.grids import regular_grid
from dqwatch.types import Grid

FINE = regular_grid(np.linspace(89.5, -89.5, 180), np.arange(0, 360, 1.0), "fine")


def pattern(latitudes: np.ndarray, longitudes: np.ndarray) -> np.ndarray:
    """A smooth function on the sphere, without symmetries."""
    x, y, z = vectors(latitudes, longitudes).T
    return 280 + 10 * np.sin(4 * x + 1) * np.cos(5 * y + 0.3) + 7 * np.sin(6 * z + 3 * x + 2 * y)


def place(overlay: Overlay, data: np.ndarray, reference: np.ndarray, factor: float = 1.0) -> Placing:
    read, state = np.empty(overlay.n_places), np.empty(overlay.n_places, np.uint8)
    if overlay.reading is None:
        take_cells(reference, factor, 0.0, read, state)
    else:
        read_places(reference, *overlay.reading[:3], factor, 0.0, read, state)
    own = data if overlay.cells is None else data[overlay.cells]
    return Registration(overlay).place(own, read, state, reference, factor)


def at(grid: Grid, north: float = 0.0, east: float = 0.0) -> np.ndarray:
    return pattern(grid.latitudes - north, grid.longitudes - east)


@pytest.mark.parametrize(
    ("data", "reference"),
    [(FINE, regular()), (regular(), FINE), (regular(), regular()), (FINE, reduced()), (scattered(), FINE),
     (FINE, scattered()), (curvilinear(), FINE), (limited(), regular())],
    ids=lambda g: g.name,
)  # fmt: skip
def test_fields_in_place(data: Grid, reference: Grid) -> None:
    found = place(lay_over(data, reference), at(data), at(reference))
    assert found.identity > 0.99
    assert np.hypot(found.east, found.north) < (0.05 if data is limited() else 0.03)  # it has 8 x 6 cells of the other
    assert judge([found])[0] == "identity"


@pytest.mark.parametrize("share", [-0.5, -0.1, 0.1, 0.25, 0.5])
@pytest.mark.parametrize("reference", [regular(), FINE], ids=lambda g: g.name)
def test_fields_moved_along_longitudes(reference: Grid, share: float) -> None:
    """By a share of the 5 degree cells of the coarser grid, whichever it is; linear in small shares, less in large."""
    data = FINE if reference is regular() else regular()
    found = place(lay_over(data, reference), at(data, east=5 * share), at(reference))
    assert found.east == pytest.approx(share, rel=0.15)
    assert abs(found.north) < 0.03
    back = place(lay_over(data, reference), at(data), at(reference, east=5 * share))
    assert back.east == pytest.approx(-share, rel=0.15)


@pytest.mark.parametrize("share", [-0.5, 0.2, 0.5])
def test_fields_moved_along_latitudes_of_a_region(share: float) -> None:
    """1 degree cells of the region in a globe of 2.5."""
    world = regular_grid(np.linspace(90, -90, 73), np.arange(0, 360, 2.5))
    found = place(lay_over(limited(), world), at(limited(), north=2.5 * share), at(world))
    assert found.north == pytest.approx(share, rel=0.15)
    assert abs(found.east) < 0.05


def test_a_shift_is_the_same_in_other_units() -> None:
    overlay = lay_over(regular(), FINE)
    plain = place(overlay, at(regular(), east=2.0), at(FINE))
    scaled = place(overlay, at(regular(), east=2.0), at(FINE) / 100, 100.0)
    assert (scaled.identity, *scaled.turned) == pytest.approx((plain.identity, *plain.turned))
    assert (scaled.east, scaled.north) == pytest.approx((plain.east, plain.north))


def turned(grid: Grid, how: str) -> np.ndarray:
    table = at(grid).reshape(grid.shape)
    ways = {
        "latitude_flip": table[::-1],
        "longitude_flip": table[:, ::-1],
        "longitude_roll_180": np.roll(table, grid.shape[1] // 2, axis=1),
    }
    return np.ascontiguousarray(ways[how]).ravel()


@pytest.mark.parametrize("how", TURNS)
@pytest.mark.parametrize("reference", [regular(), FINE, reduced(), scattered()], ids=lambda g: g.name)
def test_fields_turned_round(reference: Grid, how: str) -> None:
    data = regular()
    found = place(lay_over(data, reference), turned(data, how), at(reference))
    assert found.turned[TURNS.index(how)] > 0.98
    assert found.identity < 0.8
    assert judge([found] * 3) == (how, pytest.approx(np.nan, nan_ok=True), pytest.approx(np.nan, nan_ok=True))


@pytest.mark.parametrize("how", TURNS[:2])
def test_regions_are_turned_about_their_middle(how: str) -> None:
    found = place(lay_over(limited(), FINE), turned(limited(), how), at(FINE))
    assert judge([found])[0] == how
    assert np.isnan(found.turned[TURNS.index("longitude_roll_180")])


def test_what_does_not_vary_lies_nowhere() -> None:
    grid = regular()
    flat = np.full(grid.n_cells, 5.0)
    found = place(lay_over(grid, grid), flat, flat)
    assert judge([found]) == ("", pytest.approx(np.nan, nan_ok=True), pytest.approx(np.nan, nan_ok=True))
    zonal = 280 + 20 * np.cos(np.radians(grid.latitudes))
    found = place(lay_over(grid, grid), zonal, zonal)
    assert found.identity == pytest.approx(1)
    assert np.isnan(found.east)  # nothing changes from west to east


def test_a_few_places_tell_nothing() -> None:
    grid = regular()
    holed = np.full(grid.n_cells, np.nan)
    holed[1000:1030] = at(grid)[1000:1030]
    found = place(lay_over(grid, grid), holed, at(grid))
    assert np.isnan([found.identity, found.east, *found.turned]).all()


def test_many_places_are_sampled_evenly_and_always_alike() -> None:
    grid = regular_grid(np.linspace(89.75, -89.75, 360), np.arange(0, 360, 0.5))
    samples = [lay_over(grid, FINE).sample for _ in range(2)]
    np.testing.assert_array_equal(*samples)
    assert samples[0].size == np.unique(samples[0]).size == 8192
    # Half of the area lies within 30 degrees of the equator.
    assert (np.abs(grid.latitudes[samples[0]]) < 30).mean() == pytest.approx(0.5, abs=0.03)


def placing(identity: float, flip: float, east: float = 0.0, north: float = 0.0) -> Placing:
    return Placing(identity, (flip, np.nan, 0.1), east, north)


@pytest.mark.parametrize(
    ("placings", "registration", "east", "north"),
    [
        ([], "", np.nan, np.nan),
        ([NOWHERE], "", np.nan, np.nan),
        ([placing(0.9, 0.96)], "latitude_flip", np.nan, np.nan),
        ([placing(0.9, 0.94, 0.3, 0.1)], "identity", 0.3, 0.1),  # not twice as near
        ([placing(0.9, 0.99), placing(0.99, 0.9)], "identity", 0.0, 0.0),
        ([NOWHERE, *(placing(1, 0, x, y) for x, y in ((0.1, -0.2), (0.2, -0.4), (0.9, 0)))], "identity", 0.2, -0.2),
        ([placing(0.5, 0.99), placing(0.5, np.nan)], "identity", 0.0, 0.0),  # one that cannot be turned
    ],
)  # fmt: skip
def test_the_judgement_of_all_times(placings: list[Placing], registration: str, east: float, north: float) -> None:
    found = judge(placings)
    assert found[0] == registration
    assert found[1:] == pytest.approx((east, north), nan_ok=True)
