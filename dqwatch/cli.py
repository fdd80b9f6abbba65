"""The command `dqwatch`: parse, call a verb, print, exit. The only place that turns an error into a line and a code.

Exit codes: 0 passed, 1 gate closed, 2 usage or rule file wrong, 3 could not evaluate, 4 nothing was checked,
130 interrupted.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Annotated, Any, TextIO

import typer

import dqwatch
from dqwatch import (
    baseline_options,
    history_commands,
    history_options,
    inspecting,
    loss_commands,
    options,
    reporting,
    rule_commands,
    serve_command,
    weight_options,
)
from dqwatch.errors import DqwatchError, UsageError
from dqwatch.options import Run, short_name
from dqwatch.outputs import Outputs
from dqwatch.running import code_of, reason, run, weigh
from dqwatch.terminal import bar, open_standard_streams, private_stderr, say

_INTERRUPTED = 130
"""128 + SIGINT, as shells have it; Typer gives it too."""
_Misuse: Any = typer.BadParameter.__mro__[2]
"""What all complaints of the parser derive from, wherever this version of Typer keeps it."""

app = typer.Typer(
    name="dqwatch",
    help="Watch the data of machine-learned weather models: audit what they train on, gate what they start from.",
    epilog="Exit codes: 0 passed, 1 gate closed, 2 usage or rule file wrong, 3 could not evaluate, 4 nothing checked.",
    pretty_exceptions_enable=False,
)
app.add_typer(rule_commands.app, name="rules")
app.add_typer(history_commands.app, name="history")


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    args : sequence of str, optional
        The words after `dqwatch`; those of this process by default.

    Returns
    -------
    int
        The exit code; every error has become one line on stderr.
    """
    open_standard_streams()
    words = list(sys.argv[1:] if args is None else args)
    try:
        parsed = typer.main.get_command(app).main(words, prog_name="dqwatch", standalone_mode=False)
        code = int((parsed() if callable(parsed) else parsed) or 0)
    except _Misuse as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "dqwatch"
        return _complain(f"{error.format_message()} (see '{path} --help')", error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except Exception as error:  # noqa: BLE001 (the outermost place: a scheduler needs a line and a code, not a traceback)
        hint = "" if isinstance(error, DqwatchError) else " (run with --verbose for the traceback)"
        if "--verbose" in words or "-v" in words:
            traceback.print_exc()
            hint = ""
        return _complain(reason(error) + hint, code_of(error))
    return _complain("interrupted", code) if code == _INTERRUPTED else code


def _complain(line: str, code: int) -> int:
    from dqwatch.reports.findings import clean

    say(f"dqwatch: {clean(line)}", sys.stderr)
    return code


@app.callback(invoke_without_command=True)
def _dqwatch(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit: dqwatch --version")] = False,
) -> None:
    if version:
        say(f"dqwatch {dqwatch.__version__}", sys.stdout)
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise UsageError("no verb given (see 'dqwatch --help')")


@app.command()
def audit(
    data: options.Data,
    against: options.Against = None,
    rules: options.Rules = None,
    fail_on: options.FailOn = options.Severity.critical,
    waivers: options.Waivers = None,
    json: options.JsonFile = None,
    html: options.HtmlFile = None,
    layout: options.PageLayout = None,
    junit: options.JunitFile = None,
    tables: options.TablesFolder = None,
    data_docs: options.DataDocsFolder = None,
    history: history_options.History = None,
    label: history_options.Labels = None,
    notify: history_options.Notify = None,
    notify_on: history_options.NotifyOn = history_options.Occasion.change,
    prometheus: history_options.PrometheusFile = None,
    workers: options.Workers = None,
    device: options.ComputingDevice = "cpu",
    scheduler: options.Scheduler = None,
    resume: options.Resume = None,
    select: options.Select = None,
    start: options.Start = None,
    end: options.End = None,
    every: options.Every = 1,
    cache: options.Cache = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> Run:
    """Audit a data set before training: scan every field once, judge it by all rules.

    Example: dqwatch audit o96.zarr --against era5.zarr --html audit.html
    """
    return partial(run, "audit", locals())


@app.command()
def gate(
    data: options.Data,
    baseline: options.BaselineFile = None,
    previous: options.Previous = None,
    background: options.Background = None,
    rules: options.Rules = None,
    fail_on: options.FailOn = options.Severity.critical,
    waivers: options.Waivers = None,
    json: options.JsonFile = None,
    html: options.HtmlFile = None,
    layout: options.PageLayout = None,
    junit: options.JunitFile = None,
    tables: options.TablesFolder = None,
    data_docs: options.DataDocsFolder = None,
    history: history_options.History = None,
    label: history_options.Labels = None,
    notify: history_options.Notify = None,
    notify_on: history_options.NotifyOn = history_options.Occasion.change,
    prometheus: history_options.PrometheusFile = None,
    workers: options.Workers = None,
    device: options.ComputingDevice = "cpu",
    select: options.Select = None,
    start: options.Start = None,
    end: options.End = None,
    every: options.Every = 1,
    cache: options.Cache = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> Run:
    """Gate an incoming state: exit code 0 if a model may start from it, 1 if not.

    Example: dqwatch gate ic.zarr --baseline era5-baseline.zarr --json verdict.json && ./run_model
    """
    return partial(run, "gate", locals())


@app.command()
def baseline(
    data: options.Data,
    output: baseline_options.BaselineOutput,
    background: options.Background = None,
    cycles: baseline_options.Cycles = 3000,
    compact: baseline_options.Compact = False,
    from_statistics: baseline_options.FromStatistics = False,
    self_test: baseline_options.SelfTest = False,
    workers: options.Workers = None,
    device: options.ComputingDevice = "cpu",
    scheduler: options.Scheduler = None,
    select: options.Select = None,
    start: options.Start = None,
    end: options.End = None,
    every: options.Every = 1,
    cache: options.Cache = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> Run:
    """Learn from training data what is usual, so that states can be held against it (gate --baseline).

    Example: dqwatch baseline era5.zarr -o era5-baseline.zarr
    """
    return partial(_learn, locals())


@app.command()
def drift(
    data: options.Data,
    baseline: options.NeededBaseline,
    previous: options.Previous = None,
    background: options.Background = None,
    table: options.DriftTable = None,
    rules: options.Rules = None,
    fail_on: options.FailOn = options.Severity.critical,
    waivers: options.Waivers = None,
    json: options.JsonFile = None,
    html: options.HtmlFile = None,
    layout: options.PageLayout = None,
    junit: options.JunitFile = None,
    tables: options.TablesFolder = None,
    data_docs: options.DataDocsFolder = None,
    history: history_options.History = None,
    label: history_options.Labels = None,
    notify: history_options.Notify = None,
    notify_on: history_options.NotifyOn = history_options.Occasion.change,
    prometheus: history_options.PrometheusFile = None,
    workers: options.Workers = None,
    device: options.ComputingDevice = "cpu",
    scheduler: options.Scheduler = None,
    select: options.Select = None,
    start: options.Start = None,
    end: options.End = None,
    every: options.Every = 1,
    cache: options.Cache = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> Run:
    """Hold many cycles, or another source, against training: which are unlike it, where, and does it last?

    Example: dqwatch drift ifs-2024.zarr --baseline era5-baseline.zarr --html drift.html
    """
    return partial(run, "drift", locals())


@app.command()
def inspect(
    data: options.Data,
    pattern: options.Pattern = None,
    batch: options.Batch = 1,
    feed: options.MeasureFeed = False,
    step_time: options.StepTime = None,
    device: options.FeedDevice = "cpu",
    decoder: options.FeedDecoder = "host",
    json: options.InspectionFile = None,
    html: options.HtmlFile = None,
    cache: options.Cache = None,
    verbose: options.Verbose = False,
) -> Run:
    """Know your data: sizes, variables, times, layout, what reading costs and what other chunks would bring.

    Example: dqwatch inspect era5.zarr --pattern time=28,cell=10%,variable=2t
    """
    outputs = Outputs(
        json=json, html=html, layout=None, junit=None, tables=None, data_docs=None, quiet=False, verbose=verbose
    )
    asked = {"pattern": pattern, "batch": batch, "feed": feed, "step_time": step_time, "device": device}
    asked |= {"decoder": decoder, "cache": cache}
    return partial(inspecting.inspect, data, asked, outputs)


@app.command()
def weights(
    data: options.Data,
    config: weight_options.TrainingConfig,
    target: weight_options.WeightsTarget = None,
    output: weight_options.WeightsOutput = None,
    dataset: weight_options.TrainingDataset = None,
    incoming: weight_options.Incoming = None,
    baseline: options.BaselineFile = None,
    rescale: weight_options.Rescale = False,
    allow_unmatched: weight_options.AllowUnmatched = False,
    rules: options.Rules = None,
    fail_on: options.FailOn = options.Severity.critical,
    json: options.JsonFile = None,
    html: options.HtmlFile = None,
    layout: options.PageLayout = None,
    junit: options.JunitFile = None,
    tables: options.TablesFolder = None,
    data_docs: options.DataDocsFolder = None,
    history: history_options.History = None,
    label: history_options.Labels = None,
    notify: history_options.Notify = None,
    notify_on: history_options.NotifyOn = history_options.Occasion.change,
    prometheus: history_options.PrometheusFile = None,
    workers: options.Workers = None,
    select: options.Select = None,
    cache: options.Cache = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> Run:
    """Weigh the loss weights of a training by the statistics of its data, and write weights for anemoi-training.

    Example: dqwatch weights era5.zarr --config training.yaml --target head -o weights.yaml
    """
    return partial(weigh, locals())


app.command()(reporting.report)
app.command()(loss_commands.losses)
app.command()(serve_command.serve)


def _learn(arguments: dict[str, Any]) -> int:
    """Make a baseline and say what it holds."""
    from dqwatch.baselines.store import measure
    from dqwatch.reports.baseline import render

    quiet, verbose = arguments.pop("quiet"), arguments.pop("verbose")
    data = arguments.pop("data")
    with (
        private_stderr(verbose) as stderr,
        nullcontext() if quiet else bar(stderr, f"baseline {short_name(data[0])}") as progress,
    ):
        tell = None if quiet else partial(_note, stderr)
        made = dqwatch.baseline(data[0] if len(data) == 1 else data, **arguments, progress=progress, tell=tell)
    output = arguments["output"]
    say(
        render(made.record, made.variables, made.limits(), short_name(output), measure(output), quiet=quiet), sys.stderr
    )
    return 0


def _note(stream: TextIO, clause: str) -> None:
    say(f"note: {clause}", stream)
