"""`--waivers` from the file to the exit code."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from cli.rule_data import failures, judged, weather, write

from dqwatch.cli import main

ANN = "owner: Ann, reason: tape lost, expires: 2999-12-31"


@pytest.fixture(scope="module")
def with_nan(tmp_path_factory: pytest.TempPathFactory) -> str:
    """NaN in `t2m` at the third and the sixth time."""
    data = weather()
    data["t2m"][2, 3, 4:6] = np.nan
    data["t2m"][5, 0, 0] = np.nan
    return write(data, tmp_path_factory.mktemp("nan") / "nan.nc")


def written(folder: Path, text: str) -> str:
    path = folder / "waivers.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_waived_finding_does_not_close_the_gate(with_nan, tmp_path, capfd):
    words = ["gate", with_nan, "--select", "t2m"]
    waivers = written(tmp_path, f"- {{rule: nan.none, variable: 2t, {ANN}}}\n- {{rule: nan.pattern, {ANN}}}\n")
    code, document, _ = judged(capfd, *words)
    assert (code, failures(document)) == (1, {("nan.none", "2t"), ("nan.pattern", "2t")})
    assert "waived" not in document["summary"]
    code, document, err = judged(capfd, *words, "--waivers", waivers)
    assert (code, failures(document), document["summary"]["waived"]) == (0, set(), 2)
    assert {f["rule"] for f in document["findings"] if f["status"] == "waived"} == {"nan.none", "nan.pattern"}
    summary = document["summary"]
    assert summary["rules"] == sum(n for key, n in summary.items() if key != "rules")
    assert re.search(r"^dqwatch (PASS|WARN) nan.nc \d+ rules: .* 2 waived \| ", err.splitlines()[-1])
    assert "waived by Ann until 2999-12-31: tape lost" in err
    assert document["waivers"]["path"] == waivers


def test_one_of_two_times_waived_and_one_expired(with_nan, tmp_path, capfd):
    waivers = written(
        tmp_path,
        f"- {{rule: nan.none, end: 2020-03-01, {ANN}}}\n"
        f"- {{rule: nan.pattern, {ANN.replace('2999', '1999')}}}\n"
        f"- {{rule: inf, {ANN}}}\n",
    )
    code, document, err = judged(capfd, "gate", with_nan, "--select", "t2m", "--waivers", waivers)
    assert code == 1
    assert failures(document) == {
        ("nan.none", "2t"),
        ("nan.pattern", "2t"),
        ("waiver.expired", None),
        ("waiver.unmatched", None),
    }
    left = next(f for f in document["findings"] if (f["rule"], f["status"]) == ("nan.none", "fail"))
    assert (left["time"], left["n_failed"]) == ("2020-03-02T06:00:00", 1)
    assert "waiver 2 of " in err
    assert "expired on 1999-12-31" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {rule: nan.non}", r"waiver 1 \(nan\.non\): key 'owner' is missing \(and 3 more\)"),
        (f"- {{rule: nan.non, {ANN}}}", r"there is no rule 'nan\.non' \(did you mean 'nan\.none'\?\)"),
        ("rule: nan.none", "give a list of waivers"),
        ("- [", "is not YAML"),
    ],
)
def test_a_bad_file_is_one_line_and_found_before_the_data(text, message, tmp_path, capfd):
    assert main(["gate", "absent.zarr", "--waivers", written(tmp_path, text)]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(rf"dqwatch: \S+waivers\.yaml: .*{message}.*\n", err)


@pytest.mark.parametrize("path", ["absent.yaml", ".", ""])
def test_an_absent_file_is_one_line(path, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["gate", "absent.zarr", "--waivers", path]) == 2
    assert re.fullmatch(r"dqwatch: .+\n", capfd.readouterr().err)


def test_the_waived_are_skipped_in_junit(with_nan, tmp_path, capfd):
    waivers = written(tmp_path, f"- {{rule: nan.none, end: 2020-03-01, {ANN}}}\n")
    words = ["gate", with_nan, "--select", "t2m", "--waivers", waivers, "--junit", str(tmp_path / "v.xml")]
    code, document, _ = judged(capfd, *words)
    root = ET.parse(tmp_path / "v.xml").getroot()  # noqa: S314 - our own file
    assert (code, root.get("tests")) == (1, str(int(document["summary"]["rules"]) + int(root.get("skipped") or 0) - 1))
    cases = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert cases["nan.none[2t]"] == ["failure"]
    assert cases["nan.none[2t] waived"] == ["skipped"]
