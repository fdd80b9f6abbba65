"""What dqwatch writes composes with the configurations of anemoi-training, and keys are those that it looks up."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
import training_run
from advice.cases import LAYOUTS, mars, training, variable_source
from anemoi.training.utils.variables_metadata import ExtractVariableGroupAndLevel
from omegaconf import OmegaConf

from dqwatch.advice.documents import Document, dig, read_documents
from dqwatch.advice.keys import find_key
from dqwatch.advice.layouts import assign, check_keys, target_key, write_yaml
from dqwatch.advice.shares import weigh
from dqwatch.advice.statistics import Statistics
from dqwatch.advice.training import read_training

pytestmark = pytest.mark.filterwarnings("ignore:Loading the settings config file:DeprecationWarning")
NAMES = ["t_850", "t_500", "q_700", "2t", "t2m", "swvl1", "vsw_1", "sot_2", "tp", "lsm"]
DESCRIBED = {
    "t_850": mars("t", "pl", 850),
    "t_500": mars("t", "pl", 500),
    "q_700": mars("q", "pl"),
    "2t": mars("2t", "sfc"),
    "t2m": mars("2t", "sfc"),
    "vsw_1": mars("vsw", "sol", 1),
    "sot_2": mars("sot", "sfc", 2),
    "tp": {"process": "accumulation", **mars("tp", "sfc")},
    "lsm": {"constant_in_time": True},
}
GROUPS = [
    {"default": "sfc", "pl": ["q", "t"]},
    {"default": "sfc", "pl": {"param": ["q", "t"]}, "soil": "vsw"},
    {"default": "sfc", "pl": {"is_pressure_level": True}, "top": {"is_surface_level": True}},
]


def composed(folder: Path, config: dict, *overrides: str) -> dict:
    """What Hydra makes of a user's configuration, names of other places as they stand."""
    return OmegaConf.to_container(training_run.composed(folder, config, *overrides), resolve=False)  # type: ignore[return-value]


@pytest.mark.parametrize("groups", GROUPS, ids=["list", "param", "kinds"])
@pytest.mark.parametrize("described", [True, False], ids=["described", "bare"])
def test_keys_are_those_of_anemoi_training(groups, described):
    if not described and "top" in groups:
        groups = GROUPS[0]
    metadata = DESCRIBED if described else {}
    theirs = ExtractVariableGroupAndLevel(groups, metadata)
    for name in [n for n in NAMES if "top" not in groups or n in DESCRIBED]:
        group, param, level = theirs.get_group_and_level(name)
        key = find_key(name, metadata.get(name, {}), groups)
        assert (key.group, key.param, key.level) == (group, param, None if level is None else float(level)), name


def test_its_own_configuration_is_read_as_it_is_composed(tmp_path):
    config = composed(tmp_path, {"defaults": ["config", "_self_"]})
    found = read_training(Document(config, {}, ("config.yaml",), ()))
    theirs = config["training"]["scalers"]["datasets"]["data"]
    assert found.layout == "head"
    assert found.weights | {"default": found.default} == theirs["general_variable"]["weights"]
    assert found.weighted
    assert found.tendency_power == 0
    assert found.levels is not None
    assert found.levels[1:] == (0.2, 0.001, "pl")
    assert found.learning_rate == config["training"]["optimization"]["lr"]
    assert found.normalisers.method("lsm") == "none"
    assert found.normalisers.method("tp") == "std"
    assert found.forcing is not None
    assert {"lsm", "z", "insolation"} <= found.forcing
    assert found.timestep == 21600
    assert [n for n in found.notes if "scaler" in n] == []


@pytest.mark.parametrize("target", LAYOUTS)
def test_what_is_written_composes(tmp_path, target):
    """In the place of its generation; in that of the package installed, over the weights that it has."""
    now = training("head")
    known = [Statistics(0.0, 1.0, 0.0, 1.0, 0.5)] * len(NAMES[:6])
    weighed, _ = weigh(variable_source(NAMES[:6]), known, now)
    wanted = assign(weighed, [3.0 if w.variable.source_name == "swvl1" else w.weight for w in weighed], target, now)
    check_keys(wanted, {w.variable.source_name: target_key(w, target, now) for w in weighed})
    (tmp_path / "dqwatch_weights.yaml").write_text(write_yaml(wanted, now.default, target, dataset="data"))
    config = composed(tmp_path, {"defaults": ["config", "dqwatch_weights", "_self_"]})
    own = read_documents([str(tmp_path / "dqwatch_weights.yaml")]).config
    again = read_training(Document(own, {}, ("weights.yaml",), ()))
    assert again.weight(again.key("swvl1", {})) == 3
    place = {
        "head": ("scalers", "datasets", "data", "general_variable", "weights", "swvl1"),
        "aifs2": ("scalers", "general_variable", "weights", "swvl1"),
        "0.5": ("scalers", "builders", "general_variable", "weights", "swvl1"),
        "aifs1": ("variable_loss_scaling", "sfc", "swvl1"),
        "0.3": ("loss_scaling", "sfc", "swvl1"),
    }[target]
    assert dig(config, "training", *place) == 3
    theirs = config["training"]["scalers"]["datasets"]["data"]
    assert theirs["general_variable"]["_target_"].endswith("GeneralVariableLossScaler")
    if target == "head":
        assert theirs["general_variable"]["weights"]["t"] == 6
        assert theirs["general_variable"]["weights"]["u"] == 0.8, "what is not written stays as it was"


def test_the_release_is_one_of_those_whose_data_sets_have_names():
    assert tuple(int(n) for n in version("anemoi-training").split(".")[:2]) >= (0, 10)
