"""Relations on healthy real data and on the example weather: what is beyond a tolerance stays within its share."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from conftest import real_data

import dqwatch
from dqwatch.buffers import Buffers
from dqwatch.catalogue import load_catalogue
from dqwatch.metrics.relations import SERIES, Context, Violations, find_uses, period_of
from dqwatch.metrics.relations.clouds import layers_bound_total
from dqwatch.types import Source, TimeAxis, Variable
from examples.weather import VARIABLES, Weather

Found = dict[str, list[Violations]]


def read(source: Source) -> dict[tuple[int, int], dict[int, np.ndarray]]:
    """(Axis, time) -> variable -> values of the first member."""
    fields: dict[tuple[int, int], dict[int, np.ndarray]] = defaultdict(dict)
    for block in source.blocks():
        for field in source.read(block, Buffers()):
            if field.member == 0:
                axis = source.variables[field.variable].times
                fields[axis, field.time][field.variable] = field.values.copy()
    return fields


def judge(path: Path, every: int = 1) -> Found:
    """All that can be judged in a file at every n-th time, by relation; asserts that each stays in its share."""
    source, entries, memo = dqwatch.open_source(path), load_catalogue().entries, {}
    found: Found = defaultdict(list)
    uses = find_uses(source.variables, source.times)
    for (axis_index, time), there in read(source).items():
        axis = source.times[axis_index]
        for use in uses:
            if use.times != axis_index or time % every:
                continue
            variables = {name: source.variables[v] for name, v in use.variables.items()}
            fields = {}
            for name, v in use.variables.items():
                convert = entries[variables[name].param].conversion(variables[name].units)
                assert convert is not None
                fields[name] = convert(there[v])
            periods = {period_of(v, axis, time) for v in variables.values()} - {0.0}
            grid = source.grids[next(iter(variables.values())).grid]
            context = Context(
                grid.latitudes, grid.longitudes, grid.area_weights, float(axis.seconds[time]),
                period_h=next(iter(periods), 0.0), memo=memo,
            )  # fmt: skip
            judged = use.relation(fields, context)
            assert not judged.share > use.relation.share, (use.relation.id, use.level, judged)
            found[use.relation.id].append(judged)
    source.close()
    return found


def total(found: Found) -> dict[str, tuple[int, int]]:
    return {name: (sum(f.n_checked for f in own), sum(f.n_violations for f in own)) for name, own in found.items()}


def test_era5_on_37_levels() -> None:
    found = judge(real_data("reanalysis", "era5_tl31_19590102T00.nc"))
    assert total(found) == {
        "hydrostatic": (36 * 2048, 49),  # 40 of them from 2 to 1 hPa
        "levels_height": (36 * 2048, 0),
        "levels_theta": (36 * 2048, 0),
        "sst_ice": (665, 0),
    }


def test_gfs() -> None:
    found = judge(real_data("grib", "gfs.t12z.pgrbf120.2p5deg.grib2"))
    counts = total(found)
    assert {name: bad for name, (_, bad) in counts.items() if bad} == {
        "cp_le_tp": 25, "gust": 56, "humidity": 8, "hydrostatic": 76,
    }  # fmt: skip
    assert counts.keys() > {"tas_order", "levels_height", "levels_theta", "night", "sp_orography", "snow_sign"}
    # Under-ground levels left out, layers up to 300 hPa fit within 6 m.
    assert max(f.worst for f in found["hydrostatic"][:16]) < 6
    assert found["sp_orography"][0].worst < 0.03
    assert 0.05 < found["tas_order"][0].worst < 0.07


def test_cloud_layers_of_gfs() -> None:
    """Means over six hours, named by their layers."""
    source = dqwatch.open_source(real_data("grib", "gfs.t12z.pgrbf120.2p5deg.grib2"))
    (fields,) = read(source).values()
    by_name = {source.variables[v].name: values for v, values in fields.items()}
    names = {"tcc": "tcc", "lcc": "tcc_lowCloudLayer", "mcc": "tcc_middleCloudLayer", "hcc": "tcc_highCloudLayer"}
    found = layers_bound_total({name: 0.01 * by_name[theirs] for name, theirs in names.items()}, Context())
    assert found.n_checked == 10512
    assert found.share < 0.01


def test_heights_of_era_interim() -> None:
    assert total(judge(real_data("reanalysis", "eraint_uvz.nc"))) == {"levels_height": (2 * 2 * 241 * 480, 0)}


@pytest.mark.parametrize(("name", "share"), [("test4.grib", 0.001), ("era5-levels-members.grib", 0.003)])
def test_one_thick_layer(name: str, share: float) -> None:
    """From 850 to 500 hPa, where a plateau lies in between and nothing tells of it."""
    found = judge(real_data("grib", name))
    assert found.keys() == {"hydrostatic", "levels_height", "levels_theta"}
    assert 0 < max(f.share for f in found["hydrostatic"]) < share


def test_soil_of_era5() -> None:
    assert total(judge(real_data("grib", "soil-surface-level-mix.grib"))) == {"soil_porosity": (4 * 36, 0)}


def test_a_year_of_era5_radiation() -> None:
    """Hourly at six cells: direct below global, dark nights, the sun in its time; an hour's shift is found."""
    path = real_data("reanalysis", "ERA5_example_data.nc")
    found = total(judge(path, every=13))
    assert found["radiation_direct"] == (6 * 674, 0)
    assert found["night"] == (pytest.approx(20597 / 13, rel=0.02), 0)  # 20597 of the whole year
    source = dqwatch.open_source(path)
    fields, axis, grid = read(source), source.times[0], source.grids[0]
    index = {v.name: i for i, v in enumerate(source.variables)}
    lags = {}
    for series in SERIES:
        for shift in (-1, 0, 1, 4):
            if series.variable in index:
                phase = series.make()
                for time in range(0, 8750, 17):
                    hours = period_of(source.variables[index[series.variable]], axis, time)
                    context = Context(
                        grid.latitudes, grid.longitudes, seconds=float(axis.seconds[time]), period_h=hours
                    )
                    phase.add(fields[0, max(time - shift, 0)][index[series.variable]], context)
                judged = phase.finish()
                lags[series.variable, shift] = judged.worst
                assert bool(judged.n_violations) == (abs(judged.worst) > series.tolerance)
    assert lags["ssrd", 0] == pytest.approx(-0.1, abs=0.1)
    assert lags["2t", 0] == pytest.approx(0.45, abs=0.1)
    for shift in (-1, 1, 4):
        assert lags["ssrd", shift] - lags["ssrd", 0] == pytest.approx(shift, abs=0.1)
        assert lags["2t", shift] - lags["2t", 0] == pytest.approx(shift, abs=0.1)
    assert abs(lags["ssrd", 1]) > 0.75
    assert abs(lags["2t", 4]) > 3


