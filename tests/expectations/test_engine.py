"""One place for all batches of a process: nothing of a state is left for the next, whoever else uses the library."""

from __future__ import annotations

import gc
import os
import shutil
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from expectations.sound_tables import make_all

from dqwatch import resources
from dqwatch.expectations import evaluate, load_rule_sets, suites
from dqwatch.expectations.engine import load_gx, make_context


def outcomes(tables: dict[str, pd.DataFrame]) -> list[tuple[object, ...]]:
    found = evaluate(load_rule_sets(["missing"]), tables).results
    return [(f.rule, f.variable, f.status, f.n_failed, f.observed) for f in found]


@pytest.fixture
def spoilt() -> dict[str, pd.DataFrame]:
    tables = make_all(["2t", "t_850", "msl"])
    tables["fields"].loc[1, "n_inf"] = 5
    return tables


def test_a_batch_leaves_nothing_for_the_next(spoilt):
    sound = outcomes(make_all(["2t", "t_850", "msl"]))
    first = outcomes(spoilt)
    assert [f for f in first if f[2] == "fail"] == [("inf", "t_850", "fail", 1, 5)]
    assert outcomes(make_all(["2t", "t_850", "msl"])) == sound
    assert outcomes(spoilt) == first


def test_another_context_in_the_same_program_does_no_harm(spoilt):
    first = outcomes(spoilt)
    other = make_context()
    other.data_sources.add_pandas("tables").add_dataframe_asset("table")
    assert outcomes(spoilt) == first
    load_gx().get_context(mode="ephemeral")
    assert outcomes(spoilt) == first


def test_threads_do_not_see_the_rows_of_one_another(spoilt):
    sound = make_all(["2t", "t_850", "msl"])
    expected = [outcomes(sound), outcomes(spoilt)] * 3
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(outcomes, [sound, spoilt] * 3)) == expected


def test_the_rows_of_a_state_are_let_go(monkeypatch: pytest.MonkeyPatch):
    seen: list[weakref.ref[pd.DataFrame]] = []
    validate = suites.validate
    monkeypatch.setattr(suites, "validate", lambda rows, known: seen.append(weakref.ref(rows)) or validate(rows, known))
    assert outcomes(make_all(["2t"]))
    gc.collect()
    assert seen
    assert [rows() for rows in seen] == [None] * len(seen)


def test_a_shipped_file_that_is_edited_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(resources.folder("rules"), tmp_path / "rules")
    monkeypatch.setattr(resources, "folder", lambda name: tmp_path / name)
    before = {rule.id for rule in load_rule_sets(["missing"])[0].rules}
    path = tmp_path / "rules" / "missing.yaml"
    path.write_text(path.read_text() + "disable: [inf]\n")
    os.utime(path, ns=(1, os.stat(path).st_mtime_ns + 1))
    assert before - {rule.id for rule in load_rule_sets(["missing"])[0].rules} == {"inf"}
