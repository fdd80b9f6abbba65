"""Metrics by plug-in: run where wanted, on every field, with the field before where asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics.fake_source import FakeSource

from dqwatch import registry, tables
from dqwatch.errors import SourceError, UsageError
from dqwatch.metrics import field_metric, scan
from dqwatch.metrics.change import change, departures
from dqwatch.metrics.runs import Lookup, make_runs
from dqwatch.tables import Column
from dqwatch.types import Block

WANTED = {"fields": {"change", "share_same"}}


@pytest.fixture
def plug_in(monkeypatch):
    """Register metrics for one test, and take their columns off the tables again."""
    added: dict[str, object] = {}
    names, load = registry.names, registry.load
    monkeypatch.setattr(registry, "names", lambda group: [*names(group), *(added if group == "metrics" else ())])
    monkeypatch.setattr(registry, "load", lambda group, name: added[name] if name in added else load(group, name))
    monkeypatch.setitem(tables.OPTIONAL, "fields", tables.OPTIONAL["fields"])

    def add(name, metric):
        added[name] = metric

    return add


def series(n=30, cells=50, seed=0):
    return np.random.default_rng(seed).normal(size=(n, cells)).cumsum(axis=0).astype(np.float32)


def test_change_is_that_of_numpy():
    data = series()
    table = scan(FakeSource({"a": data}), wanted=WANTED).tables["fields"]
    steps = np.diff(data.astype(np.float64), axis=0)
    assert np.isnan(table["change"].iloc[0])
    np.testing.assert_allclose(table["change"].iloc[1:], np.sqrt((steps**2).mean(axis=1)), rtol=1e-12)
    np.testing.assert_array_equal(table["share_same"].iloc[1:], (steps == 0).mean(axis=1))


def test_change_passes_over_nan_and_infinity():
    data = series(3)
    data[1, :10] = np.nan
    data[2, 10:12] = np.inf
    table = scan(FakeSource({"a": data}), wanted=WANTED).tables["fields"]
    expected = [np.nan]
    for now, then in ((data[1, 10:], data[0, 10:]), (data[2, 12:], data[1, 12:])):
        expected.append(np.sqrt(((now.astype(float) - then) ** 2).mean()))
    np.testing.assert_allclose(table["change"], expected, rtol=1e-12)


def test_nothing_wanted_computes_nothing():
    assert "change" not in scan(FakeSource({"a": series(3)})).tables["fields"]
    assert "change" not in scan(FakeSource({"a": series(3)}), wanted={"fields": {"n_nan"}}).tables["fields"]


@given(workers=st.integers(1, 5), per_block=st.integers(1, 7), n=st.integers(2, 40), seed=st.integers(0, 2**16))
def test_any_cut_into_blocks_and_threads_gives_the_same_bits(workers, per_block, n, seed):
    data = {"a": series(n, seed=seed), "b": series(n, seed=seed + 1)}
    source = FakeSource(data, times_per_block=per_block)
    found = scan(source, workers=workers, wanted=WANTED).tables["fields"]
    plain = scan(FakeSource(data), workers=1, wanted=WANTED).tables["fields"]
    np.testing.assert_array_equal(found["change"], plain["change"])
    assert found["change"].isna().sum() == 2


def test_only_the_quantities_that_are_wanted_are_looked_at():
    data = {"2t": series(30), "msl": series(30, seed=1)}
    wanted = {"fields": {"change", "tendency", "roughness"}}

    def known(params):
        table = scan(FakeSource(data), wanted=wanted, params=params).tables["fields"]
        return {name: int(own["change"].notna().sum()) for name, own in table.groupby("variable")}

    both = {"change": {"2t"}, "tendency": {"2t"}}
    assert known(both) == {"2t": 29, "msl": 0}
    assert known(both | {"tendency": {"msl"}}) == {"2t": 29, "msl": 29}
    assert known({"change": {"2t"}}) == {"2t": 29, "msl": 29}, "the tendency of all is wanted"
    assert known(None) == {"2t": 29, "msl": 29}


def test_a_field_that_is_not_there_is_no_field_before():
    data = list(series(4))
    table = scan(FakeSource({"a": [data[0], None, data[2], data[3]]}), wanted=WANTED).tables["fields"]
    assert table["change"].isna().tolist() == [True, True, False]


def test_runs_follow_each_other_and_hold_every_block_once():
    blocks = [Block((t,), (0, 1)) for t in range(100)] + [Block((t, t + 1), (2,)) for t in range(0, 100, 2)]
    runs = make_runs(FakeSource({"a": series(2)}), blocks, 2, previous=True)
    assert sorted(b for run in runs for b in run) == sorted(blocks)
    for run in runs:
        assert len({b.variables for b in run}) == 1
        times = [t for b in run for t in b.times]
        assert times == list(range(times[0], times[0] + len(times)))
    assert max(len(run) for run in runs) > 10
    together = make_runs(FakeSource({"a": series(2)}), blocks, 2, previous=True, together=True)
    assert sorted(b for run in together for b in run) == sorted(blocks)
    assert max(len(run) for run in together) == 8, "variables of several lanes wait for one another"
    alone = [block for block in blocks if block.variables == (2,)]
    assert (
        max(len(r) for r in make_runs(FakeSource({"a": series(2)}), alone * 9, 1, previous=True, together=True)) == 64
    )


def test_lookup_finds_the_time_before_in_whatever_blocks():
    blocks = [Block((0, 1), (0,)), Block((0, 1), (1,)), Block((2,), (0, 1))]
    lookup = Lookup(blocks)
    assert lookup.before(blocks[2]) == [Block((1,), (0,)), Block((1,), (1,))]
    assert lookup.before(blocks[0]) == []


def test_tendency_names_the_one_jump():
    data = series(60)
    data[40:] += 100
    table = scan(FakeSource({"a": data}), wanted={"fields": {"tendency"}}).tables["fields"]
    assert table["tendency"].idxmax() == 40
    assert table["tendency"].iloc[40] > 6
    assert table["tendency"].drop(40).abs().max() < 6


def test_departures_are_robust_scores():
    changes = np.array([np.nan, *np.arange(1.0, 22)])
    found = departures(changes, [np.arange(22)])
    # the median of 1..21 is 11, the median of |x - 11| is 5
    np.testing.assert_allclose(found[1:], (np.arange(1.0, 22) - 11) / (1.4826 * 5))
    assert np.isnan(departures(np.ones(30), [np.arange(30)])).all(), "no spread, no score"
    assert np.isnan(departures(changes[:10], [np.arange(10)])).all(), "too short"


def test_third_parties_add_columns(plug_in):
    @field_metric(Column("share_positive", "float", "1", "share of cells above 0"))
    def positive(view):
        return (float((view.values > 0).mean()),)

    plug_in("positive", positive)
    data = series(3)
    table = scan(FakeSource({"a": data}), wanted={"fields": {"share_positive"}}).tables["fields"]
    np.testing.assert_array_equal(table["share_positive"], (data > 0).mean(axis=1))


def test_a_view_tells_what_the_kernel_found(plug_in):
    seen = []

    @field_metric(Column("probe", "float", "", "for this test"))
    def probe(view):
        seen.append((view.n, view.n_nan, view.n_inf, view.minimum, view.maximum, view.all_finite, view.finite.sum()))
        return (view.mean,)

    plug_in("probe", probe)
    values = np.array([[1.0, 2, np.nan, np.inf, 6]], np.float32)
    table = scan(FakeSource({"a": values}), wanted={"fields": {"probe"}}).tables["fields"]
    assert seen == [(5, 1, 1, 1.0, 6.0, False, 3)]
    assert table["probe"].iloc[0] == 3


def test_wrong_metrics_are_told(plug_in):
    @field_metric(Column("two", "float", "", "for this test"))
    def two(view):
        return 1.0, 2.0

    plug_in("two", two)
    with pytest.raises(Exception, match="returned 2 numbers"):
        scan(FakeSource({"a": series(2)}), wanted={"fields": {"two"}})
    plug_in("two", lambda view: (1.0,))
    with pytest.raises(UsageError, match="metric 'two' is a function"):
        scan(FakeSource({"a": series(2)}), wanted={"fields": {"two"}})
    plug_in("two", change)
    with pytest.raises(UsageError, match="fills change, same_inside, share_same, which another metric fills"):
        scan(FakeSource({"a": series(2)}), wanted=WANTED)
    with pytest.raises(KeyError, match="no column 'nonsense'"):
        field_metric("nonsense")
    with pytest.raises(ValueError, match="what a metric fills is 'float'"):
        field_metric("n_nan")


def test_an_error_in_a_run_names_its_own_block(monkeypatch):
    source = FakeSource({"a": series(200)})
    read = source.read

    def spoilt(block, buffers):
        if block.times == (137,):
            raise OSError("torn")
        yield from read(block, buffers)

    monkeypatch.setattr(source, "read", spoilt)
    with pytest.raises(SourceError, match=str(source.times[0].labels[137])):
        scan(source, workers=2, wanted=WANTED)
