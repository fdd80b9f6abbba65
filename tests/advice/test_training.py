"""What configurations of every generation say of the loss."""

from __future__ import annotations

import pytest
from advice.cases import FLAT, LAYOUTS, SCALERS, training

from dqwatch.advice.documents import Document
from dqwatch.advice.keys import Key
from dqwatch.advice.training import LevelScaling, read_training
from dqwatch.errors import UsageError


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_weights_in_every_layout(layout):
    found = training(layout)
    assert found.layout == layout
    assert found.default == 1
    weights = {name: found.weight(found.key(name, {})) for name in ("t_850", "z_50", "w_500", "2t", "swvl1", "msl")}
    assert weights == {"t_850": 6, "z_50": 12, "w_500": 0.001, "2t": 0.5, "swvl1": 100, "msl": 1}
    factors = [found.level_factor(found.key(name, {})) for name in ("t_850", "z_50", "2t", "msl")]
    assert factors == pytest.approx([0.85, 0.2, 1, 1])
    assert found.learning_rate == (0.625e-4 if layout == "head" else 3.125e-5)


def test_a_parameter_without_a_weight_is_scaled_by_level_since_0_5_only():
    for layout, expected in (("head", 0.7), ("aifs1", 1.0)):
        found = training(layout)
        assert found.level_factor(found.key("q_700", {})) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("form", "level", "expected"), [("Relu", 100, 0.2), ("Linear", 100, 0.3), ("Polynomial", 100, 0.21)]
)
def test_level_scalings(form, level, expected):
    scaling = LevelScaling(form, 0.2, 0.001, "pl")
    assert scaling.factor(Key("t", level, "pl")) == pytest.approx(expected)
    assert scaling.factor(Key("t", level, "sfc")) == scaling.factor(Key("t", None, "pl")) == 1


@pytest.mark.parametrize(
    ("used", "weighted", "scaled", "power"),
    [
        (["*"], True, True, 2),
        (["*", "!var_tendency"], True, True, 1),
        (["*", "!general_variable", "!var_tendency", "!stdev_tendency"], False, True, 0),
        (["general_variable"], True, False, 0),
        (["node_weights"], False, False, 0),
    ],
)
def test_only_scalers_that_the_loss_names_count(used, weighted, scaled, power):
    found = training("head", training_loss={"datasets": {"data": {"scalers": used}}})
    assert (found.weighted, found.levels is not None, found.tendency_power) == (weighted, scaled, power)
    assert found.weight(found.key("swvl1", {})) == (100 if weighted else 1)


def test_the_old_loss_names_its_scalars():
    assert not training("aifs1", training_loss={"scalars": []}).weighted
    assert training("0.3").notes == (
        "the configuration does not say which scalers the loss uses: taken are weights and level scaling",
    )


def test_the_general_scaler_may_have_another_name():
    scalers = {"mine": SCALERS["general_variable"]}
    found = training("aifs2", scalers=scalers, training_loss={"scalers": ["mine"]})
    assert found.weighted
    assert found.weights == {k: v for k, v in FLAT.items() if k != "default"}


def test_normalisers_and_roles():
    processors = {"normalizer": {"config": {"default": "std", "none": ["swvl1"], "max": None, "remap": {"cp": "tp"}}}}
    one = {
        "datasets": {"data": {"processors": processors, "forcing": ["lsm"], "diagnostic": ["tp"]}},
        "frequency": "6h",
    }
    found = training("head", one)
    assert [found.normalisers.method(n) for n in ("2t", "swvl1")] == ["std", "none"]
    assert found.normalisers.remap == {"cp": "tp"}
    assert (found.forcing, found.diagnostic, found.timestep) == (frozenset({"lsm"}), frozenset({"tp"}), 21600)
    bare = training("head", {"forcing": []})
    assert bare.normalisers.method("2t") == "mean-std"
    assert "names no normaliser" in bare.notes[0]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"training": {"max_steps": 3}}, "no loss weights"),
        ({"training": {"scalers": {"datasets": {"era": SCALERS}}}}, "no data set 'data'.*there are: era"),
        ({"training": {"scalers": {"node_weights": {}}}}, "no weights in the scaler general_variable"),
        ({"training": {"loss_scaling": {"default": 1, "sfc": {"2t": "much"}}}}, "weight of 'sfc.2t': got 'much'"),
        ({"training": {"loss_scaling": {"default": -1}}}, "default weight: got -1"),
        ({"training": LAYOUTS["head"], "data": {"normalizer": {"default": "robust"}}}, "default is 'robust'"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(config, message):
    with pytest.raises(UsageError, match=message):
        read_training(Document(config, {}, ("c.yaml",), ()), "data")


def test_scalers_that_are_not_known_are_told():
    scalers = SCALERS | {"odd": {"_target_": "mine.OddVariableScaler"}}
    found = training("aifs2", scalers=scalers, training_loss={"scalers": ["*"]})
    assert found.notes == ("OddVariableScaler: a scaler that dqwatch does not know is left out",)
