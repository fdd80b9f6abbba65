"""Two sources read so that their fields meet: each common field once, however the blocks lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics.fake_source import FakeSource

from dqwatch.buffers import Buffers
from dqwatch.metrics import pair_reading
from dqwatch.metrics.pair_reading import Common, Meeting
from dqwatch.types import Block, Field

N_CELLS = 3


class Blocky(FakeSource):
    """Fields cut into any blocks; whatever is read is noted."""

    def __init__(self, n_times: int, n_variables: int, blocks: Sequence[Block]) -> None:
        super().__init__({f"v{i}": np.zeros((n_times, N_CELLS)) for i in range(n_variables)})
        self._blocks = list(blocks)

    def blocks(self) -> list[Block]:
        return self._blocks

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        assert any(set(block.times) <= set(b.times) and set(block.variables) <= set(b.variables) for b in self._blocks)
        yield from super().read(block, buffers)


def cut(draw: st.DrawFn, n_times: int, n_variables: int) -> list[Block]:
    """All fields in blocks: times in runs, variables in groups."""
    length, width = draw(st.integers(1, n_times)), draw(st.integers(1, n_variables))
    return [
        Block(tuple(range(t, min(t + length, n_times))), tuple(range(v, min(v + width, n_variables))))
        for t in range(0, n_times, length)
        for v in range(0, n_variables, width)
    ]


@st.composite
def meetings(draw: st.DrawFn) -> tuple[tuple[Blocky, Blocky], list[Common]]:
    sources = []
    for _ in range(2):
        n_times, n_variables = draw(st.integers(1, 9)), draw(st.integers(1, 4))
        sources.append(Blocky(n_times, n_variables, cut(draw, n_times, n_variables)))
    n_common = draw(st.integers(0, min(len(s.variables) for s in sources)))
    chosen = [draw(st.permutations(range(len(s.variables)))) for s in sources]
    commons = []
    for i in range(n_common):
        pairs = draw(
            st.lists(st.tuples(*(st.integers(0, len(s.times[0]) - 1) for s in sources)), max_size=9, unique=True)
        )
        own = [p[0] for p in pairs]
        pairs = [
            p for k, p in enumerate(pairs) if own.index(p[0]) == k
        ]  # a time of the data meets one of the reference
        times = tuple(np.array([p[side] for p in pairs], np.int64) for side in (0, 1))
        commons.append(Common((chosen[0][i], chosen[1][i]), times))
    return (sources[0], sources[1]), commons


@given(meetings(), st.sampled_from([1, 100, 10**9]))
def test_all_common_fields_meet_once(meeting: tuple[tuple[Blocky, Blocky], list[Common]], most: int) -> None:
    sources, commons = meeting
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_reading, "MOST_HELD", most)
        plan = Meeting(sources, commons)
    assert plan.leader in (0, 1)
    assert plan.follower == 1 - plan.leader
    met: Counter[tuple[int, int]] = Counter()
    for unit in plan.units:
        chosen = plan.chosen(unit)
        met.update((c.common, place) for c in chosen for place in c.places.tolist())
        held = fields(plan.to_hold(chosen), sources[plan.leader])
        passing = fields(plan.to_stream(chosen), sources[plan.follower])
        for number, places in chosen:
            common = commons[number]
            for place in places.tolist():
                for side, there in ((plan.leader, held), (plan.follower, passing)):
                    assert there[common.variables[side], int(common.times[side][place])] == 1
        assert sum(held.values()) <= sum(c.places.size for c in chosen)
        source, block = plan.describe(unit)
        assert source is sources[plan.leader]
        assert block.times
    assert met == Counter((i, k) for i, c in enumerate(commons) for k in range(c.times[0].size))


def fields(blocks: Sequence[Block], source: Blocky) -> Counter[tuple[int, int]]:
    """(variable, time) -> how often it is read."""
    return Counter((f.variable, f.time) for b in blocks for f in source.read(b, Buffers()))


def aligned(n_times: int, n_variables: int) -> list[Common]:
    times = np.arange(n_times)
    return [Common((v, v), (times, times)) for v in range(n_variables)]


def test_the_larger_blocks_lead_and_are_read_once() -> None:
    """100 times of one variable in a block beside one time of all variables in a block."""
    series = Blocky(200, 3, [Block(tuple(range(t, t + 100)), (v,)) for t in (0, 100) for v in range(3)])
    states = Blocky(200, 3, [Block((t,), (0, 1, 2)) for t in range(200)])
    for sources in ((series, states), (states, series)):
        plan = Meeting(sources, aligned(200, 3))
        assert sources[plan.leader] is series
        reads = [b for unit in plan.units for b in plan.to_hold(plan.chosen(unit))]
        assert sorted((b.variables, b.times[0], len(b.times)) for b in reads) == [
            ((v,), t, 100) for v in range(3) for t in (0, 100)
        ]


def test_equal_blocks_are_read_whole() -> None:
    both = [Blocky(6, 4, [Block((t,), (0, 1, 2, 3)) for t in range(6)]) for _ in range(2)]
    plan = Meeting((both[0], both[1]), aligned(6, 4))
    for unit in plan.units:
        chosen = plan.chosen(unit)
        assert plan.to_hold(chosen) == plan.to_stream(chosen) == [plan.describe(unit)[1]]


def test_large_blocks_are_held_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times of a field of 3 cells in float32 are 120 bytes."""
    source = Blocky(10, 4, [Block(tuple(range(10)), (0, 1, 2, 3))])
    monkeypatch.setattr(pair_reading, "MOST_HELD", 250)
    plan = Meeting((source, source), aligned(10, 4))
    assert [unit.commons for unit in plan.units] == [(0, 1), (2, 3)]


def test_nothing_in_common_reads_nothing() -> None:
    source = Blocky(2, 2, [Block((0, 1), (0, 1))])
    assert Meeting((source, source), []).units == []
    nothing = np.empty(0, np.int64)
    assert Meeting((source, source), [Common((0, 0), (nothing, nothing))]).units == []
