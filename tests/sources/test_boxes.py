"""Boxes hold every point once, in bounded memory, along the edges of chunks; runs cover a dimension."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.sources.boxes import boxes, runs


@st.composite
def lattices(draw):
    dims = draw(st.integers(1, 3))
    shape = draw(st.lists(st.integers(1, 9), min_size=dims, max_size=dims))
    every = list(np.ndindex(*shape))
    points = draw(st.lists(st.sampled_from(every), min_size=1, max_size=40, unique=True))
    chunks = draw(st.lists(st.integers(1, 5), min_size=dims, max_size=dims))
    return np.array(sorted(points)), chunks, draw(st.integers(1, 9)), draw(st.integers(1, 200))


@given(lattices())
def test_every_point_is_in_one_box_of_bounded_size(case):
    points, chunks, size, most = case
    found = []
    for inside, low, high in boxes(points, chunks, size, most):
        assert (inside >= low).all()
        assert (inside < high).all()
        assert len(inside) == 1 or math.prod((high - low).tolist()) * size <= most
        found += [tuple(p) for p in inside.tolist()]
    assert sorted(found) == [tuple(p) for p in points.tolist()]


@given(lattices())
def test_no_chunk_is_read_twice_where_chunks_fit(case):
    points, chunks, size, _ = case
    most = math.prod(chunks) * size * 4
    of_box = [{tuple(c) for c in (inside // chunks).tolist()} for inside, _, _ in boxes(points, chunks, size, most)]
    assert sum(map(len, of_box)) == len(set().union(*of_box))


@given(lattices())
def test_the_times_of_every_other_index_stay_in_order(case):
    points, chunks, size, most = case
    order = [tuple(p) for inside, _, _ in boxes(points, chunks, size, most) for p in inside.tolist()]
    for rest in {p[1:] for p in order}:
        times = [p[0] for p in order if p[1:] == rest]
        assert times == sorted(times)


def test_further_columns_are_carried_along():
    points = np.column_stack([np.arange(6), np.arange(6) + 100])
    assert [b[0][:, 1].tolist() for b in boxes(points, [2], 10, 25)] == [[100, 101], [102, 103], [104, 105]]


def test_scattered_points_are_not_read_with_all_between_them():
    points = np.array([[0], [500], [1000]])
    assert [(low[0], high[0]) for _, low, high in boxes(points, [1], 1, 10**6)] == [(0, 1), (500, 501), (1000, 1001)]


@given(st.integers(0, 200), st.integers(1, 50), st.integers(1, 100), st.integers(1, 2000), st.integers(1, 4000))
def test_runs_cover_a_dimension_in_whole_chunks(length, chunk, item, target, most):
    found = runs(length, chunk, item, target, most)
    assert [i for r in found for i in r] == list(range(length))
    for r in found[:-1]:
        if chunk * item <= most:
            assert r.stop % chunk == 0
            assert len(r) == chunk or len(r) * item <= target
        else:
            assert len(r) == 1 or len(r) * item <= most
