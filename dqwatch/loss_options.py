"""The arguments and options of `dqwatch losses` that no other command has."""

from __future__ import annotations

from typing import Annotated

import typer

LossSeries = Annotated[
    str,
    typer.Argument(
        metavar="SERIES",
        help="Losses by variable: a CSV or Parquet file (step, variable, loss; or step and a column for each variable; "
        "dates and source where known), or the folder of a run of MLflow. Example: losses.csv",
    ),
]
AuditTables = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="DIR",
        help="Tables of an audit of the training data (audit --tables DIR): name the fields behind a spike, by the "
        "dates of its samples. Example: --against out/tables",
    ),
]
Metric = Annotated[
    str | None,
    typer.Option(
        "--metric",
        metavar="NAME",
        help="Of MLflow: the metrics to take, a * where the variable stands; the largest set of names that differ in "
        "one part by default. Example: --metric 'val_mse_metric/data/*/1'",
    ),
]
