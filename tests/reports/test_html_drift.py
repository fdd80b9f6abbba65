"""Maps and scorecard of the page."""

from __future__ import annotations

import numpy as np
import pandas as pd
from reports.test_html import verdict

from dqwatch import tables
from dqwatch.reports.html import render
from dqwatch.reports.html_drift import departure_maps, rasterise, scorecard

BOXES = [(-90, 0, 0, 180), (-90, 0, 180, 360), (0, 90, 0, 180), (0, 90, 180, 360)]
MEANS = [0.5, -1.0, 4.0, np.nan]


def areas(name: str = "t_850", kind: str = "state") -> pd.DataFrame:
    n = len(BOXES)
    south, north, west, east = np.array(BOXES, float).T
    given = {"time": ["2020"] * n, "member": [0] * n, "variable": [name] * n, "kind": [kind] * n, "area": range(n),
             "south": south, "north": north, "west": west, "east": east, "mean": MEANS, "rms": [1.0] * n}  # fmt: skip
    return tables.frame("areas", given)


def card() -> pd.DataFrame:
    rows = [("t_850", "t", 850.0, "all", 0.1, 1.0, False), ("t_850", "t", 850.0, "land", -3.0, 1.5, False),
            ("<q>", "q", np.nan, "all", 2.0, 3.25, True),
            ("<q>", "q", np.nan, "land", np.nan, np.nan, True)]  # fmt: skip
    names = ("variable", "param", "level", "region", "mean", "rms", "named")
    given = {name: [row[k] for row in rows] for k, name in enumerate(names)}
    return tables.frame("scorecard", {"time": ["2020-01-01"] * 4, "member": [0] * 4, **given})


def test_a_place_on_the_map_has_the_departure_of_its_area() -> None:
    lat, lon, drawn = rasterise(areas())
    for place, mean in (((-45, 91), 0.5), ((-45, -91), -1.0), ((45, 91), 4.0)):
        assert drawn[np.argmin(abs(lat - place[0])), np.argmin(abs(lon - place[1]))] == mean
    assert np.isnan(drawn[lat > 0][:, lon < 0]).all()
    assert np.isfinite(drawn).sum() == 3 * 45 * 90


def test_a_small_domain_fills_the_map() -> None:
    small = areas().iloc[:1].assign(south=40.0, north=50.0, west=350.0, east=370.0)
    lat, lon, drawn = rasterise(small)
    assert (lat.min(), lat.max(), lon.min(), lon.max()) == (41, 49, -9, 9)
    assert (drawn == 0.5).all()


def test_each_variable_has_a_map_that_says_what_departs() -> None:
    both = pd.concat([areas(), areas("<q>", "step")], ignore_index=True)
    figure = departure_maps({"areas": both})
    assert figure is not None
    assert len(figure.data) == 2
    assert [a.text for a in figure.layout.annotations] == ["t_850", "&lt;q&gt; (its change since the step before)"]
    assert departure_maps({}) is None
    assert departure_maps({"areas": areas().iloc[:0]}) is None
    assert departure_maps({"areas": areas().assign(south=np.nan)}) is None


def test_the_scorecard_has_a_row_for_each_variable_and_a_column_for_each_region() -> None:
    found = scorecard({"scorecard": card()})
    assert "<th>Variable</th><th>all</th><th>land</th>" in found
    assert "<b>&lt;q&gt;</b>" in found
    assert "+2.00 (3.25)" in found
    # -3 standard deviations have the full colour, of the negative side
    assert 'background:rgba(33,102,172,0.60)">-3.00 (1.50)' in found
    assert "<q>" not in found
    assert scorecard({}) == ""


def test_the_page_has_all_of_it() -> None:
    drift = {"time": "2020-01-01", "p_cycle": 0.0008, "null_size": 1218, "null_years": 10, "variables": []}
    page = render(verdict(drift=drift, tables={"areas": areas(), "scorecard": card()}))
    assert "2020-01-01 is beyond all 1,218 null cycles" in page
    assert "Where it departs from training" in page
    assert page.count("Scorecard by region") == 1
    assert "Plotly.newPlot" in page
    assert "Scorecard" not in render(verdict())
