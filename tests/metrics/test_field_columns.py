"""Columns that metrics add to the fields, through the scan, against numbers worked out by other means."""

from __future__ import annotations

import math
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics.fake_source import FakeSource, axis_of

from dqwatch.metrics import scan
from dqwatch.metrics.change import beyond_median
from dqwatch.metrics.measures import choose_times
from dqwatch.metrics.tiles import Tiles
from dqwatch.sources.grids import regular_grid
from dqwatch.types import StoredArray, Variable

LAT, LON = np.linspace(90, -90, 19), np.arange(0, 360, 10.0)
GRID = regular_grid(LAT, LON)
N = GRID.n_cells


def smooth(n: int = 1, seed: int = 0) -> np.ndarray:
    """A wave over temperatures that fall towards the poles, each a place of one value: float64 (time, row, column)."""
    lat, lon = np.radians(LAT)[:, None], np.radians(LON)[None]
    phase = np.random.default_rng(seed).uniform(0, 6, n)[:, None, None]
    return 280 + 20 * np.cos(lat) + 3 * np.cos(lat) * np.sin(2 * lon + phase)


def look(data, *columns: str, **rest):
    named = {k: v.reshape(len(v), -1).astype(np.float32) for k, v in data.items()}
    return scan(FakeSource(named, grid=GRID, **rest), wanted={"fields": set(columns)}).tables["fields"]


ISOLATED = ("n_isolated", "isolated_share", "isolated_value", "isolated_latitude", "isolated_longitude")


def test_isolated_rain_is_counted_and_the_wettest_has_its_place() -> None:
    rain = np.zeros((1, 19, 36))
    rain[0, 5, 5], rain[0, 9, 20] = 0.002, 0.008  # alone
    rain[0, 12, 3:5] = 0.02  # two beside one another
    rain[0, 15, 30] = 0.0009  # not wet
    tp = Variable("tp", "tp", "tp", units="m", kind="accumulation", period=6.0)
    row = look({tp: rain}, *ISOLATED).iloc[0]
    assert row["n_isolated"] == 2
    assert row["isolated_share"] == 2 / N
    assert row["isolated_value"] == np.float32(0.008)
    assert (row["isolated_latitude"], row["isolated_longitude"]) == (0.0, 200.0)


def test_spikes_of_smooth_variables_are_isolated_too() -> None:
    field = smooth()
    field[0, 7, 11] -= 60
    field[0, 3, 20] = np.nan
    row = look({"2t": field}, *ISOLATED).iloc[0]
    assert row["n_isolated"] == 1
    assert row["isolated_share"] == 1 / (N - 1)
    assert row["isolated_value"] == np.float32(field[0, 7, 11])
    assert (row["isolated_latitude"], row["isolated_longitude"]) == (20.0, 110.0)
    clean = look({"2t": smooth()}, *ISOLATED).iloc[0]
    assert clean["n_isolated"] == 0
    assert math.isnan(clean["isolated_latitude"])


def test_masks_and_skewed_quantities_have_no_isolated_cells() -> None:
    spots = np.zeros((1, 19, 36))
    spots[0, 5, 5] = 1
    for name in ("lsm", "sd"):
        assert math.isnan(look({name: spots}, *ISOLATED)["n_isolated"].iloc[0])


@given(st.lists(st.floats(-5, 5, width=32), min_size=4, max_size=40), st.booleans())
def test_negative_values_beyond_rounding(values: list[float], holes: bool) -> None:
    field = np.array([*values, np.nan] if holes else values, np.float32)[None]
    table = scan(FakeSource({"tp": field}), wanted={"fields": {"n_negative", "negative_share"}}).tables["fields"]
    exact = np.array(values)
    limit = np.float32(-1e-3 * table["std"].iloc[0])
    assert table["std"].iloc[0] == pytest.approx(exact.std(), rel=1e-6, abs=1e-12)
    expected = sum(v < limit for v in values)
    assert table["n_negative"].iloc[0] == expected
    assert table["negative_share"].iloc[0] == expected / len(values)


def test_nothing_is_told_of_fields_without_values() -> None:
    empty = np.full((1, 19, 36), np.nan)
    columns = ("negative_share", "isolated_share", "n_distinct", "spectrum_slope", "seam_ratio", "pole_ratio")
    row = look({"2t": empty}, *columns).iloc[0]
    assert [row[c] for c in columns] == pytest.approx([math.nan] * len(columns), nan_ok=True)


def test_seams_poles_and_doubled_lines() -> None:
    field = smooth()
    columns = ("seam_ratio", "pole_ratio", "dup_lines", "dup_rows", "dup_columns", "tile_ratio")
    clean = look({"2t": field}, *columns).iloc[0]
    assert clean["seam_ratio"] < 2
    assert clean["pole_ratio"] < 1e-6
    assert (clean["dup_lines"], clean["dup_rows"], clean["dup_columns"]) == (0, 0, 0)
    assert math.isnan(clean["tile_ratio"]), "the field is stored in one piece"
    field[0, 0] += np.where(np.arange(36) % 2, 1.0, -1.0)
    field[0, :, 10] = field[0, :, 8]
    field[0, :, 9] = field[0, :, 8]
    spoilt = look({"2t": field}, *columns).iloc[0]
    assert (spoilt["dup_lines"], spoilt["dup_rows"], spoilt["dup_columns"]) == (2, 0, 2)
    # 19 cells of -1 and 17 of +1 about a constant: the mean is -1/18, the mean square 1.
    assert spoilt["pole_ratio"] == pytest.approx(math.sqrt(1 - 1 / 18**2) / field.std(), rel=1e-4)


