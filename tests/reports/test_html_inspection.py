"""The page of an inspection: its numbers are those of the inspection, and it is escaped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sources.zarr_files import make_anemoi

import dqwatch
from dqwatch.metrics.inspection import Inspection
from dqwatch.reports.html_inspection import options_figure, reads_figure, render, render_failure

EVIL = "<script>alert('t')</script>"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Inspection:
    """240 dates of 4 variables and 2,000 cells, a chunk a date, and ten cells of one of them wanted over 180 days."""
    path = tmp_path_factory.mktemp("store") / "a.zarr"
    values = np.random.default_rng(3).normal(280, 5, (240, 4, 1, 2000)).astype("f4")
    make_anemoi(path, values, ["2t", "msl", "t_850", "t_500"], hours=24)
    return dqwatch.inspect(path, pattern="time=180d,cell=10,variable=2t")


def test_bars_are_what_reading_costs(found: Inspection) -> None:
    wanted, decoded, fetched = reads_figure(found.reads).data
    assert (wanted.name, decoded.name, fetched.name) == ("wanted", "decoded", "fetched from storage")
    own = list(wanted.y).index("own")
    # 180 dates of ten values of 4 bytes are wanted; of each date the chunk of 4 x 2000 values is decoded
    assert wanted.x[own] == 180 * 10 * 4
    assert decoded.x[own] == 180 * 4 * 2000 * 4
    assert [read.stored_bytes for read in found.reads] == list(fetched.x)


def test_other_chunks_are_held_against_those_that_are_there(found: Inspection) -> None:
    figure = options_figure(found)
    assert figure.data[0].name == "as stored"
    own = list(figure.data[0].y).index("own")
    assert figure.data[0].x[own] == pytest.approx(4 * 2000 / 10)
    best = next(bar for bar in figure.data[1:] if "own" in bar.name or "any" in bar.name)
    assert best.x[own] < figure.data[0].x[own]


def test_the_page_says_it_all_and_is_escaped(found: Inspection) -> None:
    page = render(replace(found, name=EVIL, notes=(EVIL,)))
    assert EVIL not in page
    assert "<b>240</b> times" in page
    assert "<b>2,000</b> cells" in page
    assert page.count('<div class="plot"') == 2
    assert "each box is a chunk" in page
    assert "4 fields for each time, 3 quantities" in page
    assert len(page.encode()) < 6e6


def test_a_failure_is_a_page_too() -> None:
    page = render_failure([EVIL], f"no such {EVIL}")
    assert EVIL not in page
    assert "! ERROR" in page
    assert "no such &lt;script&gt;" in page
