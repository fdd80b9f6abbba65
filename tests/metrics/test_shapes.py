"""Texture and neighbours reach the table of fields, and tell a doubled or a noisy field from a clean one."""

from __future__ import annotations

import numpy as np
import pytest
from metrics.fake_source import FakeSource

from dqwatch.metrics import scan
from dqwatch.metrics.geometry import geometry_of
from dqwatch.metrics.texture import texture
from dqwatch.sources.grids import regular_grid

WANTED = {"fields": {"texture_1", "equal_inside", "roughness"}}
LAT, LON = np.linspace(87.5, -87.5, 36), np.arange(0, 360, 5.0)


def smooth() -> np.ndarray:
    lat, lon = np.radians(LAT)[:, None], np.radians(LON)[None, :]
    return (280 + 20 * np.cos(lat) + 3 * np.cos(lat) * np.sin(3 * lon + 2 * lat)).ravel()


def fields(values):
    return scan(FakeSource({"2t": values[None]}, grid=regular_grid(LAT, LON)), wanted=WANTED).tables["fields"].iloc[0]


def test_columns_are_what_the_functions_say():
    values = smooth()
    row = fields(values)
    expected = texture(values, geometry_of(regular_grid(LAT, LON)), std=float(values.std()))
    assert [row[f"texture_{k}"] for k in (1, 2, 3, 4)] == pytest.approx(expected.ratios)
    assert [row[f"peak_{k}"] for k in (1, 2, 3, 4)] == pytest.approx(expected.peaks)


def test_doubled_cells_have_equal_neighbours():
    doubled = np.repeat(smooth().reshape(36, 72)[:, ::2], 2, axis=1).ravel()
    assert fields(smooth())["equal_inside"] < 0.05
    # of the 72 pairs of a row that closes, every second is a cell and its copy; few pairs are left out as extremes
    assert fields(doubled)["equal_inside"] == pytest.approx(0.5, abs=0.05)


def test_noise_is_rough():
    noise = np.random.default_rng(0).normal(size=36 * 72)
    # neighbours of white noise differ by 2 sigma^2 in the mean square: log 2
    assert fields(noise)["roughness"] == pytest.approx(np.log(2), abs=0.1)
    assert fields(smooth())["roughness"] < -2


def test_an_empty_field_has_no_shape():
    row = fields(np.full(36 * 72, np.nan))
    assert np.isnan([row["roughness"], row["equal_inside"], row["texture_1"]]).all()
