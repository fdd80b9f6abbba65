"""The options of `dqwatch weights` that no other command has."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Target(StrEnum):
    """Choices of --target."""

    head = "head"
    aifs2 = "aifs2"
    v05 = "0.5"
    aifs1 = "aifs1"
    v03 = "0.3"


TrainingConfig = Annotated[
    list[str],
    typer.Option(
        "--config",
        metavar="FILE",
        help="Training configuration of anemoi: YAML as Hydra composes it, group files of it, or a checkpoint; "
        "repeatable, the last counts. Example: --config training/default.yaml --config data/zarr.yaml",
    ),
]
TrainingDataset = Annotated[
    str | None,
    typer.Option("--dataset", metavar="NAME", help="Which data set of the configuration. Example: --dataset data"),
]
WeightsTarget = Annotated[
    Target | None,
    typer.Option(
        "--target",
        help="Generation of anemoi-training to write for; that of the configuration by default. Example: --target head",
    ),
]
WeightsOutput = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Where to write the YAML; stdout by default. Example: -o weights.yaml"
    ),
]
Incoming = Annotated[
    str | None,
    typer.Option(
        "--incoming",
        metavar="DATA",
        help="Another source, 20 cycles or more: lower the weights of what stays away from training, and suggest a "
        "learning rate; needs --baseline. Example: --incoming ifs-2024.zarr",
    ),
]
AllowUnmatched = Annotated[
    bool,
    typer.Option(
        "--allow-unmatched",
        help="Let loss weights pass whose keys no variable is looked up by, though they look like slips. Example: "
        "--allow-unmatched",
    ),
]
Rescale = Annotated[
    bool,
    typer.Option(
        "--rescale",
        help="Multiply the suggested weights so that the loss stays as large; this raises the others. Example: "
        "--incoming ifs.zarr --baseline b.zarr --rescale",
    ),
]
