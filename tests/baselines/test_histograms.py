"""Histograms by month and hour: merging is adding, and what they let expect."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from baselines.training_data import make_fields, make_source

from dqwatch.baselines.baseline import Baseline, build
from dqwatch.baselines.histograms import Histograms, HistogramSums, choose_bins
from dqwatch.baselines.store import load, save
from dqwatch.catalogue import Limits
from dqwatch.departures.judging import judge
from dqwatch.metrics.histogram import linear_bins
from dqwatch.metrics.kernel_layout import SLOTS
from dqwatch.metrics.known import Knowledge

BINS = linear_bins(-4, 4)


def test_merging_is_adding() -> None:
    rng = np.random.default_rng(1)
    fields = rng.standard_normal((40, 500)).astype(np.float32)
    months, hours = rng.integers(0, 12, 40), rng.integers(0, 2, 40)
    whole, parts = HistogramSums(BINS, 2), [HistogramSums(BINS, 2), HistogramSums(BINS, 2)]
    for k, field in enumerate(fields):
        whole.add(field, months[k], hours[k])
        parts[k % 2].add(field, months[k], hours[k])
    parts[0].merge(parts[1])
    assert np.array_equal(parts[0].counts, whole.counts)
    edges = np.concatenate([[-np.inf], BINS.edges[1:-1], [np.inf]])
    own = (months == 3) & (hours == 1)
    assert np.array_equal(whole.counts[3, 1], np.histogram(fields[own], edges)[0])


def test_other_bins_are_not_merged() -> None:
    with pytest.raises(ValueError, match="other bins"):
        HistogramSums(BINS, 2).merge(HistogramSums(linear_bins(0, 1), 2))


def test_what_is_expected_is_of_the_month_and_those_beside() -> None:
    counts = np.zeros((12, 2, SLOTS), np.int64)
    counts[[11, 0, 1], 0, [10, 20, 30]] = 1
    expected = Histograms(BINS, counts).expect(0, 0).counts
    assert [expected[k] for k in (10, 20, 30)] == [1, 2, 1]
    assert Histograms(BINS, counts).expect(6, 0).counts.sum() == 3  # none in summer: of the year
    assert Histograms(BINS, counts).expect(6, 1).counts.sum() == 3  # none at that hour: of the day


def test_bins_of_what_the_catalogue_does_not_know_reach_beyond_the_first_field() -> None:
    unknown = Knowledge(None, Limits(-np.inf, np.inf, -np.inf, np.inf), None)
    bins = choose_bins(unknown, np.array([2.0, np.nan, 4.0], np.float32))
    assert bins.edges[1] <= 0
    assert bins.edges[-2] >= 6
    assert choose_bins(unknown, np.full(3, np.nan, np.float32)).width > 0


def test_a_baseline_keeps_them_and_its_folds_add_up(tmp_path: Path) -> None:
    fields = make_fields(3, 600)
    baseline = build(make_source(fields))
    save(baseline, tmp_path / "b.zarr")
    kept = load(tmp_path / "b.zarr")
    assert isinstance(kept, Baseline)
    for held in (baseline, kept):
        for name, values in (("t", fields["t"]), ("sst", fields["sst"])):
            climate = held.climates["state"][held.variables.index(name)]
            assert climate is not None
            assert climate.histograms is not None
            edges = np.concatenate([[-np.inf], climate.histograms.bins.edges[1:-1], [np.inf]])
            total = climate.histograms.counts.sum(axis=(0, 1))
            assert np.array_equal(total, np.histogram(values[np.isfinite(values)], edges)[0])


def test_a_hole_of_one_cell_and_packing_are_told_exactly() -> None:
    fields = make_fields(3, 700)
    baseline = build(make_source({k: v[:600] for k, v in fields.items()}))
    rest = {k: v[600:].copy() for k, v in fields.items()}
    rest["t"][40, 5] = np.nan
    rest["t"][60] = np.round(rest["t"][60])
    found = judge(make_source(rest, first=600), baseline).tables["drift"]
    exact = found[(found["variable"] == "t") & (found["n_exact"] > 0)]
    named = dict(zip(exact["time"], exact["exact"], strict=True))
    assert sorted(v for v in named.values() if v == "missing") == ["missing"]
    assert any("distinct" in v for v in named.values())
    assert len(named) == 2
