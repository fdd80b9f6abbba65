"""Large grids: what is kept at cells in 16 bits, what a compact baseline does without, what is told of sizes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr
from metrics.fake_source import FakeSource, axis_of

from dqwatch.baselines import sizes
from dqwatch.baselines.baseline import Baseline, build
from dqwatch.baselines.climate import Climate
from dqwatch.baselines.packed import pack
from dqwatch.baselines.plans import plan
from dqwatch.baselines.quantity import QuantitySums, cut, lay_out
from dqwatch.baselines.sizes import Sizes, check_room, estimate
from dqwatch.baselines.store import load, measure, save
from dqwatch.buffers import Buffers
from dqwatch.departures.judging import judge
from dqwatch.errors import UsageError
from dqwatch.scores import KINDS, list_scores, load_families
from dqwatch.types import Grid

DAY = 86400
N_LAT, N_LON = 72, 144
LAT = np.repeat((np.arange(N_LAT) + 0.5) * 180 / N_LAT - 90, N_LON)
LON = np.tile(np.arange(N_LON) * 360 / N_LON, N_LAT)
N = 140


def grid() -> Grid:
    weights = np.cos(np.radians(LAT))
    return Grid("regular", (N_LAT, N_LON), LAT, LON, weights / weights.sum())


def make(seed: int, n: int) -> np.ndarray:
    """Weather of large waves on a fixed pattern with rough detail, float32 (time, cell)."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(99).normal(0, 4, LAT.size)
    waves = np.stack([f(k * np.radians(LON)) * np.cos(np.radians(LAT)) for k in (1, 2, 3) for f in (np.sin, np.cos)])
    noise = rng.normal(0, 0.5, (n, LAT.size))
    return (280 + 20 * np.cos(np.radians(LAT)) + fixed + 2 * rng.normal(size=(n, 6)) @ waves + noise).astype(np.float32)


def source(values: np.ndarray, first: int = 0) -> FakeSource:
    return FakeSource({"t": values}, axis=axis_of((first + np.arange(len(values))) * DAY), grid=grid())


@pytest.fixture(scope="module")
def full() -> Baseline:
    return build(source(make(1, N)))


@pytest.fixture(scope="module")
def compact() -> Baseline:
    return build(source(make(1, N)), compact=True)


def climate(mean: np.ndarray, sd: np.ndarray, first: np.ndarray) -> Climate:
    variance = (sd**2).astype(np.float32)[None]
    return Climate(first, mean.astype(np.float32)[None], variance[..., None], variance, 0.02 * float(np.nanmean(sd)))


def test_16_bits_hold_mean_and_deviation_to_a_part_of_the_least_deviation() -> None:
    rng = np.random.default_rng(2)
    first, sd = rng.uniform(48000, 58000, 5000), np.exp(rng.normal(5, 1, 5000))
    mean = rng.normal(0, 200, (5000, 3))
    sd[7] = np.nan
    packed = pack(climate(mean, sd, first))
    assert packed.mean.dtype == packed.root.dtype == np.int16
    phi = np.array([1.0, 0.3, -0.7])
    found, found_sd = np.empty((2, 5000), np.float32)
    packed.expect(phi, 0, found, found_sd)
    known = np.arange(5000) != 7
    assert np.isnan(found_sd[7])
    error = np.abs(found - (first + mean @ phi))[known]
    assert error.max() < 0.01 * np.nanmean(sd)
    assert found_sd[known] == pytest.approx(np.maximum(sd, packed.floor)[known], rel=0.01)


def test_where_16_bits_would_lose_cells_32_are_kept() -> None:
    rng = np.random.default_rng(3)
    first, sd = rng.normal(280, 10, 500), np.full(500, 2.0)
    first[3], sd[4] = 1e20, 1e15
    packed = pack(replace(climate(np.zeros((500, 1)), sd, first), floor=0.04))
    assert packed.mean.dtype == packed.root.dtype == np.float32
    found, found_sd = np.empty((2, 500), np.float32)
    packed.expect(np.ones(1), 0, found, found_sd)
    assert np.delete(found, 3) == pytest.approx(np.delete(first, 3), rel=1e-6)
    assert np.delete(found_sd, 4) == pytest.approx(2.0)


def test_a_full_baseline_tells_cells_apart_and_comes_back_as_it_was(full: Baseline, tmp_path: Path) -> None:
    save(full, tmp_path / "b.zarr")
    found = load(tmp_path / "b.zarr")
    moment = full.moments(np.array([(N + 5) * DAY]))[0]
    assert moment is not None
    field = make(2, 2)
    one, other = (b.scorer.score(0, field[1], moment, Buffers(), previous=field[0]).scores for b in (full, found))
    assert np.array_equal(one, other, equal_nan=True)
    state = full.climates["state"][0]
    assert state is not None
    expected = state.expect(full.layout, moment.phi, moment.hour, Buffers())
    truth = make(1, N).mean(axis=0, dtype=np.float64)
    assert np.abs(expected.mean - truth).max() < 0.05
    scatter = make(1, N).std(axis=0)
    assert np.corrcoef(expected.sd, scatter)[0, 1] > 0.95


