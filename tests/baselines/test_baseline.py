"""A baseline as a whole: no cycle of the ledger was seen by what it is scored by, and saving loses nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from baselines.training_data import LAT, make_fields, make_source
from hypothesis import given
from hypothesis import strategies as st
from metrics.fake_source import grid_of

from dqwatch.baselines.baseline import Baseline, build
from dqwatch.baselines.building import accumulate
from dqwatch.baselines.folds import lay_folds
from dqwatch.baselines.ledger import pack_areas, unpack_areas
from dqwatch.baselines.plans import plan
from dqwatch.baselines.scorer import Scorer
from dqwatch.baselines.store import check_target, load, save
from dqwatch.baselines.unfinished import Unfinished
from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError, SourceNotFoundError, UsageError
from dqwatch.scores import load_families

N = 9 * 73


@pytest.fixture(scope="module")
def fields() -> dict[str, np.ndarray]:
    return make_fields(1, N)


@pytest.fixture(scope="module")
def baseline(fields: dict[str, np.ndarray]) -> Baseline:
    return build(make_source(fields, times_per_block=3), workers=2)


def test_what_it_holds(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    assert baseline.variables == ("t", "sst", "lsm")
    assert baseline.step == 5 * 86400
    assert baseline.record["years"] == 9
    assert baseline.ledger.scores.shape == (N, 3, len(baseline.scores))
    assert list(baseline.constants) == [2]
    assert np.array_equal(baseline.constants[2], fields["lsm"][0])
    names = [s.name for s in baseline.scores]
    known = np.isfinite(baseline.ledger.scores)
    assert known[:, 0, names.index("ms")].all()
    assert not known[:, 2].any()
    assert not known[0, 0, names.index("step_ms")]
    assert known[1:, 0, names.index("step_ms")].all()


def test_a_cycle_of_the_ledger_has_never_seen_its_own_fold(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    """Its scores are those by a baseline of data without the fold, to which the cycle is new."""
    source = make_source(fields)
    times = lay_folds(source.times[0])
    held = 3
    spoilt = {name: values.copy() for name, values in fields.items()}
    inside = times.folds == held
    for name in ("t", "sst"):
        spoilt[name][inside] += 50.0
    other = make_source(spoilt)
    asked = plan(other)
    with Unfinished() as folder:
        climates = accumulate(asked, folder).climates([f for f in range(8) if f != held])
    scorer = Scorer(asked.layout, climates, load_families())
    rows = np.flatnonzero(inside)[1:6]
    for row in rows:
        for v, name in enumerate(("t", "sst")):
            found = scorer.score(
                v, fields[name][row], asked.moment(int(row)), Buffers(), previous=fields[name][row - 1]
            )
            areas = np.clip(found.areas["state"][0], -6.35, 6.35)
            assert np.allclose(unpack_areas(baseline.ledger.areas[row, v]), areas, rtol=0, atol=0.026, equal_nan=True)
            alone = np.delete(np.arange(found.scores.size), scorer.area_columns)
            expected = baseline.ledger.scores[row, v, alone]
            assert np.allclose(found.scores[alone], expected, rtol=1e-5, atol=1e-5, equal_nan=True)


def test_nor_have_the_relations_that_it_is_scored_by(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    """Spoiling some cycles of a fold leaves what the others of it are scored as by relations."""
    times = lay_folds(make_source(fields).times[0])
    inside = np.flatnonzero(times.folds == 3)
    spoilt = {name: values.copy() for name, values in fields.items()}
    spoilt["t"][inside[40:]] = 2 * spoilt["t"][inside[40:], ::-1] - 280
    other = build(make_source(spoilt))
    columns = baseline.scorer.area_columns
    before, after = (b.ledger.scores[inside[:40]][:, :, columns] for b in (baseline, other))
    assert np.isfinite(before[:, :2]).all()
    assert np.allclose(before, after, rtol=1e-6, atol=1e-6, equal_nan=True)
    elsewhere = np.flatnonzero(times.folds == 2)
    before, after = (b.ledger.scores[elsewhere][:, :, columns] for b in (baseline, other))
    assert not np.allclose(before, after, rtol=1e-6, atol=1e-6, equal_nan=True)


def test_the_same_for_any_number_of_workers(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    alone = build(make_source(fields), workers=1)
    assert np.array_equal(alone.ledger.scores, baseline.ledger.scores, equal_nan=True)
    for one, other in zip(alone.climates["state"], baseline.climates["state"], strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert np.array_equal(one.cell.mean, other.cell.mean)


def test_saved_and_opened_it_is_the_same(baseline: Baseline, tmp_path: Path) -> None:
    path = tmp_path / "b.zarr"
    save(baseline, path)
    save(baseline, path)
    assert [p.name for p in tmp_path.iterdir()] == ["b.zarr"]
    found = load(path)
    for name in ("variables", "units", "calendar", "step", "terms", "scores", "record"):
        assert getattr(found, name) == getattr(baseline, name)
    assert np.array_equal(found.ledger.scores, baseline.ledger.scores, equal_nan=True)
    assert np.array_equal(found.ledger.groups, baseline.ledger.groups)
    assert np.array_equal(found.ledger.areas, baseline.ledger.areas)
    field = make_fields(2, 2)
    moment = baseline.moments(np.array([400 * 86400]))[0]
    assert moment is not None
    means: list[dict[int, np.ndarray | None]] = [{}, {}]
    for v, name in enumerate(("t", "sst", "lsm")):
        one, other = (
            b.scorer.score(v, field[name][1], moment, Buffers(), previous=field[name][0]) for b in (baseline, found)
        )
        assert np.array_equal(one.scores, other.scores, equal_nan=True)
        means[0][v], means[1][v] = one.means, other.means
    one, other = (b.scorer.relate(m, moment) for b, m in zip((baseline, found), means, strict=True))
    assert np.isfinite(one[:2]).all()
    assert np.array_equal(one, other, equal_nan=True)


def test_nothing_but_a_baseline_is_overwritten(baseline: Baseline, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "keep.txt").write_text("mine")
    with pytest.raises(UsageError, match="exists and is no baseline"):
        save(baseline, tmp_path / "notes")
    with pytest.raises(UsageError, match="is missing or cannot be written"):
        check_target(tmp_path / "none" / "b.zarr")
    assert (tmp_path / "notes" / "keep.txt").read_text() == "mine"


def test_what_is_no_sound_baseline_is_said_in_one_line(baseline: Baseline, tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError, match="no such baseline"):
        load(tmp_path / "none.zarr")
    with pytest.raises(UsageError, match="no baseline; make one"):
        load(tmp_path)
    path = tmp_path / "b.zarr"
    save(baseline, path)
    marks = json.loads((path / ".zattrs").read_text())
    (path / ".zattrs").write_text(json.dumps({**marks, "version": 99}))
    with pytest.raises(UsageError, match="version 99; this dqwatch reads version 6"):
        load(path)
    del marks["scores"]
    (path / ".zattrs").write_text(json.dumps(marks))
    with pytest.raises(SourceError, match="a broken baseline \\(KeyError"):
        load(path)


def test_another_grid_is_refused(baseline: Baseline) -> None:
    with pytest.raises(UsageError, match="40 cells, the baseline has 128"):
        baseline.check_grid(grid_of(40), "state")
    moved = grid_of(128, latitudes=LAT + 1.0, longitudes=baseline.grid.longitudes)
    with pytest.raises(UsageError, match="cells lie elsewhere"):
        baseline.check_grid(moved, "state")
    turned = grid_of(128, latitudes=LAT, longitudes=(np.asarray(baseline.grid.longitudes) + 180) % 360 - 180)
    with pytest.raises(UsageError, match="cells lie elsewhere"):
        baseline.check_grid(grid_of(128, latitudes=LAT[::-1].copy(), longitudes=turned.longitudes), "state")


def test_two_months_of_one_variable_on_20_cells() -> None:
    rng = np.random.default_rng(3)
    source = make_source({"x": np.zeros((1, 1))})
    source = type(source)({"x": rng.normal(size=(60, 20)).astype(np.float32)})
    made = build(source)
    assert made.ledger.size == 60
    assert made.terms == 1
    limits = made.limits()
    assert "60 null cycles cannot reach p <= 0.001, which needs 999" in limits
    assert any("too few to be the unit" in limit for limit in limits)


def test_data_without_times_are_refused() -> None:
    source = make_source({"x": np.zeros((4, 128), np.float32)})
    with pytest.raises(UsageError, match="4 usable times"):
        build(source)


@given(st.lists(st.floats(-6.3, 6.3) | st.just(float("nan")), min_size=1, max_size=9))
def test_departures_of_areas_are_kept_to_a_fortieth(values: list[float]) -> None:
    kept = unpack_areas(pack_areas(np.array(values)))
    assert np.allclose(kept, values, rtol=0, atol=0.02501, equal_nan=True)


def test_departures_beyond_all_reason_stay_large() -> None:
    found = unpack_areas(pack_areas(np.array([1e9, -np.inf, 50.0, -7.0])))
    assert np.allclose(found, [6.35, np.nan, 6.35, -6.35], equal_nan=True)
