"""Which relations the variables of a source allow."""

from __future__ import annotations

import numpy as np
import pytest

from dqwatch.metrics.relations import RELATIONS, Use, find_uses, period_of
from dqwatch.metrics.relations.matching import accumulates_from_start
from dqwatch.types import TimeAxis, Variable

HOURS = np.arange(0, 48, 6) * 3600


def axis(kind: str = "time", seconds: np.ndarray = HOURS, leads: list[int] | None = None) -> TimeAxis:
    """A time axis, of forecasts if `leads` (h) are given."""
    lead_seconds = None if leads is None else np.array(leads, np.int64) * 3600
    seconds = seconds if lead_seconds is None else lead_seconds
    return TimeAxis(
        "time", [str(s) for s in seconds], np.asarray(seconds, np.int64), kind=kind, lead_seconds=lead_seconds
    )  # type: ignore[arg-type]


def var(name: str, **rest: object) -> Variable:
    """`t_850` on pressure levels, others as named."""
    param, _, level = name.partition("_")
    if level.isdigit():
        rest = {"level": float(level), "level_type": "pl"} | rest
    return Variable(name, **({"param": param if level.isdigit() else name, "source_name": name} | rest))  # type: ignore[arg-type]


def found(variables: list[Variable], axes: list[TimeAxis] | None = None) -> list[tuple[str, float | None, set[str]]]:
    uses = find_uses(variables, axes or [axis()])
    for use in uses:
        assert isinstance(use, Use)
        assert set(use.variables.values()) <= set(range(len(variables)))
    return [(use.relation.id, use.level, set(use.variables)) for use in uses]


def test_nothing_of_nothing() -> None:
    assert found([]) == []
    assert found([var("2t"), var("msl")]) == []


def test_all_needed_variables_must_be_there() -> None:
    assert found([var("2d")]) == []
    assert found([var("2d"), var("2t")]) == [("td_le_t", None, {"2d", "2t"})]
    assert found([var("mn2t"), var("2t")]) == [("tas_order", None, {"mn2t", "2t"})]
    assert found([var("mn2t"), var("2t"), var("mx2t")]) == [("tas_order", None, {"mn2t", "2t", "mx2t"})]
    assert found([var("tcc")]) == []
    assert found([var("tcc"), var("lcc")]) == [("clouds", None, {"tcc", "lcc"})]
    assert found([var("slt"), var("swvl2")]) == [("soil_porosity", None, {"slt", "swvl2"})]


def test_levels_make_pairs_of_neighbours_that_have_everything() -> None:
    names = ["z_500", "z_1000", "z_850", "t_850", "t_500", "t_1000", "q_850", "q_500", "t_700"]
    uses = found([var(n) for n in names])
    assert [(i, level) for i, level, _ in uses] == [
        ("hydrostatic", 1000), ("hydrostatic", 850), ("levels_height", 1000), ("levels_height", 850),
        ("levels_theta", 1000), ("levels_theta", 850), ("levels_theta", 700),
    ]  # fmt: skip
    assert uses[0][2] == {"z_1000", "z_850", "t_1000", "t_850", "q_850"}
    assert uses[1][2] == {"z_850", "z_500", "t_850", "t_500", "q_850", "q_500"}
    assert uses[-1][2] == {"t_700", "t_500"}


def test_other_vertical_coordinates_are_no_pressure() -> None:
    assert found([var("t_1", level_type="ml"), var("t_2", level_type="ml")]) == []
    assert found([var("t_1", level_type="soil"), var("t_2", level_type="soil")]) == []
    winds = [var(f"{name}_5", level_type="ml") for name in ("ws", "u", "v")]
    assert found(winds) == [("wind", 5, {"ws_5", "u_5", "v_5"}), ("wind_mean", 5, {"ws_5", "u_5", "v_5"})]


def test_a_cloud_layer_is_no_total() -> None:
    assert found([var("tcc", level_type="lowCloudLayer"), var("lcc")]) == []
    assert found([var("z", level_type="tropopause"), var("sp")]) == []


def test_the_ground_and_the_levels_have_the_same_letter() -> None:
    uses = found([var("z", level_type="sfc"), var("z_850"), var("z_700"), var("t_850"), var("t_700")])
    assert ("hydrostatic", 850, {"z", "z_850", "z_700", "t_850", "t_700"}) in uses
    assert [i for i, _, _ in uses].count("levels_height") == 1


def test_twice_the_same_is_ambiguous() -> None:
    assert found([var("2d"), var("2t"), var("2t_b", param="2t")]) == []
    uses = found([var("tcc"), var("lcc"), var("mcc"), var("mcc_b", param="mcc")])
    assert uses == [("clouds", None, {"tcc", "lcc"})]