def test_a_compact_one_expects_of_a_cell_what_its_area_has(compact: Baseline) -> None:
    state = compact.climates["state"][0]
    assert state is not None
    assert state.cell is None
    coarse = compact.layout.coarse
    assert coarse is not None
    moment = compact.moments(np.array([(N + 5) * DAY]))[0]
    assert moment is not None
    expected = state.expect(compact.layout, moment.phi, moment.hour, Buffers())
    values, weights = make(1, N).astype(np.float64), np.cos(np.radians(LAT))
    for area in (0, 100, 2000):
        own = coarse.areas.of_cell == area
        w = weights[own] / weights[own].sum()
        mean = (values[:, own] @ w).mean()
        square = ((values[:, own] - mean) ** 2 @ w).mean()
        assert expected.mean[own] == pytest.approx(np.full(own.sum(), mean), abs=1e-3)
        assert expected.sd[own] == pytest.approx(np.full(own.sum(), np.sqrt(square)), rel=1e-3)


def test_a_compact_one_is_smaller_and_judges_all_the_same(full: Baseline, compact: Baseline, tmp_path: Path) -> None:
    for name, made in (("full", full), ("compact", compact)):
        save(made, tmp_path / name)
        assert made.record["compact"] == (name == "compact")
        clean = judge(source(make(7, 4), N + 3), load(tmp_path / name)).tables["cycles"]
        assert (clean["p_cycle"] > 0.02).all()
        warm = judge(source(make(8, 2) + np.float32(6), N + 3), load(tmp_path / name)).tables["cycles"]
        assert warm["p_cycle"].max() == pytest.approx(1 / (N - 0), rel=0.02)
    held = [tmp_path / name / "climate" for name in ("full", "compact")]
    assert measure(held[1]) < measure(held[0])


def test_what_is_told_of_sizes_is_what_arrays_take() -> None:
    asked = plan(source(make(1, 20)))
    for compact in (False, True):
        own, pieces = replace(asked, compact=compact), cut(lay_out(grid()))
        arrays = [
            QuantitySums(np.zeros(LAT.size), pieces, hours=1, terms=1, kind=kind, compact=compact).arrays()
            for kind in ("state", "step")
        ]
        summed = sum(a.nbytes for held in arrays for name, a in held.items() if not name.endswith("moments"))
        rounded = sum(4 * a.size for held in arrays for n, a in held.items() if n in ("cell_products", "cell_squares"))
        found = estimate(own, workers=1)
        field = 4 * LAT.size
        ledger = 20 * (
            lay_out(grid()).place.areas.size * (1 + 4) + 4 * len(list_scores(load_families(), KINDS)) + 7 * 8
        )
        assert found.memory == summed + 2 * field + 4 * field
        assert found.disk == 8 * (summed - rounded) + summed + field + ledger


@pytest.mark.parametrize(("compact", "every"), [(False, 1), (True, 2)])
def test_what_is_told_of_a_baseline_is_what_its_arrays_take(tmp_path: Path, *, compact: bool, every: int) -> None:
    """Climates, histograms, relations, the ledger with its areas, places: to the byte, where nothing is missing."""
    given = source(make(1, N))
    save(build(given, compact=compact, cycles=N // every), tmp_path / "baseline")
    found = estimate(replace(plan(given), compact=compact), workers=1, cycles=N // every)
    arrays = zarr.open(tmp_path / "baseline", mode="r")
    true = sum(a.nbytes for _, a in arrays.members(max_depth=None) if isinstance(a, zarr.Array))
    assert found.baseline == pytest.approx(true, rel=0.01)


def test_the_sizes_of_a_large_model_stay_within_what_was_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 variables on 542,080 cells, 4 hours, 5 terms: 10 bytes a cell, 8 folds of 5 fields on disk."""
    n, variables = 542_080, 100
    areas = np.zeros(n, np.int32)
    asked = plan(source(make(1, 20)))
    place = asked.layout.place
    wide = asked.layout._replace(
        place=place._replace(areas=replace(place.areas, of_cell=areas, boxes=np.zeros((192, 4)))),
        coarse=place._replace(areas=replace(place.areas, of_cell=areas, boxes=np.zeros((3072, 4)))),
    )
    large = replace(
        asked,
        variables=(0,) * variables,
        grid=replace(asked.grid, shape=(n,)),
        layout=wide,
        hours=np.arange(4),
        terms=5,
    )
    monkeypatch.setattr(sizes, "wanted_blocks", lambda *_: [])
    found = estimate(large, workers=2)
    assert found.baseline == pytest.approx(0.65e9, rel=0.1)
    assert found.disk == pytest.approx(8 * 5 * 4 * n * variables + 8 * 5 * n * variables, rel=0.25)
    assert found.memory < 3.2e9
    compact = estimate(replace(large, compact=True), workers=2)
    assert compact.baseline < 0.15e9
    assert compact.memory < 1.4e9


def test_too_little_room_is_said_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = Sizes(memory=10**15, disk=2 * 10**9, baseline=10**9)
    assert check_room(Sizes(10**6, 10**6, 10**6), tmp_path) == []
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**10, 0, 10**10))
    told = check_room(large, tmp_path)
    assert told[0] == "making it takes about 1000000.0 GB of memory and 2.0 GB of disk; the baseline has about 1.00 GB"
    assert "give fewer --workers, or --compact" in told[1]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**10, 0, 10**8))
    with pytest.raises(UsageError, match=r"0\.1 GB are free; write it elsewhere"):
        check_room(large, tmp_path)