def stored(*chunks: int) -> StoredArray:
    return StoredArray("2t", ("time", "latitude", "longitude"), (1, 19, 36), "<f4", chunks=chunks)


def test_tiles_and_lost_chunks() -> None:
    field = smooth()
    field[0, 6:12, 24:36] = np.nan
    row = look({"2t": field}, "lost_blocks", "tile_ratio", arrays=[stored(1, 6, 12)]).iloc[0]
    assert row["lost_blocks"] == 1
    assert row["tile_ratio"] == pytest.approx(1, abs=0.3)
    field[0, 6:12, :12] += 100
    assert look({"2t": field}, "tile_ratio", arrays=[stored(1, 6, 12)])["tile_ratio"].iloc[0] > 3
    assert math.isnan(look({"2t": field}, "lost_blocks")["lost_blocks"].iloc[0])
    assert look({"2t": smooth()}, "lost_blocks")["lost_blocks"].iloc[0] == 0


@pytest.mark.parametrize(
    ("arrays", "tile"),
    [
        ([stored(1, 6, 12)], (6, 12)),
        ([stored(1, 6, 36)], (6, 36)),
        ([stored(1, 19, 36)], None),
        ([stored(1, 20, 40)], None),
        ([], None),
        ([StoredArray("data", ("time", "variable", "y", "x"), (1, 3, 19, 36), "<f4", chunks=(1, 1, 10, 36))], (10, 36)),
        ([StoredArray("2t", ("time", "x", "y"), (1, 36, 19), "<f4", chunks=(1, 6, 6))], None),
        ([StoredArray("a", ("time", "y", "x"), (1, 19, 36), "<f4", chunks=(1, 2, 2)), stored(1, 6, 12)], (6, 12)),
    ],
)
def test_the_tile_of_a_variable(arrays, tile) -> None:
    source = FakeSource({"2t": np.zeros((1, N))}, grid=GRID, arrays=arrays)
    assert Tiles(source).of(source.variables[0]) == tile


def test_precision_of_a_packed_field() -> None:
    step = 0.25
    field = np.round(smooth() / step) * step
    row = look({"2t": field}, "n_distinct", "value_step").iloc[0]
    assert row["n_distinct"] == len(set(field.ravel().tolist()))
    assert row["value_step"] == pytest.approx(step, rel=1e-6)


def test_cells_that_kept_their_value() -> None:
    data = smooth(30, seed=1).astype(np.float32)
    data[11, 10:] = data[10, 10:]
    table = look({"2t": data}, "same_inside", "stuck_excess")
    shares = [math.nan]
    for then, now in zip(data[:-1].astype(float), data[1:].astype(float), strict=True):
        inside = ~((now == then) & ((now == now.min()) | (now == now.max())))
        shares.append(float((now == then)[inside].mean()))
    np.testing.assert_allclose(table["same_inside"], shares, rtol=1e-12)
    middle = median(shares[1:])
    np.testing.assert_allclose(table["stuck_excess"], np.array(shares) - middle, rtol=1e-12, atol=1e-15)
    assert table["stuck_excess"].idxmax() == 11
    assert np.isnan(look({"2t": data[:15]}, "stuck_excess")["stuck_excess"]).all(), "fewer than 20 tell no median"


def test_beyond_the_median_of_each_variable() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=70)
    values[3] = np.nan
    own = [np.arange(0, 25), np.arange(25, 70)]
    found = beyond_median(values, own)
    for part in own:
        known = [v for v in values[part] if not math.isnan(v)]
        np.testing.assert_allclose(found[part], values[part] - median(known), rtol=1e-12)
    assert np.isnan(beyond_median(values, [np.arange(5)])).all()


@given(st.integers(1, 400), st.integers(2, 60), st.integers(1, 5))
def test_times_are_chosen_evenly(n: int, dates: int, every: int) -> None:
    sampled = np.arange(n) % every == 0
    axis = axis_of(np.arange(n) * 3600, sampled=sampled if every > 1 else None)
    chosen = choose_times(axis, dates)
    there = np.flatnonzero(sampled)
    if there.size <= dates:
        assert chosen is None
        return
    assert chosen is not None
    ordered = sorted(chosen)
    assert len(ordered) == dates
    assert (ordered[0], ordered[-1]) == (there[0], there[-1])
    assert set(ordered) <= set(there.tolist())
    gaps = np.diff(np.searchsorted(there, ordered))
    assert gaps.max() - gaps.min() <= 1


def test_what_costs_much_is_looked_at_on_48_times() -> None:
    data = smooth(100)
    table = look({"2t": data, "t": data}, "spectrum_slope", "n_distinct", "roughness")
    for _, own in table.groupby("variable"):
        assert own["n_distinct"].notna().sum() == own["spectrum_slope"].notna().sum() == 48
        assert own["roughness"].notna().all()
    assert choose_times(axis_of(np.arange(48) * 3600), 48) is None
