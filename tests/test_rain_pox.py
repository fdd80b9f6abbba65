"""Isolated points of rain in a forecast close the gate, and their places are named."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import dqwatch
from dqwatch.departures.isolation import add_training, most_isolated
from dqwatch.metrics.geometry import geometry_of
from dqwatch.metrics.isolation import find_isolated_rain, rain_limits
from examples.faults import FAULTS, INDEX, pox_cells
from examples.weather import VARIABLES, Weather


def forecast(name: str | None) -> tuple[xr.Dataset, np.ndarray, Weather]:
    """The rain of a day of the example weather, spoilt or not; and the cells that the fault picks."""
    weather = Weather(0, number=16)
    state = weather.states(np.array(["2011-06-14T06"], "M8[s]"))[0].astype(np.float32)
    cells = pox_cells(state[INDEX["tp"]], weather.grid)
    if name is not None:
        state = FAULTS[name].plant(state.copy(), weather, np.ones((2, weather.grid.size), np.float32))
    return rain(weather, np.array(["2011-06-14T06"], "M8[s]"), state[None, INDEX["tp"]]), cells, weather


def rain(weather: Weather, dates: np.ndarray, fields: np.ndarray) -> xr.Dataset:
    """Fields (time, cell) of rain as a data set."""
    coordinates = {
        "time": dates.astype("M8[ns]"),
        "latitude": ("cell", weather.grid.latitudes, {"units": "degrees_north"}),
        "longitude": ("cell", weather.grid.longitudes, {"units": "degrees_east"}),
    }
    attributes = {"units": VARIABLES["tp"].units, "cell_methods": "time: sum"}
    return xr.Dataset({"tp": (("time", "cell"), fields, attributes)}, coordinates)


def test_rain_pox_is_named_with_its_place() -> None:
    clean_rain, *_ = forecast(None)
    assert dqwatch.gate(clean_rain, rules="forecast_output").status == "pass"
    data, cells, weather = forecast("forecast_pox")
    verdict = dqwatch.gate(data, rules="forecast_output")
    (finding,) = (f for f in verdict.results if f.rule == "fc.isolated_rain")
    assert (finding.status, finding.severity, verdict.exit_code) == ("fail", "critical", 1)
    (shown,) = finding.first_failures
    places = [(float(weather.grid.latitudes[c]), float(weather.grid.longitudes[c])) for c in cells]
    assert (shown["isolated_latitude"], shown["isolated_longitude"]) in places
    assert shown["n_isolated"] >= 0.8 * cells.size


def test_the_page_marks_every_isolated_cell() -> None:
    data, cells, weather = forecast("forecast_pox")
    verdict = dqwatch.gate(data, rules="forecast_output")
    (drawn,) = verdict.maps
    places, planted = (
        {(round(lat, 6), round(lon % 360, 6)) for lat, lon in zip(lats.tolist(), lons.tolist(), strict=True)}
        for lats, lons in (
            (drawn.bad_latitudes, drawn.bad_longitudes),
            (weather.grid.latitudes[cells], weather.grid.longitudes[cells]),
        )
    )
    assert (drawn.bad, drawn.n_bad) == ("isolated", verdict.tables["fields"]["n_isolated"][0])
    assert len(places) == drawn.n_bad
    assert len(places & planted) >= 0.8 * len(planted)
    assert re.search(rf"tp 2011-06-14T06: {drawn.n_bad} cells isolated", verdict.to_html())


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> tuple[dqwatch.Baseline, pd.Series]:
    """What was learnt from 3 years of rain, and the share of isolated cells by the time of them."""
    weather = Weather(0, number=16)
    dates = np.arange(np.datetime64("2004-01-01T06", "s"), np.datetime64("2007-01-01"), np.timedelta64(10, "D"))
    fields = weather.states(dates)[:, INDEX["tp"]]
    path: Path = tmp_path_factory.mktemp("pox") / "b.zarr"
    grid = dqwatch.open_source(rain(weather, dates, fields)).grids[0]
    limits = rain_limits(VARIABLES["tp"].units, None)
    assert limits is not None
    shares = [find_isolated_rain(f, geometry_of(grid), limits).n / f.size for f in fields]
    return dqwatch.baseline(rain(weather, dates, fields), str(path)), pd.Series(shares, index=pd.DatetimeIndex(dates))


def test_the_count_is_held_against_that_of_training(baseline) -> None:
    known, shares = baseline
    clean, *_ = forecast(None)
    data, *_ = forecast("forecast_pox")
    found = {
        name: dqwatch.gate(d, rules="forecast_output", baseline=known) for name, d in (("clean", clean), ("pox", data))
    }
    row = found["pox"].tables["fields"].iloc[0]
    of_season = shares[np.abs(shares.index.day_of_year - pd.Timestamp("2011-06-14").day_of_year) <= 45]
    assert 20 <= len(of_season) < len(shares) / 3
    assert row["isolated_training"] == pytest.approx(of_season.max())
    assert row["isolated_excess"] == pytest.approx(row["isolated_share"] / row["isolated_training"])
    failed = {name: {f.rule for f in v.results if f.status == "fail"} for name, v in found.items()}
    assert "fc.isolated_rain.training" in failed["pox"]
    assert "fc.isolated_rain.training" not in failed["clean"]
    (drift,) = found["pox"].tables["drift"]["exact"]
    assert "isolated_rain" in drift
    assert found["clean"].tables["drift"]["exact"].tolist() == [""]


def test_every_time_is_held_against_its_own_season(baseline) -> None:
    """By hand from the days of the year, which go on after its end."""
    known, shares = baseline
    dates = np.arange("2011-01", "2012-01", dtype="M8[M]").astype("M8[s]") + np.timedelta64(6, "h")
    source = dqwatch.open_source(rain(Weather(0, number=16), dates, np.zeros((12, 1600), np.float32)))
    rows = pd.DataFrame({"time": source.times[0].labels, "variable": "tp", "n": 1600, "isolated_share": 0.01})
    found = add_training(rows, source, known)
    apart = np.abs(shares.index.day_of_year.to_numpy() - pd.DatetimeIndex(dates).day_of_year.to_numpy()[:, None])
    near = np.minimum(apart, 365.25 - apart)
    expected = [shares[own <= 45.5].max() for own in near]
    assert len(set(expected)) > 1
    assert found["isolated_training"].tolist() == pytest.approx(expected)
    assert found["isolated_excess"].tolist() == pytest.approx([0.01 / max(share, 1 / 1600) for share in expected])


def test_the_season_of_training_counts() -> None:
    """Showery winters say nothing of summer; the turn of the year lies in a season; with too few cycles all count."""
    fractions = np.arange(120) / 120
    shares = np.where((fractions < 0.2) | (fractions > 0.8), 0.01, 0.001)
    found = most_isolated(shares, fractions, np.array([0.5, 0.0, 0.99, np.nan]))
    np.testing.assert_array_equal(found, [0.001, 0.01, 0.01, 0.01])
    shares[(fractions > 0.85)] = np.nan
    np.testing.assert_array_equal(most_isolated(shares, fractions, np.array([0.95])), [0.01])
    few = most_isolated(shares[::2], fractions[::2], np.array([0.5]))
    np.testing.assert_array_equal(few, [0.01], "15 cycles within 45 days")


def test_rain_over_another_period_is_not_compared(baseline) -> None:
    known, _ = baseline
    data, *_ = forecast("forecast_pox")
    opened = dqwatch.open_source(data)
    variable, labels = opened.variables[0], opened.times[0].labels
    fields = pd.DataFrame({"time": [labels[0]], "variable": ["tp"], "n": [1600], "isolated_share": [0.01]})
    for period, compared in ((6.0, True), (3.0, False), (None, True)):
        source = SimpleNamespace(variables=[replace(variable, period=period)], times=opened.times)
        assert ("isolated_excess" in add_training(fields, source, known)) is compared
    assert add_training(fields.drop(columns="isolated_share"), source, known).shape == (1, 3)
