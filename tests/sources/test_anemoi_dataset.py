"""What anemoi-datasets opens, as a source: fields, times, metadata, statistics; what is none is told in one line."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from anemoi_double import Dataset
from corruptions import store

import dqwatch
from dqwatch.buffers import Buffers
from dqwatch.errors import MissingExtraError, SourceError, UnsupportedDataError, UsageError
from dqwatch.sources import open_source
from dqwatch.sources.anemoi_spec import KEYS, check_spec


@pytest.fixture(scope="module")
def path() -> Path:
    return store(5)


def fields_of(source):
    buffers = Buffers()
    return {(f.time, f.variable, f.member): f.values.copy() for b in source.blocks() for f in source.read(b, buffers)}


def test_it_is_as_the_store_that_it_stands_for(path):
    one, other = open_source(Dataset(path)), open_source(path)
    assert one.kind == "anemoi_dataset"
    assert one.variables == other.variables
    assert list(one.times[0].labels) == list(other.times[0].labels)
    assert one.times[0].frequency == other.times[0].frequency == 21600
    assert one.grids[0].kind == other.grids[0].kind == "reduced_gaussian"
    np.testing.assert_array_equal(one.grids[0].area_weights, other.grids[0].area_weights)
    got, expected = fields_of(one), fields_of(other)
    assert got.keys() == expected.keys()
    assert all(np.array_equal(values, expected[key]) for key, values in got.items())


def test_missing_dates_are_not_read_and_declared(path):
    source = open_source(Dataset(path, missing=(3, 7)))
    assert np.flatnonzero(source.times[0].declared_missing).tolist() == [3, 7]
    values = fields_of(source)
    assert all(np.isnan(v).all() == (t in (3, 7)) for (t, _, _), v in values.items())
    verdict = dqwatch.audit(Dataset(path, missing=(3, 7)))
    assert verdict.ok, verdict.findings
    assert "stats.effective" not in set(verdict.findings["rule"])


def test_statistics_are_those_handed_out_of_all_dates(path):
    made = Dataset(path, missing=(2,))
    source = open_source(made)
    for v, stored in enumerate(source.stored_statistics()):
        assert stored[:4] == tuple(made.statistics[k][v] for k in ("mean", "stdev", "minimum", "maximum"))
        assert (stored.n_times, stored.effective, stored.tendencies) == (len(made) - 1, True, {})
        assert stored.window == tuple(made.dates[[0, -1]].astype(int))
    assert [s.constant for s in source.stored_statistics()].count(True) == 2


def test_the_table_holds_them_against_the_data(path):
    made = Dataset(path)
    made.statistics["mean"] = made.statistics["mean"] + 0.5 * made.statistics["stdev"]
    table = dqwatch.audit(made).tables["variables"].set_index("source_name")
    for v, name in enumerate(made.variables):
        values = made.data[:, v].astype(np.float64)
        row = table.loc[name]
        assert row["stats_effective"]
        assert row["stats_compared"]
        assert row["true_mean"] == pytest.approx(values.mean(), rel=1e-9)
        d_mean = abs(made.statistics["mean"][v] - values.mean()) / values.std()
        assert row["d_mean"] == pytest.approx(d_mean, rel=1e-6)


def test_metadata_come_from_all_stores_behind_it(path):
    made = Dataset(path)
    made._attrs |= {"constant_fields": ["lsm"], "variables_with_nans": ["swvl1", "gone"], "allow_nans": True}
    made.variables_metadata = {}
    by_name = {v.name: v for v in open_source(made).variables}
    assert by_name["lsm"].kind == "constant"
    assert by_name["swvl1"].nan_allowed
    assert not by_name["2t"].nan_allowed


def test_a_part_reads_only_its_dates(path):
    made = Dataset(path)
    first = made.dates[0].astype("M8[D]")
    source = open_source(made, select="2t", start=str(first), end=str(first))
    read: list[int] = []
    kept = Dataset.__getitem__
    made.__class__ = type("Counting", (Dataset,), {"__getitem__": lambda s, i: read.append(i) or kept(s, i)})
    assert len(fields_of(source)) == len(read) == 4


REFUSED = {
    "pairs": (lambda d: setattr(d, "shape", (d.shape, d.shape)), UnsupportedDataError, "leave out zip"),
    "trajectories": (lambda d: setattr(d, "shape", (1, 2, 1, 4, 8)), UnsupportedDataError, "(1, 2, 1, 4, 8)"),
    "windows": (lambda d: delattr(d, "dates"), UnsupportedDataError, "skip_missing_dates"),
    "names": (lambda d: d.variables.__setitem__(0, d.variables[1]), SourceError, "named more than once"),
    "dates": (lambda d: setattr(d, "dates", d.dates[1:]), SourceError, "39 dates and 18 variables"),
    "places": (lambda d: setattr(d, "latitudes", d.latitudes[1:]), SourceError, "its fields have 544 cells"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_data_set_of_fields_is_refused(path, case):
    spoil, kind, words = REFUSED[case]
    made = Dataset(path)
    spoil(made)
    with pytest.raises(kind, match=re.escape(words)) as caught:
        open_source(made)
    assert "\n" not in str(caught.value)


def test_a_date_that_cannot_be_read_is_named(path):
    made = Dataset(path)
    source = open_source(made)
    made.missing = {4}
    with pytest.raises(SourceError, match=f"dataset: {source.times[0].labels[4]} cannot be read: ValueError: Date"):
        fields_of(source)


SPECS = {
    "a part": ({"dataset": "a.zarr", "start": 2020}, {"dataset": "a.zarr", "start": 2020}),
    "a list": (["a.zarr", "b.zarr"], ["a.zarr", "b.zarr"]),
    "of a data loader": (
        {"dataset_config": {"join": ["a", "b"]}, "start": 2020, "end": None},
        {"join": ["a", "b"], "start": 2020},
    ),
    "a name in a data loader": ({"dataset_config": "a.zarr", "end": 2021}, {"dataset": "a.zarr", "end": 2021}),
}


@pytest.mark.parametrize("case", SPECS)
def test_a_specification_is_handed_on_as_it_is(case):
    given, expected = SPECS[case]
    assert check_spec("x.yaml", given) == expected


NONE = {
    "text": ("just words\n", "got a str, no open_dataset specification"),
    "nothing": ("", "got nothing"),
    "no store": ("start: 2020\nselect: [2t]\n", "got keys start, select; one of dataset, "),
    "an empty list": ("[]\n", "got an empty list"),
    "no yaml": ("a: [\n", "is not YAML"),
}


@pytest.mark.parametrize("case", NONE)
def test_yaml_that_is_none_is_told_in_one_line(tmp_path, case):
    text, words = NONE[case]
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(UsageError, match=re.escape(words)) as caught:
        open_source(tmp_path / "data.yaml")
    assert str(caught.value).startswith(str(tmp_path / "data.yaml"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", KEYS)
def test_without_the_extra_it_is_named(tmp_path, monkeypatch, key):
    monkeypatch.setitem(sys.modules, "anemoi.datasets", None)
    (tmp_path / "data.yaml").write_text(f"{key}: [a.zarr, b.zarr]\n")
    with pytest.raises(MissingExtraError, match=r"pip install 'dqwatch\[anemoi\]'"):
        open_source(tmp_path / "data.yaml")
    with pytest.raises(MissingExtraError, match="specification: opening"):
        open_source({key: ["a.zarr"]})
