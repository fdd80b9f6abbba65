"""What people read: the verdict line of the contract, and a report that stays short."""

import re
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.reports.findings import clean, short_time
from dqwatch.reports.text import MOST_LINES, render, verdict_line
from dqwatch.types import Finding, RuleSet, Verdict

ESCAPE = "\x1b"


def verdict(*results: Finding, **changes) -> Verdict:
    whole = Verdict(
        verb="gate",
        status="fail",
        exit_code=1,
        inputs=({"name": "ic.zarr", "kind": "anemoi_zarr", "identity": "1"},),
        rule_sets=(RuleSet("gate", "rules/gate.yaml", "0" * 64, "", ()),),
        results=results,
        summary={"rules": 412, "pass": 405, "warn": 3, "fail": 2, "error": 1, "no_data": 1},
        timing={"total_s": 1.94, "scan_s": 0.25, "scan_bytes": 2_170_000_000},
        tables={"fields": pd.DataFrame({"a": range(1200)}), "variables": pd.DataFrame({"a": range(12)})},
    )
    return replace(whole, **changes)


def finding(rule="nan.none", **changes) -> Finding:
    return replace(Finding(rule=rule, severity="critical", status="fail", table="fields", title="NaN"), **changes)


NAN = finding(
    variable="t_850", time="2020-03-01T06:00:00", n_failed=12, n_checked=1200, observed=4711.0, expected="n_nan = 0",
    column="n_nan", hint="Read the chunk again.",
)  # fmt: skip


def test_verdict_line_is_that_of_the_contract():
    assert verdict_line(verdict(NAN)) == (
        "dqwatch FAIL ic.zarr 412 rules: 405 pass 3 warn 2 fail 1 error 1 no-data"
        " | worst: nan.none t_850 2020-03-01T06 (+11) | 1.9s"
    )


def test_verdict_line_of_a_pass_has_no_worst_finding():
    line = verdict_line(verdict(finding(status="pass"), finding("x", status="skipped"), status="pass"))
    assert line == "dqwatch PASS ic.zarr 412 rules: 405 pass 3 warn 2 fail 1 error 1 no-data | 1.9s"


def test_verdict_line_says_what_was_sampled():
    assert "(+11) | sampled: every 10th time | 1.9s" in verdict_line(verdict(NAN, sampled="every 10th time"))


@pytest.mark.parametrize(
    ("status", "word"), [("pass", "PASS"), ("warn", "WARN"), ("error", "ERROR"), ("no_data", "NO-DATA")]
)
def test_verdict_line_begins_with_the_status(status, word):
    assert verdict_line(verdict(status=status)).startswith(f"dqwatch {word} ic.zarr 412 rules:")


def test_one_failure_has_no_further_ones_and_a_table_no_variable():
    line = verdict_line(verdict(finding("grid.seam", table="grid", n_failed=1)))
    assert " | worst: grid.seam | " in line


def test_the_error_of_a_run_is_its_line():
    broken = verdict(status="error", error="a.zarr:\nno such file", summary={}, timing={}, tables={})
    assert render(broken) == verdict_line(broken) == "dqwatch: a.zarr: no such file"


@pytest.mark.parametrize(
    ("label", "short"),
    [
        ("2020-03-01T06:00:00", "2020-03-01T06"),
        ("2020-03-01T06:30:00", "2020-03-01T06:30"),
        ("2020-03-01T06:00:30", "2020-03-01T06:00:30"),
        ("2020-03-01T06:00:00+024h", "2020-03-01T06+024h"),
        ("2020-03-01T06:30:00+024h", "2020-03-01T06:30+024h"),
        ("-0044-03-15T12:00:00", "-0044-03-15T12"),
        ("2020-03-01T06:00:00.000000", "2020-03-01T06"),
        ("2020-03-01T06:00:00.500000", "2020-03-01T06:00:00.500000"),
        ("185301.0", "185301.0"),
        ("", ""),
    ],
)
def test_short_time(label, short):
    assert short_time(label) == short


def test_report_tells_what_where_how_many_and_what_to_do():
    text = render(verdict(NAN, sampled="every 10th time", notes=("left out 'name': text",)))
    lines = text.splitlines()
    assert lines[0] == "gate of ic.zarr (anemoi_zarr): 12 variables, 1,200 fields, 2.17 GB scanned in 0.2 s"
    assert lines[1] == "rules: gate"
    assert lines[2] == "not everything was looked at: every 10th time"
    assert lines[3] == "note: left out 'name': text"
    assert lines[4] == "critical nan.none  NaN"
    assert lines[5] == "    t_850  2020-03-01T06  12 of 1,200 fields  got 4711, expected n_nan = 0"
    assert lines[6] == "    -> Read the chunk again."
    assert lines[7] == verdict_line(verdict(NAN, sampled="every 10th time"))
    assert len(lines) == 8


@pytest.mark.parametrize(
    ("n_bytes", "size"),
    [(0, "0 B"), (999, "999 B"), (41_472, "41.5 kB"), (2.17e9, "2.17 GB"), (14e12, "14 TB"), (1.3e16, "1.3e+04 TB")],
)
def test_sizes_have_the_prefix_that_suits_them(n_bytes, size):
    assert f" fields, {size} scanned in" in render(verdict(timing={"scan_bytes": n_bytes}))


