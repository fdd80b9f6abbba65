"""Histograms of the page: values of a state beside those of training."""

from __future__ import annotations

from typing import Any

import pytest
from reports.test_html import verdict

from dqwatch import tables
from dqwatch.reports.html_histograms import histograms_section, value_histograms
from dqwatch.types import Verdict


def table(n: int = 1, **changes: Any) -> Any:
    """Three ranges of each of `n` variables."""
    names = [f"<v{k}>" for k in range(n) for _ in range(3)]
    given = {"time": ["2020-01-01T06:00:00"] * 3 * n, "member": [0] * 3 * n, "variable": names, "units": ["K"] * 3 * n,
             "left": [270.0, 280.0, 290.0] * n, "right": [280.0, 290.0, 300.0] * n,
             "share_now": [0.0, 0.25, 0.75] * n, "share_usual": [0.5, 0.5, 0.0] * n} | changes  # fmt: skip
    return tables.frame("histograms", given)


def drifted(named: int = 1, **rest: Any) -> Verdict:
    one = {"p_value": 0.001, "q_value": 0.01, "leading_score": "mean", "score": 1.0, "region": None}
    variables = [{"variable": f"<v{k}>", "named": True, **one} for k in range(named)]
    drift = {"time": "2020-01-01T06:00:00", "member": 0, "p_cycle": 0.001, "null_size": 999, "variables": variables}
    return verdict(drift=drift, tables=rest)


def test_shares_stand_over_their_ranges() -> None:
    figure = value_histograms({"histograms": table()}, 6)
    assert figure is not None
    bars, line = figure.data
    assert (list(bars.x), list(bars.y), list(bars.width)) == ([275, 285, 295], [50, 50, 0], [10, 10, 10])
    assert (list(line.x), list(line.y)) == ([270, 280, 290, 300], [0, 25, 75, 75])
    assert line.line.shape == "hv"
    assert figure.layout.annotations[0].text == "&lt;v0&gt; [K]"
    assert value_histograms({}, 6) is None


def test_ranges_that_widen_are_drawn_equally_wide() -> None:
    wide = table(left=[0.0, 1e-3, 1e-2], right=[1e-3, 1e-2, 0.1])
    figure = value_histograms({"histograms": wide}, 6)
    assert figure is not None
    assert list(figure.data[0].x) == [0.5, 1.5, 2.5]
    assert list(figure.layout.xaxis.ticktext) == ["0", "0.001", "0.01", "0.1"]
    assert list(figure.data[0].customdata) == ["0 to 0.001", "0.001 to 0.01", "0.01 to 0.1"]


def test_a_range_far_higher_than_the_others_is_cut_off_and_told() -> None:
    sea = table(share_now=[0.8, 0.15, 0.05], share_usual=[0.75, 0.05, 0.2])
    figure = value_histograms({"histograms": sea}, 6)
    assert figure is not None
    assert list(figure.layout.yaxis.range) == [0, 25]
    assert [a.text for a in figure.layout.annotations][1:] == ["↑ training 75 %, now 80 %"]
    even = value_histograms({"histograms": table()}, 6)
    assert even is not None
    assert even.layout.yaxis.range is None
    alone = value_histograms({"histograms": table(share_now=[1, 0, 0], share_usual=[1, 0, 0])}, 6)
    assert alone is not None
    assert alone.layout.yaxis.range is None


@pytest.mark.parametrize(("n", "named", "more"), [(2, 2, ""), (6, 9, "3 more variables are not drawn")])
def test_what_is_not_drawn_is_told(n: int, named: int, more: str) -> None:
    told = histograms_section(drifted(named, histograms=table(n)), {"most": 6})
    assert "2020-01-01 06" in told.replace("T", " ")
    assert ("not drawn" in told) == bool(more)
    assert more in told


def test_without_histograms_it_says_why() -> None:
    drift = tables.frame("drift", {c.name: [] for c in tables.TABLES["drift"]})
    assert "only stored statistics" in histograms_section(drifted(drift=drift), {"most": 6})
    none = tables.frame("histograms", {c.name: [] for c in tables.TABLES["histograms"]})
    assert "at that hour of the day" in histograms_section(drifted(drift=drift, histograms=none), {"most": 6})
    assert histograms_section(drifted(), {"most": 6}) == "", "a run of a history keeps no tables"
    assert histograms_section(verdict(), {"most": 6}) == ""
    assert histograms_section(drifted(0, drift=drift, histograms=none), {"most": 6}) == ""
