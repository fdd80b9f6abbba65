"""Maps and scorecard of the page."""

from __future__ import annotations

import numpy as np
import pandas as pd
from reports.test_html import verdict

from dqwatch import tables
from dqwatch.reports.html import render
from dqwatch.reports.html_drift import null_histograms, score_words
from dqwatch.reports.html_maps import departure_maps, rasterise
from dqwatch.reports.html_scorecard import scorecard, triangle

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
    assert "+2.00" in found
    assert "root mean square departure of cells 3.25" in found
    assert "<q>" not in found
    assert scorecard({}) == ""


def test_the_page_has_all_of_it() -> None:
    drift = {"time": "2020-01-01", "p_cycle": 0.0008, "null_size": 1218, "null_years": 10, "variables": []}
    page = render(verdict(drift=drift, tables={"areas": areas(), "scorecard": card()}))
    assert "2020-01-01 is beyond all 1,218 null cycles" in page
    assert "Where it departs from training" in page
    assert page.count("Scorecard by region") == 1
    assert "Plotly.react" in page
    assert 'id="land"' in page
    assert "Scorecard" not in render(verdict())


def test_triangles_tell_sign_and_size() -> None:
    sizes = []
    for value in (0.5, 1.0, 2.0):
        up, down = triangle(value), triangle(-value)
        assert 'class="up"' in up
        assert 'class="down"' in down
        x = [float(number) for number in up.split('points="')[1].split('"')[0].split()]
        sizes.append(max(x[::2]) - min(x[::2]))
        # the last point is the tip: above the others, that is at the smaller y, where the value is above the usual
        assert x[5] < x[1] == x[3]
    assert sizes == [8, 13, 18]
    assert "circle" in triangle(0.49)
    assert "circle" in triangle(-0.49)


def test_of_many_variables_those_that_depart_most_are_shown() -> None:
    many = pd.concat([card().iloc[:2].assign(variable=f"v{k}", mean=[0.0, k / 10]) for k in range(20)])
    found = scorecard({"scorecard": many}, 5)
    assert "The 5 of 20 variables" in found
    assert [name for name in (f"v{k}" for k in range(20)) if f"<th>{name}</th>" in found] == [
        f"v{k}" for k in range(15, 20)
    ]


def null_tables(now: float) -> dict[str, pd.DataFrame]:
    """Scores of training from 1 to 2 in two bins, of 3 and 5 cycles, and a state."""
    nulls = tables.frame("nulls", {"time": ["2020"] * 2, "member": [0] * 2, "variable": ["<q>"] * 2,
                                   "score": ["step_scan"] * 2, "left": [1.0, 1.5], "right": [1.5, 2.0],
                                   "n_cycles": [3, 5]})  # fmt: skip
    drift = pd.DataFrame({"time": ["2020", "2021"], "variable": ["<q>"] * 2, "member": [0, 0], "score": [now, 9.0]})
    return {"nulls": nulls, "drift": drift}


def test_scores_of_training_are_drawn_beside_that_of_the_state() -> None:
    figure = null_histograms(null_tables(2.5), 4)
    assert figure is not None
    bars, line = figure.data
    assert (list(bars.x), list(bars.y)) == ([1.0, 1.5, 2.0], [3, 5, 5])
    assert list(line.x) == [2.5, 2.5]
    assert figure.layout.xaxis.type is None
    assert figure.layout.annotations[0].text.startswith("&lt;q&gt;: largest departure of a region of its change")
    far = null_histograms(null_tables(100.0), 4)
    assert far is not None
    assert far.layout.xaxis.type == "log"
    assert null_histograms({}, 4) is None


def test_scores_are_told_in_words() -> None:
    assert score_words("mean") == "mean over the globe or domain"
    assert score_words("background_low_tail") == "lowest values of its departure from the background"
    assert score_words("texture_2") == "texture_2"


def test_effects_are_told_of_the_variables_that_the_drift_is_about() -> None:
    one = {"variable": "swvl1", "p_value": 0.0008, "q_value": 0.01, "leading_score": "mean", "score": 3.0,
           "usual_score": 0.1, "region": None, "named": True}  # fmt: skip
    drift = {"time": "2020-01-01", "member": 0, "p_cycle": 0.0008, "null_size": 1218, "null_years": 10}
    page = render(verdict(drift={**drift, "variables": [one, {**one, "variable": "swvl2"}]}))
    assert page.count("Why it matters.") == 1
    assert "rain pox" in page
    assert "further from training than every one" in page
    other = {**one, "variable": "2t"}
    assert "Why it matters" not in render(verdict(drift={**drift, "variables": [other]}))
    usual = render(verdict(drift={**drift, "p_cycle": 0.4, "variables": [one]}))
    assert "This is usual: 40 % of 1,218 training states" in usual
    assert "rain pox" not in usual
