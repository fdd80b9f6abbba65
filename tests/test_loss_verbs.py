"""The verb `losses`: each planted fault trips its rule and no other, clean series none; batches are looked up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator

import dqwatch
from dqwatch import cli
from dqwatch.errors import NothingThereError, SourceError, UsageError
from dqwatch.expectations import load_rule_sets
from dqwatch.reports.losses import render
from examples.loss_series import NOISE, SPIKE_DATE, make_table

SPOILT = "swvl1"
SUSPECT = "swvl1 2007-03-14T06: max 400, usually 300"


def failed(verdict: dqwatch.Verdict) -> dict[str, set[str | None]]:
    found: dict[str, set[str | None]] = {}
    for f in verdict.results:
        if f.status not in ("pass", "skipped"):
            found.setdefault(f.rule, set()).add(f.variable)
    return found


def late_share(table: pd.DataFrame, date: str) -> np.ndarray:
    """Share of the samples of each step that are of that date or later."""
    wanted = np.datetime64(date)
    return np.array([np.mean([np.datetime64(d) >= wanted for d in text.split()]) for text in table["dates"]])


def not_finite(table: pd.DataFrame) -> None:
    table.loc[700, SPOILT] = np.nan


def still(table: pd.DataFrame) -> None:
    table.loc[700:720, SPOILT] = table.loc[700, SPOILT]


def spike(table: pd.DataFrame) -> None:
    table.loc[1500, SPOILT] *= 4


def step(table: pd.DataFrame) -> None:
    table.loc[1300:, SPOILT] *= 1.5


def date(table: pd.DataFrame) -> None:
    table[SPOILT] *= 1 + 0.12 * late_share(table, "2008-01-01")


def source(table: pd.DataFrame) -> None:
    table["source"] = np.random.default_rng(3).choice(["era5", "ifs"], len(table))
    table.loc[table["source"] == "ifs", SPOILT] *= 1.08


def stall(table: pd.DataFrame) -> None:
    own = table[SPOILT].to_numpy()
    begun = 50 + np.arange(len(table))
    table[SPOILT] = np.where(begun > 650, own * np.maximum(begun / 650, 1) ** 0.25, own)


FAULTS: dict[str, Callable[[pd.DataFrame], None]] = {
    "losses.finite": not_finite,
    "losses.still": still,
    "losses.spike": spike,
    "losses.step": step,
    "losses.date": date,
    "losses.source": source,
    "losses.stall": stall,
}


def test_every_rule_is_tripped_here() -> None:
    (rules,) = load_rule_sets(["losses"])
    assert {rule.id for rule in rules.rules} == FAULTS.keys()


@pytest.mark.parametrize("rule", FAULTS)
def test_a_planted_fault_trips_its_rule_and_no_other(rule: str) -> None:
    table = make_table(11, size=0.05)
    FAULTS[rule](table)
    assert failed(dqwatch.losses(table)) == {rule: {SPOILT}}


@pytest.mark.parametrize("noise", NOISE)
def test_clean_series_trip_nothing(noise: str) -> None:
    assert failed(dqwatch.losses(make_table(4, noise=noise))) == {}


def audit_tables(spoilt: str) -> dict[str, pd.DataFrame]:
    """The table `fields` of an audit of two variables, one field of which stands out and one has holes."""
    times = np.datetime64("2007-03-01T00", "s") + np.arange(100) * np.timedelta64(6, "h")
    rng = np.random.default_rng(0)
    rows = []
    for name in ("swvl1", "t_850"):
        made = pd.DataFrame({"time": np.datetime_as_string(times, unit="s"), "variable": name})
        for column in ("min", "max", "mean", "std"):
            made[column] = rng.normal(300, 1, times.size)
        rows.append(made.assign(n_nan_unexpected=0, n_inf=0, n_sentinel=0, n_out_of_bounds=0))
    fields = pd.concat(rows, ignore_index=True)
    own = (fields["time"] == spoilt) & (fields["variable"] == "swvl1")
    fields.loc[own, "max"] = 400.0
    fields.loc[(fields["time"] == "2007-03-20T00:00:00") & (fields["variable"] == "t_850"), "n_inf"] = 3
    return {"fields": fields}


def test_the_fields_behind_a_spike_are_named() -> None:
    table = make_table(11)
    spike(table)
    table.loc[1500, "dates"] = f"2003-01-01T00 {SPIKE_DATE}"
    tables = audit_tables("2007-03-14T12:00:00")
    verdict = dqwatch.losses(table, against=tables)
    row = verdict.tables["losses"].set_index("variable").loc[SPOILT]
    assert (row["spike_step"], row["n_spikes"]) == (1500, 1)
    assert row["spike_times"] == pytest.approx(4, rel=0.4)
    assert row["spike_dates"] == "2003-01-01T00:00:00 2007-03-14T06:00:00"
    (suspect,) = verdict.tables["suspects"].to_dict("records")
    assert (suspect["field"], suspect["time"], suspect["what"]) == ("swvl1", "2007-03-14T12:00:00", "max")
    own = tables["fields"].query("variable == 'swvl1'")["max"]
    spread = 1.4826 * (own - own.median()).abs().median()
    assert suspect["deviation"] == pytest.approx((400 - own.median()) / spread)
    assert row["spike_fields"] == f"swvl1 2007-03-14T12: max 400, usually {own.median():.4g}"
    (finding,) = (f for f in verdict.results if f.rule == "losses.spike" and f.status == "fail")
    assert finding.first_failures[0]["spike_fields"] == row["spike_fields"]
    far = dqwatch.losses(table, against=audit_tables("2007-03-16T00:00:00"))
    assert far.tables["suspects"].empty, "more than half a day away"


def test_a_field_with_holes_comes_first() -> None:
    table = make_table(11)
    spike(table)
    table.loc[1500, "dates"] = "2007-03-20T00"
    (suspect,) = (
        dqwatch.losses(table, against=audit_tables("2007-03-01T00:00:00")).tables["suspects"].to_dict("records")
    )
    assert (suspect["field"], suspect["what"], suspect["value"], suspect["deviation"]) == ("t_850", "n_inf", 3, np.inf)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(["losses", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_command_reads_files_and_says_what_it_found(tmp_path: Path, capsys) -> None:
    table = make_table(11)
    spike(table)
    table.loc[1500, "dates"] = str(SPIKE_DATE)
    table.to_csv(tmp_path / "losses.csv", index=False)
    audit_tables("2007-03-14T06:00:00")["fields"].to_parquet(tmp_path / "fields.parquet")
    arguments = [str(tmp_path / "losses.csv"), "--against", str(tmp_path), "--json", str(tmp_path / "v.json")]
    code, out, err = run(capsys, *arguments, "--html", str(tmp_path / "v.html"))
    assert (code, out) == (0, "")
    assert "12 losses" in err
    (said,) = (line for line in err.splitlines() if line.startswith("swvl1: loss "))
    assert said.endswith("at step 1500; samples of 2007-03-14T06:00:00; among their fields stand out " + SUSPECT)
    assert err.splitlines()[-1].startswith("dqwatch WARN losses.csv")
    document = json.loads((tmp_path / "v.json").read_text())
    schema = Path(dqwatch.__file__).parent / "reports" / "verdict.schema.json"
    Draft202012Validator(json.loads(schema.read_text())).validate(document)
    (finding,) = (f for f in document["findings"] if f["rule"] == "losses.spike")
    assert SUSPECT in finding["first_failures"][0]["spike_fields"]
    assert SUSPECT in (tmp_path / "v.html").read_text()
    code, _, err = run(capsys, *arguments[:1], "--fail-on", "warning", "--quiet")
    assert (code, len(err.splitlines())) == (1, 1)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (step, "from step 1"),
        (date, "loss with samples from 200"),
        (source, "loss of samples of ifs 1."),
        (stall, "since"),
    ],
)
def test_each_finding_is_a_sentence(spoil: Callable[[pd.DataFrame], None], said: str) -> None:
    table = make_table(11, size=0.05)
    spoil(table)
    (line,) = render(dqwatch.losses(table)).splitlines()
    assert line.startswith("swvl1: ")
    assert said in line


def test_a_short_series_is_no_pass(capsys, tmp_path: Path) -> None:
    make_table(1, n=60).to_csv(tmp_path / "losses.csv", index=False)
    verdict = dqwatch.losses(str(tmp_path / "losses.csv"))
    assert failed(verdict) == {"losses.spike": {None}}
    assert verdict.status == "warn"
    assert {f.status for f in verdict.results if f.rule == "losses.spike"} == {"no_data"}


def test_wrong_use_is_told(tmp_path: Path, capsys) -> None:
    table = make_table(1, n=200)
    with pytest.raises(UsageError, match="select: table has no loss of nix; it has 2t"):
        dqwatch.losses(table, select="nix")
    with pytest.raises(UsageError, match="there is no table 'fields'; write it by 'dqwatch audit DATA --tables DIR'"):
        dqwatch.losses(table, against=str(tmp_path))
    with pytest.raises(SourceError, match="no column 'step'"):
        dqwatch.losses(table.drop(columns="step"))
    with pytest.raises(NothingThereError, match="no losses: 0 steps"):
        dqwatch.losses(table.iloc[:0])
    code, _, err = run(capsys, str(tmp_path / "nix.csv"))
    assert (code, len(err.splitlines())) == (3, 1)
    (tmp_path / "b.parquet").write_bytes(b"no parquet")
    code, _, err = run(capsys, str(tmp_path / "b.parquet"))
    assert (code, len(err.splitlines())) == (3, 1)
    assert "cannot be read as a table" in err
