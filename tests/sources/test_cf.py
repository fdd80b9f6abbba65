"""CF data sets as fields: what is data and what is not, names, levels, members, order, memory, broken stores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.cf_data import Plain, axis, by_place, fields, places, plain, steps

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources.cf import CFSource
from dqwatch.types import Block, Source


def source_of(*arrays: Plain, **attributes) -> CFSource:
    return CFSource("test.nc", "test", plain(*places(), *arrays), attributes)


def numbered(name: str, dims: tuple[str, ...], shape: tuple[int, ...], chunks=None, **attrs) -> Plain:
    return Plain(name, dims, np.arange(np.prod(shape), dtype="f4").reshape(shape), chunks, **attrs)


def surface(name: str, **attrs) -> Plain:
    return numbered(name, ("lat", "lon"), (3, 4), **attrs)


def names(source: Source) -> list[str]:
    return [v.name for v in source.variables]


def test_it_is_a_source():
    source = source_of(surface("t2m"))
    assert isinstance(source, Source)
    source.close()
    source.close()


def test_known_quantities_get_their_short_names():
    source = source_of(
        *(surface("tas", units="K"), surface("psl", units="Pa"), surface("mystery", units="1")),
        surface("wind_gust_of_some_kind", standard_name="surface_air_pressure", units="Pa"),
    )
    assert {v.source_name: v.name for v in source.variables} == {
        "tas": "2t",
        "psl": "msl",
        "mystery": "mystery",
        "wind_gust_of_some_kind": "sp",
    }


def test_two_variables_of_one_quantity_keep_their_own_names():
    source = source_of(surface("tas", units="K"), surface("t2m", units="K"), surface("psl", units="Pa"))
    assert names(source) == ["tas", "t2m", "msl"]
    assert [v.param for v in source.variables] == ["2t", "2t", "msl"]


def test_levels_are_variables():
    source = source_of(
        axis("plev", [85000.0, 50000, 50], units="Pa"), numbered("ta", ("plev", "lat", "lon"), (3, 3, 4), units="K")
    )
    assert names(source) == ["t_850", "t_500", "t_0.5"]
    first = source.variables[0]
    assert (first.level, first.level_type, first.level_units) == (850.0, "pl", "Pa")
    assert by_place(source)["t_500", 0, 0].tolist() == list(range(12, 24))


def test_a_level_that_stands_there_twice_is_numbered():
    source = source_of(axis("plev", [850.0, 850], units="hPa"), numbered("ta", ("plev", "lat", "lon"), (2, 3, 4)))
    assert names(source) == ["ta_850", "ta_850#2"]
    assert len(by_place(source)) == 2


def test_a_scalar_level_is_a_level():
    plev = Plain("plev", (), 850.0, units="hPa", positive="down")
    source = source_of(plev, surface("ta", units="K", coordinates="plev"))
    assert names(source) == ["t_850"]


def test_a_scalar_height_tells_the_quantity():
    height = Plain("height", (), 2.0, units="m", standard_name="height", positive="up")
    (variable,) = source_of(
        height, surface("x", standard_name="air_temperature", units="K", coordinates="height")
    ).variables
    assert (variable.name, variable.level) == ("2t", None)


def test_a_level_in_a_name_is_a_level():
    (variable,) = source_of(surface("z500", units="m2 s-2")).variables
    assert (variable.name, variable.param, variable.level, variable.level_type) == ("z_500", "z", 500.0, "pl")


def test_members():
    source = source_of(
        steps(2), axis("number", [0, 1, 2]), numbered("t2m", ("number", "time", "lat", "lon"), (3, 2, 3, 4))
    )
    assert source.variables[0].members == 3
    found = by_place(source)
    assert found["2t", 1, 2].tolist() == list(range(60, 72))
    assert len(found) == 6


def test_further_dimensions_stand_in_the_name():
    source = source_of(
        *(steps(2), axis("expver", [1, 5])), numbered("tp", ("time", "expver", "lat", "lon"), (2, 2, 3, 4), units="m")
    )
    assert names(source) == ["tp_expver1", "tp_expver5"]
    assert [v.param for v in source.variables] == ["tp", "tp"]
    assert by_place(source)["tp_expver5", 1, 0].tolist() == list(range(36, 48))


def test_kinds_are_those_of_the_cell_methods():
    methods = {
        "time: mean": "mean",
        "area: time: maximum (interval: 1 hour)": "maximum",
        "area: mean time: minimum": "minimum",
        "time: sum": "accumulation",
        "month: year: mean": "mean",
        "area: mean": "instant",
        "time: point": "instant",
    }
    source = source_of(*(surface(f"v{i}", cell_methods=m) for i, m in enumerate(methods)))
    assert [v.kind for v in source.variables] == list(methods.values())


def test_the_kind_of_a_known_quantity_is_that_of_the_catalogue():
    assert source_of(surface("tp", units="m")).variables[0].kind == "accumulation"


def accumulated(bounds) -> CFSource:
    return source_of(
        axis("time", [0.0, 6], units="hours since 2020-01-01", bounds="time_bnds"),
        Plain("time_bnds", ("time", "bnds"), np.array(bounds, "f8")),
        numbered("tp", ("time", "lat", "lon"), (2, 3, 4), units="m", cell_methods="time: sum"),
        numbered("tas", ("time", "lat", "lon"), (2, 3, 4), units="K"),
    )


def test_the_period_of_an_accumulation_is_that_of_its_bounds():
    assert [v.period for v in accumulated([[-6, 0], [0, 6]]).variables] == [6.0, None]
    assert [v.period for v in accumulated([[-6, 0], [-6, 6]]).variables] == [None, None]
    assert [v.period for v in accumulated([[0, 0], [6, 6]]).variables] == [None, None]


def test_what_is_no_data_is_left_out_and_said():
    source = source_of(
        steps(2),
        numbered("t2m", ("time", "lat", "lon"), (2, 3, 4), coordinates="orog"),
        surface("orog"),
        Plain("lat_bnds", ("lat", "bnds"), np.zeros((3, 2))),
        Plain("co2", ("time",), [400.0, 401]),
        Plain("p0", (), 1e5),
        Plain("station", ("n",), np.array(["a", "b"], object)),
        Plain("stamp", ("time", "lat", "lon"), np.zeros((2, 3, 4)), units="days since 2000-01-01"),
        Plain("covariance", ("lat", "lat"), np.zeros((3, 3))),
        Plain("nothing", ("lat", "lon", "void"), np.zeros((3, 4, 0))),
    )
    assert names(source) == ["2t"]
    assert sorted(source.notes) == [
        "left out: co2 (no horizontal dimensions)",
        "left out: covariance (one dimension twice)",
        "left out: nothing (empty)",
        "left out: orog (auxiliary coordinates)",
        "left out: p0 (single values)",
        "left out: stamp (times)",
        "left out: station (text or no numbers)",
    ]


def test_bounds_are_left_out_in_silence():
    source = source_of(
        *(surface("t2m"), axis("time", [0.0], units="days since 2000-01-01", bounds="edges")),
        Plain("edges", ("time", "two"), np.zeros((1, 2))),
        *(
            Plain("lon_bounds", ("lon", "two"), np.zeros((4, 2))),
            Plain("vertices", ("lat", "lon", "four"), np.zeros((3, 4, 4))),
        ),
    )
    assert "edges" not in str(source.notes)
    assert "lon_bounds" not in str(source.notes)


def test_packing_that_cannot_be_read_is_said():
    source = source_of(surface("t2m"), surface("tp", scale_factor="much"))
    assert names(source) == ["2t"]
    assert source.notes == ("left out: tp (its scale_factor is 'much', no number)",)


def test_a_fill_value_in_another_type_is_said():
    assert source_of(surface("t2m", missing_value=1e20)).notes == (
        "t2m: missing_value 1e+20 taken as 1.0000000200408773e+20, its value in float32",
    )


def test_levels_without_units_are_said_to_be_guessed():
    source = source_of(axis("level", [1000, 850, 500]), numbered("t", ("level", "lat", "lon"), (3, 3, 4), units="K"))
    assert names(source) == ["t_1000", "t_850", "t_500"]
    assert source.notes == ("'level' has no units of pressure: taken as hPa",)


def test_groups_are_read_with_the_coordinates_of_outer_ones():
    source = source_of(
        surface("t2m", units="K"),
        numbered("model/t2m", ("lat", "lon"), (3, 4), units="K"),
        Plain("model/time", (), 6.0, units="hours since 2000-01-01"),
        numbered("model/sp", ("lat", "lon"), (3, 4), units="Pa", coordinates="time"),
    )
    assert names(source) == ["t2m", "model/t2m", "sp"]
    assert source.times[source.variables[2].times].labels == ["2000-01-01T06:00:00"]


@st.composite
def orders(draw):
    """A variable with any order of its dimensions, chunked anyhow, and any part of a block of it."""
    dims = draw(st.permutations(["time", "plev", "number", "lat", "lon"]))
    lengths = {"time": 5, "plev": 3, "number": 2, "lat": 3, "lon": 4}
    shape = tuple(lengths[d] for d in dims)
    chunks = draw(st.none() | st.tuples(*(st.integers(1, n) for n in shape)))
    dtype = draw(st.sampled_from(["f4", "f8", "i2"]))
    attrs = draw(st.sampled_from([{}, {"_FillValue": np.dtype(dtype).type(7)}, {"scale_factor": 0.5}]))
    return dims, shape, chunks, dtype, attrs, draw(st.sets(st.integers(0, 4))), draw(st.sets(st.integers(0, 2)))


@given(orders())
def test_fields_are_the_same_in_any_order_of_dimensions(case):
    dims, shape, chunks, dtype, attrs, times, levels = case
    raw = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    variable = Plain("ta", tuple(dims), raw, chunks, units="K", **attrs)
    source = source_of(steps(5), axis("plev", [850.0, 500, 10], units="hPa"), axis("number", [0, 1]), variable)
    decoded = raw.astype(np.float64) * (attrs.get("scale_factor", 1.0))
    if "_FillValue" in attrs:
        decoded[raw == 7] = np.nan
    wanted = decoded.transpose([dims.index(d) for d in ("plev", "time", "number", "lat", "lon")])

    def check(field):
        expected = wanted[field.variable, field.time, field.member].ravel()
        assert np.array_equal(field.values, expected, equal_nan=True)
        assert field.values.flags.c_contiguous
        assert field.values.dtype in (np.float32, np.float64)

    found = list(fields(source))
    assert len({(f.time, f.variable, f.member) for f in found}) == len(found) == 30
    for field in found:
        check(field)
    part = list(source.read(Block(tuple(sorted(times)), tuple(sorted(levels))), Buffers()))
    assert {(f.time, f.variable, f.member) for f in part} == {(t, v, m) for t in times for v in levels for m in (0, 1)}


def test_blocks_hold_every_field_once_in_order_of_time():
    source = source_of(
        *(steps(40), axis("plev", [850.0, 500], units="hPa")),
        numbered("ta", ("time", "plev", "lat", "lon"), (40, 2, 3, 4), (8, 1, 3, 4)),
        numbered("tas", ("time", "lat", "lon"), (40, 3, 4)),
    )
    seen = [(t, v) for block in source.blocks() for v in block.variables for t in block.times]
    assert sorted(seen) == [(t, v) for t in range(40) for v in range(3)]
    starts = [block.times[0] for block in source.blocks()]
    assert starts == sorted(starts)


@pytest.mark.parametrize("chunks", [None, (1, 50, 100, 100), (400, 1, 10, 10), (7, 13, 100, 100), (400, 50, 100, 100)])
def test_memory_is_bounded_whatever_the_chunks(chunks):
    shape = (400, 50, 100, 100)
    zeros = np.lib.stride_tricks.as_strided(np.zeros(1, "f4"), shape, (0, 0, 0, 0))  # 800 MB that take no room
    big = Plain("ta", ("time", "plev", "y", "x"), zeros, chunks, units="K")
    source = CFSource("big", "test", plain(steps(400), axis("plev", np.arange(1.0, 51) * 20, units="hPa"), big), {})
    blocks = source.blocks()
    assert sum(len(b.times) * len(b.variables) for b in blocks) == 400 * 50
    buffers = Buffers()
    for block in (blocks[0], blocks[-1], Block(tuple(range(0, 400, 97)), (0, 49))):
        for _ in source.read(block, buffers):
            pass
    assert max(big.reads) <= 64_000_000
    assert buffers.nbytes < 70_000_000


def test_a_chunk_that_fits_is_read_once():
    big = numbered("tas", ("time", "lat", "lon"), (40, 3, 4), (10, 3, 4))
    source = source_of(steps(40), big)
    list(fields(source))
    assert sum(big.reads) == big.values.nbytes


def test_an_array_shorter_than_the_time_axis_gives_what_it_has():
    source = source_of(
        steps(5), numbered("tas", ("time", "lat", "lon"), (3, 3, 4)), numbered("psl", ("time", "lat", "lon"), (5, 3, 4))
    )
    assert [len(a) for a in source.times] == [5]
    assert sorted((f.variable, f.time) for f in fields(source)) == [(0, t) for t in range(3)] + [
        (1, t) for t in range(5)
    ]
    assert {a.name: a.length_ok for a in source.arrays()} == {
        "lat": None,
        "lon": None,
        "time": None,
        "tas": False,
        "psl": True,
    }
    assert list(source.read(Block((3, 4), (0,)), Buffers())) == []


def test_an_array_longer_than_the_time_axis_gives_what_has_a_time():
    source = source_of(steps(2), numbered("tas", ("time", "lat", "lon"), (3, 3, 4)))
    assert len(list(fields(source))) == 2
    assert [a.length_ok for a in source.arrays() if a.name == "tas"] == [False]


def test_arrays_that_disagree_about_a_place_are_refused():
    with pytest.raises(SourceError, match=r"test\.nc: dimension 'lon' has length 5 in array 'tas' but 4 in 'lon'"):
        source_of(Plain("tas", ("lat", "lon"), np.zeros((3, 5))))


def test_nothing_to_look_at_is_an_empty_source():
    source = CFSource("x", "test", plain(Plain("a", (), 1.0)), {})
    assert source.variables == ()
    assert source.blocks() == []
    assert source.notes == ("left out: a (single values)",)


def test_an_axis_without_entries_has_no_blocks():
    source = source_of(steps(0), Plain("tas", ("time", "lat", "lon"), np.zeros((0, 3, 4), "f4")))
    assert source.blocks() == []
    assert "left out: tas (empty)" in source.notes


def test_the_identity_is_that_of_the_metadata():
    def identity(**changes) -> str:
        attrs = {"units": "K", **changes}
        return source_of(steps(2), Plain("tas", ("time", "lat", "lon"), np.zeros((2, 3, 4), "f4"), **attrs)).identity

    assert identity() == identity()
    assert identity() != identity(units="degC")
    assert identity().startswith("sha256:")
    other = CFSource(
        "a", "b", plain(*places(), steps(2, every=3), numbered("tas", ("time", "lat", "lon"), (2, 3, 4))), {}
    )
    same = CFSource(
        "c", "d", plain(*places(), steps(2, every=3), numbered("tas", ("time", "lat", "lon"), (2, 3, 4))), {}
    )
    assert other.identity == same.identity
    assert other.identity != identity()
