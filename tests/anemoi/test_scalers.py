"""The weights that the scalers of anemoi-training give each variable, from the YAML that `dqwatch weights` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import zarr
from advice.cases import write
from omegaconf import DictConfig, OmegaConf
from test_weight_suggestions import folder as suggestions  # noqa: F401 - a fixture
from training_run import DATA, composed, stand_in_for_timm, write_training_store

import dqwatch
from dqwatch import cli
from dqwatch.advice.documents import dig

pytestmark = [
    pytest.mark.filterwarnings("ignore:Loading the settings config file:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:datashader"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:anemoi"),
]
MINE = {"swvl1": 100, "swvl2": 200, "2t": 3}
BY_HAND = {
    "t_850": 6 * 0.85,
    "t_500": 6 * 0.5,
    "z_500": 12 * 0.5,
    "q_850": 0.6 * 0.85,
    "u_850": 0.8 * 0.85,
    "v_850": 0.5 * 0.85,
    "2t": 3,
    "2d": 0.5,
    "10u": 0.1,
    "10v": 0.1,
    "msl": 1,
    "sp": 10,
    "tp": 0.025,
    "cp": 0.0025,
    "swvl1": 100,
    "swvl2": 200,
}
"""The weights that are installed and those above, times 0.001 for each hPa of the level, which is 0.2 at least."""
PLACES = {
    "head": ("scalers", "datasets", "data", "general_variable", "weights"),
    "aifs2": ("scalers", "general_variable", "weights"),
    "0.5": ("scalers", "builders", "general_variable", "weights"),
}
"""Of the generations whose weights are looked up by the scaler that is installed."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_training_store(tmp_path_factory.mktemp("scalers") / "store.zarr")


def scaled(config: DictConfig, names: list[str], metadata: dict[str, Any], *scalers: str) -> dict[str, float]:
    """What the scalers of a configuration multiply the error of each variable by, as a training makes them."""
    stand_in_for_timm()
    from anemoi.models.data_indices.collection import IndexCollection
    from anemoi.training.losses.scalers import create_scalers
    from anemoi.training.utils.variables_metadata import ExtractVariableGroupAndLevel

    indices = IndexCollection(config.data.datasets.data, {name: i for i, name in enumerate(names)})
    extractor = ExtractVariableGroupAndLevel(config.training.variable_groups.datasets.data, metadata)
    builders = OmegaConf.masked_copy(config.training.scalers.datasets.data, list(scalers))
    made, _ = create_scalers(builders, data_indices=indices, metadata_extractor=extractor)
    whole = torch.stack([values for _, values in made.values()]).prod(dim=0)
    return {name: float(whole[i]) for name, i in indices.model.output.name_to_index.items()}


@pytest.mark.parametrize("target", PLACES)
def test_the_scaler_gives_what_the_audit_of_weights_says(store, tmp_path, target):
    scalers = {"datasets": {"data": {"general_variable": {"weights": MINE}}}}
    write(tmp_path, "weighed.yaml", {"training": {"scalers": scalers}})
    user = {"data": {"datasets": {"data": DATA}}}
    before = composed(tmp_path, {"defaults": ["config", "weighed", "_self_"], **user})
    (tmp_path / "before.yaml").write_text(OmegaConf.to_yaml(before))
    written = tmp_path / "dqwatch_weights.yaml"
    arguments = ["weights", str(store), "--config", str(tmp_path / "before.yaml"), "--target", target, "--quiet"]
    assert cli.main([*arguments, "-o", str(written), "--fail-on", "never"]) == 0
    after = composed(tmp_path, {"defaults": ["config", "dqwatch_weights", "_self_"], **user})
    if target != "head":  # where this release looks for them
        found = dig(OmegaConf.to_container(after, resolve=False), "training", *PLACES[target])
        after.training.scalers.datasets.data.general_variable.weights = found
    attributes = zarr.open_group(str(store), mode="r").attrs
    own = scaled(after, attributes["variables"], attributes["variables_metadata"], "general_variable", "pressure_level")
    assert own == pytest.approx(BY_HAND)
    table = dqwatch.weights(str(store), config=str(tmp_path / "before.yaml")).tables["weights"]
    assert own == pytest.approx(dict(zip(table["source_name"], table["loss_weight"], strict=True)))


def test_suggested_weights_are_those_that_it_trains_with(suggestions, tmp_path):  # noqa: F811
    """One source is 12 K too warm: the scaler multiplies by what it did before, times the evidence."""
    verdict = dqwatch.weights(
        str(suggestions / "training.nc"),
        config=str(suggestions / "config.yaml"),
        incoming=str(suggestions / "warmer.nc"),
        baseline=str(suggestions / "b.zarr"),
        target="head",
    )
    assert verdict.advice is not None
    (tmp_path / "dqwatch_weights.yaml").write_text(verdict.advice["yaml"])
    data = {"datasets": {"data": {"forcing": ["lsm"], "diagnostic": []}}}
    config = composed(tmp_path, {"defaults": ["config", "dqwatch_weights", "_self_"], "data": data})
    own = scaled(config, ["2t", "sst", "lsm"], {}, "general_variable")
    rows = verdict.tables["weights"].set_index("variable")
    expected = {name: was * rows["multiplier"][name] for name, was in (("2t", 4), ("sst", 2))}
    assert own == pytest.approx(expected, rel=1e-5)
    assert own["2t"] < 4 * 0.3
