"""Scans in pieces: how they are cut, that they give the bits of a scan in one go, and how they are taken up again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics.fake_source import HOUR, FakeSource, axis_of
from metrics.stores import assert_same_bits

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError, UsageError
from dqwatch.feed import Worker
from dqwatch.metrics import Scan, scan
from dqwatch.metrics.kept_pieces import forget
from dqwatch.metrics.one_pass import Pass
from dqwatch.metrics.pieces import Cutting, Piece
from dqwatch.part import Spread
from dqwatch.sources.grids import unstructured_grid
from dqwatch.types import Block, Field, Variable

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WANTED = {"fields": ["change", "tendency", "same_inside", "spectrum_slope"], "relations": ["share"]}
N_TIMES, N_CELLS = 20, 60


def variable(name: str, units: str, **rest: object) -> Variable:
    return Variable(name, name, name, units=units, level_type="sfc", **rest)  # type: ignore[arg-type]


def forecast(times_per_block: int = 1, cls: type[FakeSource] = FakeSource) -> FakeSource:
    """Two forecasts of ten lead times: with accumulations that grow, relations, members, holes and what is unknown."""
    rng = np.random.default_rng(8)
    shape = (N_TIMES, N_CELLS)
    warm = rng.normal(285, 5, shape).astype(np.float32)
    rain = rng.gamma(0.3, 1e-3, shape).reshape(2, 10, -1).cumsum(axis=1).reshape(shape)
    rain[14] = rain[13] - 1e-3  # an accumulation that shrinks
    sun = np.clip(rng.normal(1e6, 8e5, shape), 0, None)
    members = list(rng.normal(0, 1, (N_TIMES, 2, N_CELLS)).astype(np.float32))
    members[5] = None
    warm[9, :7] = np.nan
    leads = np.tile(np.arange(10) * 6 * HOUR, 2)
    starts = np.repeat([0, 60 * HOUR], 10)
    grid = unstructured_grid(np.repeat(np.linspace(75, -75, 6), 10), np.tile(np.arange(10) * 36.0, 6), "grid")
    return cls(
        {
            variable("2t", "K"): warm,
            variable("2d", "K"): warm - rng.normal(1, 1, shape).astype(np.float32),
            variable("tp", "m", kind="accumulation", period=6): rain,
            variable("ssrd", "J m-2", kind="accumulation", period=6): sun.cumsum(axis=0),
            variable("odd", "", members=2): members,
        },
        axis=axis_of(starts + leads, lead_seconds=leads, declared_missing=np.arange(N_TIMES) == 3),
        grid=grid,
        times_per_block=times_per_block,
    )


def one_go(times_per_block: int = 1) -> Scan:
    return scan(forecast(times_per_block), wanted=WANTED, now=NOW, workers=1)


@pytest.fixture(scope="module")
def alone() -> Scan:
    found = one_go()
    accumulations = found.tables["relations"].query("relation == 'accum' and variable == 'tp'")
    assert len(accumulations) == 18  # the field before is looked at, but for the first of each forecast
    assert accumulations["n_violations"].sum() == N_CELLS
    assert found.tables["fields"]["change"].notna().sum() > 50
    return found


@settings(max_examples=8)
@given(times=st.integers(1, N_TIMES + 1), workers=st.integers(1, 3), shuffle=st.randoms(use_true_random=False))
def test_pieces_of_any_size_in_any_order_give_the_same_bits(
    alone: Scan, times: int, workers: int, shuffle: random.Random
) -> None:
    spread = Spread("forecast", sizes={"piece_bytes": 1, "piece_times": times})
    assert_same_bits(alone, scan(forecast(), wanted=WANTED, now=NOW, workers=workers, spread=spread))
    own = Pass(forecast(), wanted=WANTED, sizes=spread.sizes)
    worker = Worker(0, None)  # type: ignore[arg-type]
    worker.checkpoint = lambda: None  # type: ignore[method-assign]
    gave = [(piece, own.scan_piece(piece, worker)) for piece in own.cutting.pieces]
    assert len(gave) == -(-N_TIMES // times)
    shuffle.shuffle(gave)
    found = own.found_nothing()
    for piece, arrays in gave:
        found.put(piece, arrays)
    again = Pass(forecast(), wanted=WANTED).run_threads(2, None)
    for one, other in zip(found.rows.arrays.values(), again.rows.arrays.values(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert found.counts.tolist() == again.counts.tolist()


@pytest.mark.parametrize("times_per_block", [3, 7, 100])
def test_blocks_of_several_times_are_kept_whole(times_per_block: int) -> None:
    spread = Spread("forecast", sizes={"piece_bytes": 1, "piece_times": 2})
    found = scan(forecast(times_per_block), wanted=WANTED, now=NOW, workers=2, spread=spread)
    assert_same_bits(one_go(times_per_block), found)
    cutting = Pass(forecast(times_per_block), sizes=spread.sizes).cutting
    pieces = [set(range(p.start, p.stop)) for p in cutting.pieces]
    for block in forecast(times_per_block).blocks() if times_per_block < 8 else ():
        assert sum(bool(piece & set(block.times)) for piece in pieces) == 1


def test_a_block_far_larger_than_a_piece_is_cut() -> None:
    source = FakeSource({"x": np.zeros((40, 4))}, times_per_block=40)
    cutting = Cutting(source, source.blocks(), piece_bytes=1, piece_times=3)
    assert [(p.start, p.stop) for p in cutting.pieces] == [(0, 12), (12, 24), (24, 36), (36, 40)]
    assert [cutting.blocks(p) for p in cutting.pieces][1] == [Block(tuple(range(12, 24)), (0,))]


def test_a_piece_holds_enough_bytes_and_times() -> None:
    source = FakeSource({"x": np.zeros((100, 25), np.float32)})  # 100 bytes a time
    by_bytes = Cutting(source, source.blocks(), piece_bytes=1000, piece_times=1)
    by_times = Cutting(source, source.blocks(), piece_bytes=1, piece_times=40)
    assert [p.stop - p.start for p in by_bytes.pieces] == [10] * 10
    assert [p.stop - p.start for p in by_times.pieces] == [40, 40, 20]
    assert by_bytes.before(by_bytes.pieces[3], [0]) == [Block((29,), (0,))]
    assert by_bytes.before(by_bytes.pieces[3], []) == []
    assert by_bytes.before(by_bytes.pieces[0], [0]) == []


def test_nothing_there_is_no_piece() -> None:
    assert Cutting(FakeSource({}), []).pieces == []
    found = scan(FakeSource({}), now=NOW, spread=Spread("x"))
    assert len(found.tables["fields"]) == 0
    assert found.notes == ()


class Reading(FakeSource):
    """Cannot be read at one time, while `broken` is set."""

    broken = False

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        if Reading.broken and 11 in block.times:
            raise ZeroDivisionError("chunk 11 is broken")
        yield from super().read(block, buffers)


def spread_over(folder: Path, **rest: object) -> Spread:
    data = folder.parent / "data"
    data.mkdir(exist_ok=True)
    return Spread(str(data), folder=folder, sizes={"piece_bytes": 1, "piece_times": 2}, **rest)  # type: ignore[arg-type]


def test_an_interrupted_scan_goes_on_from_its_pieces(alone: Scan, tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "pieces"
    monkeypatch.setattr(Reading, "broken", True)
    with pytest.raises(SourceError, match=r"^fake: 2t, 2d, tp, .* at 1970-01-03T18:00:00: cannot be read: Zero[^:]*:"):
        scan(forecast(cls=Reading), wanted=WANTED, now=NOW, workers=1, spread=spread_over(folder))
    kept = sorted(folder.glob("piece-*.npz"))
    assert [path.name for path in kept] == [f"piece-{k:06d}.npz" for k in range(5)]
    stamps = [path.stat().st_mtime_ns for path in kept]
    monkeypatch.setattr(Reading, "broken", False)
    source = forecast(cls=Reading)
    told: list[tuple[int, int]] = []
    found = scan(
        source, wanted=WANTED, now=NOW, workers=2, spread=spread_over(folder), progress=lambda *t: told.append(t)
    )
    assert_same_bits(alone, found)
    assert found.notes == ("5 of 10 pieces were scanned by an earlier run",)
    assert told == [(k, 20) for k in (12, 14, 16, 18, 20)]
    assert [path.stat().st_mtime_ns for path in kept] == stamps
    read = {t for block in source.reads for t in block.times}
    assert read == {0, 9, *range(10, 20)}  # 0 for bins of what the catalogue does not know, 9 because it is before 10
    forget(folder)
    assert not folder.exists()


def test_all_pieces_there_read_nothing_again(alone: Scan, tmp_path: Path) -> None:
    folder = tmp_path / "pieces"
    scan(forecast(), wanted=WANTED, now=NOW, spread=spread_over(folder))
    found = scan(forecast(), wanted=WANTED, now=NOW, spread=spread_over(folder))
    assert_same_bits(alone, found)
    assert found.notes == ("10 of 10 pieces were scanned by an earlier run",)


def test_pieces_of_other_data_or_rules_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "pieces"
    scan(forecast(), wanted=WANTED, now=NOW, spread=spread_over(folder))
    with pytest.raises(UsageError, match=r"pieces: holds pieces of another audit \(data differ\); remove it"):
        scan(forecast(), wanted={}, now=NOW, spread=spread_over(folder))
    (tmp_path / "data" / "chunk").write_text("new")
    with pytest.raises(UsageError, match=r"another audit \(files differ\)"):
        scan(forecast(), wanted=WANTED, now=NOW, spread=spread_over(folder))


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("the only copy")
    with pytest.raises(UsageError, match=r"mine: holds something else than pieces of an audit"):
        scan(forecast(), wanted=WANTED, now=NOW, spread=spread_over(folder))
    forget(folder)
    assert [p.name for p in folder.iterdir()] == ["thesis.txt"]


def test_a_broken_piece_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "pieces"
    scan(forecast(), wanted=WANTED, now=NOW, spread=spread_over(folder))
    path = folder / "piece-000003.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SourceError, match=r"piece-000003.npz: is broken; remove it and run the command again"):
        scan(forecast(), wanted=WANTED, now=NOW, spread=spread_over(folder))


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    import fcntl

    folder = tmp_path / "pieces"
    scan(forecast(), wanted=WANTED, now=NOW, spread=spread_over(folder))
    with open(folder / "lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another process is working on this audit"):
            scan(forecast(), wanted=WANTED, now=NOW, spread=spread_over(folder))


def test_a_piece_is_a_plain_tuple() -> None:
    assert Piece(0, 2, 5) == (0, 2, 5)
