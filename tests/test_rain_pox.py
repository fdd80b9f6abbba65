"""Isolated points of rain in a forecast close the gate, and their places are named."""

from __future__ import annotations

import numpy as np
import xarray as xr

import dqwatch
from examples.faults import FAULTS, INDEX, pox_cells
from examples.weather import VARIABLES, Weather


def forecast(name: str | None) -> tuple[xr.Dataset, np.ndarray, Weather]:
    """The rain of a day of the example weather, spoilt or not; and the cells that the fault picks."""
    weather = Weather(0, number=16)
    state = weather.states(np.array(["2011-06-14T06"], "M8[s]"))[0].astype(np.float32)
    cells = pox_cells(state[INDEX["tp"]], weather.grid)
    if name is not None:
        state = FAULTS[name].plant(state.copy(), weather, np.ones((2, weather.grid.size), np.float32))
    coordinates = {
        "time": np.array(["2011-06-14T06"], "M8[ns]"),
        "latitude": ("cell", weather.grid.latitudes, {"units": "degrees_north"}),
        "longitude": ("cell", weather.grid.longitudes, {"units": "degrees_east"}),
    }
    attributes = {"units": VARIABLES["tp"].units, "cell_methods": "time: sum"}
    return xr.Dataset({"tp": (("time", "cell"), state[[INDEX["tp"]]], attributes)}, coordinates), cells, weather


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
