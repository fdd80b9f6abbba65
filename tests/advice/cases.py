"""What the tests of advice share: configurations in every layout, and variables as anemoi describes them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from conftest import ROOT

from dqwatch.advice.documents import Document
from dqwatch.advice.training import Training, read_training
from dqwatch.sources.anemoi_metadata import make_variables
from dqwatch.yaml_files import to_yaml

AIFS_1_0, AIFS_1_1 = (str(ROOT / "examples" / f"aifs_single_1_{n}.yaml") for n in (0, 1))
FLAT = {"default": 1, "t": 6, "z": 12, "w": 0.001, "2t": 0.5, "swvl1": 100}
RELU = {"_target_": "anemoi.training.losses.scalers.ReluVariableLevelScaler", "group": "pl"}
SCALERS = {
    "general_variable": {"_target_": "anemoi.training.losses.scalers.GeneralVariableLossScaler", "weights": FLAT},
    "pressure_level": {**RELU, "y_intercept": 0.2, "slope": 0.001},
    "node_weights": {"_target_": "anemoi.training.losses.scalers.GraphNodeAttributeScaler"},
    "stdev_tendency": {"_target_": "anemoi.training.losses.scalers.StdevTendencyScaler"},
    "var_tendency": {"_target_": "anemoi.training.losses.scalers.VarTendencyScaler"},
}
GROUPED = {"default": 1, "pl": {"t": 6, "z": 12, "w": 0.001}, "sfc": {"2t": 0.5, "swvl1": 100}}
OLD_LEVELS = {"_target_": "anemoi.training.data.scaling.ReluPressureLevelScaler", "minimum": 0.2, "slope": 0.001}
USED = ["pressure_level", "general_variable", "node_weights"]
LAYOUTS: dict[str, dict[str, Any]] = {
    "head": {
        "scalers": {"datasets": {"data": SCALERS}},
        "training_loss": {"datasets": {"data": {"scalers": USED}}},
        "optimization": {"lr": 0.625e-4},
    },
    "aifs2": {"scalers": SCALERS, "training_loss": {"scalers": USED}, "lr": {"rate": 3.125e-5}},
    "0.5": {"scalers": {"builders": SCALERS}, "training_loss": {"scalers": USED}, "lr": {"rate": 3.125e-5}},
    "aifs1": {
        "variable_loss_scaling": GROUPED,
        "pressure_level_scaler": OLD_LEVELS,
        "training_loss": {"scalars": ["variable"]},
        "lr": {"rate": 3.125e-5},
    },
    "0.3": {"loss_scaling": GROUPED, "pressure_level_scaler": OLD_LEVELS, "lr": {"rate": 3.125e-5}},
}


def training(layout: str = "head", data: dict[str, Any] | None = None, **more: Any) -> Training:
    """A configuration in a layout, with a part `data`, and what else `training` is to have."""
    config = {
        "training": LAYOUTS[layout] | more,
        "data": data or {"forcing": [], "normalizer": {"default": "mean-std"}},
    }
    return read_training(Document(config, {}, ("config.yaml",), ()))


def variable_source(names: list[str], metadata: dict[str, Any] | None = None) -> Any:
    """As much of a source as weighing looks at."""
    attributes = {"variables_metadata": metadata or {}}
    return SimpleNamespace(name="era5.zarr", variables=make_variables(names, attributes, 1))


def mars(param: str, levtype: str, level: Any = None) -> dict[str, Any]:
    """Metadata of a variable."""
    return {"mars": {"param": param, "levtype": levtype} | ({} if level is None else {"levelist": level})}


def write(folder: Path, name: str, content: Any) -> str:
    """A YAML file with some content."""
    path = folder / name
    path.write_text(to_yaml(content), encoding="utf-8")
    return str(path)
