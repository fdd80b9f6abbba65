"""What the command line makes of arguments, verdicts and errors. The verbs are fakes: each case costs little."""

import html
import json
import os
import re
import sys

import pandas as pd
import pytest

import dqwatch
from dqwatch import expectations
from dqwatch.cli import main
from dqwatch.errors import RuleFileError, SourceNotFoundError, UsageError
from dqwatch.types import Finding, RuleSet, Verdict

VERDICT = Verdict(
    verb="audit",
    status="fail",
    exit_code=1,
    inputs=({"name": "a.zarr", "kind": "fake", "identity": "1"},),
    rule_sets=(RuleSet("audit", "rules/audit.yaml", "0" * 64, "", ()),),
    results=(Finding("nan.none", "critical", "fail", "fields", variable="2t", n_failed=3, n_checked=9, hint="Look."),),
    summary={"rules": 2, "pass": 1, "warn": 0, "fail": 1, "error": 0, "no_data": 0},
    timing={"total_s": 1.0},
    tables={"grid": pd.DataFrame({"n": [1, 2]})},
)
LINE = "dqwatch FAIL a.zarr 2 rules: 1 pass 0 warn 1 fail 0 error 0 no-data | worst: nan.none 2t (+2) | 1.0s"


@pytest.fixture
def audit(monkeypatch):
    """`dqwatch.audit` as a fake: returns VERDICT, or raises what is set; tells its arguments."""
    asked = {}

    def fake(**arguments):
        asked.update(arguments)
        sys.stdout.write("chatter of a library\n")
        os.write(2, b"chatter of C\n")
        if "raises" in fake.__dict__:
            raise fake.__dict__["raises"]
        return VERDICT

    fake.asked = asked  # type: ignore[attr-defined]
    monkeypatch.setattr(dqwatch, "audit", fake)
    return fake


