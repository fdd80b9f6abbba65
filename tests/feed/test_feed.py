"""Batches of dates: what they hold, in which order, in how much memory, and what is left of a feed that fails."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from feed.feeds import CELLS, NAMES, assert_holds, batches, feed, values_of
from metrics.fake_source import HOUR, FakeSource, axis_of
from metrics.stores import write_store
from sources.zarr_files import make_anemoi

import dqwatch
from dqwatch.buffers import Buffers
from dqwatch.errors import NothingThereError, UsageError
from dqwatch.types import Variable

LAYOUTS = {
    "a chunk per date": (1, 5, 1, CELLS),
    "a chunk per field": (1, 1, 1, CELLS),
    "several dates": (3, 2, 1, CELLS),
    "parts of fields": (1, 5, 1, 100),
}


@pytest.mark.parametrize("chunks", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("workers", [1, 3])
def test_every_date_once_in_order_of_time(tmp_path: Path, chunks: tuple[int, ...], workers: int) -> None:
    values = values_of()
    make_anemoi(tmp_path / "a.zarr", values, NAMES, chunks=chunks)
    with feed(tmp_path / "a.zarr", batch=3, workers=workers) as fed:
        found = batches(fed)
        assert len(fed) == 3
    assert [len(b.values) for b in found] == [3, 3, 1]
    assert np.concatenate([b.times for b in found])[:, 0].tolist() == list(range(7))
    assert found[1].labels[0] == ("2020-01-01T18:00:00",)
    assert fed.variables == tuple(NAMES)
    assert fed.shape == (3, 1, 5, 1, CELLS)
    assert fed.nbytes == 3 * 3 * 5 * CELLS * 4
    assert_holds(found, values)


def test_members_are_told_apart(tmp_path: Path) -> None:
    values = values_of(members=3)
    make_anemoi(tmp_path / "a.zarr", values, NAMES, chunks=(1, 2, 2, CELLS))
    with feed(tmp_path / "a.zarr", batch=2) as fed:
        assert_holds(batches(fed), values)


def test_windows_of_dates(tmp_path: Path) -> None:
    values = values_of(8)
    make_anemoi(tmp_path / "a.zarr", values, NAMES)
    with feed(tmp_path / "a.zarr", window=3, batch=2) as fed:
        found = batches(fed)
    assert np.concatenate([b.times for b in found]).tolist() == [[i, i + 1, i + 2] for i in range(6)]
    assert_holds(found, values)
    with feed(tmp_path / "a.zarr", window=2, hours=12) as fed:
        found = batches(fed)
    assert np.concatenate([b.times for b in found]).tolist() == [[i, i + 2] for i in range(6)]
    assert_holds(found, values)


def test_samples_without_one_of_their_dates_are_left_out() -> None:
    seconds = np.array([0, 6, 12, 24, 30, 36]) * HOUR
    missing = np.array([False, False, False, False, True, False])
    data = np.arange(6 * 4, dtype=np.float32).reshape(6, 4)
    source = FakeSource({"x": data}, axis=axis_of(seconds, declared_missing=missing))
    found = batches(feed(source, window=2))
    assert [b.times.tolist() for b in found] == [[[0, 1]], [[1, 2]]]
    assert [b.times.tolist() for b in batches(feed(source, window=2, hours=12))] == [[[0, 2]], [[2, 3]], [[3, 5]]]
    sampled = axis_of(seconds, declared_missing=missing, sampled=np.arange(6) % 2 == 0)
    assert [b.times.tolist() for b in batches(feed(FakeSource({"x": data}, axis=sampled)))] == [[[0]], [[2]]]


def test_shuffled_epochs_differ_and_repeat(tmp_path: Path) -> None:
    values = values_of(30)
    make_anemoi(tmp_path / "a.zarr", values, NAMES)

    def epochs(seed: int) -> list[list[int]]:
        with feed(tmp_path / "a.zarr", shuffle=seed, batch=4) as fed:
            found = [batches(fed), batches(fed)]
        for one in found:
            assert_holds(one, values)
        return [np.concatenate([b.times for b in one])[:, 0].tolist() for one in found]

    first, second = epochs(3)
    assert first != second
    assert sorted(first) == sorted(second) == list(range(30))
    assert epochs(3) == [first, second]
    assert epochs(4)[0] != first
    with feed(tmp_path / "a.zarr", shuffle=3, batch=30) as fed:
        fed.epoch = 1
        assert next(iter(fed)).times[:, 0].tolist() == second


@pytest.mark.parametrize("shuffle", [None, 9])
def test_ranks_share_the_samples(shuffle: int | None) -> None:
    source = FakeSource({"x": np.arange(22, dtype=np.float32).reshape(11, 2)})
    parts = [feed(source, shuffle=shuffle, share=(rank, 3), batch=2) for rank in range(3)]
    own = [np.concatenate([b.times for b in batches(part)])[:, 0].tolist() for part in parts]
    assert [len(times) for times in own] == [3, 3, 3]  # as many for each, so that none waits for the others
    assert len({time for times in own for time in times}) == 9
    assert [len(part) for part in parts] == [2, 2, 2]


def test_a_smaller_last_batch_may_be_left_out() -> None:
    source = FakeSource({"x": np.arange(14, dtype=np.float32).reshape(7, 2)})
    fed = feed(source, batch=3, drop_last=True)
    assert [b.times[:, 0].tolist() for b in batches(fed)] == [[0, 1, 2], [3, 4, 5]]
    assert len(fed) == 2


POINTS = {
    "indices": np.array([200, 3, 3, 77]),
    "flags": np.arange(CELLS) % 50 == 0,
    "slice": slice(10, 100, 7),
}


@pytest.mark.parametrize("points", POINTS.values(), ids=POINTS)
def test_some_cells_only(tmp_path: Path, points: Any) -> None:
    values = values_of()
    make_anemoi(tmp_path / "a.zarr", values, NAMES)
    with feed(tmp_path / "a.zarr", points=points) as fed:
        assert_holds(batches(fed), values[..., points])


def test_some_variables_in_the_order_asked_for(tmp_path: Path) -> None:
    values = values_of()
    for chunks in LAYOUTS.values():
        make_anemoi(tmp_path / "a.zarr", values, NAMES, chunks=chunks)
        with feed(tmp_path / "a.zarr", variables=["tp", "t_850", "2t"]) as fed:
            assert fed.left_out == ("t_500", "lsm")
            assert_holds(batches(fed), values[:, [3, 1, 0]])


def test_a_part_of_a_source(tmp_path: Path) -> None:
    values = values_of()
    make_anemoi(tmp_path / "a.zarr", values, NAMES)
    source = dqwatch.open_source(tmp_path / "a.zarr", select="t", start="2020-01-01T06", end="2020-01-02T00")
    assert_holds(batches(feed(source, batch=2)), values[1:5, 1:3])


def test_a_store_of_xarray_with_a_constant(tmp_path: Path) -> None:
    write_store(tmp_path / "x.zarr", n_times=8)
    with feed(tmp_path / "x.zarr", batch=2) as fed:
        assert fed.left_out == ("lsm",)
        expected = np.full((8, len(fed.variables), 1, 72), np.nan, np.float32)
        place = {v.name: k for k, v in enumerate(fed.source.variables)}
        for block in fed.source.blocks():
            for one in fed.source.read(block, Buffers()):
                name = fed.source.variables[one.variable].name
                if name in fed.variables:
                    expected[one.time, fed.variables.index(name), 0] = one.values
        assert np.isnan(expected).sum() == 2  # of 2t and 2d
        assert set(place) == {*fed.variables, "lsm"}
        assert_holds(batches(fed), expected)


def test_what_is_not_stored_is_nan() -> None:
    ones, wide = np.ones(3, np.float32), np.full(3, 1e300)
    source = FakeSource({"x": [ones, None, ones * 3, ones], "y": [ones, ones, wide, None]})
    found = np.concatenate([b.values for b in batches(feed(source, depth=2))])[:, 0, :, 0]
    expected = np.ones((4, 2, 3))
    expected[1, 0] = expected[3, 1] = np.nan
    expected[2] = [[3], [np.inf]]  # beyond float32
    np.testing.assert_array_equal(found, expected)


def test_buffers_are_used_again() -> None:
    source = FakeSource({"x": np.arange(200, dtype=np.float32).reshape(100, 2)})
    fed = feed(source, depth=4, batch=2)
    seen = {one.values.__array_interface__["data"][0] for _ in range(2) for one in fed}
    assert len(seen) == 4


def test_no_more_is_decoded_than_there_are_buffers() -> None:
    source = FakeSource({"x": np.arange(80, dtype=np.float32).reshape(40, 2)})
    fed = feed(source, depth=3, batch=2, workers=4)
    for number, _ in enumerate(fed):
        before = -1
        while before != len(source.reads):
            before = len(source.reads)
            time.sleep(0.01)
        assert len(source.reads) <= 2 * (number + 3)


def test_a_date_that_a_batch_has_twice_is_decoded_once() -> None:
    source = FakeSource({"x": np.arange(40, dtype=np.float32).reshape(20, 2)})
    found = batches(feed(source, window=3, batch=6))
    assert len(source.reads) == sum(np.unique(b.times).size for b in found)
    assert_holds(found, source.data[0].reshape(20, 1, 1, 2))


def test_few_dates_are_shared_between_workers(tmp_path: Path) -> None:
    values = values_of(3)
    make_anemoi(tmp_path / "a.zarr", values, NAMES)
    source = dqwatch.open_source(write_store(tmp_path / "x.zarr", n_times=8))
    assert feed(source, depth=2, workers=4).parts == 6  # as many as there are arrays
    assert feed(source, depth=3, batch=4, workers=4).parts == 1
    assert feed(tmp_path / "a.zarr", depth=2, workers=4).parts == 1  # a date is one block: cutting it decodes more


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch": 0}, "batch: got 0; give 1 or more"),
        ({"window": 0}, "window: got 0; give 1 or more"),
        ({"workers": 0}, "workers: got 0; give 1 or more"),
        ({"depth": 1}, "depth: got 1; give 2 or more: a batch in use and one being decoded"),
        ({"hours": 0}, "hours: got 0; give a number above 0"),
        ({"share": (2, 2)}, r"share: got \(2, 2\); give \(rank, number of ranks\), the rank from 0 on"),
        ({"device": "tpu"}, "device: got 'tpu'; give cpu, torch:cpu, cuda or cuda:N"),
        ({"variables": ["y"]}, "variables: no variable 'y' in fake; give names, each once: there are x, c, ..."),
        ({"variables": []}, r"variables: got \[\]; give names"),
        ({"variables": ["x", "x"]}, r"variables: got \['x', 'x'\]; give names"),
        ({"variables": ["x", "c"]}, "variables: 'c' has another time axis, grid or number of members than 'x'"),
        ({"points": [4]}, "points: got 4 to 4; the grid has the cells 0 to 3"),
        ({"points": []}, r"points: got float64 of shape \(0,\); give indices of cells, a slice, or bool \(4,\)"),
    ],
)
def test_wrong_arguments_are_told(arguments: dict[str, Any], message: str) -> None:
    constant = Variable("c", "c", "c", members=2)
    source = FakeSource({"x": np.ones((2, 4), np.float32), constant: np.ones((2, 2, 4), np.float32)})
    with pytest.raises(UsageError, match=f"^{message}"):
        feed(source, **arguments)


def test_nothing_to_feed_is_told() -> None:
    source = FakeSource({"x": np.ones((2, 4), np.float32)})
    with pytest.raises(NothingThereError, match="no batch of 1 samples of 3 dates fits the 2 times of its axis 'time'"):
        feed(source, window=3)
    with pytest.raises(NothingThereError, match="no batch of 3 samples of a date fits the 2 times"):
        feed(source, batch=3, drop_last=True)
    with pytest.raises(NothingThereError, match="fake: nothing to feed: it holds no variables"):
        feed(FakeSource({}))
