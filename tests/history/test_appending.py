"""What is appended is what is read, in both databases; all of it or nothing."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from history.verdicts import FAILED, WAIVED, make_verdict, rows_of
from sqlalchemy import func, select

from dqwatch.errors import HistoryError
from dqwatch.history import reading, rows, schema
from dqwatch.history.appending import append
from dqwatch.history.reading import Wanted
from dqwatch.history.store import open_history

TIMES = ("2020-03-01T00:00:00", "2020-03-01T06:00:00")
P = {TIMES[0]: {"2t": 0.5, "t_850": 0.2}, TIMES[1]: {"2t": 0.001, "t_850": np.nan}}


@pytest.fixture
def history(address: str):
    opened = open_history(address, create=True)
    yield opened
    opened.close()


def test_a_verdict_is_read_as_it_was(history) -> None:
    moment = datetime(2020, 3, 1, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    verdict = make_verdict(
        "fail", results=[FAILED, WAIVED], p=P, p_cycle={TIMES[0]: 0.4, TIMES[1]: 0.001}, labels={"cycle": "49r1"}
    )
    appended = append(history, verdict, files={"json": "out.json", "html": None}, recorded_at=moment)
    assert appended.before is None
    (run,) = reading.read_runs(history).to_dict("records")
    told = ("id", "verb", "status", "exit_code", "series", "name", "baseline", "rules", "n_rules", "n_pass", "n_fail")
    assert [run[k] for k in told] == [appended.run, "gate", "fail", 1, '{"cycle": "49r1"}', "ic.zarr", "training.zarr",
                                      "gate", 3, 2, 1]  # fmt: skip
    assert run["recorded_at"] == pd.Timestamp("2020-03-01T07:30:00")
    assert run["json_path"].endswith("/out.json")
    assert run["html_path"] == ""
    assert (run["total_s"], run["scan_bytes"]) == (1.5, 10_000)
    assert json.loads(run["inputs"]) == [{"name": "ic.zarr", "kind": "anemoi_zarr", "identity": "abc"}]
    first, second = reading.read_findings(history, appended.run).to_dict("records")
    for key in ("rule", "severity", "status", "variable", "level", "time", "expected", "n_checked", "n_failed", "hint"):
        assert first[key] == getattr(FAILED, key)
    assert json.loads(first["observed"]) == 12
    assert json.loads(first["first_failures"]) == [{"time": TIMES[1], "n_nan": 12, "mean": None}]
    assert second["variable"] == "<script>alert(1)</script>"
    assert json.loads(second["waiver"]) == WAIVED.waiver
    drift = reading.read_drift(history)
    kept = ["time", "variable", "p_value", "leading_score", "score", "named", "alarmed"]
    pd.testing.assert_frame_equal(drift[kept], verdict.tables["drift"][kept], check_dtype=False)
    assert drift["valid_at"].tolist() == [pd.Timestamp(t) for t in drift["time"]]
    cycles = reading.read_cycles(history)
    assert cycles[["time", "p_cycle", "null_size"]].to_numpy().tolist() == [
        [TIMES[0], 0.4, 2436],
        [TIMES[1], 0.001, 2436],
    ]
    assert reading.list_labels(history) == {"cycle": ["49r1"]}
    listed = reading.list_variables(history)
    assert listed.to_numpy().tolist() == [["2t", 2, 1, 1], ["t_850", 2, 0, 0]]


def test_the_run_before_of_the_same_kind_is_told(history) -> None:
    def put(status: str, **more) -> int | None:
        return append(history, make_verdict(status, **more)).before

    assert put("pass") is None
    assert put("fail") == 0
    assert put("pass", name="other.zarr") == 1
    assert put("pass", verb="audit") is None
    assert put("fail", labels={"a": "1", "b": "2"}) is None
    assert put("pass", labels={"b": "2", "a": "1"}) == 1
    assert put("warn") == 0


def test_runs_are_chosen(history) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    for day in range(10):
        labels = {"source": "ifs" if day % 2 else "era5"}
        append(history, make_verdict(labels=labels, verb="gate" if day < 8 else "audit"),
               recorded_at=start + timedelta(days=day))  # fmt: skip
    every = reading.read_runs(history)
    assert every["id"].is_monotonic_decreasing
    assert len(every) == 10
    assert len(reading.read_runs(history, limit=3)) == 3
    assert len(reading.read_runs(history, Wanted(since=start + timedelta(days=4)))) == 6
    assert (
        len(reading.read_runs(history, Wanted(since=start + timedelta(days=4), until=start + timedelta(days=6)))) == 3
    )
    assert len(reading.read_runs(history, Wanted(verb="audit"))) == 2
    assert len(reading.read_runs(history, Wanted(labels={"source": "ifs"}, verb="gate"))) == 4
    assert reading.read_runs(history, Wanted(labels={"source": "gfs"})).empty
    assert len(reading.read_run(history, int(every["id"].iloc[0]))) == 1


def test_of_a_cycle_that_is_judged_again_the_newest_counts(history) -> None:
    for p in (0.5, 0.002):
        append(history, make_verdict(p={TIMES[0]: {"2t": p}}, p_cycle={TIMES[0]: p}))
    append(history, make_verdict(p={TIMES[0]: {"2t": 0.3}}, p_cycle={TIMES[0]: 0.3}, labels={"source": "ifs"}))
    assert reading.read_drift(history)["p_value"].tolist() == [0.002, 0.3]
    assert reading.read_cycles(history)["p_cycle"].tolist() == [0.002, 0.3]
    assert reading.read_drift(history, columns=["p_value"]).columns.tolist()[:6] == [
        "run_id", "time", "valid_at", "member", "variable", "p_value",
    ]  # fmt: skip
    assert reading.read_drift(history, variables=["none"]).empty


def test_text_that_databases_refuse_is_changed(history) -> None:
    label = "2020-02-30T00:00:00"
    append(history, make_verdict(name="x\ud800\0.zarr", p={label: {"a\0bé": 0.5}}, p_cycle={label: 0.5}))
    (row,) = reading.read_drift(history).to_dict("records")
    assert row["variable"] == "abé"
    assert pd.isna(row["valid_at"])
    assert reading.read_runs(history)["name"].tolist() == ["x\\ud800.zarr"]


def test_places_of_a_cycle_that_alarms_are_kept(history) -> None:
    cells = [{"time": TIMES[0], "variable": v, "kind": "state", "area": n, "south": float(n), "mean": float(n - 300)}
             for v in ("2t", "tp") for n in range(500)]  # fmt: skip
    card = [{"time": TIMES[0], "variable": "2t", "param": "2t", "region": "tropics", "mean": 3.0, "named": True}]
    more = {"areas": rows_of("areas", cells), "scorecard": rows_of("scorecard", card)}
    quiet = append(history, make_verdict(p={TIMES[0]: {"2t": 0.5}}, p_cycle={TIMES[0]: 0.5}, more=more)).run
    loud = append(history, make_verdict(p={TIMES[0]: {"2t": 0.001}}, p_cycle={TIMES[0]: 0.001}, more=more)).run
    assert reading.read_areas(history, quiet).empty
    assert reading.read_scorecard(history, quiet).empty
    areas = reading.read_areas(history, loud)
    kept = areas[areas["variable"] == "tp"]
    assert len(kept) == 400
    assert sorted(kept["area"]) == sorted(sorted(range(500), key=lambda n: -abs(n - 300))[:400])
    assert reading.read_scorecard(history, loud)["region"].tolist() == ["tropics"]


def test_many_rows_go_in_parts(history, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_AT_ONCE", 7)
    verdict = make_verdict(p={TIMES[0]: {f"v{k}": k / 50 for k in range(50)}}, p_cycle={TIMES[0]: 0.5})
    run = append(history, verdict).run
    drift = reading.read_run_drift(history, run)
    assert drift[["variable", "p_value"]].to_numpy().tolist() == [[f"v{k}", k / 50] for k in range(50)]


def test_what_cannot_be_appended_leaves_nothing(history) -> None:
    append(history, make_verdict())
    spoilt = make_verdict("fail", p=P, p_cycle={TIMES[0]: 0.4})
    finding = dataclasses.replace(FAILED, rule=None)  # type: ignore[arg-type]
    with pytest.raises(HistoryError, match=r"^history [^\n]+$"):
        append(history, dataclasses.replace(spoilt, results=(FAILED, finding)))
    with history.reading() as connection:
        for table, n in ((schema.runs, 1), (schema.findings, 0), (schema.drift, 0), (schema.cycles, 0)):
            assert connection.scalar(select(func.count()).select_from(table)) == n
