"""Waivers: what they cover and what they leave, when they are over, when they are of no use, what is refused."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
import yaml
from expectations.runs import rule_set

from dqwatch.errors import RuleFileError
from dqwatch.expectations import evaluate, load_rule_sets, load_waivers
from dqwatch.expectations.schema import make_waivers_schema
from dqwatch.expectations.verdicts import summarise
from dqwatch.expectations.waivers import KEYS
from dqwatch.types import Finding

TODAY = date(2026, 5, 1)
WAIVER: dict[str, Any] = {"rule": "r0", "owner": "Ann", "reason": "tape lost", "expires": "2026-12-31"}
NO_NAN: dict[str, Any] = {"column": "n_nan", "expect": "between", "max": 0}


def written(folder: Path, waivers: Any) -> Path:
    path = folder / "waivers.yaml"
    path.write_text(waivers if isinstance(waivers, str) else yaml.safe_dump(waivers), encoding="utf-8")
    return path


@pytest.fixture
def spoilt(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Two fields of `2t` with NaN (00 and 12 hours) and one of `t_850` (12 hours)."""
    tables["fields"]["n_nan"] = [1, 0, 0, 0, 2, 3]  # 2t, t_850 at 00, 06, 12 hours
    return tables


def judge(folder: Path, tables: dict[str, pd.DataFrame], waivers: list[Any], *entries: dict[str, Any]) -> list[Finding]:
    sets = [rule_set(*(entries or (NO_NAN,)))]
    file = load_waivers(written(folder, [{**WAIVER, **w} for w in waivers]), sets, TODAY)
    return list(evaluate(sets, tables, file).results)


def short(findings: list[Finding]) -> list[tuple[str, str | None, str, int, int]]:
    return [(f.rule, f.variable, f.status, f.n_failed, f.n_checked) for f in findings]


