"""The section on loss weights: shares before and after, reasons, the YAML."""

from __future__ import annotations

import dataclasses
import math
import re

import pandas as pd
import pytest
from reports.test_html import verdict

from dqwatch import tables
from dqwatch.reports.html import render
from dqwatch.reports.html_weights import share_table, shares_after, weights
from dqwatch.weight_columns import SUGGESTIONS, WEIGHTS

NAMES = ("2t", "swvl1", "<tp>")
WEIGHT = (1.0, 100.0, 0.0)
SUGGESTED = (1.0, 10.0, 0.0)
SHARE = (0.2, 0.8, math.nan)


def table(*, suggested: bool = True) -> pd.DataFrame:
    given: dict[str, object] = {}
    for name, dtype, *_ in (*WEIGHTS, *(SUGGESTIONS if suggested else ())):
        given[name] = ["x"] * 3 if dtype == "str" else [0.5] * 3
    given |= {"variable": NAMES, "weight": WEIGHT} | {f"{scale}_share": SHARE for scale in ("raw", "sd", "tendency")}
    if suggested:
        given |= {"suggested": SUGGESTED, "multiplier": (1.0, 0.1, 1.0)}
        given["reason"] = ["2t stays: kept.", "swvl1 <b>stays</b> 3 away: times 0.1.", "kept."]
    return tables.frame("weights", given)


def rows(html: str) -> dict[str, list[str]]:
    found = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)]
    return {row[0]: row[1:] for row in found if row}


def test_shares_after_are_of_the_suggested_weights():
    after = shares_after(table(), "sd")
    # 0.2 stays, 0.8 becomes 0.08
    assert after[0] == pytest.approx(0.2 / 0.28)
    assert after[1] == pytest.approx(0.08 / 0.28)
    assert math.isnan(after[2])


def test_before_and_after_stand_side_by_side():
    found = rows(share_table(table()))
    assert found["<b>swvl1</b>"][1:] == ["100 → 10", *["80 % → 29 %"] * 3]
    assert found["2t"][1:] == ["1", *["20 % → 71 %"] * 3]
    assert found["&lt;tp&gt;"][1:] == ["0", *["unknown"] * 3]
    assert next(iter(found)) == "<b>swvl1</b>", "the largest share comes first"


def test_without_suggestions_there_is_no_arrow():
    html = share_table(table(suggested=False))
    assert "→" not in html
    assert rows(html)["swvl1"][1:] == ["100", *["80 %"] * 3]


def test_the_page_has_reasons_and_yaml_and_escapes_them():
    advice = {"yaml": "weights: {<a>: 1}", "fine_tuning": {"mixing": "mix", "sweep": [1e-7], "stop": "stop & see"}}
    page = render(dataclasses.replace(verdict(), tables={"weights": table()}, advice=advice))
    assert "<li>swvl1 &lt;b&gt;stays&lt;/b&gt; 3 away: times 0.1.</li>" in page
    assert "2t stays" not in page
    assert "weights: {&lt;a&gt;: 1}" in page
    assert "local learning rates of 1e-07; stop &amp; see." in page
    assert "<script" not in weights(dataclasses.replace(verdict(), tables={"weights": table()}, advice=advice))


def test_other_verdicts_have_no_such_section():
    assert weights(verdict()) == ""
    none = table().assign(multiplier=1.0)
    html = weights(dataclasses.replace(verdict(), tables={"weights": none}))
    assert "No weight needs to change." in html
    assert "YAML" not in html
