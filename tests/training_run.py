"""A training of anemoi-training on a processor: its configuration, its data loader, its graph, its model, but small.

    python tests/training_run.py FOLDER

Everything is its own but for timm, of which it imports one class to know a scheduler by: timm needs torchvision, which
comes for CUDA only.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from examples.stores import write_store
from examples.weather import VARIABLES, Weather

SEARCH = {"hydra": {"searchpath": ["pkg://anemoi.training/config"]}}
DATES = np.datetime64("2004-03-01T00", "s") + np.arange(108) * np.timedelta64(6, "h")
SPOILT = 50
"""The date at which 2t is 40 K too warm, if any is to be."""
LAST = "2004-03-26T00:00:00"
"""Last date that is trained on."""
DATA = {
    "forcing": ["lsm", "z"],
    "diagnostic": ["tp", "cp"],
    "processors": {
        "normalizer": {
            "config": {"default": "mean-std", "std": ["tp"], "max": ["z"], "none": ["lsm", "swvl1", "swvl2"]}
        }
    },
}


def stand_in_for_timm() -> None:
    """A module with the one class that anemoi-training asks it for."""
    for name in ("timm", "timm.scheduler", "timm.scheduler.scheduler"):
        sys.modules.setdefault(name, ModuleType(name))
    sys.modules["timm.scheduler.scheduler"].Scheduler = type("Scheduler", (), {})  # type: ignore[attr-defined]


def write_training_store(path: Path, *, spoilt: int | None = None) -> Path:
    """Four weeks of weather on 544 cells; at one date it may be too warm."""
    weather = Weather(0, number=8)
    states = weather.states(DATES)
    if spoilt is not None:
        states[spoilt, list(VARIABLES).index("2t")] += 40
    write_store(path, DATES, [states], weather.grid, description="Four weeks.")
    return path


def composed(folder: Path, config: dict[str, Any], *overrides: str) -> DictConfig:
    """What Hydra makes of a user's configuration over those that are installed; references are not followed yet."""
    (folder / "mine.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create({**SEARCH, **config})))
    with initialize_config_dir(config_dir=str(folder), version_base=None):
        return compose(config_name="mine", overrides=list(overrides))


def configuration(folder: Path, store: Path, callbacks: list[dict[str, Any]]) -> dict[str, Any]:
    """As a user writes it for a machine without a GPU."""
    place = {"attributes": "${graph.attributes.edges}"}
    nearest = [{"_target_": "anemoi.graphs.edges.KNNEdges", "num_nearest_neighbours": 3}]
    ways = [("data", "hidden"), ("hidden", "hidden"), ("hidden", "data")]
    later = {"datasets": {"data": {"start": "2004-03-26T06:00:00", "end": None}}}
    return {
        "defaults": ["config", "_self_"],
        "config_validation": False,
        "data": {"datasets": {"data": DATA}},
        "system": {
            "hardware": {"accelerator": "cpu", "num_gpus_per_node": 1, "num_nodes": 1, "num_gpus_per_model": 1},
            "input": {"dataset": str(store), "graph": None},
            "output": {"root": str(folder / "out")},
        },
        "dataloader": {
            "num_workers": {"training": 2, "validation": 1, "test": 1},
            "batch_size": {"training": 1, "validation": 2, "test": 2},
            "pin_memory": False,
            "limit_batches": {"validation": 1},
            "training": {"datasets": {"data": {"start": None, "end": LAST}}},
            "validation": later,
            "test": later,
        },
        "graph": {
            "nodes": {"hidden": {"node_builder": {"_target_": "anemoi.graphs.nodes.HEALPixNodes", "resolution": 2}}},
            "edges": [{"source_name": a, "target_name": b, "edge_builders": nearest, **place} for a, b in ways],
        },
        "model": {"num_channels": 8, "processor": {"num_layers": 2}},
        "training": {
            "max_epochs": 2,
            "max_steps": None,
            "precision": "32-true",
            "num_sanity_val_steps": 0,
            "optimization": {"lr": 1e-3, "lr_scheduler": None, "pl_lr_scheduler": None},
            "metrics": {"datasets": {"data": ["2t"]}},
        },
        "diagnostics": {
            "plot": {"callbacks": []},
            "callbacks": callbacks,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "benchmark_profiler": None,
            "log": {"mlflow": {"tracking_uri": None}, "wandb": {"enabled": False}},
        },
    }


def record(path: str) -> Any:
    """A callback that writes what the loss function was given, in the order of the steps, for a test to compute it."""
    from pytorch_lightning.callbacks import Callback

    class Record(Callback):  # type: ignore[misc]
        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            self.kept: dict[str, list[np.ndarray]] = {"pred": [], "target": [], "input": [], "loss": []}
            area = pl_module.model.graph_data["data"]["area_weight"].reshape(-1).double()
            self.area = (area / area.sum()).numpy()
            self.names = pl_module.data_indices["data"].name_to_index
            self.forward = False
            pl_module.loss["data"].register_forward_pre_hook(self.see)

        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            self.forward = True
            self.kept["input"].append(batch["data"][:, 1, 0, :, self.names["2t"]].numpy().copy())

        def see(self, module: Any, arguments: tuple[Any, ...]) -> None:
            if self.forward:  # once: not for the loss by variable, nor when gradients are computed
                for name, value in zip(("pred", "target"), arguments, strict=False):
                    self.kept[name].append(value.detach().double().numpy().copy())
            self.forward = False

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            self.kept["loss"].append(outputs["loss"].detach().double().numpy().copy())

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            np.savez(path, area=self.area, **{name: np.stack(values) for name, values in self.kept.items()})

    return Record()


def main(folder: Path) -> None:
    """Train, write `losses.csv` by the callback of dqwatch and `record.npz`."""
    stand_in_for_timm()
    os.environ.setdefault("ANEMOI_BASE_SEED", "1234")
    from anemoi.training.train.train import AnemoiTrainer

    callbacks = [
        {"_target_": "training_run.record", "path": str(folder / "record.npz")},
        {"_target_": "dqwatch.integrations.anemoi_training.LossSeries", "path": str(folder / "losses.csv")},
    ]
    config = composed(folder, configuration(folder, folder / "store.zarr", callbacks))
    AnemoiTrainer(config).train()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
