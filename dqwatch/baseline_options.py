"""The options of `dqwatch baseline` that no other command has."""

from __future__ import annotations

from typing import Annotated

import typer

BaselineOutput = Annotated[
    str, typer.Option("--output", "-o", metavar="BASELINE", help="Where to write it. Example: -o era5-baseline.zarr")
]
Cycles = Annotated[
    int,
    typer.Option(
        "--cycles", min=1, metavar="N", help="Training cycles to score at most, as the null. Example: --cycles 6000"
    ),
]
Compact = Annotated[
    bool,
    typer.Option(
        "--compact",
        help="A sixth of the size on large grids: keep what 3,000 areas usually have, nothing of single cells. "
        "Finds less of what is small. Example: -o b.zarr --compact",
    ),
]
FromStatistics = Annotated[
    bool,
    typer.Option(
        "--from-statistics",
        help="Read no field: a poorer baseline of the statistics that an anemoi store carries. It gives no p-values. "
        "Example: -o b.zarr --from-statistics",
    ),
]
SelfTest = Annotated[
    bool,
    typer.Option(
        "--self-test",
        help="Replay the training years as if new, and print how often they alarm. Example: -o b.zarr --self-test",
    ),
]