def test_periods_must_agree() -> None:
    def rain(name: str, hours: float | None) -> Variable:
        return Variable(f"{name}/{hours}", name, name, kind="accumulation", period=hours)

    assert found([rain("tp", 6), rain("cp", 6)]) == [("cp_le_tp", None, {"cp", "tp"})]
    assert found([rain("tp", 6), rain("cp", 3)]) == []
    both = find_uses([rain("tp", 6), rain("cp", 3), rain("tp", 3), rain("cp", 6)], [axis()])
    assert sorted(tuple(use.variables.values()) for use in both) == [(1, 2), (3, 0)]
    assert found([rain("tp", None), rain("cp", None)]) == [("cp_le_tp", None, {"cp", "tp"})]
    # A gust over three hours is compared with the wind at their end.
    gust = Variable("10fg", "10fg", "10fg", kind="maximum", period=3)
    assert [i for i, _, _ in found([gust, var("10u"), var("10v")])] == ["gust"]


def test_means_of_speeds_are_not_held_to_the_equation() -> None:
    winds = [var(n, kind="mean", period=24.0) for n in ("10si", "10u", "10v")]
    assert [i for i, _, _ in found(winds)] == ["wind_mean"]
    assert [i for i, _, _ in found([var(n) for n in ("10si", "10u", "10v")])] == ["wind", "wind_mean"]
    assert found([winds[0], var("10u"), var("10v")]) == []


def test_grids_members_and_axes_do_not_mix() -> None:
    assert found([var("2d"), var("2t", grid=1)]) == []
    assert found([var("2d"), var("2t", members=2)]) == []
    assert found([var("2d"), var("2t", times=1)], [axis(), axis()]) == []
    assert len(found([var("2d", members=2), var("2t", members=2)])) == 1
    assert len(found([var("z_850"), var("z_500")], [axis("index")])) == 1


def test_constant_fields_may_stand_aside() -> None:
    axes = [axis(), axis("static", np.zeros(1)), axis()]
    lsm = var("lsm", times=1, kind="constant")
    (use,) = find_uses([lsm, var("sst", times=0)], axes)
    assert use.times == 0
    assert use.variables == {"lsm": 0, "sst": 1}
    assert len(find_uses([lsm, var("sst", members=10)], axes)) == 1
    assert len(find_uses([lsm, var("sst"), var("sst_b", param="sst", times=2)], axes)) == 2
    assert find_uses([lsm, var("sst", grid=1)], axes) == []
    (still,) = find_uses([lsm, var("sst", times=1)], axes)
    assert still.times == 1


def test_accumulations_from_the_start() -> None:
    forecast = axis(leads=[0, 6, 12, 18])
    total = var("tp", kind="accumulation", period=6.0)
    assert accumulates_from_start(total, forecast)
    assert [period_of(total, forecast, k) for k in range(4)] == [0, 6, 12, 18]
    assert found([total], [forecast]) == [("accum", None, {"tp", "tp@previous"}), ("accum_start", None, {"tp"})]
    hourly, unknown = var("tp", kind="accumulation", period=1.0), var("tp", kind="accumulation")
    for other in (hourly, unknown, var("tp")):
        assert not accumulates_from_start(other, forecast)
        assert found([other], [forecast]) == []
    assert found([total], [axis()]) == []
    assert found([total], [axis(leads=[6])]) == []
    assert period_of(hourly, forecast, 3) == 1
    assert period_of(unknown, forecast, 3) is None


@pytest.mark.parametrize(("step", "period"), [(1800, 0.5), (3600, 1.0), (21600, None)])
def test_the_period_of_an_hourly_axis(step: int, period: float | None) -> None:
    hourly = axis(seconds=np.arange(10) * step)
    assert period_of(var("ssrd", kind="accumulation"), hourly, 3) == period
    assert period_of(var("ssrd", kind="accumulation", period=3.0), hourly, 3) == 3
    assert period_of(var("2t"), hourly, 3) == 0
    assert period_of(var("ssrd", kind="accumulation"), axis(seconds=np.zeros(1)), 0) is None


def test_every_relation_can_be_found() -> None:
    """Given variables as it wants them, each relation has a use of its own."""
    forecast = axis(leads=[0, 6, 12])
    for relation in RELATIONS:
        names = {n.removesuffix("@previous") for n in (*relation.variables, *relation.optional)}
        spelt = [
            f"{n[:-1]}{level}" if "*" in n else n for n in sorted(names) for level in ((850, 700) if "*" in n else (0,))
        ]
        kind = {"kind": "accumulation", "period": 6.0} if relation.from_start else {}
        uses = find_uses([var(n, **kind) for n in spelt], [forecast if relation.from_start else axis()])
        own = [use for use in uses if use.relation is relation]
        assert len(own) == (2 if relation.levels == "each" else 1)
        assert {n.removesuffix("@previous") for use in own for n in use.variables} == set(spelt)