def test_a_waiver_for_all_that_a_rule_finds(spoilt: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    findings = judge(tmp_path, spoilt, [{}])
    assert short(findings) == [("r0", "2t", "waived", 2, 3), ("r0", "t_850", "waived", 1, 3)]
    first = findings[0]
    assert first.waiver == {"owner": "Ann", "reason": "tape lost", "expires": "2026-12-31"}
    assert (first.severity, first.observed, first.time) == ("critical", 2, "2020-01-01T00:00:00")
    assert [row["value"] for row in first.first_failures] == [1, 2]
    assert summarise(findings, "critical") == (
        "pass",
        0,
        {"rules": 2, "pass": 0, "warn": 0, "fail": 0, "error": 0, "no_data": 0, "waived": 2},
    )


@pytest.mark.parametrize("name", ["t_850", "t"])
def test_a_waiver_for_a_variable_or_quantity(spoilt: dict[str, pd.DataFrame], tmp_path: Path, name: str) -> None:
    findings = judge(tmp_path, spoilt, [{"variable": name}])
    assert short(findings) == [("r0", "2t", "fail", 2, 3), ("r0", "t_850", "waived", 1, 3)]
    assert findings[0].waiver is None
    assert summarise(findings, "critical")[:2] == ("fail", 1)


@pytest.mark.parametrize(
    ("period", "waived"),
    [
        ({"start": "2020-01-01T12"}, 2),
        ({"start": "2020-01-01T06", "end": "2020-01-01T12:00"}, 2),
        ({"end": "2020-01-01T06"}, 1),
        ({"start": "2020-01-01", "end": "2020-01-01"}, 3),
        ({"start": 2020}, 3),
        ({"end": "2020-01"}, 3),
    ],
)
def test_a_waiver_for_a_period(
    spoilt: dict[str, pd.DataFrame], tmp_path: Path, period: dict[str, Any], waived: int
) -> None:
    findings = judge(tmp_path, spoilt, [period])
    assert sum(f.n_failed for f in findings if f.status == "waived") == waived
    assert sum(f.n_failed for f in findings if f.status == "fail") == 3 - waived


def test_what_is_waived_in_part_is_told_apart(spoilt: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    findings = judge(tmp_path, spoilt, [{"start": "2020-01-01T12", "variable": "2t"}])
    assert short(findings) == [
        ("r0", "2t", "waived", 1, 3),
        ("r0", "2t", "fail", 1, 2),
        ("r0", "t_850", "fail", 1, 3),
    ]
    waived, rest, _ = findings
    assert (waived.time, waived.observed, len(waived.first_failures)) == ("2020-01-01T12:00:00", 2, 1)
    assert (rest.time, rest.observed, len(rest.first_failures)) == ("2020-01-01T00:00:00", 1, 1)
    status, code, summary = summarise(findings, "critical")
    assert (status, code) == ("fail", 1)
    assert summary == {"rules": 3, "pass": 0, "warn": 0, "fail": 2, "error": 0, "no_data": 0, "waived": 1}
    assert summary["rules"] == sum(n for key, n in summary.items() if key != "rules")


def test_two_waivers_share_a_finding_and_the_first_has_what_both_cover(
    spoilt: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    findings = judge(
        tmp_path,
        spoilt,
        [{"end": "2020-01-01T06", "owner": "Bob"}, {"variable": "2t"}, {"start": "2020", "owner": "Cy"}],
    )
    owners = [(f.variable, f.n_failed, f.waiver["owner"]) for f in findings if f.waiver]
    assert owners == [("2t", 1, "Bob"), ("2t", 1, "Ann"), ("t_850", 1, "Cy")]
    assert {f.status for f in findings} == {"waived"}


def test_the_tolerance_of_a_rule_counts_for_the_rest(spoilt: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    """2t: of three rows two fail; one waived leaves one of two, which is enough for `mostly: 0.5`, not for 0.6."""
    only = {"start": "2020-01-01T12"}
    found = judge(tmp_path, spoilt, [only], {**NO_NAN, "mostly": 0.5})
    assert short(found) == [("r0", "2t", "waived", 1, 3), ("r0", "t_850", "pass", 1, 3)]
    found = judge(tmp_path, spoilt, [only], {**NO_NAN, "mostly": 0.6})
    assert short(found)[:2] == [("r0", "2t", "waived", 1, 3), ("r0", "2t", "fail", 1, 2)]


def test_a_missing_value_that_fails_is_waived_too(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    tables["fields"]["min"] = [np.nan, 1.0, -1.0, 1.0, 1.0, 1.0]
    rule = {"column": "min", "expect": "between", "min": 0}
    found = judge(tmp_path, tables, [{"end": "2020-01-01T00"}], rule)
    assert short(found) == [
        ("r0", "2t", "waived", 1, 3),
        ("r0", "2t", "fail", 1, 2),
        ("r0", "t_850", "pass", 0, 3),
    ]
    assert found[0].observed is None


def test_no_data_is_waived_like_a_failure(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    tables["fields"]["min"] = [np.nan, 1.0] * 3
    rule = {"column": "min", "expect": "between", "min": 0}
    found = judge(tmp_path, tables, [{"variable": "2t"}], rule)
    assert short(found) == [("r0", "2t", "waived", 0, 0), ("r0", "t_850", "pass", 0, 3)]
    assert summarise(found, "critical")[:2] == ("pass", 0)
    empty = {**tables, "fields": tables["fields"].iloc[:0]}
    assert short(judge(tmp_path, empty, [{}], rule)) == [("r0", None, "waived", 0, 0)]


def test_results_for_a_whole_table_are_waived_whole(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    rule = {"column": "n", "expect": "expect_column_mean_to_be_between", "arguments": {"max_value": 0}}
    assert [f.status for f in judge(tmp_path, tables, [{}], rule)] == ["waived"]
    times = {"table": "times", "column": "step_h", "expect": "between", "max": 5, "missing": "ignore"}
    assert short(judge(tmp_path, tables, [{"end": "2020-01-01T06"}], times)) == [
        ("r0", None, "waived", 1, 2),
        ("r0", None, "fail", 1, 1),
    ]


def test_an_error_is_never_waived(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    rule = {"column": "n", "expect": "expect_column_values_to_match_regex", "arguments": {"regex": "("}}
    findings = judge(tmp_path, tables, [{}], rule)
    assert [(f.rule, f.status) for f in findings] == [("r0", "error"), ("waiver.unmatched", "skipped")]
    assert summarise(findings, "critical")[:2] == ("error", 3)


# ---------------------------------------------------------------- waivers that are over, or of no use


def test_an_expired_waiver_waives_nothing_and_is_told(spoilt: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    findings = judge(tmp_path, spoilt, [{"expires": "2026-04-30"}])
    assert [(f.rule, f.severity, f.status) for f in findings] == [
        ("r0", "critical", "fail"),
        ("r0", "critical", "fail"),
        ("waiver.expired", "warning", "fail"),
    ]
    told = findings[-1]
    assert told.observed == f"waiver 1 of {tmp_path / 'waivers.yaml'} (r0, owner Ann): expired on 2026-04-30"
    assert told.hint
    assert summarise(findings, "critical")[2] | {"rules": 3, "fail": 2, "warn": 1} == summarise(findings, "critical")[2]


def test_the_last_day_still_counts(spoilt: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    assert {f.status for f in judge(tmp_path, spoilt, [{"expires": "2026-05-01"}])} == {"waived"}


def test_an_expired_waiver_is_told_even_where_nothing_fails(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    findings = judge(tmp_path, tables, [{"expires": "2020-01-01"}])
    assert [f.rule for f in findings] == ["r0", "r0", "waiver.expired"]
    assert summarise(findings, "critical")[:2] == ("warn", 0)
    assert summarise(findings, "warning")[:2] == ("fail", 1)


@pytest.mark.parametrize(
    ("waiver", "status", "why"),
    [
        ({}, "fail", "nothing of what it names fails"),
        ({"variable": "t_850"}, "fail", "nothing of what it names fails"),
        ({"variable": "t_80"}, "fail", "no variable 't_80' (did you mean 't_850'?)"),
        ({"end": "2020-01-01"}, "fail", "nothing of what it names fails"),
        ({"end": "2019"}, "skipped", "not judged, no time of the data lies in its period"),
        ({"rule": "inf"}, "skipped", "not judged, its rule is not among those of this run"),
    ],
)
def test_a_waiver_of_no_use_is_told(
    tables: dict[str, pd.DataFrame], tmp_path: Path, waiver: dict[str, Any], status: str, why: str
) -> None:
    findings = judge(tmp_path, tables, [waiver])
    (told,) = [f for f in findings if f.rule == "waiver.unmatched"]
    assert (told.status, told.severity, told.variable) == (status, "warning", waiver.get("variable"))
    assert str(told.observed).endswith(f"{waiver.get('rule', 'r0')}, owner Ann): {why}")
    assert summarise(findings, "critical")[0] == ("warn" if status == "fail" else "pass")


def test_a_skipped_rule_gives_a_waiver_nothing_to_judge(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    del tables["fields"]
    findings = judge(tmp_path, tables, [{}])
    assert [(f.rule, f.status) for f in findings] == [("r0", "skipped"), ("waiver.unmatched", "skipped")]


def test_telling_of_waivers_is_not_checking_data(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    """Nothing was checked, and a waiver that has expired does not change that."""
    del tables["fields"]
    assert summarise(judge(tmp_path, tables, [{"expires": "2020-01-01"}]), "critical")[:2] == ("no_data", 4)


def test_of_two_waivers_for_the_same_both_are_of_use(spoilt: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    assert "waiver.unmatched" not in {f.rule for f in judge(tmp_path, spoilt, [{}, {"owner": "Bob"}])}


# ---------------------------------------------------------------- the file


def test_a_file_as_read(tmp_path: Path) -> None:
    path = written(tmp_path, [{**WAIVER, "variable": "t_850", "start": "20030501", "end": "2003-05-31T6"}])
    file = load_waivers(path, [rule_set(NO_NAN)], TODAY)
    assert (file.path, file.sha256) == (str(path), hashlib.sha256(path.read_bytes()).hexdigest())
    (waiver,) = file.waivers
    assert (waiver.rule, waiver.variable, waiver.start, waiver.end) == ("r0", "t_850", "2003-05-01", "2003-05-31T06")
    assert (waiver.owner, waiver.reason, waiver.expires) == ("Ann", "tape lost", date(2026, 12, 31))


@pytest.mark.parametrize("text", ["", "[]\n", "# none any more\n"])
def test_a_file_without_waivers(tmp_path: Path, text: str, spoilt: dict[str, pd.DataFrame]) -> None:
    sets = [rule_set(NO_NAN)]
    file = load_waivers(written(tmp_path, text), sets)
    assert file.waivers == ()
    assert evaluate(sets, spoilt, file).results == evaluate(sets, spoilt).results


REFUSED: list[tuple[Any, str]] = [
    ("a: 1", f": got {{'a': 1}}; give a list of waivers, each with {', '.join(KEYS)}"),
    ("- 5", ": waiver 1: got 5; give keys and values"),
    ([{**WAIVER, "until": "2030-01-01"}], ": waiver 1 (r0): unknown key 'until'"),
    ([{**WAIVER, "variabel": "2t"}], ": waiver 1 (r0): unknown key 'variabel' (did you mean 'variable'?); a"),
    *[([WAIVER, {**WAIVER, key: None}], f"key '{key}' is missing") for key in ("rule", "owner", "reason", "expires")],
    ([{**WAIVER, "owner": 7}], "owner: got 7; give text"),
    ([{**WAIVER, "owner": "  "}], "owner: got ' '; give text"),
    ([{**WAIVER, "variable": ["2t"]}], "variable: got ['2t']; give text"),
    ([{**WAIVER, "expires": "soon"}], "expires: got 'soon'; give the last day on which it holds, like 2027-12-31"),
    ([{**WAIVER, "expires": "2026-02-30"}], "expires: got '2026-02-30'; give the last day"),
    ([{**WAIVER, "expires": 2030}], "expires: got 2030; give the last day"),
    ([{**WAIVER, "start": "May"}], "start: got 'May', no date; give one like 2020-03-01 or 2020-03-01T06:00"),
    ([{**WAIVER, "start": "2020-03", "end": "2020-02-28"}], "start: 2020-03 is later than end: 2020-02-28"),
    ([{**WAIVER, "rule": "nan.non"}], "rule: there is no rule 'nan.non' (did you mean 'nan.none'?), neither in this"),
    ([{**WAIVER, "rule": "r1", "variable": "2t"}], "rule 'r1' does not tell variables apart: table 'times' has none"),
    (
        [{**WAIVER, "rule": "r2", "end": "2020"}],
        "end: rule 'r2' does not tell times apart: it gives one result for the whole table; leave 'end' out",
    ),
    ("- [", ": is not YAML: line "),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), REFUSED, ids=[m[:50] for _, m in REFUSED])
def test_what_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    sets = [
        rule_set(
            NO_NAN,
            {"table": "times", "column": "step_h", "expect": "between", "max": 6},
            {"column": "n", "expect": "expect_column_mean_to_be_between", "arguments": {"max_value": 0}},
        )
    ]
    path = written(tmp_path, content)
    with pytest.raises(RuleFileError) as caught:
        load_waivers(path, sets)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_than_one_fault_is_counted(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match=r"key 'owner' is missing \(and 2 more\)"):
        load_waivers(written(tmp_path, [{**WAIVER, "owner": None}, 5, 6]), [rule_set(NO_NAN)])


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match=r"nosuch\.yaml: there is no such file"):
        load_waivers(tmp_path / "nosuch.yaml", [rule_set(NO_NAN)])


@pytest.mark.parametrize(
    "content", [c for c, m in REFUSED if "rule: " not in m and "rule '" not in m and "YAML" not in m]
)
def test_the_schema_refuses_what_loading_refuses(content: Any) -> None:
    """But rules, and dates against the calendar and each other, which no schema knows."""
    document = yaml.safe_load(content) if isinstance(content, str) else content
    beyond = ("2026-02-30", "2020-02-28", "  ")
    if not any(text in str(content) for text in beyond):
        assert not jsonschema.Draft202012Validator(make_waivers_schema()).is_valid(document)


@pytest.mark.parametrize("extra", [{}, {"variable": "2t"}, {"start": 2020, "end": "2020-05-01T06:00"}])
def test_the_schema_takes_what_loading_takes(tmp_path: Path, extra: dict[str, Any]) -> None:
    document = [{**WAIVER, **extra}]
    jsonschema.Draft202012Validator(make_waivers_schema()).validate(document)
    assert load_waivers(written(tmp_path, document), [rule_set(NO_NAN)]).waivers


def test_a_shipped_rule_that_is_not_run_may_be_waived(tmp_path: Path) -> None:
    path = written(tmp_path, [{**WAIVER, "rule": "codec"}])
    assert load_waivers(path, load_rule_sets(["gate"])).waivers[0].rule == "codec"
