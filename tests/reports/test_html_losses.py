"""The section of losses: words first, then a curve with its spikes."""

from __future__ import annotations

import numpy as np
import pytest

import dqwatch
from dqwatch.reports.html import check_layout
from dqwatch.reports.html_losses import draw_losses, losses_section
from dqwatch.types import Verdict
from examples.loss_series import make_table


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    """A spike of one variable and a level that rises to stay of another, whose name is markup."""
    table = make_table(11, size=0.05).rename(columns={"2t": "<b>"})
    table.loc[1500, "swvl1"] *= 4
    table.loc[1300:, "<b>"] *= 1.5
    return dqwatch.losses(table)


def test_curves_have_their_spikes_and_the_step_where_they_part(verdict: Verdict) -> None:
    figure = draw_losses(verdict.tables["loss_curves"], verdict.tables["losses"], 2)
    titles = [a.text for a in figure.layout.annotations]
    assert set(titles[:2]) == {"swvl1", "&lt;b&gt;"}
    assert titles[2:] == ["another level"]
    (dots,) = (trace for trace in figure.data if trace.name == "spikes")
    assert (list(dots.x), dots.marker.symbol) == ([1500], "diamond")
    (line,) = figure.layout.shapes
    assert abs(line.x0 - 1300) <= 5
    assert figure.layout.yaxis.type == "log"


def test_words_stand_before_the_figure_and_what_is_not_drawn_is_told(verdict: Verdict) -> None:
    told = losses_section(verdict, {"most": 2})
    assert told.index("at step 1500") < told.index("<div id='losses'>")
    assert "10 more variables are not drawn" in told
    assert "<b>" not in told
    assert "&lt;b&gt;: loss" in told
    page = verdict.to_html()
    assert page.index('id="verdict"') < page.index("<h2>Losses</h2>") < page.index('id="findings"')
    assert dict(check_layout("losses").sections)["losses"] == {"most": 6}


def test_clean_losses_are_drawn_too_and_those_below_zero_on_a_plain_axis() -> None:
    table = make_table(4)
    table["swvl1"] = np.random.default_rng(1).normal(size=len(table))
    clean = dqwatch.losses(table)
    assert "Nothing stands out." in losses_section(clean, {"most": 6})
    curves = clean.tables["loss_curves"]
    figure = draw_losses(curves[curves["variable"] == "swvl1"], clean.tables["losses"], 6)
    assert figure.layout.yaxis.type is None