def test_a_verdict_is_reported_on_stderr_and_stdout_stays_empty(audit, capfd):
    assert main(["audit", "a.zarr"]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == LINE
    assert "    2t  3 of 9 fields" in err
    assert "chatter" not in err


def test_quiet_leaves_the_verdict_line(audit, capfd):
    assert main(["audit", "a.zarr", "--quiet"]) == 1
    assert capfd.readouterr() == ("", f"{LINE}\n")


def test_verbose_lets_libraries_speak_on_stderr(audit, capfd):
    assert main(["audit", "a.zarr", "--verbose"]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert "chatter of a library" in err
    assert "chatter of C" in err
    assert err.splitlines()[-1] == LINE


def test_arguments_reach_the_verb(audit, capfd):
    words = "--rules a --rules b.yaml --fail-on never --waivers w.yaml --workers 3 --against ref.zarr"
    words += " --select 2t --start 2020 --end 2021 --every 4 --cache kept"
    words += " --resume half --scheduler local --device torch:cpu"
    assert main(["audit", "a.zarr", *words.split()]) == 1
    assert audit.asked.pop("progress") is None  # stderr is no terminal here
    assert audit.asked == {
        "data": "a.zarr",
        "against": "ref.zarr",
        "rules": ["a", "b.yaml"],
        "fail_on": "never",
        "waivers": "w.yaml",
        "workers": 3,
        "select": ["2t"],
        "start": "2020",
        "end": "2021",
        "every": 4,
        "cache": "kept",
        "resume": "half",
        "scheduler": "local",
        "device": "torch:cpu",
    }


def test_without_options_the_defaults_are_those_of_the_verb(audit, capfd):
    main(["audit", "a.zarr"])
    defaults = {
        "against": None,
        "waivers": None,
        "workers": None,
        "device": "cpu",
        "select": None,
        "start": None,
        "end": None,
        "every": 1,
        "cache": None,
        "resume": None,
        "scheduler": None,
        "progress": None,
    }
    assert audit.asked == {"data": "a.zarr", "rules": ["audit"], "fail_on": "critical"} | defaults


def test_several_files_reach_the_verb_together(audit, capfd, tmp_path):
    audit.raises = UsageError("no")
    assert main(["audit", "x/a.nc", "x/b.nc", "--json", str(tmp_path / "v.json")]) == 2
    assert audit.asked["data"] == ["x/a.nc", "x/b.nc"]
    assert [i["name"] for i in json.loads((tmp_path / "v.json").read_text())["inputs"]] == ["a.nc", "b.nc"]


def test_a_failure_names_the_reference_too(audit, capfd, tmp_path):
    audit.raises = UsageError("no")
    assert main(["audit", "a.nc", "--against", "x/b.nc", "--json", str(tmp_path / "v.json")]) == 2
    assert [i["name"] for i in json.loads((tmp_path / "v.json").read_text())["inputs"]] == ["a.nc", "b.nc"]


def test_only_audit_compares(capfd):
    assert main(["gate", "a.nc", "--against", "b.nc"]) == 2
    assert "No such option: --against" in capfd.readouterr().err


def test_json_on_stdout_is_all_that_stands_there(audit, capfd):
    assert main(["audit", "a.zarr", "--json", "-"]) == 1
    out, err = capfd.readouterr()
    assert out == f"{VERDICT.to_json()}\n"
    assert err.splitlines()[-1] == LINE


def test_outputs_may_be_combined(audit, capfd, tmp_path):
    words = ["--json", f"{tmp_path}/v.json", "--html", f"{tmp_path}/v.html", "--tables", f"{tmp_path}/t/u"]
    words += ["--junit", f"{tmp_path}/v.xml", "--data-docs", f"{tmp_path}/docs"]
    assert main(["audit", "a.zarr", *words]) == 1
    assert capfd.readouterr().out == ""
    assert (tmp_path / "v.json").read_text() == f"{VERDICT.to_json()}\n"
    assert (tmp_path / "v.html").read_text("utf-8").startswith("<!doctype html>")
    assert (tmp_path / "v.xml").read_text("utf-8") == f"{VERDICT.to_junit()}\n"
    assert (tmp_path / "docs" / "index.html").exists()
    assert list(pd.read_parquet(tmp_path / "t" / "u" / "grid.parquet")["n"]) == [1, 2]


@pytest.mark.parametrize("option", ["--json", "--html", "--junit", "--tables", "--data-docs"])
def test_an_output_that_cannot_be_written_is_told_before_the_scan(audit, capfd, tmp_path, option):
    (tmp_path / "file").touch()
    assert main(["audit", "a.zarr", option, f"{tmp_path}/file/x"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(rf"dqwatch: {option} .*/file/x: cannot .*\n", err)
    assert audit.asked == {}


def test_a_layout_is_used_and_a_wrong_one_is_told_before_the_scan(audit, capfd, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("title: mine\nsections: [verdict]\n")
    page = tmp_path / "v.html"
    assert main(["audit", "a.zarr", "--html", str(page), "--layout", str(mine)]) == 1
    assert "<h1>mine</h1>" in page.read_text("utf-8")
    audit.asked.clear()
    mine.write_text("sections: [verdcit]\n")
    assert main(["audit", "a.zarr", "--html", str(page), "--layout", str(mine)]) == 2
    assert "unknown section 'verdcit'" in capfd.readouterr().err
    assert main(["audit", "a.zarr", "--layout", "brief"]) == 2
    assert "give --html too" in capfd.readouterr().err
    assert audit.asked == {}


def test_a_run_that_fails_leaves_no_pages_that_look_like_its_own(audit, capfd, tmp_path):
    (tmp_path / "index.html").write_text("all is well")
    audit.raises = SourceNotFoundError("a.zarr: no such file")
    assert main(["audit", "a.zarr", "--data-docs", str(tmp_path)]) == 3
    assert list(tmp_path.iterdir()) == []


ERRORS = [
    (SourceNotFoundError("a.zarr: no such file"), 3, "a.zarr: no such file"),
    (RuleFileError("mine.yaml: rule 'x':\n  unknown key"), 2, "mine.yaml: rule 'x': unknown key"),
    (UsageError("workers: got 0"), 2, "workers: got 0"),
    (ValueError("boom"), 3, "unexpected ValueError: boom"),
    (MemoryError(), 3, "unexpected MemoryError:"),
    (
        BrokenPipeError(32, "Broken pipe"),
        3,
        "unexpected BrokenPipeError: [Errno 32] Broken pipe",
    ),
]


@pytest.mark.parametrize(("error", "code", "line"), ERRORS, ids=lambda e: type(e).__name__)
def test_an_error_is_one_line_and_a_code(audit, capfd, error, code, line):
    audit.raises = error
    assert main(["audit", "a.zarr"]) == code
    out, err = capfd.readouterr()
    assert out == ""
    hint = " (run with --verbose for the traceback)" if line.startswith("unexpected") else ""
    assert err == f"dqwatch: {line}{hint}\n"


@pytest.mark.parametrize(("error", "code", "line"), ERRORS, ids=lambda e: type(e).__name__)
def test_files_tell_an_error_too_lest_an_older_verdict_be_believed(audit, capfd, tmp_path, error, code, line):
    path, page = tmp_path / "v.json", tmp_path / "v.html"
    path.write_text(VERDICT.to_json())
    page.write_text(VERDICT.to_html())
    audit.raises = error
    outputs = ["--json", str(path), "--html", str(page), "--tables", str(tmp_path / "tables")]
    assert main(["audit", "folder/a.zarr/", *outputs]) == code
    assert html.escape(line) in page.read_text()
    assert os.listdir(tmp_path / "tables") == []
    document = json.loads(path.read_text())
    assert set(document) == set(json.loads(VERDICT.to_json()))
    assert (document["status"], document["exit_code"], document["findings"]) == ("error", code, [])
    assert document["error"] == line
    assert document["inputs"] == [{"name": "a.zarr", "kind": None, "identity": None}]


def test_verbose_shows_the_traceback_and_then_the_line(audit, capfd):
    audit.raises = ValueError("boom")
    assert main(["audit", "a.zarr", "-v"]) == 3
    lines = capfd.readouterr().err.splitlines()
    assert "Traceback (most recent call last):" in lines
    assert lines[-1] == "dqwatch: unexpected ValueError: boom"


def test_interruption_has_its_code_and_line(audit, capfd):
    audit.raises = KeyboardInterrupt()
    assert main(["audit", "a.zarr"]) == 130
    assert capfd.readouterr() == ("", "dqwatch: interrupted\n")


def test_interruption_in_the_hands_of_the_parser_is_told_as_well(monkeypatch, capfd):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(expectations, "list_rule_sets", interrupt)
    assert main(["rules", "list"]) == 130
    assert capfd.readouterr() == ("", "dqwatch: interrupted\n")


def test_text_that_an_error_carries_cannot_steer_the_terminal(audit, capfd):
    audit.raises = UsageError("evil \x1b[2J\x07 name")
    assert main(["audit", "a.zarr"]) == 2
    assert capfd.readouterr().err == "dqwatch: evil ?[2J? name\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "no verb given (see 'dqwatch --help')"),
        (["adit", "a"], "No such command 'adit'.*(see 'dqwatch --help')"),
        (["audit"], "Missing argument 'DATA...'.*(see 'dqwatch audit --help')"),
        (["audit", "a", "--baseline", "b"], "No such option: --baseline.*(see 'dqwatch audit --help')"),
        (["audit", "a", "--fail-on", "error"], "Invalid value for '--fail-on'.*critical.*(see 'dqwatch audit --help')"),
        (["audit", "a", "--every", "0"], "Invalid value for '--every'.*(see 'dqwatch audit --help')"),
        (["audit", "a", "--workers", "many"], "Invalid value for '--workers'.*(see 'dqwatch audit --help')"),
        (["audit", "a", "--json"], "Option '--json' requires an argument.*(see 'dqwatch.* --help')"),
        (["rules"], ".*(see 'dqwatch rules --help')"),
        (["rules", "lint"], "Missing argument 'FILE...'.*(see 'dqwatch rules lint --help')"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)
def test_misuse_is_one_line_and_code_2(capfd, words, line):
    assert main(words) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch("dqwatch: " + re.escape(line).replace(re.escape(".*"), ".*") + "\n", err)


@pytest.mark.parametrize(
    "words", [[], ["audit"], ["gate"], ["rules"], ["rules", "list"], ["rules", "show"], ["rules", "lint"]]
)
def test_help_goes_to_stdout_and_gives_an_example(capfd, words):
    assert main([*words, "--help"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert "Usage: dqwatch" in out
    if len(words) == 2 or words[:1] in (["audit"], ["gate"]):
        assert re.search(r"Example:\s+dqwatch\s", out)


def test_version(capfd):
    assert main(["--version"]) == 0
    assert capfd.readouterr() == (f"dqwatch {dqwatch.__version__}\n", "")
