"""The arguments and options of the command line, each declared once."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    pass


Run = Callable[[], int]
"""A verb ready to run. Typer only parses: it would make exit code 1, a closed gate, of a broken pipe."""


class Severity(StrEnum):
    """Choices of --fail-on."""

    critical = "critical"
    warning = "warning"
    info = "info"
    never = "never"


def short_name(path: str) -> str:
    """The last part of a path or URL, as people know it; nothing that may be secret."""
    from dqwatch.sources import urls

    return urls.short_name(path) or path


def _complete_rules(incomplete: str) -> list[str]:
    from dqwatch.expectations import list_rule_sets

    return [name for name in list_rule_sets() if name.startswith(incomplete)]


def _complete_ids(incomplete: str) -> list[str]:
    from dqwatch.expectations.explanation import list_ids

    return [name for name in list_ids() if name.startswith(incomplete)]


Data = Annotated[
    list[str],
    typer.Argument(
        metavar="DATA...",
        help="A Zarr store (anemoi or xarray layout), NetCDF or GRIB files, or a glob pattern; several are joined. "
        "Or YAML: what anemoi's open_dataset is to open. Example: era5.zarr",
    ),
]
Against = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="REF",
        help="Compare with what the data were made from: were they regridded sanely? Example: --against era5.zarr",
    ),
]
BaselineFile = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        metavar="BASELINE",
        help="Hold the state against training: what 'dqwatch baseline' made. Example: --baseline era5-baseline.zarr",
    ),
]
Previous = Annotated[
    str | None,
    typer.Option(
        "--previous",
        metavar="DATA",
        help="The state one step before, so that the change is held against training. Example: --previous ic06.zarr",
    ),
]
Background = Annotated[
    str | None,
    typer.Option(
        "--background",
        metavar="DATA",
        help="Other estimates of the same fields, independent of them, such as short forecasts valid at their times: "
        "'baseline' learns departures from them, others hold against it. Example: --background fc06.zarr",
    ),
]
NeededBaseline = Annotated[
    str,
    typer.Option(
        "--baseline",
        metavar="BASELINE",
        help="What 'dqwatch baseline' made of the training data. Example: --baseline era5-baseline.zarr",
    ),
]
DriftTable = Annotated[
    str | None,
    typer.Option(
        "--table",
        metavar="FILE",
        help="Write all p-values as one long table, Parquet or CSV by the name; variable '*' is the whole cycle. "
        "Example: --table drift.csv",
    ),
]
Rules = Annotated[
    list[str] | None,
    typer.Option(
        "--rules",
        metavar="NAME|FILE",
        autocompletion=_complete_rules,
        help="Rule set by name, or a rule file of your own; repeatable. Default: the set named like the verb. "
        "Example: --rules missing --rules ./mine.yaml",
    ),
]
FailOn = Annotated[
    Severity, typer.Option("--fail-on", help="Least severity that closes the gate. Example: --fail-on warning")
]
Waivers = Annotated[
    str | None,
    typer.Option(
        "--waivers",
        metavar="FILE",
        help="Findings that somebody answers for until a date (YAML list: rule, owner, reason, expires; if need be "
        "variable, start, end): they are reported, but do not close the gate. Example: --waivers waivers.yaml",
    ),
]
JsonFile = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE|-", help="Write the verdict as JSON; '-' is stdout. Example: --json out.json"),
]
HtmlFile = Annotated[
    str | None, typer.Option("--html", metavar="FILE", help="Write a page to look at. Example: --html verdict.html")
]
PageLayout = Annotated[
    str | None,
    typer.Option(
        "--layout",
        metavar="NAME|FILE",
        help="How the page is laid out: verdict, brief, or a YAML file of your own. Example: --layout brief",
    ),
]
JunitFile = Annotated[
    str | None,
    typer.Option(
        "--junit", metavar="FILE", help="Write JUnit XML for continuous integration. Example: --junit verdict.xml"
    ),
]
TablesFolder = Annotated[
    str | None,
    typer.Option("--tables", metavar="DIR", help="Write each table as a Parquet file. Example: --tables out/tables"),
]
DataDocsFolder = Annotated[
    str | None,
    typer.Option(
        "--data-docs",
        metavar="DIR",
        help="Write the Data Docs of Great Expectations; begin at DIR/index.html. Example: --data-docs out/docs",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        metavar="N",
        help="Threads that decode and scan; one per core by default. Example: --workers 4",
    ),
]
ComputingDevice = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="cpu|cuda[:N]|torch:cpu",
        help="Where fields are looked at: by compiled kernels here, or by tensors on a CUDA device (or here: "
        "torch:cpu). Counts, extremes, histograms and hashes are the same bits. Example: --device cuda",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS|local",
        help="Work on the workers of a Dask scheduler, which open the data themselves; 'local' starts one process per "
        "core (or --workers). The result is the same bits. Example: --scheduler tcp://node1:8786",
    ),
]
Resume = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="DIR",
        help="Keep finished pieces of the scan in this folder, and go on from those of an interrupted run; it is "
        "removed at the end. Example: --resume o96.pieces",
    ),
]
Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select", metavar="NAMES", help="Look at these variables only; repeatable. Example: --select 2t,t_850"
    ),
]
Start = Annotated[
    str | None, typer.Option("--start", metavar="TIME", help="First time to look at. Example: --start 2020-03-01T06")
]
End = Annotated[
    str | None,
    typer.Option(
        "--end",
        metavar="TIME",
        help="Last time to look at; a date alone means its whole day. Example: --end 2020-12-31",
    ),
]
Every = Annotated[int, typer.Option("--every", min=1, metavar="N", help="Look at every N-th time. Example: --every 10")]
InspectionFile = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="FILE|-",
        help="Write the inspection as JSON; '-' is stdout, the text then goes to stderr. Example: --json era5.json",
    ),
]
Pattern = Annotated[
    list[str] | None,
    typer.Option(
        "--pattern",
        metavar="PATTERN",
        help="A way of reading of your own; repeatable. What it does not name is taken whole. "
        "time: 28, 10%, 4x7, 12h, 180d; cell: 100 or 10% at random, 5x9 (places x neighbours), region; "
        "variable: 5 or names; member: 1. Example: --pattern time=28,cell=100,variable=2t+msl",
    ),
]
Batch = Annotated[
    int,
    typer.Option(
        "--batch", min=1, metavar="N", help="Samples of a batch, to be held against memory. Example: --batch 4"
    ),
]
MeasureFeed = Annotated[
    bool,
    typer.Option(
        "--feed",
        help="Measure how fast batches can be fed to a model here, and what limits it; takes some seconds. "
        "Example: inspect era5.zarr --feed --batch 4 --step-time 0.8",
    ),
]
StepTime = Annotated[
    float | None,
    typer.Option(
        "--step-time",
        metavar="S",
        help="Seconds that a step of the model takes with such a batch: would it wait for data? "
        "Example: --step-time 0.8",
    ),
]
FeedDevice = Annotated[
    str,
    typer.Option("--device", metavar="cpu|cuda[:N]", help="Measure the copy to it too. Example: --device cuda"),
]
FeedDecoder = Annotated[
    str,
    typer.Option(
        "--decoder",
        metavar="host|nvcomp",
        help="Who decodes: threads here, or nvCOMP on the CUDA device. Example: --device cuda --decoder nvcomp",
    ),
]
Cache = Annotated[
    str | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Keep what is fetched from URLs in this folder for the next time. Example: --cache /scratch/dqwatch",
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Only the one-line verdict on stderr. Example: gate ic.zarr --quiet")
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Also what libraries print, and the traceback of an error. Example: audit era5.zarr --verbose",
    ),
]
RuleSetName = Annotated[
    str,
    typer.Argument(metavar="NAME|FILE", autocompletion=_complete_rules, help="A shipped rule set or a file: missing"),
]
RuleId = Annotated[
    str, typer.Argument(metavar="ID", autocompletion=_complete_ids, help="Id of a rule, as findings have it: nan.none")
]
MoreRules = Annotated[
    list[str] | None,
    typer.Option(
        "--rules",
        metavar="NAME|FILE",
        autocompletion=_complete_rules,
        help="Rules of your own besides the shipped ones; repeatable. Example: --rules ./mine.yaml",
    ),
]
SuggestionFile = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="Where to write; stdout by default. Example: -o mine.yaml"),
]
GxFolder = Annotated[
    str, typer.Option("--gx", metavar="DIR", help="Where to write the suites, one for each table. Example: --gx suites")
]
RuleFiles = Annotated[list[str], typer.Argument(metavar="FILE...", help="Rule files of your own: mine.yaml more.yaml")]
