"""The options of the command line that have to do with a history, each declared once."""

from __future__ import annotations

from typing import Annotated

import typer

History = Annotated[
    str | None,
    typer.Option(
        "--history",
        metavar="URL",
        envvar="DQWATCH_HISTORY",
        help="Append verdict, findings and drift to this history: a SQLite file, made if need be, or PostgreSQL "
        "(pip install 'dqwatch[postgres]'). Example: --history history.db, --history postgresql://me@host/weather",
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        metavar="KEY=VALUE",
        help="What this run is about, for history, metrics and messages; repeatable. Runs with the same labels are one "
        "series. Example: --label source=ifs --label cycle=49r1",
    ),
]
HistoryAddress = Annotated[
    str, typer.Argument(metavar="URL", envvar="DQWATCH_HISTORY", help="A SQLite file or PostgreSQL: history.db")
]
Keep = Annotated[
    str,
    typer.Option("--keep", metavar="AGE", help="Remove what was recorded longer ago: 365d, 72h. Example: --keep 365d"),
]
ExportFolder = Annotated[str, typer.Argument(metavar="DIR", help="Where to write the Parquet files: exported")]