def test_severities_stand_in_order_and_what_is_hidden_is_counted():
    results = [
        finding(f"rule.{severity}.{i}", severity=severity, variable=f"v{v}", n_failed=1, hint="do")
        for severity in ("info", "critical", "warning")
        for i in range(4)
        for v in range(7)
    ]
    text = render(verdict(*results))
    heads = re.findall(r"^(critical|warning|info) ", text, re.M)
    assert heads == ["critical"] * 4 + ["warning"]
    shown = len(re.findall(r"^    v\d", text, re.M))
    in_shown_rules = sum(int(n) for n in re.findall(r"^    and (\d+) more", text, re.M))
    hidden = re.search(r"^\.\.\. and (\d+) more findings .*: (.*)$", text, re.M)
    assert hidden
    assert shown + in_shown_rules + int(hidden[1]) == len(results) == 84
    assert hidden[2].split(", ") == [
        "rule.warning.1",
        "rule.warning.2",
        "rule.warning.3",
        *(f"rule.info.{i}" for i in range(4)),
    ]


@given(st.integers(0, 60), st.integers(1, 60))
def test_findings_take_few_lines_whatever_their_number(rules, variables):
    results = [
        finding(f"r{r:02}", variable=f"v{v}", n_failed=1, hint="do") for r in range(rules) for v in range(variables)
    ]
    n_lines = len(render(verdict(*results)).splitlines())
    assert n_lines <= 2 + MOST_LINES + 1 + 1  # opening, findings, how many more, verdict


def test_one_rule_may_use_all_lines():
    results = [finding(variable=f"v{v:02}", n_failed=1, hint="do") for v in range(18)]
    assert len(re.findall(r"^    v\d\d", render(verdict(*results)), re.M)) == 18


def test_raised_and_empty_rules_are_named_as_such():
    text = render(
        verdict(
            finding("a", status="error", observed="KeyError: 'x'"),
            finding("b", status="no_data"),
            finding("c", status="skipped"),
        )
    )
    assert re.search(r"^error \(critical\) a  NaN\n    fields +KeyError: 'x'$", text, re.M)
    assert re.search(r"^no data \(critical\) b  NaN$", text, re.M)
    assert re.search(r"^not applicable, skipped: c$", text, re.M)


def test_many_rules_that_do_not_apply_are_counted():
    text = render(verdict(*(finding(f"s{i}", status="skipped") for i in range(13))))
    assert re.search(r"^not applicable, skipped: 13 rules, .*--json.*$", text, re.M)
    assert "s12" not in text


def test_waived_findings_are_shown_but_are_not_the_worst():
    text = render(verdict(finding("w", status="waived", n_failed=3)))
    assert "waived (critical) w" in text
    assert "worst" not in text.splitlines()[-1]


def test_who_answers_for_what_is_waived_stands_in_place_of_the_hint():
    ann = {"owner": "Ann", "reason": "tape\x1b lost", "expires": "2027-12-31"}
    waived = replace(NAN, status="waived", waiver=ann)
    lines = render(verdict(waived)).splitlines()
    assert "    t_850  2020-03-01T06  12 of 1,200 fields  got 4711, expected n_nan = 0" in lines
    assert "    waived by Ann until 2027-12-31: tape? lost" in lines
    assert not [line for line in lines if "->" in line]
    bob = replace(waived, variable="2t", waiver={**ann, "owner": "Bob"})
    assert "tape? lost (and 1 more waivers)" in render(verdict(waived, bob))


def test_verdict_line_counts_what_is_waived_if_anything_is():
    summary = {"rules": 9, "pass": 7, "warn": 0, "fail": 0, "error": 0, "no_data": 0, "waived": 2}
    line = verdict_line(verdict(status="pass", summary=summary))
    assert line == "dqwatch PASS ic.zarr 9 rules: 7 pass 0 warn 0 fail 0 error 0 no-data 2 waived | 1.9s"


def test_lines_fit_the_terminal_but_for_the_verdict():
    long = replace(NAN, hint="word " * 60, expected="x " * 60)
    lines = render(verdict(long, notes=("note " * 50,)), width=60).splitlines()
    assert max(map(len, lines[:-1])) <= 60
    assert any(line.startswith("      word") for line in lines)  # a wrapped line is set in


def test_colour_only_where_asked(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    plain, coloured = render(verdict(NAN)), render(verdict(NAN), colour=True)
    assert ESCAPE not in plain
    assert ESCAPE in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_markup_escapes_and_newlines_of_names_do_nothing():
    nasty = "[red]x[/red]\x1b[31m\n\u202e"
    text = render(
        verdict(replace(NAN, variable=nasty, hint=nasty), inputs=({"name": nasty, "kind": "k", "identity": ""},))
    )
    assert ESCAPE not in text
    assert "[red]x[/red]?[31m ?" in text
    assert len(text.splitlines()) == 6


@given(st.text())
def test_clean_text_is_one_printable_line(text):
    cleaned = clean(text)
    assert cleaned.isprintable()
    assert len(cleaned.splitlines()) <= 1
