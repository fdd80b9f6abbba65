"""How bins are laid where the catalogue has none."""

from __future__ import annotations

import numpy as np
import pytest
from metrics.fake_source import FakeSource

from dqwatch.catalogue import load_catalogue
from dqwatch.metrics.histogram import linear_bins, skewed_bins
from dqwatch.metrics.known import know, rounded
from dqwatch.metrics.scout import lay_bins, name_block
from dqwatch.types import Block, Variable

RNG = np.random.default_rng(4)


def laid(source: FakeSource, workers: int = 1) -> list:
    return lay_bins(source, know(source, load_catalogue()), source.blocks(), workers)


def test_known_variables_are_not_read() -> None:
    source = FakeSource(
        {
            Variable("2t", "2t", "2t", units="degC"): RNG.normal(10, 5, (4, 9)),
            Variable("tp", "tp", "tp", units="m", period=6): RNG.random((4, 9)),
        }
    )
    bins = laid(source)
    assert source.reads == []
    limits = load_catalogue().entries["2t"].limits(units="degC")
    assert bins[0] == linear_bins(limits.lo, limits.hi)
    assert bins[1].skewed


@pytest.mark.parametrize("workers", [1, 3])
def test_unknown_variables_are_looked_at_first_middle_and_last(workers: int) -> None:
    values = RNG.normal(0, 1, (9, 50))
    values[0, 0], values[4, 1], values[8, 2], values[5, 5] = -10, 30, 12, 1e6
    source = FakeSource({"a": values, Variable("2t", "2t", "2t", units="K"): values + 280})
    bins = laid(source, workers)
    assert sorted(source.reads) == [Block((0,), (0,)), Block((4,), (0,)), Block((8,), (0,))]
    # seen are -10 to 30; half of that range is added on both sides
    assert bins[0] == linear_bins(-30, 50)


def test_fills_and_infinities_lay_no_bins() -> None:
    values = np.tile(np.array([1.0, 2.0, 3.0, np.nan, np.inf, -9999.0, 9.96921e36, 5e25]), (2, 1))
    assert laid(FakeSource({"a": values.astype(np.float32)})) == [linear_bins(0.0, 4.0)]


def test_nothing_to_see() -> None:
    assert laid(FakeSource({"a": np.full((2, 3), np.nan)})) == [linear_bins(-0.5, 1.5)]
    assert laid(FakeSource({"a": [None, None]})) == [linear_bins(-0.5, 1.5)]


def test_a_skewed_variable_whose_units_do_not_convert() -> None:
    source = FakeSource({Variable("tp", "tp", "rain", units="K"): np.full((1, 3), 3.0)})
    assert laid(source) == [skewed_bins(6.0)]


def test_limits_keep_their_type_and_their_ends() -> None:
    limits = rounded((-np.inf, 0.8, 0.0, 1e300), np.dtype(np.float32))
    assert limits.dtype == np.float32
    assert limits.tolist() == [-np.inf, np.float32(0.8), 0.0, np.inf]


def test_blocks_have_names() -> None:
    source = FakeSource({name: np.zeros((3, 2)) for name in "abcde"}, name="x.zarr")
    assert name_block(source, Block((0,), (1,))) == "x.zarr: b at 1970-01-01T00:00:00"
    assert name_block(source, Block((0, 2), (0, 1))) == "x.zarr: a, b at 1970-01-01T00:00:00 to 1970-01-01T12:00:00"
    assert name_block(source, Block((), ())) == "x.zarr: "
