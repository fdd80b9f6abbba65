"""Rules on single fields, their series and forecasts: each is tripped by its corrupter, and no other rule is."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from corrupt_fields import CORRUPTERS, IN_TILES, TRIPS
from test_regridding import regridded

import dqwatch
from dqwatch.expectations import load_rule_sets
from examples.faults import FAULTS, INDEX, pox_cells
from examples.weather import VARIABLES, Weather

FORECAST = {name for name in CORRUPTERS if name.startswith("fc.")}


@cache
def clean() -> xr.Dataset:
    """Six days of example weather on a grid of 5 degrees whose polar rows are one place each."""
    data = regridded().drop_vars("sst")
    for name in data.data_vars:
        if data[name].ndim == 3 and name != "u850":
            values = data[name].values.copy()
            for row in (0, -1):
                values[:, row] = values[:, row].mean(axis=1, keepdims=True)
            data = data.assign({str(name): data[name].copy(data=values)})
    return data


def failed(data: xr.Dataset, rule: str, folder: Path) -> set[str]:
    """The rules that do not pass, of the set in which the rule stands."""
    name = "forecast_output" if rule in FORECAST else "timeliness" if rule == "time.latency" else "audit"
    given = data
    if rule in IN_TILES:
        given = folder / "tiles.nc"
        data.to_netcdf(given, engine="h5netcdf")
    verdict = dqwatch.audit(given, rules=name)
    assert any(f.rule == rule and f.status != "skipped" for f in verdict.results)
    return {f.rule for f in verdict.results if f.status in ("fail", "error", "no_data")}


@pytest.mark.parametrize("rule", sorted(CORRUPTERS))
def test_a_corrupter_trips_what_it_declares(rule: str, tmp_path: Path) -> None:
    spoilt = CORRUPTERS[rule](clean())
    assert failed(spoilt, rule, tmp_path) == {rule} | TRIPS.get(rule, set())


@pytest.mark.parametrize("rules", ["audit", "gate", "forecast_output"])
def test_clean_data_pass(rules: str) -> None:
    verdict = dqwatch.audit(clean(), rules=rules)
    assert {f.rule for f in verdict.results if f.status in ("fail", "error", "no_data")} == set()


def test_every_rule_of_these_sets_has_a_corrupter() -> None:
    ids = {r.id for s in load_rule_sets(["traces", "timeliness", "forecast_output"]) for r in s.rules}
    assert {i for i in ids if not i.startswith(("rel.", "time."))} <= CORRUPTERS.keys()


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
