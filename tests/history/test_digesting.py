"""The report over a history: a drift that was planted, histories without one, and what is written of them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from history.verdicts import make_verdict, rows_of
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

import dqwatch
from dqwatch.cli import main
from dqwatch.errors import UsageError
from dqwatch.history.appending import append
from dqwatch.history.store import open_history
from dqwatch.reports import history_text, html_history
from dqwatch.reports.history_json import render

START = datetime(2026, 10, 1, tzinfo=UTC)
N, ONSET = 120, 80
SCHEMA = json.loads((Path(dqwatch.__file__).parent / "reports" / "history.schema.json").read_text("utf-8"))
BAD_NAME = '<script>alert("x")</script>'


def label(k: int) -> str:
    return f"{START + timedelta(hours=6 * k):%Y-%m-%dT%H:%M:%S}"


def fill(address: str, *, drifts: bool = True) -> str:
    """A month of cycles of ten variables; from cycle 80 on, which is the first of another label, one of them drifts."""
    rng = np.random.default_rng(5)
    history = open_history(address, create=True)
    for k in range(N):
        p = {f"v{n}": float(rng.uniform(0.02, 1)) for n in range(9)}
        p[BAD_NAME] = float(rng.uniform(0.06, 1))
        p_cycle = float(rng.uniform(0.02, 1))
        if drifts and k >= ONSET and k % 4:
            p[BAD_NAME], p_cycle = 0.001, 0.0005
        verdict = make_verdict(
            "fail" if p_cycle < 0.001 else "pass", name=f"ic{k}.zarr", p={label(k): p}, p_cycle={label(k): p_cycle},
            regions={BAD_NAME: "40N-60N 0E-30E"}, labels={"cycle": "48r1" if k < ONSET else "49r1"},
        )  # fmt: skip
        append(history, verdict, recorded_at=START + timedelta(hours=6 * k), files={"json": f"/verdicts/{k}.json"})
    history.close()
    return address


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> str:
    return fill(str(tmp_path_factory.mktemp("digest") / "history.db"))


def report(address: str, **more):
    return dqwatch.report(address, **({"since": "2026-10-01", "until": "2026-10-31"} | more))


def test_a_drift_is_told_with_its_beginning_and_place(filled: str) -> None:
    found = report(filled)
    assert (found.status, found.exit_code, found.ok) == ("fail", 1, False)
    assert found.runs == {"total": N, "pass": 90, "warn": 0, "fail": 30, "error": 0, "no_data": 0}
    assert found.cycles == {"total": N, "first": label(0), "last": label(N - 1), "variables": 10, "series": 2}
    first, second = found.budget
    assert (first["level"], first["alarms"], first["cycles"], first["expected"]) == (0.01, 30, N, pytest.approx(1.2))
    assert (first["stretches"], first["alarm_days"], first["days"]) == (10, 10, 30)
    assert (second["level"], second["alarms"]) == (0.001, 30)
    worst = found.variables[0]
    assert (worst["variable"], worst["labels"], worst["n_alarmed"]) == (BAD_NAME, {"cycle": "49r1"}, 30)
    assert (worst["since"], worst["until"], worst["last_alarm"]) == (label(81), label(119), label(119))
    assert (worst["lasting"], worst["over"], worst["region"]) == (True, False, "40N-60N 0E-30E")
    assert worst["share"] == pytest.approx(30 / 39)
    assert found.regions == [{"region": "40N-60N 0E-30E", "n_alarmed": 30, "variables": [BAD_NAME]}]
    (rule,) = found.rules
    assert (rule["rule"], rule["variable"], rule["n_runs"], rule["last"]) == ("nan.none", "t_850", 30, label(119) + "Z")
    assert len(found.failed) == 30
    told = {k: found.failed[0][k] for k in ("verb", "name", "status", "json", "html", "labels", "worst")}
    assert told == {"verb": "gate", "name": "ic119.zarr", "status": "fail", "json": "/verdicts/119.json", "html": None,
                    "labels": {"cycle": "49r1"}, "worst": "nan.none t_850 2020-03-01T06:00:00"}  # fmt: skip


def test_both_databases_tell_the_same(filled: str, postgres: str) -> None:
    documents = []
    for address in (filled, fill(postgres)):
        document = json.loads(render(report(address, compare="cycle")))
        assert document.pop("timing")["total_s"] > 0
        assert document.pop("history") in ("history.db", postgres.partition("?")[0])
        documents.append(document)
    assert documents[0] == documents[1]


def test_no_drift_is_no_alarm(tmp_path: Path) -> None:
    found = report(fill(str(tmp_path / "h.db"), drifts=False))
    assert (found.status, found.exit_code, list(found.variables), list(found.failed)) == ("pass", 0, [], [])
    assert found.budget[0]["alarms"] == 0


def test_labels_are_compared(filled: str) -> None:
    found = report(filled, compare="cycle").comparison
    assert found is not None
    old, new = found["groups"]
    assert (old["value"], old["runs"], old["failed"], old["cycles"], old["alarms"]) == ("48r1", 80, 0, 80, 0)
    assert (new["value"], new["runs"], new["failed"], new["cycles"], new["alarms"]) == ("49r1", 40, 30, 40, 30)
    assert (old["rate"], new["rate"]) == (0.0, 0.75)
    assert found["variables"][0] == {"variable": BAD_NAME, "shares": {"48r1": 0.0, "49r1": 0.75}}
    assert report(filled).comparison is None
    with pytest.raises(UsageError, match="no run of this period has the label 'source'; there are: cycle"):
        report(filled, compare="source")


def test_a_period_and_labels_are_chosen(filled: str) -> None:
    assert report(filled, labels={"cycle": "48r1"}).status == "pass"
    assert report(filled, since="2026-10-01", until="2026-10-20").runs["total"] == 80
    assert report(filled, since="2026-10-30T06:00").runs["total"] == 3
    assert report(filled, verb="audit").status == "no_data"
    assert report(filled, verb="audit", compare="cycle").exit_code == 4


@pytest.mark.parametrize("fail_on", ["critical", "warning", "never"])
def test_the_severity_that_closes_is_chosen(filled: str, tmp_path: Path, fail_on: str) -> None:
    assert report(filled, fail_on=fail_on).exit_code == (0 if fail_on == "never" else 1)
    history = open_history(str(tmp_path / "h.db"), create=True)
    append(history, make_verdict("fail"))
    history.close()
    found = dqwatch.report(str(tmp_path / "h.db"), fail_on=fail_on)
    assert (found.status, found.exit_code) == ("warn", int(fail_on == "warning"))
    assert "no run was held against a baseline, so nothing is known of drift" in found.notes


def test_slow_drift_is_told_as_the_newest_run_has_it(tmp_path: Path) -> None:
    history = open_history(str(tmp_path / "h.db"), create=True)
    for alarmed in ([True, True], [True, False]):
        usual = {"departure": 2.0, "onset": "2020-01-01T00:00:00", "direction": "up", "source": "mean"}
        rows = [{"variable": v, "alarmed": a, **usual} for v, a in zip("ab", alarmed, strict=True)]
        append(history, make_verdict(verb="drift", more={"slow": rows_of("slow", rows)}))
    history.close()
    found = dqwatch.report(str(tmp_path / "h.db"))
    assert [s["variable"] for s in found.slow] == ["a"]
    assert found.status == "warn"


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    names = [f"v{n}" for n in range(53)]
    usual = {"departure": 2.0, "onset": "2020-01-01T00:00:00", "direction": "up", "source": "mean", "alarmed": True}
    slow = rows_of("slow", [{"variable": name, **usual} for name in names])
    for cycle, p in (("48r1", 0.5), ("49r1", 0.001)):
        times = [label(k + 100 * (cycle == "49r1")) for k in range(20)]
        verdict = make_verdict(
            p={time: dict.fromkeys(names, p) for time in times}, p_cycle=dict.fromkeys(times, p),
            regions={name: f"region {name}" for name in names}, labels={"cycle": cycle},
            more={"slow": slow} if p < 0.01 else {},
        )  # fmt: skip
        dqwatch.record(verdict, str(tmp_path / "h.db"))
    found = dqwatch.report(str(tmp_path / "h.db"), compare="cycle")
    assert found.comparison is not None
    document = json.loads(render(found))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert (len(document["regions"]), len(document["slow"])) == (20, 50)
    assert document["left_out"] == {"regions": 33, "slow": 3}
    assert (len(document["comparison"]["variables"]), document["comparison"]["left_out"]) == (20, 33)
    text = history_text.render(found)
    assert re.findall(r"^ +and (\d+) more$", text, flags=re.MULTILINE) == ["45", "45", "45"]
    page = html_history.render_parts(found)[1]
    assert re.findall(r"(\d+) more are left out", page) == ["33", "33", "3"]


def test_cycles_that_no_null_can_judge_are_not_counted(tmp_path: Path) -> None:
    """A null of 99 cycles reaches 0.01, not 0.001."""
    verdict = make_verdict(p={label(0): {"t": 0.5}}, p_cycle={label(0): 0.01, label(1): np.nan})
    verdict.tables["cycles"]["null_size"] = 99
    history = open_history(str(tmp_path / "h.db"), create=True)
    append(history, verdict)
    history.close()
    found = dqwatch.report(str(tmp_path / "h.db"))
    assert [(b["cycles"], b["alarms"]) for b in found.budget] == [(1, 1), (0, 0)]
    assert any(note.startswith("1 of 2 cycles have no p-value") for note in found.notes)


def test_a_null_that_is_too_small_is_told_of(tmp_path: Path) -> None:
    verdict = make_verdict(p_cycle={label(0): 0.5, label(1): 0.02})
    verdict.tables["cycles"]["null_size"] = [98, 99]
    dqwatch.record(verdict, str(tmp_path / "h.db"))
    found = dqwatch.report(str(tmp_path / "h.db"))
    assert [b["cycles"] for b in found.budget] == [1, 0]
    assert found.notes == ("cycles that do not count, because their null is too small to reach p 0.01: 1",)


def test_what_is_written(filled: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    page, metrics = tmp_path / "r.html", tmp_path / "r.prom"
    period = ["--since", "2026-10-01", "--until", "2026-10-31", "--compare", "cycle"]
    words = ["report", "--history", filled, *period, "--json", "-", "--html", str(page), "--prometheus", str(metrics)]
    assert main(words) == 1
    out, err = capfd.readouterr()
    document = json.loads(out)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document["variables"][0]["variable"] == BAD_NAME
    lines = err.splitlines()
    assert lines[0].startswith(
        "report of history.db: 120 runs recorded from 2026-10-01T00:00 to 2026-10-31T23:59 UTC; "
    )
    assert lines[-1].startswith(
        "dqwatch FAIL history.db 120 runs: 90 pass 0 warn 30 fail 0 error 0 no-data | "
        f"30 of 120 cycles alarm, 1.2 by chance | worst: {BAD_NAME} since 2026-10-21T06 | "
    )
    assert "  alarms at p <= 0.01: 30 of 120 cycles in 10 stretches; chance brings 1.2, 95 times of 100 0 to 4 " in err
    assert any("-> /verdicts/119.json" in line for line in lines)
    assert "48r1 0 %  49r1 75 %" in err
    text = page.read_text("utf-8")
    assert len(text) < 8e6
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert all(f'id="{name}"' in text for name in ("verdict", "cycles", "budget", "series", "variables", "comparison"))
    assert text.count("plotly.js v") == 1
    exposed = metrics.read_text("utf-8")
    for parse in (parse_openmetrics, parse_prometheus):
        samples = {(s.name, *sorted(s.labels.items())): s.value for f in parse(exposed) for s in f.samples}
        assert samples[("dqwatch_report_alarms", ("level", "0.01"))] == 30
        key = ("dqwatch_report_variable_lasting", ("label_cycle", "49r1"), ("variable", BAD_NAME))
        assert samples[key] == 1


def test_a_report_without_runs_is_no_pass(filled: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "r.html"
    assert (
        main(["report", "--history", filled, "--since", "2020-01-01", "--until", "2020-01-02", "--html", str(page)])
        == 4
    )
    assert capfd.readouterr().err.splitlines()[-1].startswith("dqwatch NO-DATA history.db 0 runs: ")
    assert "NOTHING CHECKED" in page.read_text()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--since", "soon"], 2, "since: got 'soon'"),
        (["--since", "0d"], 2, "since: got '0d'"),
        (["--since", "2026-10-20", "--until", "2026-10-10"], 2, "lies after until"),
        (["--label", "x"], 2, "--label x"),
        (["--compare", "none", "--since", "2026-10-01"], 2, "no run of this period has the label 'none'"),
        (["--html", "."], 2, "--html .: is a folder"),
        (["--history", "none.db"], 3, "there is no such history"),
    ],
)
def test_wrong_use_is_one_line(filled: str, words: list[str], code: int, said: str, capfd) -> None:
    assert main(["report", "--history", filled, *words]) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_a_verdict_is_recorded_from_python(tmp_path: Path) -> None:
    address = str(tmp_path / "h.db")
    assert dqwatch.record(make_verdict("fail"), address, labels={"a": "b"}) == 1
    assert dqwatch.record(make_verdict(labels={"a": "b"}), address) == 2
    assert dqwatch.report(address, labels={"a": "b"}).runs["total"] == 2
