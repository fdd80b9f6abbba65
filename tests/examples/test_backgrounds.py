"""Short forecasts of the example weather: close to the truth, possible, and the same whatever they are asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr

from examples import make_data
from examples.backgrounds import ERRORS, Forecasts
from examples.faults import INDEX
from examples.weather import CONSTANT, VARIABLES, Weather

DATES = make_data.pair_dates(np.datetime64("2001-01-01"), np.datetime64("2001-07-01"))


@pytest.fixture(scope="module")
def weather() -> Weather:
    return Weather(3, number=8)


@pytest.fixture(scope="module")
def states(weather: Weather) -> np.ndarray:
    return weather.states(DATES)


def test_errors_have_the_size_that_is_said(weather: Weather, states: np.ndarray) -> None:
    errors = Forecasts(weather).of(DATES, states) - states
    assert set(ERRORS) == set(VARIABLES) - set(CONSTANT)
    for name in ("t_850", "z_500", "u_850", "msl", "2t"):
        found = errors[:, INDEX[name]]
        assert found.std() == pytest.approx(ERRORS[name][1], rel=0.15)
        assert abs(found.mean()) < 0.15 * ERRORS[name][1]
    for name in CONSTANT:
        assert not errors[:, INDEX[name]].any()


def test_forecasts_are_possible(weather: Weather, states: np.ndarray) -> None:
    made = Forecasts(weather).of(DATES, states)
    for name in ("tp", "cp", "swvl1", "swvl2"):
        assert (made[:, INDEX[name]] >= 0).all()
        assert ((made[:, INDEX[name]] == 0) >= (states[:, INDEX[name]] == 0)).all()
    assert (made[:, INDEX["2d"]] <= made[:, INDEX["2t"]]).all()


def test_the_same_piece_by_piece(weather: Weather, states: np.ndarray) -> None:
    whole, pieces = Forecasts(weather).of(DATES, states), Forecasts(weather)
    parts = [pieces.of(DATES[i : i + 50], states[i : i + 50]) for i in range(0, DATES.size, 50)]
    steps = np.array([[q.step] for q in VARIABLES.values()])
    assert (np.abs(np.concatenate(parts) - whole) <= steps).all()


def test_they_are_made_when_asked_for(tmp_path: Path) -> None:
    make_data.make(tmp_path / "out", years=1, number=4, background=True)
    names = ("training", "test_years", "incoming_clean")
    for name, other in zip(names, ("training", "test_years", "incoming"), strict=True):
        truth = zarr.open_group(str(tmp_path / "out" / f"{name}.zarr"), mode="r")
        made = zarr.open_group(str(tmp_path / "out" / f"background_{other}.zarr"), mode="r")
        assert np.array_equal(truth["dates"][:], made["dates"][:])
        assert truth["data"].shape == made["data"].shape
        assert not np.array_equal(truth["data"][:], made["data"][:])
    with pytest.raises(make_data.ExampleDataError, match="background True, not"):
        make_data.make(tmp_path / "out", years=1, number=4)
