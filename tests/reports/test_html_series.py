"""Series, calendar, storage and advice of the page, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from browser.cases import TIMES, filled, full_verdict, held_tables
from hypothesis import given
from hypothesis import strategies as st
from reports.test_html import EVIL

from dqwatch.reports.html_advice import changes_figure, shares_figure
from dqwatch.reports.html_calendar import draw_calendar, worst_days
from dqwatch.reports.html_series import cycles_figure, draw_series, find_series, thin
from dqwatch.reports.html_storage import storage_figure


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(50, 80))
def test_thinning_keeps_order_and_extremes(values: list[float], points: int) -> None:
    times, kept = thin(np.arange(len(values)), np.array(values), points)
    assert len(kept) <= max(points, 1)
    assert (np.diff(times) > 0).all()
    assert [values[t] for t in times] == kept.tolist()
    assert (kept.min(), kept.max()) == (min(values), max(values))


def test_findings_are_drawn_over_time_against_the_limits_of_their_rule() -> None:
    verdict = full_verdict()
    (one,) = find_series(verdict, 6)
    assert (one.title, one.low, one.high) == (f"{EVIL}: n_nan_unexpected", 0.0, 0.0)
    assert one.values.tolist() == [7.0 * k for k in range(10)] + [0.0] * (len(TIMES) - 10)
    line, dots = draw_series([one], 1500).data
    assert list(line.y) == one.values.tolist()
    assert list(dots.x) == TIMES[1:10], "those beyond the limit, not that on it"
    assert find_series(verdict, 0) == []


def test_labels_that_are_no_dates_are_an_axis_of_their_own() -> None:
    (one,) = find_series(full_verdict(), 6)
    later = one._replace(times=np.array([f"{t}+006h" for t in one.times], object))
    assert draw_series([later], 1500).layout.xaxis.type == "category"
    assert draw_series([one], 1500).layout.xaxis.type == "date"


def test_cycles_are_drawn_against_levels_and_training() -> None:
    held = held_tables()
    figure = cycles_figure(held, 3)
    assert figure is not None
    p, departure = (trace for trace in figure.data if trace.name == "series")
    assert list(p.y) == held["cycles"]["p_cycle"].tolist()
    assert p.marker.color[int(np.argmin(p.y))] == "var(--bad)"
    assert list(departure.y) == pytest.approx(held["drift"]["departure"].tolist())
    levels = [shape.y0 for shape in figure.layout.shapes if shape.type == "line"]
    assert levels == [0.01, 0.001]
    (band,) = (shape for shape in figure.layout.shapes if shape.type == "rect")
    assert (band.y0, band.y1) == (0, 1)
    few = {name: table.iloc[:4] for name, table in held.items()}
    assert cycles_figure(few, 3) is None
    assert cycles_figure({}, 3) is None


def times_table(days: list[str], **columns: list[bool]) -> pd.DataFrame:
    n = len(days)
    given = {"all_nan": [False] * n, "declared_missing": [False] * n} | columns
    return filled("times", n, time=days, **given)


def test_the_worst_of_a_day_is_its_class() -> None:
    times = times_table(
        ["2020-02-28T00", "2020-02-28T12", "2020-02-29T00", "2020-03-01T00", "2020-03-02T00", "months 7"],
        present=[True, False, True, False, True, True],
        declared_missing=[False, False, False, True, False, False],
    )
    fields = pd.DataFrame({"time": ["2020-02-29T00", "2020-03-02T00"], "n_nan_unexpected": [3, 0]})
    found = worst_days({"times": times, "fields": fields})
    assert found == {(2020, 2, 28): 3, (2020, 2, 29): 2, (2020, 3, 1): 1, (2020, 3, 2): 0}
    assert worst_days({}) == {}
    figure, rows, box = draw_calendar(found)
    assert (rows, box) == (2, "day")
    grid = np.asarray(figure.data[0].z, float)
    assert (grid[0, 27], grid[0, 28], grid[1, 0], grid[1, 1]) == (3, 2, 1, 0)
    assert np.isfinite(grid).sum() == 4
    assert list(figure.data[0].y) == ["Feb 2020", "Mar 2020"]


def test_a_calendar_of_many_years_has_a_box_for_each_month() -> None:
    days = {(year, month, day): 0 for year in range(1950, 2020) for month in range(1, 13) for day in (1, 31)}
    days[1999, 7, 31] = 3
    figure, rows, box = draw_calendar(days)
    assert (rows, box) == (70, "month")
    grid = np.asarray(figure.data[0].z, float)
    assert grid[49, 6] == 3
    assert grid.sum() == 3


def test_storage_is_drawn_in_bytes_with_what_reading_costs_where_known() -> None:
    arrays = filled("arrays", 2, array=["data", "<x>"], size_mb=[100.0, 1.0], stored_mb=[40.0, np.nan])
    plain = storage_figure(arrays)
    assert list(plain.data[0].x) == [1e8, 1e6]
    assert list(plain.data[0].y) == ["data", "&lt;x&gt;"]
    known = storage_figure(arrays.assign(date_amplification=[1.0, np.nan], series_amplification=[2436.0, np.nan]))
    assert [bar.name for bar in known.data] == ["uncompressed", "stored", "one time, all cells", "one cell, all times"]
    assert known.data[3].x[0] == 2436.0


def test_weights_are_drawn_before_and_after() -> None:
    changed = [{"variable": "<q>", "weight": 10.0, "suggested": 2.0}]
    line, before, after = changes_figure(changed).data
    assert (list(line.x), list(before.x), list(after.x)) == ([10.0, 2.0], [10.0], [2.0])
    assert list(after.y) == ["&lt;q&gt;"]
    weights = full_verdict().tables["weights"]
    raw, *_ = shares_figure(weights).data
    assert list(raw.x) == pytest.approx([60.0, 30.0, 10.0])
