"""What is made of states for detectors of whole states, how faults that last are counted, and where real series end."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from examples.sphere import octahedral_grid
from tests.benchmarks import drift_lasting
from tests.benchmarks.drift_components import N_COMPONENTS, WINDOW, Components, blocks, windows
from tests.benchmarks.drift_faults import LASTING_CYCLES, REAL_FAULTS
from tests.benchmarks.drift_methods import Findings
from tests.benchmarks.drift_real_faults import Planted, markdown
from tests.benchmarks.drift_real_series import RealGrid
from tests.benchmarks.drift_real_spoiling import moved, on_values, widened
from tests.benchmarks.drift_spoiling import Fault, Moment, World


def test_the_partial_area_is_the_mean_power_at_the_least_rates_of_false_alarms() -> None:
    found = Findings(np.arange(200.0), np.zeros(200, np.int64), {"x": np.array([250.0, 198.5, 199.0, 0.0])})
    assert found.partial_auroc("x") == pytest.approx(((1 + 0.5) / 4 + (1 + 2) / 4) / 2)


def test_windows_of_clean_cycles_are_as_far_apart_as_the_spoilt_ones() -> None:
    rows = np.arange(6, 195, 14)
    clean, spoilt = windows(195, rows)
    assert spoilt.shape == (rows.size - WINDOW + 1, WINDOW)
    assert clean.shape == (195 - 14 * (WINDOW - 1), WINDOW)
    assert (np.diff(clean, axis=1) == 14).all()
    assert (np.diff(rows[spoilt], axis=1) == 14).all()
    assert clean.max() == 194


def test_blocks_have_as_good_as_equal_areas() -> None:
    grid = octahedral_grid(16)
    own = blocks(grid.latitudes, grid.longitudes)
    areas = np.bincount(own, grid.area_weights)
    assert areas.size == 48
    assert areas.min() > 0.6 / 48
    assert areas.max() < 1.4 / 48


def test_components_are_those_of_training_and_a_fault_moves_them_by_its_change() -> None:
    rng = np.random.default_rng(1)
    dates = np.datetime64("2001-01-01", "s") + np.arange(80) * np.timedelta64(5 * 86400 + 6 * 3600, "s")
    pattern = rng.normal(size=(2, 30))
    fields = (rng.normal(size=(80, 1, 1)) * 5 * pattern + rng.normal(size=(80, 2, 30))).astype(np.float32)
    place = {date: k for k, date in enumerate(dates)}
    series = SimpleNamespace(
        training=dates, variables=("t", "q"), field=lambda date, v: fields[place[date], "tq".index(v)]
    )
    sd = {v: fields[:, k].std(axis=0) for k, v in enumerate("tq")}
    made = Components(series, np.full(30, 1 / 30), sd)
    assert made.training.shape == (80, N_COMPONENTS)
    np.testing.assert_allclose(made.of(dates), made.training, atol=1e-3)
    np.testing.assert_allclose(np.corrcoef(made.training.T) - np.eye(N_COMPONENTS), 0, atol=0.05)
    fault = Fault("offset", "q", "", ("q",), lambda m, v: m.field(v, 0))
    same = made.of_fault(fault, dates[:3], [{"q": fields[k, 1]} for k in range(3)])
    np.testing.assert_allclose(same, made.training[:3], atol=1e-3)
    holed = [{"q": np.where(np.arange(30) < 3, np.nan, fields[k, 1])} for k in range(3)]
    assert np.isfinite(made.of_fault(fault, dates[:3], holed)).all()


def test_a_fault_that_lasts_counts_as_found_from_its_first_alarm_on() -> None:
    n = LASTING_CYCLES[-1]
    runs = np.zeros((4, n))
    runs[0, 0], runs[1, 3:], runs[2, n - 1] = 9.0, 9.0, 9.0
    row = drift_lasting._tell("x", "single", runs, 1.0)
    assert row.powers == (0.25, 0.25, 0.5, 0.5, 0.5, 0.75)
    assert row.median == n
    limit = drift_lasting._limit(np.arange(20.0)[:, None] * np.ones(n))
    assert (np.arange(20) > limit).sum() == 2
    np.testing.assert_allclose(drift_lasting._average(np.ones((9, 1)))[:, 0], 1 - np.exp(-np.arange(1, 10) / 8))
    assert drift_lasting.markdown({"x": [row] * 6}, drift_lasting.Sound(8, 1), [1]).count("| x |") == 1


def real_moment(values: np.ndarray, width: int) -> Moment:
    rows = np.full(values.size // width, width)
    latitudes, longitudes = np.repeat(np.arange(rows.size) * 2.5, width), np.tile(np.arange(width) * 2.5, rows.size)
    grid = RealGrid(0, latitudes, longitudes, np.full(values.size, 1 / values.size), rows)
    world = World(grid, SimpleNamespace(), {"t": np.ones(values.size, np.float32)})  # type: ignore[arg-type]
    return Moment(world, lambda v, back: values, 0.0, np.random.default_rng(0), np.random.default_rng(1))


def test_fields_of_regions_are_shifted_from_their_western_edge() -> None:
    values = np.arange(12.0)
    np.testing.assert_array_equal(moved(real_moment(values, 6), "t", 1.0), [0, 0, 1, 2, 3, 4, 6, 6, 7, 8, 9, 10])
    np.testing.assert_array_equal(moved(real_moment(values, 6), "t", 0.5)[:3], [0, 0.5, 1.5])
    assert real_moment(np.arange(100.0), 10).world.near.shape == (100, 8)


def test_missing_values_stay_missing_where_a_way_knows_none() -> None:
    values = np.array([1.0, np.nan, 3.0, 5.0])
    np.testing.assert_allclose(on_values(widened, factor=2.0)(real_moment(values, 2), "t"), [-1, np.nan, 3, 7])


def test_tables_of_real_series_name_what_peers_find_better() -> None:
    power = {
        "dqwatch, state alone": {"a": 0.2, "b": 1.0},
        "dqwatch, onset": {"a": 0.3, "b": 1.0},
        "peer": {"a": 0.5, "b": 0.0},
    }
    row = Planted("s: x", 35, 100, 300, 24, 0.01, power, {}, [("a", "noise"), ("b", "unit")])  # fmt: skip
    text = markdown([row])
    assert "| noise | 0.20 | 0.30 | 0.50 | peer (0.50) |" in text
    assert "| unit | 1.00 | 1.00 | 0.00 |  |" in text
    assert "s: a 0.30, peer (0.50)" in text
    other = Planted("other: y", 8, 9, 300, 24, 0.01, {"dqwatch, onset": {"a": 1.0}}, {}, [("a", "noise")])
    assert "| other: y | 8 | 9 | 300 | 24 | 1% | 1 |  | 1.00 |  |" in markdown([row, other])
    assert len({(f.family, f.size, f.only) for f in REAL_FAULTS}) == len(REAL_FAULTS)
