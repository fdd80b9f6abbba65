"""Several files as one source: times follow on, variables stand beside, differences are kept apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.cf_data import Plain, by_place, fields, places, plain, steps

from dqwatch.buffers import Buffers
from dqwatch.sources.cf import CFSource
from dqwatch.sources.joined import join
from dqwatch.types import Block, Source


def part(
    name: str, first: int, n: int, *variables: str, units: str = "K", lon: int = 4, closed=None, **attrs
) -> CFSource:
    """Days `first` to `first + n`; the value of each cell is its day."""
    days = np.arange(first, first + n)
    time = Plain("time", ("time",), days, units="days since 2020-01-01", **attrs)
    made = [
        Plain(v, ("time", "lat", "lon"), np.broadcast_to(days[:, None, None], (n, 3, lon)).astype("f4"), units=units)
        for v in variables
    ]
    return CFSource(
        name, "test", plain(*places(3, lon), time, *made), {"of": name}, lambda: closed and closed.append(name)
    )


def days_of(source: Source, name: str) -> list[float]:
    return [values[0] for (n, _, _), values in sorted(by_place(source).items()) if n == name]


def test_one_part_is_itself():
    one = part("a.nc", 0, 2, "tas")
    assert join([one]) is one


def test_times_follow_on_in_order_however_files_are_given():
    joined = join([part("b.nc", 3, 2, "tas"), part("a.nc", 0, 3, "tas")])
    assert isinstance(joined, Source)
    assert (joined.name, joined.kind, joined.attributes) == ("a.nc (+1)", "test", {"of": "a.nc"})
    assert len(joined.times) == len(joined.grids) == len(joined.variables) == 1
    assert joined.times[0].labels == [f"2020-01-{d:02d}T00:00:00" for d in range(1, 6)]
    assert days_of(joined, "2t") == [0, 1, 2, 3, 4]


def test_variables_stand_beside():
    joined = join([part("tas.nc", 0, 3, "tas"), part("psl.nc", 0, 2, "psl", units="Pa"), part("tas2.nc", 3, 1, "tas")])
    assert {v.name: len(joined.times[v.times]) for v in joined.variables} == {"2t": 4, "msl": 2}
    assert days_of(joined, "2t") == [0, 1, 2, 3]
    assert days_of(joined, "msl") == [0, 1]


def test_variables_of_the_same_files_share_an_axis():
    joined = join([part("a.nc", 0, 3, "tas", "psl"), part("b.nc", 3, 2, "tas", "psl")])
    assert len(joined.times) == 1
    joined = join([part("a.nc", 0, 3, "tas", "psl"), part("b.nc", 3, 2, "tas")])
    assert sorted(len(a) for a in joined.times) == [3, 5]
    assert len(list(fields(joined))) == 8


@pytest.mark.parametrize("other", [{"units": "degC"}, {"lon": 5}, {"calendar": "noleap"}])
def test_what_differs_is_kept_apart(other):
    joined = join([part("a.nc", 0, 2, "tas"), part("b.nc", 2, 2, "tas", **other)])
    assert [v.name for v in joined.variables] == ["2t", "2t#2"]
    assert sorted([days_of(joined, "2t"), days_of(joined, "2t#2")]) == [[0, 1], [2, 3]]


def test_overlapping_times_stand_there_twice():
    joined = join([part("a.nc", 0, 3, "tas"), part("b.nc", 2, 2, "tas")])
    assert joined.times[0].labels.count("2020-01-03T00:00:00") == 2


def constant(name: str, value: float) -> CFSource:
    mask = Plain("lsm", ("lat", "lon"), np.full((3, 4), value, "f4"), units="1")
    tas = Plain("tas", ("time", "lat", "lon"), np.zeros((1, 3, 4), "f4"), units="K")
    return CFSource(name, "test", plain(*places(), steps(1), mask, tas), {})


def test_constants_come_from_the_first_file_and_that_is_said():
    joined = join([constant("a.nc", 1), constant("b.nc", 2)])
    assert by_place(joined)["lsm", 0, 0][0] == 1
    assert joined.notes == ("lsm has no time and stands in several files: the first is looked at",)


def test_arrays_tell_their_file_and_closing_closes_all():
    closed: list[str] = []
    joined = join([part("a.nc", 0, 2, "tas", closed=closed), part("b.nc", 2, 2, "tas", closed=closed)])
    assert {a.name for a in joined.arrays()} == {
        f"{f}: {n}" for f in ("a.nc", "b.nc") for n in ("lat", "lon", "time", "tas")
    }
    joined.close()
    assert not closed or closed == ["a.nc", "b.nc"]


def test_the_identity_depends_on_all_parts():
    def identity(*parts: CFSource) -> str:
        return join(list(parts)).identity

    a, b, c = part("a.nc", 0, 2, "tas"), part("b.nc", 2, 2, "tas"), part("c.nc", 2, 2, "psl")
    assert identity(a, b) == identity(b, a)
    assert identity(a, b) != identity(a, c)


@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.sets(st.integers(0, 15)))
def test_any_part_of_any_block_comes_from_the_right_file(lengths, wanted):
    starts = np.cumsum([0, *lengths]).tolist()
    joined = join([part(f"{i}.nc", a, n, "tas", "psl") for i, (a, n) in enumerate(zip(starts, lengths, strict=False))])
    times = tuple(sorted(t for t in wanted if t < starts[-1]))
    found = list(joined.read(Block(times, (1, 0)), Buffers()))
    assert sorted((f.time, f.variable) for f in found) == [(t, v) for t in times for v in (0, 1)]
    assert len(list(fields(joined))) == 2 * starts[-1]
    for field in joined.read(Block(times, (1,)), Buffers()):
        assert field.values[0] == field.time


def test_files_that_disagree_are_noted_with_what_they_say() -> None:
    source = join([part("a.nc", 0, 2, "tas"), part("b.nc", 2, 2, "tas", units="degC")])
    assert [v.name.endswith("#2") for v in source.variables] == [False, True]
    (note,) = source.notes
    assert "the files disagree about units (K, degC): taken for several variables" in note


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"units": "K"}, {"units": "kelvin"}),
        ({"calendar": "standard"}, {"calendar": "proleptic_gregorian"}),
        ({"calendar": "gregorian"}, {"calendar": "standard"}),
    ],
)
def test_other_words_for_the_same_do_not_part_files(first: dict, second: dict) -> None:
    source = join([part("a.nc", 0, 2, "tas", **first), part("b.nc", 2, 2, "tas", **second)])
    assert len(source.variables) == 1
    assert source.notes == ()
    assert days_of(source, source.variables[0].name) == [0, 1, 2, 3]
