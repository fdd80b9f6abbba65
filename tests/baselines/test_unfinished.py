"""A baseline whose making breaks off: it goes on from there to the same bits; nothing half-written is ever taken."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from baselines.training_data import make_fields, make_source

from dqwatch.baselines import unfinished
from dqwatch.baselines.baseline import Baseline, build
from dqwatch.baselines.store import load, save
from dqwatch.baselines.unfinished import Unfinished, place_beside
from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError, SourceNotFoundError, UsageError
from dqwatch.types import Block, Field

N = 48
PASS = N // 3  # reads of blocks of 3 times
EVERYTHING = 16 + 2 * N - 1  # the pass; each cycle and the one before it
AHEAD = 5  # reads of which nothing was taken yet


class Breaking:
    """A source that reads so many times, and no more."""

    def __init__(self, fields: dict[str, np.ndarray], reads: int | None = None) -> None:
        self._source = make_source(fields, times_per_block=3)
        self._left = reads
        self.count = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._source, name)

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        self.count += 1
        if self._left is not None and self.count > self._left:
            raise OSError("the disk is gone")
        return self._source.read(block, buffers)


@pytest.fixture(autouse=True)
def every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after each block."""
    monkeypatch.setattr(unfinished, "PAUSE", 0.0)
    monkeypatch.setattr(unfinished, "_SHARE", 0.0)


@pytest.fixture(scope="module")
def fields() -> dict[str, np.ndarray]:
    made = make_fields(5, N)
    made["t"][7, :9] = np.nan
    return made


@pytest.fixture(scope="module")
def whole(fields: dict[str, np.ndarray]) -> Baseline:
    return build(make_source(fields, times_per_block=3))


def assert_same(one: Baseline, other: Baseline) -> None:
    assert np.array_equal(one.ledger.scores, other.ledger.scores, equal_nan=True)
    assert one.constants.keys() == other.constants.keys()
    for kind, climates in one.climates.items():
        for a, b in zip(climates, other.climates[kind], strict=True):
            assert (a is None) == (b is None)
            for level in ("cell", "area") if a is not None else ():
                for part in ("first", "mean", "square", "variance"):
                    values = (getattr(getattr(c, level), part) for c in (a, b))
                    assert np.array_equal(*values, equal_nan=True)


@pytest.mark.parametrize("reads", [1, 9, PASS - 2, PASS + 50])
def test_it_goes_on_from_where_it_broke_off(
    whole: Baseline, fields: dict[str, np.ndarray], tmp_path: Path, reads: int
) -> None:
    folder = tmp_path / "b.zarr.unfinished"
    with pytest.raises(SourceError, match="the disk is gone"):
        build(Breaking(fields, reads), folder=folder, workers=1)
    rest, told = Breaking(fields), list[str]()
    assert_same(build(rest, folder=folder, workers=1, tell=told.append), whole)
    assert [t.startswith("goes on from what b.zarr.unfinished holds") for t in told] == [True]
    if reads < PASS:
        assert rest.count <= EVERYTHING - reads + AHEAD
    else:  # of the ledger, the cycles of one fold are lost, each with the one before it
        assert rest.count <= EVERYTHING - reads + 2 * N / 8
    after = Breaking(fields)
    assert_same(build(after, folder=folder, workers=1), whole)
    assert after.count == 0


def test_it_may_break_off_again_and_again(whole: Baseline, fields: dict[str, np.ndarray], tmp_path: Path) -> None:
    folder = tmp_path / "b.zarr.unfinished"
    for _ in range(4):
        with pytest.raises(SourceError):
            build(Breaking(fields, 11), folder=folder, workers=2)
    assert_same(build(Breaking(fields), folder=folder), whole)


_KILLED = """
import os, sys
import numpy as np
from pathlib import Path
from baselines.training_data import make_fields
from baselines.test_unfinished import Breaking
from dqwatch.baselines import unfinished
from dqwatch.baselines.baseline import build
unfinished.PAUSE = unfinished._SHARE = 0.0
fields = make_fields(5, 48)
fields["t"][7, :9] = np.nan
written = [0]
savez = np.savez
def dying(file, **arrays):
    written[0] += 1
    if written[0] == int(sys.argv[2]):
        file.write(b"half")
        file.flush()
        os._exit(9)
    savez(file, **arrays)
np.savez = dying
build(Breaking(fields), folder=Path(sys.argv[1]), workers=1)
"""


