"""Shares of the loss, against sums written out here; and what the weights of AIFS Single 1.0 and 1.1 show where."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from advice.cases import AIFS_1_0, AIFS_1_1, training, variable_source
from conftest import real_data

from dqwatch import tables
from dqwatch.advice.documents import read_documents
from dqwatch.advice.shares import key_columns, share_columns, weigh
from dqwatch.advice.statistics import Statistics
from dqwatch.advice.training import read_training
from dqwatch.errors import UsageError
from dqwatch.expectations import evaluate, load_rule_sets

NAMES = ["t_850", "2t", "swvl1", "tp", "cp", "rh", "sd", "lsm"]
STATISTICS = [
    Statistics(280.0, 15.0, 190.0, 320.0, 1.5),
    Statistics(278.0, 21.0, 190.0, 325.0, 3.5),
    Statistics(0.1, 0.15, 0.0, 0.75, 0.004),
    Statistics(0.001, 0.002, 0.0, 0.3, 0.0025),
    Statistics(0.0004, 0.001, 0.0, 0.2, 0.0012),
    Statistics(60.0, 25.0, -2.0, 108.0, 12.0),
    Statistics(0.2, 1.1, 0.0, 10.0, 0.01),
    Statistics(0.3, 0.4, 0.0, 1.0, 0.0),
]
DATA = {
    "forcing": ["lsm"],
    "diagnostic": ["tp", "cp"],
    "normalizer": {
        "default": "mean-std",
        "std": ["tp", "cp"],
        "remap": {"cp": "tp"},
        "none": ["swvl1"],
        "min-max": ["rh"],
        "max": ["sd"],
    },
}


def test_shares_on_three_scales():
    weighed, notes = weigh(variable_source(NAMES), STATISTICS, training("head", DATA))
    assert notes == []
    made = tables.frame("weights", share_columns(weighed)).set_index("source_name")
    assert list(made.index) == NAMES[:-1], "a forcing is no part of the loss"
    weight = np.array([6 * 0.85, 0.5, 100, 1, 1, 1, 1])
    scale = np.array([15.0, 21.0, 1.0, 0.002, 0.002, 110.0, 10.0])
    np.testing.assert_allclose(made["scale"], scale)
    for column, error in (
        ("raw", scale),
        ("sd", np.array([15.0, 21.0, 0.15, 0.002, 0.001, 25.0, 1.1])),
        ("tendency", np.array([1.5, 3.5, 0.004, 0.0025, 0.0012, 12.0, 0.01])),
    ):
        part = weight * error**2 / scale**2
        np.testing.assert_allclose(made[f"{column}_share"], part / math.fsum(part), rtol=1e-12)
        np.testing.assert_allclose(made[f"{column}_ratio"], part / np.median(part), rtol=1e-12)
    assert made["role"].to_dict()["tp"] == "diagnostic"
    assert made["role"].to_dict()["swvl1"] == "prognostic"


@pytest.mark.parametrize(("used", "power"), [("stdev_tendency", 1), ("var_tendency", 2)])
def test_tendency_scaling_is_for_prognostic_variables(used, power):
    loss = {"datasets": {"data": {"scalers": ["general_variable", used]}}}
    weighed, _ = weigh(variable_source(NAMES), STATISTICS, training("head", DATA, training_loss=loss))
    factors = {w.variable.source_name: w.factor for w in weighed}
    assert factors["swvl1"] == pytest.approx((0.15 / 0.004) ** power)
    assert factors["t_850"] == pytest.approx((15 / 1.5) ** power)
    assert factors["tp"] == 1


def test_without_tendencies_that_scale_is_unknown():
    known = [one._replace(tendency=math.nan) for one in STATISTICS]
    made = share_columns(weigh(variable_source(NAMES), known, training("head", DATA))[0])
    assert all(math.isnan(x) for x in made["tendency_share"] + made["tendency_ratio"])
    assert sum(made["sd_share"]) == pytest.approx(1)


def test_keys_that_match_nothing_are_counted():
    found = training("head", DATA)
    weighed, _ = weigh(variable_source(NAMES), STATISTICS, found)
    made = key_columns(weighed, found)
    assert dict(zip(made["key"], made["n_variables"], strict=True)) == {"t": 1, "z": 0, "w": 0, "2t": 1, "swvl1": 1}


def test_what_does_not_fit_the_data_is_refused():
    with pytest.raises(UsageError, match=r"remap of 'cp' to 'tp', which era5\.zarr does not have"):
        weigh(variable_source(["cp"]), STATISTICS[4:5], training("head", DATA))
    with pytest.raises(UsageError, match="every one of them is a forcing"):
        weigh(variable_source(["lsm"]), STATISTICS[-1:], training("head", DATA))


def test_forcings_are_guessed_where_the_configuration_does_not_name_them():
    described = {"lsm": {"constant_in_time": True}, "insolation": {"computed_forcing": True}}
    source = variable_source(["2t", "lsm", "insolation"], described)
    weighed, notes = weigh(source, STATISTICS[:3], training("head", {"normalizer": {"default": "std"}}))
    assert [w.variable.source_name for w in weighed] == ["2t"]
    assert "does not name its forcings" in notes[0]


LEVELS = (50, 100, 150, 200, 250, 300, 400, 500, 600, 700, 850, 925, 1000)
AIFS = [f"{p}_{level}" for p in "qtuvwz" for level in LEVELS]
AIFS += ["10u", "10v", "2d", "2t", "msl", "skt", "sp", "tcw", "swvl1", "swvl2", "stl1", "stl2"]
AIFS += ["tp", "100u", "100v", "ssrd", "strd", "ro"]


def aifs_audit(config: str) -> tuple[dict[str, set[str]], dict[str, dict[str, float]]]:
    """Variables that each rule points out among those of AIFS, and the table, with public standard deviations.

    Those of normalised variables cancel and are set to 1; soil moisture is not normalised.
    """
    with open(real_data("ERA5_VARIABLE_STATS.csv"), encoding="utf-8") as file:
        public = {
            row["variable"]: float(row["std"]) for row in csv.DictReader(file) if row["variable"].startswith("swvl")
        }
    assert public.keys() == {"swvl1", "swvl2"}
    unknown = math.nan
    statistics = [Statistics(0.0, public.get(name, 1.0), unknown, unknown, unknown) for name in AIFS]
    found = read_training(read_documents([config]))
    # Clouds, snowfall and cp are left out: they are not normalised by their own statistics, and none are public.
    weighed, _ = weigh(variable_source(AIFS), statistics, found)
    made = tables.frame("weights", share_columns(weighed))
    results = evaluate(load_rule_sets(["weights"]), {"weights": made}).results
    failed: dict[str, set[str]] = {}
    for f in results:
        if f.status == "fail":
            failed.setdefault(f.rule, set()).add(f.variable)
    return failed, made.set_index("source_name").to_dict("index")


def test_the_weights_of_aifs_1_0_are_pointed_out_by_the_weight_and_not_by_the_share():
    failed, rows = aifs_audit(AIFS_1_0)
    soil = {"swvl1", "swvl2"}
    assert failed == {"weights.raw": soil, "weights.unnormalised": soil}
    # By hand: with errors of one standard deviation 100 x .1605^2 = 2.6 and 200 x .1581^2 = 5.0, where t_1000 has
    # 6 and z_1000 has 12.
    assert rows["swvl1"]["raw_share"] / rows["t_1000"]["raw_share"] == pytest.approx(100 / 6)
    assert rows["swvl1"]["sd_share"] / rows["t_1000"]["sd_share"] == pytest.approx(2.5766 / 6, rel=1e-3)
    assert rows["swvl2"]["sd_share"] / rows["z_1000"]["sd_share"] == pytest.approx(5.0013 / 12, rel=1e-3)


def test_the_weights_of_aifs_1_1_are_not_pointed_out():
    failed, rows = aifs_audit(AIFS_1_1)
    assert failed == {}
    assert max(row["raw_ratio"] for row in rows.values()) < 30, "far from the limit of 50"
