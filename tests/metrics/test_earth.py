"""Where land lies: against the shipped mask, whole and in part, turned and moved; other land tells nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from clean import clean, earth

from dqwatch import resources
from dqwatch.metrics.earth import NOWHERE, TURNS, place_on_earth
from dqwatch.sources.grids import regular_grid, unstructured_grid
from dqwatch.types import Grid


def land(data: xr.Dataset | None = None) -> tuple[Grid, np.ndarray]:
    data = earth() if data is None else data
    return regular_grid(data["latitude"].values, data["longitude"].values), data["lsm"].values


def shipped() -> xr.Dataset:
    with xr.open_dataset(resources.folder("rules") / "land.nc", engine="scipy") as data:
        return data.load()


def test_the_shipped_mask_is_that_of_the_earth() -> None:
    """Land is 29.2 % of the Earth (CIA World Factbook); and some places that everybody knows."""
    data = shipped()
    weights = np.cos(np.radians(data["latitude"]))
    assert float(data["lsm"].weighted(weights).mean()) == pytest.approx(29.2, abs=0.5)
    for lat, lon, share in (
        (46.5, 2.5, 100),
        (-25.5, 134.5, 100),
        (-85.5, 0.5, 100),
        (0.5, -140.5, 0),
        (50.5, -30.5, 0),
    ):
        assert float(data["lsm"].sel(latitude=lat, longitude=lon)) == share


def test_correlation_as_numpy_has_it() -> None:
    """On cells of five degrees the shipped cells are averaged over 6 x 6 places instead of the 5 x 5 that there are."""
    grid, values = land()
    found = place_on_earth(replace(grid, area_weights=None), values.ravel())
    assert found.name == "identity"
    assert found.match == pytest.approx(1.0, abs=0.01)
    rough = (values.ravel() > 0.5).astype(float)
    expected = np.corrcoef(rough, values.ravel())[0, 1]
    assert place_on_earth(replace(grid, area_weights=None), rough).match == pytest.approx(expected, abs=0.01)
    assert (found.east, found.north) == (pytest.approx(0, abs=0.02), pytest.approx(0, abs=0.02))


TURNED = {
    "latitude_flip": lambda v: v[::-1],
    "longitude_flip": lambda v: v[:, ::-1],
    "both_flips": lambda v: v[::-1, ::-1],
    "longitude_roll_180": lambda v: np.roll(v, v.shape[1] // 2, axis=1),
}


@pytest.mark.parametrize("name", TURNS)
def test_a_turn_is_named_whatever_the_order_of_the_cells(name: str) -> None:
    grid, values = land()
    turned = TURNED[name](values).ravel()
    assert place_on_earth(grid, turned).name == name
    assert grid.latitudes is not None
    assert grid.longitudes is not None
    order = np.random.default_rng(0).permutation(turned.size)
    shuffled = unstructured_grid(grid.latitudes[order], grid.longitudes[order])
    assert place_on_earth(shuffled, turned[order]).name == name


@pytest.mark.parametrize(("east", "north"), [(0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5), (0.1, -0.1), (0, 0)])
def test_a_shift_in_cells(east: float, north: float) -> None:
    grid, values = land()
    assert grid.latitudes is not None
    assert grid.longitudes is not None
    moved = replace(grid, latitudes=np.clip(grid.latitudes + 5 * north, -90, 90), longitudes=grid.longitudes + 5 * east)
    found = place_on_earth(moved, values.ravel())
    assert (found.east, found.north) == (pytest.approx(east, abs=0.12), pytest.approx(north, abs=0.12))
    way = "east" if east > 0.3 else "west" if east < -0.3 else "north" if north > 0.3 else "south"
    assert found.name == ("identity" if max(abs(east), abs(north)) < 0.3 else f"half_cell_{way}")


def test_a_region_is_placed_too() -> None:
    europe = shipped().sel(latitude=slice(70, 35), longitude=slice(-20, 40))
    grid, values = land(europe)
    assert place_on_earth(grid, values.ravel()).name == "identity"
    assert place_on_earth(grid, values[::-1].ravel()).name == "latitude_flip"


def test_nothing_is_said_of_other_land_of_few_cells_and_without_places() -> None:
    other = clean()
    assert (
        place_on_earth(
            regular_grid(other["latitude"].values, other["longitude"].values), other["lsm"].values[0].ravel()
        )
        == NOWHERE
    )
    grid, values = land()
    for nothing in (
        place_on_earth(grid, np.zeros(values.size)),
        place_on_earth(grid, np.full(values.size, np.nan)),
        place_on_earth(Grid("unknown", (values.size,)), values.ravel()),
    ):
        assert nothing.name == ""
    few = unstructured_grid(np.linspace(0, 50, 100), np.linspace(0, 50, 100))
    assert place_on_earth(few, np.arange(100.0)) == NOWHERE
