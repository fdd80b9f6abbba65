"""A baseline of the statistics of a store alone: what it finds and says of itself; no p-values."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from sources.zarr_files import make_anemoi

import dqwatch
from dqwatch import cli
from dqwatch.baselines.store import load
from dqwatch.baselines.stored import StoredBaseline
from dqwatch.departures.bounds import MOST, NO_P, bound
from dqwatch.errors import UsageError
from dqwatch.storage import StoredStatistics
from dqwatch.weight_verbs import _check

NAMES = ["2t", "tp", "lsm"]
N, CELLS = 40, 208


def weather(seed: int, n: int = N) -> np.ndarray:
    """Float32 (time, variable, member, cell)."""
    rng = np.random.default_rng(seed)
    values = rng.normal(280, 9, (n, 3, 1, CELLS))
    values[:, 1] = rng.gamma(0.5, 0.001, (n, 1, CELLS))
    values[:, 2] = (np.random.default_rng(0).random(CELLS) > 0.5)[None, None, :]
    return values.astype("f4")


def make(path: Path, values: np.ndarray, *, first: str = "2020-01-01", tendencies: bool = True) -> str:
    group = make_anemoi(
        path, values, NAMES, attrs={"statistics_start_date": "2020-01-01", "statistics_end_date": "2020-01-10"}
    )
    group["dates"][:] = np.datetime64(first, "s") + np.arange(len(values)) * np.timedelta64(6, "h")
    whole = values.astype(np.float64)
    for name, function in {"mean": np.mean, "stdev": np.std, "minimum": np.min, "maximum": np.max}.items():
        group[name][:] = function(whole, axis=(0, 2, 3))
        if tendencies:
            group[f"statistics_tendencies_6h_{name}"] = function(np.diff(whole, axis=0), axis=(0, 2, 3))
    return str(path)


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make(tmp_path_factory.mktemp("stored") / "training.zarr", weather(1))


@pytest.fixture(scope="module")
def baseline(training: str) -> StoredBaseline:
    made = dqwatch.baseline(training, from_statistics=True)
    assert isinstance(made, StoredBaseline)
    return made


def spoilt(change: str) -> np.ndarray:
    values = weather(7, 3)
    if change == "celsius":
        values[:, 0] -= 273.15
    elif change == "mm":
        values[:, 1] *= 1000
    elif change == "stuck":
        values[2, 0] = values[1, 0]
    elif change == "mask":
        values[1, 2, 0, :5] = 0.5 + 1
    elif change == "spike":
        values[2, 0, 0, 17] = 9999
    return values


@pytest.mark.parametrize(
    ("change", "variable", "words"),
    [
        ("celsius", "2t", "208 cells far beyond"),
        ("mm", "tp", "far beyond"),
        ("stuck", "2t", "the same as the field before"),
        ("mask", "lsm", "5 cells far beyond 0 to 1"),
        ("spike", "2t", "1 cells far beyond"),
    ],
)
def test_what_is_far_beyond_training_closes_the_gate(
    baseline: StoredBaseline, tmp_path: Path, change: str, variable: str, words: str
) -> None:
    state = make(tmp_path / "state.zarr", spoilt(change), first="2021-01-01")
    verdict = dqwatch.gate(state, baseline=baseline, rules="drift")
    assert verdict.exit_code == 1
    rows = verdict.tables["drift"]
    failed = rows[rows["n_exact"] > 0]
    assert set(failed["variable"]) == {variable}
    assert failed["exact"].str.contains(words).any()


def test_a_clean_state_passes_and_no_p_value_is_given(baseline: StoredBaseline, tmp_path: Path) -> None:
    state = make(tmp_path / "state.zarr", spoilt(""), first="2021-01-01")
    verdict = dqwatch.gate(state, baseline=baseline, rules="drift")
    assert verdict.status == "pass"
    assert any("training.zarr has stored statistics alone: no p-values" in note for note in verdict.notes)
    assert verdict.baseline is not None
    assert verdict.baseline["kind"] == "stored statistics"
    assert verdict.drift is not None
    assert (verdict.drift["p_cycle"], verdict.drift["null_size"]) == (None, 0)
    assert {v["reason"] for v in verdict.drift["variables"]} == {NO_P}
    assert verdict.tables["drift"]["p_value"].isna().all()
    statuses = {f.rule: f.status for f in verdict.results}
    assert statuses["drift.cycle"] == statuses["drift.cycle_unusual"] == statuses["drift.variables"] == "skipped"
    assert statuses["drift.exact"] == statuses["drift.scored"] == "pass"
    many = dqwatch.drift(state, baseline=baseline)
    assert many.exit_code == 0


def test_it_is_written_and_opened_as_what_it_is(
    training: str, baseline: StoredBaseline, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "b.zarr"
    assert cli.main(["baseline", training, "-o", str(target), "--from-statistics"]) == 0
    err = capfd.readouterr().err.splitlines()
    assert err[-1].startswith("dqwatch BASELINE b.zarr 3 variables, stored statistics alone: no p-values")
    assert any(line.startswith("note: made of stored statistics alone: no p-values") for line in err)
    found = load(target)
    assert isinstance(found, StoredBaseline)
    assert repr(found.statistics) == repr(baseline.statistics)  # some are NaN
    assert found.record["kind"] == "stored statistics"
    assert [p.name for p in tmp_path.iterdir()] == ["b.zarr"]
    state = make(tmp_path / "state.zarr", spoilt("celsius"), first="2021-01-01")
    out = tmp_path / "v.json"
    assert cli.main(["gate", state, "--baseline", str(target), "--rules", "drift", "--json", str(out)]) == 1
    assert "has no p-value: the baseline has stored statistics alone" in capfd.readouterr().err
    document = json.loads(out.read_text())
    assert document["baseline"]["kind"] == "stored statistics"
    schema = json.loads((Path(dqwatch.__file__).parent / "reports" / "verdict.schema.json").read_text())
    Draft202012Validator(schema).validate(document)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"self_test": True}, "from_statistics: with self_test; stored"),
        ({"compact": True, "start": "2020-01-02"}, "with compact, start; stored statistics are what they are"),
        ({"every": 2}, "with every; stored"),
    ],
)
def test_what_stored_statistics_cannot_have_is_refused(training: str, options: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        dqwatch.baseline(training, from_statistics=True, **options)


def test_data_without_statistics_and_backgrounds_are_refused(baseline: StoredBaseline, tmp_path: Path) -> None:
    import xarray as xr

    values = np.zeros((20, 4), np.float32)
    times = np.datetime64("2020-01-01", "ns") + np.arange(20) * np.timedelta64(1, "D")
    data = xr.Dataset({"2t": (("time", "cell"), values)}, {"time": times})
    with pytest.raises(UsageError, match="it carries no statistics"):
        dqwatch.baseline(data, from_statistics=True)
    state = make(tmp_path / "state.zarr", spoilt(""), first="2021-01-01")
    with pytest.raises(UsageError, match="suggestions need one that was learnt from fields"):
        _check(baseline, state, rescaled=False)
    with pytest.raises(UsageError, match="no departures from a background"):
        dqwatch.gate(state, baseline=baseline, background=state)


def test_without_statistics_of_changes_they_are_not_judged(tmp_path: Path) -> None:
    made = dqwatch.baseline(make(tmp_path / "t.zarr", weather(1), tendencies=False), from_statistics=True)
    assert "the store has no statistics of changes: changes are not judged" in made.limits()
    state = make(tmp_path / "state.zarr", spoilt("stuck"), first="2021-01-01")
    assert dqwatch.gate(state, baseline=made, rules="drift").status == "pass"


@given(st.integers(0, 2**31), st.floats(0.1, 5.0))
def test_by_markov_fields_of_training_itself_hardly_ever_fail(seed: int, shape: float) -> None:
    """Of n fields at most n / 100 have a mean square departure of 100 variances: an inequality, whatever the data."""
    fields = np.random.default_rng(seed).gamma(0.1, 1.0, (50, 3)) ** shape
    stored = StoredStatistics(fields.mean(), fields.std(), fields.min(), fields.max(), None, 50, None)
    squares = np.array([bound(f, stored).mean_square for f in fields])
    assert squares.mean() == pytest.approx(1.0, rel=1e-9)
    assert (squares >= MOST).mean() <= 1 / MOST
    assert all(not any("beyond" in x for x in bound(f, stored).failed) for f in fields)