@pytest.mark.parametrize("write", [40, 150])
def test_a_process_that_dies_while_it_writes_leaves_nothing_that_is_taken(
    whole: Baseline, fields: dict[str, np.ndarray], tmp_path: Path, write: int
) -> None:
    folder = tmp_path / "b.zarr.unfinished"
    tests = str(Path(__file__).parent.parent)
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {tests!r})\n{_KILLED}", str(folder), str(write)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 9
    assert any(p.name.startswith(".") for p in folder.iterdir())
    with pytest.raises(SourceNotFoundError, match="no such baseline"):
        load(tmp_path / "b.zarr")
    rest = Breaking(fields)
    assert_same(build(rest, folder=folder), whole)


def test_parts_of_other_data_are_thrown_away(whole: Baseline, fields: dict[str, np.ndarray], tmp_path: Path) -> None:
    folder = tmp_path / "b.zarr.unfinished"
    build(make_source(make_fields(6, N - 1)), folder=folder)
    with Unfinished(folder, {"data": "another"}) as emptied:
        assert emptied.other
        assert emptied.parts() == []
    assert not folder.exists()
    build(make_source(make_fields(6, N - 1)), folder=folder)
    assert_same(build(make_source(fields, times_per_block=3), folder=folder), whole)


def test_two_do_not_work_in_one_folder(tmp_path: Path) -> None:
    with (
        Unfinished(tmp_path / "x", {}),
        pytest.raises(UsageError, match="another process is making this baseline"),
        Unfinished(tmp_path / "x", {}),
    ):
        pass


def test_a_broken_part_is_said_in_one_line(fields: dict[str, np.ndarray], tmp_path: Path) -> None:
    folder = tmp_path / "b.zarr.unfinished"
    build(make_source(fields), folder=folder)
    (folder / "cycles-0-0" / "scores.npz").write_bytes(b"no archive")
    with pytest.raises(SourceError, match="its part cycles-0-0 is broken; remove the folder"):
        build(make_source(fields), folder=folder)
    (folder / "cycles-0-0" / "scores.npz").unlink()
    with pytest.raises(SourceError, match="its part cycles-0-0 is broken"):
        build(make_source(fields), folder=folder)
    (folder / "fold-2" / "facts.json").write_text("")
    with pytest.raises(SourceError, match="its part fold-2 is broken"):
        build(make_source(fields), folder=folder)


def test_a_part_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    folder = tmp_path / "x"
    with Unfinished(folder, {"a": 1}) as kept:
        kept.write("one", {"values": {"x": np.arange(3)}}, {"n": 1})
        monkeypatch.setattr(np, "savez", full)
        with pytest.raises(SourceError, match="No space left on device; what is done is kept"):
            kept.write("one", {"values": {"x": np.arange(4)}}, {"n": 2})
        assert kept.facts("one")["n"] == 1
        assert kept.read("one", "values")["x"].tolist() == [0, 1, 2]
        assert kept.read("one", "other") == {}
    assert json.loads((folder / "facts.json").read_text()) == {"a": 1}
    assert sorted(p.name for p in folder.iterdir()) == ["facts.json", "lock", "one"]


def test_the_folder_stands_beside_the_output(whole: Baseline, tmp_path: Path) -> None:
    assert place_beside(tmp_path / "b.zarr") == tmp_path / "b.zarr.unfinished"
    save(whole, tmp_path / "b.zarr")
    assert_same(load(tmp_path / "b.zarr"), whole)


def test_a_folder_of_somebody_else_is_left_alone(
    whole: Baseline, fields: dict[str, np.ndarray], tmp_path: Path
) -> None:
    folder = tmp_path / "b.zarr.unfinished"
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds something else; move it"):
        build(make_source(fields), folder=folder)
    assert [p.name for p in folder.iterdir()] == ["thesis.txt"]
    (folder / "thesis.txt").unlink()
    folder.rmdir()
    folder.write_text("a file")
    with pytest.raises(UsageError, match="cannot be written: File exists"):
        build(make_source(fields), folder=folder)
    assert folder.read_text() == "a file"


def test_a_full_disk_at_the_very_end_is_one_line_and_loses_nothing(
    whole: Baseline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "b.zarr"
    save(whole, target)
    monkeypatch.setattr("zarr.open_group", full)
    with pytest.raises(SourceError, match=r"b\.zarr: cannot be written: No space left on device"):
        save(whole, target)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["b.zarr"]
    assert_same(load(target), whole)
