"""What the rules of `regridding` say of data that were regridded well, and of data in which one thing went wrong."""

from __future__ import annotations

import pytest
import xarray as xr
from clean import reference, regridded
from corrupt_regridding import REGRIDDING

import dqwatch
from dqwatch.expectations import evaluate, load_rule_sets
from dqwatch.metrics.pairs import compare
from dqwatch.sources import open_source


def tripped(data: xr.Dataset, other: xr.Dataset) -> set[str]:
    """The rules on pairs that do not simply pass."""
    pairs = compare(open_source(data), open_source(other), workers=1)
    results = evaluate(load_rule_sets(["regridding"]), {"pairs": pairs}).results
    return {f.rule for f in results if f.table == "pairs" and f.status not in ("pass", "skipped")}


def test_identical_data_agree() -> None:
    assert tripped(reference(), reference()) == set()
    pairs = compare(open_source(reference()), open_source(reference()))
    assert (pairs["rms"] == 0).all()
    assert (pairs["shift"] == 0).all()
    assert (pairs["grid_relation"] == "same").all()


@pytest.mark.parametrize("shape", [(37, 72), (91, 180), (73, 144)])
def test_data_regridded_well_trip_nothing(shape: tuple[int, int]) -> None:
    """To the same and to finer grids."""
    assert tripped(regridded(*shape), reference()) == set()


def test_of_the_way_back_only_the_extremes_tell() -> None:
    """What was interpolated has lost the highest peaks of the original."""
    assert tripped(reference(), regridded(91, 180)) == {"cons.minmax"}


def test_an_audit_against_the_reference() -> None:
    """The whole way: rules found by themselves, both inputs named, the gate closed by what went wrong."""
    spoilt = REGRIDDING["rows reversed"].spoil(regridded())
    for data, code in ((regridded(), 0), (spoilt, 1)):
        verdict = dqwatch.audit(data, against=reference(), select=["2t", "msl"], rules="missing")
        assert verdict.exit_code == code
        assert [i.get("role") for i in verdict.inputs] == [None, "reference"]
        assert [s.name for s in verdict.rule_sets] == ["missing", "regridding"]
        assert set(verdict.tables["pairs"]["variable"]) == {"2t", "msl"}
        assert ("grid.flip_roll" in {f.rule for f in verdict.results if f.status == "fail"}) == bool(code)


def test_every_nth_time_of_the_data_finds_its_own_in_the_reference() -> None:
    """The reference begins one step earlier: its every second time is another."""
    data = regridded().isel(time=slice(1, None))
    verdict = dqwatch.audit(data, against=reference(), every=2, select="2t")
    pairs = verdict.tables["pairs"]
    assert list(pairs["time_index"]) == [-1, *range(0, 23, 2)]  # the first time of the reference is missing
    assert list(pairs["present"]) == [False] + [True] * 12
    assert {f.rule for f in verdict.results if f.status == "fail" and f.table == "pairs"} == {"time.align"}
    assert verdict.sampled == "every 2nd time, only 2t"
