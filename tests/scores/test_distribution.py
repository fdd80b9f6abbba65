"""Scores of masks, precision and distributions against scipy's, over fields with and without missing values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from dqwatch.buffers import Buffers
from dqwatch.metrics.histogram import Bins, count_values, linear_bins, skewed_bins
from dqwatch.metrics.kernel_layout import SLOTS
from dqwatch.scores import KINDS, list_scores, load_families
from dqwatch.scores.view import Distribution
from tests.scores.test_families import LAT, make_view, scores_of


def count_by_edges(values: np.ndarray, bins: Bins) -> np.ndarray:
    """Each value by itself: skewed slots are [end, next end), zero has one of its own; others as the type rounds."""
    finite = values[np.isfinite(values)]
    if not bins.skewed:
        low, inverse = (np.array(x, values.dtype) for x in (bins.low, 1 / bins.width))
        slots = np.clip(np.floor((finite - low) * inverse + values.dtype.type(1)).astype(int), 0, SLOTS - 1)
    else:
        slots = np.searchsorted(bins.edges[3:-1], finite, side="right") + 2
        slots = np.where(finite < 0, 0, np.where(finite == 0, 1, np.minimum(slots, SLOTS - 1)))
    return np.bincount(slots, minlength=SLOTS)


@given(st.integers(0, 2**32 - 1), st.sampled_from([np.float32, np.float64]), st.booleans())
def test_counts_are_those_of_each_value_by_itself(seed: int, dtype: Any, skewed: bool) -> None:
    rng = np.random.default_rng(seed)
    values = (rng.standard_normal(5000) * 3).astype(dtype)
    values[rng.permutation(5000)[:40]] = np.repeat([np.nan, np.inf, -np.inf, 0.0], 10)
    bins = skewed_bins(4.0) if skewed else linear_bins(-2.0, 5.0)
    assert np.array_equal(count_values(values, bins, Buffers()), count_by_edges(values, bins))


def with_distribution(seed: int, bins: Bins, missing: int = 0) -> tuple[Any, np.ndarray]:
    view, _, _ = make_view(seed, missing=missing)
    usual = count_values(
        (290 + 12 * np.random.default_rng(9).standard_normal(9000)).astype(np.float32), bins, Buffers()
    )
    view.expected = view.expected._replace(distribution=Distribution(bins, usual))
    return view, usual


@pytest.mark.parametrize("bins", [linear_bins(200, 340), linear_bins(280, 300), skewed_bins(400)])
@pytest.mark.parametrize("missing", [0, 300])
def test_histograms_are_held_against_those_to_be_expected(bins: Bins, missing: int) -> None:
    view, usual = with_distribution(4, bins, missing)
    own = count_by_edges(view.values, bins)
    found = scores_of(view)
    distance = stats.wasserstein_distance(bins.places, bins.places, own, usual)
    assert found["histogram_distance"] == pytest.approx(np.log(distance))
    assert found["histogram_divergence"] == pytest.approx(np.log(jensenshannon(own, usual, base=2)))


def test_places_lie_in_their_slots() -> None:
    for bins in (linear_bins(-3, 7), skewed_bins(5)):
        inner = bins.places[1:-1]
        assert (inner >= bins.edges[1:-2]).all()
        assert (inner <= bins.edges[2:-1]).all()
        assert bins.places[0] < bins.edges[1]
        assert bins.places[-1] > bins.edges[-2]
        assert (np.diff(bins.places) > 0).all()


def test_masks_tell_single_cells() -> None:
    view, _, _ = make_view(3)
    view.values[[4, 9]] = np.nan, np.inf
    view.expected.sd[[20, 21, 22]] = np.nan
    found = scores_of(view)
    assert found["missing"] == pytest.approx(np.log(3))
    assert found["appeared"] == pytest.approx(np.log(4))


def test_packing_shows_in_how_many_values_are_distinct() -> None:
    view, _, _ = make_view(3, missing=48)
    known = np.isfinite(view.values)
    assert scores_of(view)["distinct"] == np.log(np.unique(view.values[known]).size / known.sum())
    view, _, _ = make_view(3, missing=48)
    low, high = np.nanmin(view.values), np.nanmax(view.values)
    view.values[:] = np.round((view.values - low) / (high - low) * 255) / 255 * (high - low) + low
    found = scores_of(view)
    assert found["distinct"] == found["distinct_share"] <= np.log(256 / (LAT.size - 48))
    view, _, _ = make_view(3, missing=LAT.size - 63)
    assert np.isnan(scores_of(view)["distinct"])
    exact = {s.name: s.exact for s in list_scores(load_families(), KINDS)}
    assert exact["distinct"]
    assert exact["missing"]
    assert not exact["distinct_share"]
