"""The page says what is wrong, offline and escaped; its picture shows where."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dqwatch import tables
from dqwatch.errors import RuleFileError
from dqwatch.reports.html import render
from dqwatch.reports.html_picture import defect_map
from dqwatch.types import Finding, Verdict

EVIL = "<script>alert('t')</script>"


def fields(variables, times, spoilt=None):
    """A clean `fields` table of 1,000-cell fields; `spoilt` maps (variable, time) to a number of missing cells."""
    keys = [(t, v) for t in times for v in variables]
    columns = {c.name: np.zeros(len(keys)) for c in tables.TABLES["fields"]}
    columns["time"] = [t for t, _ in keys]
    columns["variable"] = columns["param"] = [v for _, v in keys]
    columns["n"] = np.full(len(keys), 1000)
    columns["n_nan_unexpected"] = [(spoilt or {}).get((v, t), 0) for t, v in keys]
    for c in tables.TABLES["fields"]:
        if c.dtype in ("int", "uint", "bool"):
            columns[c.name] = np.asarray(columns[c.name]).astype({"int": int, "uint": np.uint64, "bool": bool}[c.dtype])
    return tables.frame("fields", columns)


def verdict(status="fail", table=None, **changes: Any) -> Verdict:
    finding = Finding(
        rule="nan.none",
        severity="critical",
        status="fail",
        table="fields",
        column="n_nan_unexpected",
        variable=EVIL,
        time="2020-01-01T00:00:00",
        observed=7.0,
        expected="0",
        n_checked=4,
        n_failed=1,
        first_failures=({"time": "2020-01-01T00:00:00", "note": "<b>&"},),
        hint="replace <the> field",
        title="No missing values",
    )
    settings: dict[str, Any] = {
        "verb": "gate",
        "status": status,
        "exit_code": 1,
        "inputs": ({"name": "in.zarr & co", "kind": "anemoi_zarr", "identity": "abc"},),
        "rule_sets": (),
        "results": (finding, Finding("inf", "critical", "pass", "fields")),
        "summary": {"rules": 2, "pass": 1, "warn": 0, "fail": 1, "error": 0, "no_data": 0},
        "timing": {"total_s": 1.5, "scan_bytes": 4000},
        "tables": {} if table is None else {"fields": table},
        "notes": ("left out: <names>",),
    }
    return Verdict(**{**settings, **changes})


class Collector(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.sources = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for key, value in attributes if key in ("src", "href")]


@pytest.fixture(scope="module")
def page():
    times = ["2020-01-01T00:00:00", "2020-01-01T06:00:00"]
    return render(verdict(table=fields([EVIL, "2t"], times, {(EVIL, times[0]): 7})))


def test_page_says_verdict_finding_and_remedy(page):
    text = page[page.index("</style>") :]
    assert '<b class="word">✕ FAIL</b>' in text
    assert "exit code 1" in text
    assert "1 of 4" in text
    assert "replace &lt;the&gt; field" in text
    assert "left out: &lt;names&gt;" in text


def test_page_is_self_contained_and_small(page):
    collector = Collector()
    collector.feed(page)
    assert collector.sources == ["data:,"], "the empty icon, lest browsers ask for one"
    assert "iframe" not in collector.tags
    assert len(page.encode()) < 8e6


def test_text_of_the_data_is_escaped(page):
    assert EVIL not in page
    assert "<b>&" not in page
    assert page.count("<script") == page.count("</script>")


def test_clean_verdict_has_no_findings():
    page = render(verdict(status="pass", exit_code=0, results=(Finding("inf", "critical", "pass", "fields"),)))
    assert '<h2>Findings</h2><p id="findings">None.</p>' in page
    assert "Plotly" not in page, "no field was scanned, so there is nothing to draw"


def test_waived_findings_are_shown_with_who_answers_for_them():
    waiver = {"owner": "Ann <ann>", "reason": "tape lost", "expires": "2027-12-31"}
    found = Finding("inf", "critical", "waived", "fields", hint="Mend it.", waiver=waiver)
    page = render(verdict(status="pass", exit_code=0, results=(found,), summary={"rules": 1, "waived": 1}))
    assert "waived by Ann &lt;ann&gt; until 2027-12-31: tape lost" in page
    assert "Mend it." not in page
    assert "<li><b>1</b> waived</li>" in page


def test_sampled_run_says_so():
    assert "every 10th time" in render(verdict(sampled="every 10th time"))


def test_map_shows_the_worst_share_of_each_variable_and_time():
    times = [f"2020-01-{d:02d}T00:00:00" for d in range(1, 11)]
    figure = defect_map({"fields": fields(["2t", "sp"], times, {("sp", times[3]): 50, ("2t", times[9]): 1})})
    heat = figure.data[0]
    row = {name: k for k, name in enumerate(heat.y)}
    # 50 of 1000 cells is 5 %: the class 1-10 %, number 3; 1 of 1000 is 0.1 %, not above it: class 1
    assert heat.z[row["sp"]][3] == 3
    assert heat.z[row["2t"]][9] == 1
    assert np.asarray(heat.z).sum() == 4
    assert heat.customdata[row["sp"]][3] == pytest.approx(0.05)


def test_map_of_one_time_tells_kinds_apart():
    table = fields(["2t"], ["2020-01-01T00:00:00"])
    table["n_out_of_bounds"] = 1000
    heat = defect_map({"fields": table}).data[0]
    shares = dict(zip(heat.x, heat.customdata[0], strict=True))
    assert shares == {"missing": 0, "infinite": 0, "undecoded fill": 0, "impossible": 1, "unusual": 0}


def test_map_of_many_times_and_variables_is_aggregated_and_says_so():
    times = pd.date_range("2000-01-01", periods=1000, freq="D").strftime("%Y-%m-%dT%H:%M:%S")
    names = [f"v_{k}" for k in range(70)]
    table = fields(names, times, {("v_69", times[777]): 1000})
    figure = defect_map({"fields": table})
    heat = figure.data[0]
    assert np.shape(heat.z) == (60, 240)
    assert "worst 60 of 70" in figure.layout.title.text
    # 1000 times in 240 columns: time k lies in column floor(k * 240 / 1000)
    assert heat.z[list(heat.y).index("v_69")][777 * 240 // 1000] == 4
    assert re.search(r"4\.2 times", figure.layout.title.text)


def test_nothing_scanned_gives_no_picture():
    empty = fields(["2t"], ["2020"]).iloc[:0]
    assert defect_map({"fields": empty}) is None
    assert defect_map({}) is None


def test_findings_of_a_rule_stand_together_and_the_worst_come_first():
    many = [
        Finding("bounds", "warning", "fail", "fields", variable=f"v{k}", n_failed=k, title="Bounds") for k in range(30)
    ]
    first = Finding("inf", "critical", "fail", "fields", variable="2t", n_failed=1, title="Infinite")
    page = render(verdict(results=(*many, first)))
    assert page.count("<h3>Bounds</h3>") == 1
    assert page.index("<h3>Infinite</h3>") < page.index("<h3>Bounds</h3>")
    # 12 of 30 variables, those with most failures
    assert "and 18 more variables" in page
    assert "<td>v29</td>" in page
    assert "<td>v17</td>" not in page
    assert "<b>Bounds</b>: v29, v28, v27, v26 and 26 more" in page


def test_a_clean_picture_is_a_sentence():
    page = render(verdict(status="pass", table=fields(["2t"], ["2020-01-01", "2020-01-02"])))
    assert "2 fields were looked at: no cell is spoilt." in page
    assert 'id="picture"' not in page


def test_the_short_page_has_no_library():
    page = render(verdict(table=fields(["2t"], ["2020-01-01"], {("2t", "2020-01-01"): 7})), "brief")
    assert len(page) < 40_000
    assert 'id="verdict"' in page


def test_an_unknown_layout_is_refused():
    with pytest.raises(RuleFileError, match="none named 'long'; give one of brief, losses, verdict, weights"):
        render(verdict(), "long")
