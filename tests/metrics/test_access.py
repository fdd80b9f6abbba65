"""What reading costs, against counting every value by brute force."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.metrics.access import Access, Geometry, Part, measure, touched_chunks


@st.composite
def layouts(draw, *, chunked: bool):
    """A geometry and parts that cover its axes: single ones, ranges, and two axes together in any order."""
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=4)))
    chunks = tuple(draw(st.integers(1, n + 2)) for n in shape) if chunked else None
    axes = draw(st.permutations(range(len(shape))))
    parts = []
    while axes:
        own, axes = tuple(axes[: (k := draw(st.integers(1, 2)))]), axes[k:]
        size = math.prod(shape[a] for a in own)
        if draw(st.booleans()) and len(own) == 1:
            start = draw(st.integers(0, size))
            parts.append(Part(own, range(start, draw(st.integers(start, size)))))
        else:
            parts.append(Part(own, np.array(sorted(draw(st.sets(st.integers(0, size - 1)))), np.int64)))
    item = draw(st.sampled_from([1, 2, 4, 8]))
    return Geometry(shape, item, chunks, unit=draw(st.sampled_from([1, 4, 16, 64]))), parts


def wanted_values(geometry: Geometry, parts) -> np.ndarray:
    """bool, of the array's shape: each value that is wanted, found value by value."""
    mask = np.zeros(geometry.shape, bool)
    for index in np.ndindex(*geometry.shape):
        mask[index] = all(
            np.ravel_multi_index([index[a] for a in p.axes], [geometry.shape[a] for a in p.axes]) in p.indices
            for p in parts
        )
    return mask


@given(layouts(chunked=True))
def test_chunks_are_those_that_hold_a_wanted_value(case):
    geometry, parts = case
    mask = wanted_values(geometry, parts)
    chunks = {tuple(int(i) // c for i, c in zip(at, geometry.chunks, strict=True)) for at in np.argwhere(mask)}
    access = measure(geometry, parts)
    assert access.chunks == len(chunks)
    assert access.wanted_bytes == mask.sum() * geometry.itemsize
    assert access.decoded_bytes == len(chunks) * math.prod(geometry.chunks) * geometry.itemsize
    assert access.exact
    listed = list(touched_chunks(geometry, parts))
    assert len(listed) == len(chunks)
    assert set(listed) == chunks


@given(layouts(chunked=False))
def test_pages_are_those_that_hold_a_byte_of_a_wanted_value(case):
    geometry, parts = case
    places = np.flatnonzero(wanted_values(geometry, parts))
    pages = {b // geometry.unit for p in places for b in range(p * geometry.itemsize, (p + 1) * geometry.itemsize)}
    access = measure(geometry, parts)
    assert access.chunks == len(pages)
    assert access.decoded_bytes == len(pages) * geometry.unit


def test_one_date_of_an_anemoi_store():
    # 101 variables of 542,080 cells in one chunk: 10 % of the cells cost the whole chunk.
    geometry = Geometry((64_284, 101, 1, 542_080), 4, (1, 101, 1, 542_080))
    every = [Part((1,), range(101)), Part((2,), range(1))]
    date = measure(geometry, [Part((0,), range(7, 8)), *every, Part((3,), range(542_080))])
    assert date == Access(101 * 542_080 * 4, 101 * 542_080 * 4, 1)
    tenth = measure(geometry, [Part((0,), range(7, 8)), *every, Part((3,), np.arange(0, 542_080, 10))])
    assert tenth.amplification == 10
    series = measure(geometry, [Part((0,), range(100, 820)), *every, Part((3,), np.arange(45))])
    assert series.chunks == 720
    assert series.amplification == pytest.approx(542_080 / 45)
    assert (geometry.n_chunks, geometry.n_objects) == (64_284, 64_284)


def test_nothing_wanted_costs_nothing():
    assert measure(Geometry((4, 4), 4, (2, 2)), [Part((0,), range(2, 2)), Part((1,), range(4))]) == Access(0, 0, 0)
    assert Access(0, 0, 0).amplification == 1


def test_too_many_pieces_are_counted_in_part_and_scaled_up():
    # Every second value of 4000 x 4000 float64: 8 million pieces; each page of 4096 bytes holds some of them.
    half = np.arange(0, 4000, 2)
    access = measure(Geometry((4000, 4000), 8), [Part((0,), range(4000)), Part((1,), half)])
    assert not access.exact
    assert access.chunks == pytest.approx(4000 * 4000 * 8 / 4096, rel=0.03)


def test_objects_are_shards():
    geometry = Geometry((10, 10), 4, (2, 5), (4, 10))
    assert (geometry.n_chunks, geometry.n_objects) == (10, 3)


@pytest.mark.parametrize("axes", [[(0,)], [(0,), (0,), (1,)], [(0,), (1,), (2,)]])
def test_every_axis_is_named_once(axes):
    parts = [Part(a, range(1)) for a in axes]
    with pytest.raises(ValueError, match="each to be named once"):
        measure(Geometry((3, 3), 4, (1, 1)), parts)
    with pytest.raises(ValueError, match="each to be named once"):
        list(touched_chunks(Geometry((3, 3), 4, (1, 1)), parts))


def test_a_contiguous_array_has_no_chunks_to_list():
    with pytest.raises(ValueError, match="no chunks"):
        list(touched_chunks(Geometry((3,), 4), [Part((0,), range(3))]))
