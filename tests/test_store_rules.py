"""Rules on what a store says of itself: each is tripped by what it is for, and by nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import corrupt_stores
import numpy as np
import pytest
from corrupt_stores import TRIPS

import dqwatch
from dqwatch.expectations import load_rule_sets
from examples.stores import FORMATS, Store
from examples.weather import Weather

RULES = (
    *("stats.valid", "stats.stored", "stats.range", "stats.tendencies", "const.declared"),
    *("zarr.missing_chunks", "zarr.empty_chunks"),
)
DATES = np.datetime64("2004-03-01T00", "s") + np.arange(40) * np.timedelta64(6, "h")


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Path:
    """Ten days of the example weather on a grid of 544 cells, in the latest format that there is."""
    path = tmp_path_factory.mktemp("stores") / "clean.zarr"
    weather = Weather(0, number=8)
    store = Store(path, DATES, weather.grid, zarr_format=FORMATS[-1], description="Ten days.")
    for _, states in weather.blocks(DATES):
        store.append(states)
    store.close()
    return path


@pytest.fixture
def store(clean, tmp_path) -> Path:
    """A copy that may be spoilt."""
    return Path(shutil.copytree(clean, tmp_path / "store.zarr"))


def statuses(verdict: dqwatch.Verdict, *names: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for f in verdict.results:
        if not names or f.rule in names:
            found.setdefault(f.rule, set()).add(f.status)
    return found


def failed(verdict: dqwatch.Verdict) -> set[str]:
    return {rule for rule, found in statuses(verdict).items() if found & {"fail", "error", "no_data"}}


def test_the_clean_store_passes_and_no_rule_is_skipped(clean):
    verdict = dqwatch.audit(str(clean))
    assert (verdict.status, failed(verdict)) == ("pass", set())
    assert statuses(verdict, *RULES) == {rule: {"pass"} for rule in RULES}


def test_every_rule_has_a_corrupter_and_an_explanation():
    rules = {r.id: r for s in load_rule_sets(["audit"]) for r in s.rules}
    assert {name.replace("_", ".", 1) for name in TRIPS} == set(RULES) <= set(rules)
    assert all(rules[rule].why and rules[rule].hint and rules[rule].source for rule in RULES)


@pytest.mark.parametrize("factor", [0.89, 1.11])
def test_a_deviation_that_is_off_is_found_as_a_mean_is(store, factor):
    corrupt_stores.stats_stored(store, sigma=0, factor=factor)
    verdict = dqwatch.audit(str(store), rules="variable_consistency", select="2t")
    (finding,) = (f for f in verdict.results if f.rule == "stats.stored")
    assert (finding.status, finding.observed) == ("fail", pytest.approx(0.11, abs=1e-6))
    assert finding.first_failures[0]["sd_ratio"] == pytest.approx(factor, abs=1e-6)


def test_what_is_worse_is_found_too(store):
    corrupt_stores.stats_valid(store, sigma=3)
    corrupt_stores.stats_stored(store, sigma=-4, factor=0.1)
    corrupt_stores.stats_tendencies(store, factor=0)
    corrupt_stores.const_declared(store, "lsm")
    corrupt_stores.zarr_missing_chunks(store, chunks=3)
    assert failed(dqwatch.audit(str(store))) >= set(RULES) - {"zarr.empty_chunks"}


def test_a_finding_names_array_keys_variables_and_times(store):
    corrupt_stores.zarr_missing_chunks(store, chunks=5)
    verdict = dqwatch.audit(str(store))
    (finding,) = (f for f in verdict.results if f.rule == "zarr.missing_chunks" and f.status == "fail")
    (row,) = finding.first_failures
    prefix = "c." if (store / "zarr.json").exists() else ""
    assert (row["array"], row["value"]) == ("data", 5)
    assert row["lost_keys"] == ", ".join(f"{prefix}{t}.0.0.0" for t in (32, 33, 34)) + " (+2)"
    assert row["lost_fields"] == "t_850, t_500, z_500 (+15) from 2004-03-09T00:00:00 to 2004-03-10T00:00:00 (5 times)"


@pytest.mark.parametrize("part", [{"every": 2}, {"start": "2004-03-02"}, {"end": "2004-03-05"}])
def test_a_part_is_no_reason_to_doubt_statistics(store, part):
    corrupt_stores.stats_stored(store, sigma=0.5)
    found = statuses(dqwatch.audit(str(store), **part), "stats.stored", "stats.range", "stats.valid")
    assert found.pop("stats.valid") == {"pass"}
    assert set.union(*found.values()) == {"skipped"}


def test_other_dates_than_the_lost_ones_do_not_hide_them(store):
    corrupt_stores.zarr_missing_chunks(store)
    verdict = dqwatch.audit(str(store), end="2004-03-05", select="2t")
    assert statuses(verdict, "zarr.missing_chunks") == {"zarr.missing_chunks": {"fail"}}


def test_lost_chunks_are_counted_field_by_field_where_a_rule_asks(store, tmp_path):
    corrupt_stores.zarr_missing_chunks(store, chunks=2)
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "rule_set: mine\nrules:\n- {id: mine, title: lost, table: fields, column: lost_chunks, expect: between, "
        "min: 0, max: 0, severity: critical, why: w, hint: h}\n"
    )
    for part, n_times in (({}, 2), ({"start": "2004-03-09T06"}, 1)):
        verdict = dqwatch.audit(str(store), rules=str(rules), **part)
        found = {f.variable: [r["time"] for r in f.first_failures] for f in verdict.results}
        times = ["2004-03-09T00:00:00", "2004-03-09T06:00:00"][-n_times:]
        assert len(found) == 18
        assert all(t == times for t in found.values())