def test_example_weather() -> None:
    weather = Weather(0)
    dates = np.arange("2001-06-01T00", "2001-06-11T00", 6, "M8[h]").astype("M8[s]")
    grid = weather.grid
    relations = {r.relation.id: r for r in find_uses(*_as_variables())}
    assert relations.keys() == {"td_le_t", "cp_le_tp", "sp_orography", "levels_theta", "soil_porosity"}
    names = list(VARIABLES)
    warmth = next(s for s in SERIES if s.variable == "2t").make()
    for date, state in zip(dates, weather.states(dates), strict=True):
        context = Context(
            grid.latitudes, grid.longitudes, grid.area_weights, float(date.astype(np.int64)), period_h=6.0
        )
        for use in relations.values():
            judged = use.relation({name: state[v] for name, v in use.variables.items()}, context)
            assert judged.n_checked > 0
            assert judged.n_violations == 0, use.relation.id
        warmth.add(state[names.index("2t")], context)
    assert abs(warmth.finish().worst) < 1


def _as_variables() -> tuple[list[Variable], list[TimeAxis]]:
    variables = [
        Variable(name, q.param, name, level=q.level, level_type="pl" if q.level else "sfc", units=q.units)
        for name, q in VARIABLES.items()
    ]
    return variables, [TimeAxis("time", [], np.zeros(0, np.int64))]
