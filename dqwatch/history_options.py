"""The options of the command line that have to do with a history, each declared once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Occasion(StrEnum):
    """Choices of --notify-on."""

    change = "change"
    failure = "failure"
    always = "always"


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
HistoryToRead = Annotated[
    str,
    typer.Option(
        "--history",
        metavar="URL",
        envvar="DQWATCH_HISTORY",
        help="The history: a SQLite file or PostgreSQL. Example: --history history.db",
    ),
]
Since = Annotated[
    str,
    typer.Option(
        "--since",
        metavar="AGE|DATE",
        help="Runs recorded since then: 30d, 72h, 8w, or a date, UTC. Example: --since 30d",
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="AGE|DATE",
        help="Runs recorded until then; a date alone means its whole day. Example: --until 2026-11-30",
    ),
]
OfVerb = Annotated[
    str | None, typer.Option("--verb", metavar="VERB", help="Runs of this verb only. Example: --verb gate")
]
OfLabels = Annotated[
    list[str] | None,
    typer.Option(
        "--label", metavar="KEY=VALUE", help="Runs with this label only; repeatable. Example: --label source=ifs"
    ),
]
Compare = Annotated[
    str | None,
    typer.Option(
        "--compare", metavar="KEY", help="Hold the values of a label against one another. Example: --compare cycle"
    ),
]
ReportJson = Annotated[
    str | None,
    typer.Option(
        "--json", metavar="FILE|-", help="Write the report as JSON; '-' is stdout. Example: --json month.json"
    ),
]
ReportHtml = Annotated[
    str | None, typer.Option("--html", metavar="FILE", help="Write a page to look at. Example: --html month.html")
]
PrometheusFile = Annotated[
    str | None,
    typer.Option(
        "--prometheus",
        metavar="FILE",
        help="Write metrics as text that Prometheus reads (OpenMetrics), for the textfile collector of its node "
        "exporter. Example: --prometheus /var/lib/node_exporter/dqwatch.prom",
    ),
]
Notify = Annotated[
    list[str] | None,
    typer.Option(
        "--notify",
        metavar="URL",
        envvar="DQWATCH_NOTIFY",
        help="Tell people by any service of Apprise (pip install 'dqwatch[notify]'), or a machine by POST of the JSON: "
        "json://host/path, jsons:// for HTTPS; repeatable. Example: --notify mailto://user:password@example.org",
    ),
]
NotifyOn = Annotated[
    Occasion,
    typer.Option(
        "--notify-on",
        help="When: 'change' of the exit code since the run before with the same labels, known from the history (every "
        "failure where it is not known), every 'failure', or 'always'. Example: --notify-on failure",
    ),
]
ReportNotify = Annotated[
    list[str] | None,
    typer.Option(
        "--notify",
        metavar="URL",
        envvar="DQWATCH_NOTIFY",
        help="Send the report, as by the verbs; repeatable. Example: --notify mailto://user:password@example.org",
    ),
]
Host = Annotated[
    str,
    typer.Option(
        "--host",
        metavar="ADDRESS",
        help="Where to listen. Whoever else can reach it must bring a token; put a proxy with TLS before it. "
        "Example: --host 0.0.0.0",
    ),
]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65535, metavar="N", help="0: any that is free. Example: --port 8642")
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TEXT",
        envvar="DQWATCH_TOKEN",
        help="What others must bring; made up and told if they can reach the address and none is given. "
        "Example: --token $(openssl rand -hex 16)",
    ),
]
