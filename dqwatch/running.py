"""Verbs that end in a verdict, run for the command line: what was asked for is written, also of a run that fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TextIO

import dqwatch
from dqwatch.errors import DqwatchError, HistoryError
from dqwatch.options import short_name
from dqwatch.outputs import Outputs
from dqwatch.recording import Recording
from dqwatch.terminal import bar, has_colour, private_stderr, say, width

if TYPE_CHECKING:
    from dqwatch.types import Verdict

_SHORT = ("gate", "drift")
"""Verbs that may take no longer than importing Great Expectations does, and give it small tables."""


def run(verb: str, arguments: dict[str, Any], finish: Callable[[Verdict], None] = lambda verdict: None) -> int:
    """Run a verb and write what was asked for; where that fails, say so there: an older verdict must not stand.

    `finish` writes what only this verb does.
    """
    from dqwatch.reports import drift_table

    outputs = Outputs(**{name: arguments.pop(name) for name in Outputs._fields})
    recording = Recording(**{name: arguments.pop(name) for name in Recording._fields})
    outputs.check()
    labels = recording.check()
    table = arguments.pop("table", None)
    if table:
        drift_table.check_target(table, "--table")
    data = arguments["data"]
    try:
        with private_stderr(outputs.verbose) as stderr, _beside(verb, outputs):
            verdict = replace(_judge(verb, arguments, None if outputs.quiet else stderr), labels=labels)
            outputs.write(verdict)
            if table:
                drift_table.write(verdict, table)
        finish(verdict)
        before = recording.append(verdict, outputs)
        outputs.write_json(verdict)
    except Exception as error:
        failure = replace(
            describe_failure(verb, [*data, *filter(None, [arguments.get("against")])], error), labels=labels
        )
        outputs.write_json(failure)
        with private_stderr(outputs.verbose):
            outputs.write(failure)
        _tell(recording, failure, _append_failure(recording, failure, outputs, error), outputs.verbose)
        raise
    _tell(recording, verdict, before, outputs.verbose)
    _report(verdict, outputs.quiet)
    return verdict.exit_code


def _append_failure(recording: Recording, failure: Verdict, outputs: Outputs, error: Exception) -> int | None:
    """Record a run that failed; the exit code of the run before it, if it is known."""
    if isinstance(error, HistoryError):
        return None
    try:
        return recording.append(failure, outputs)
    except DqwatchError as other:
        say(f"note: not recorded: {reason(other)}", sys.stderr)
        return None


def _tell(recording: Recording, verdict: Verdict, before: int | None, verbose: bool) -> None:
    """Tell whom it may concern; that somebody cannot be told changes nothing of the verdict, but is said."""
    if not recording.notify:
        return
    with private_stderr(verbose):
        problems = recording.tell(verdict, before)
    for problem in problems:
        say(f"note: {problem}", sys.stderr)


def _beside(verb: str, outputs: Outputs) -> AbstractContextManager[None]:
    """Great Expectations in a process of its own where that is sooner there, and its own answers are not wanted."""
    if verb not in _SHORT or outputs.data_docs:
        return nullcontext()
    from dqwatch.expectations import ahead

    return ahead()


def weigh(arguments: dict[str, Any]) -> int:
    """Audit weights like any data; the YAML goes where it was asked for."""
    from dqwatch.reports.files import check_file, write_text

    output = arguments.pop("output")
    if output:
        check_file(output, "--output")
    arguments |= {"target": arguments["target"] and arguments["target"].value}
    written = arguments["json"] == "-"

    def finish(verdict: Verdict) -> None:
        text = str((verdict.advice or {}).get("yaml", ""))
        if output:
            write_text(output, text)
        elif not written:
            say(text.rstrip("\n"), sys.stdout)

    return run("weights", arguments, finish)


def code_of(error: Exception) -> int:
    """The exit code that an error ends in."""
    return error.exit_code if isinstance(error, DqwatchError) else 3


def reason(error: Exception) -> str:
    """What an error says, in one line."""
    from dqwatch.reports.findings import clean

    return clean(error if isinstance(error, DqwatchError) else f"unexpected {type(error).__name__}: {error}")


def _judge(verb: str, arguments: dict[str, Any], stderr: TextIO | None) -> Verdict:
    data = arguments["data"]
    title = f"{verb} {short_name(data[0])}" + (f" and {len(data) - 1} more" if len(data) > 1 else "")
    arguments |= {"data": data[0] if len(data) == 1 else data}
    arguments |= {"rules": arguments["rules"] or [verb], "fail_on": arguments["fail_on"].value}
    with nullcontext() if stderr is None else bar(stderr, title) as progress:
        verdict: Verdict = getattr(dqwatch, verb)(**arguments, progress=progress)
    return verdict


def describe_failure(verb: str, data: Sequence[str], error: Exception) -> Verdict:
    """The verdict of a run that ended in an error."""
    from dqwatch.types import Verdict

    return Verdict(
        verb=verb,
        status="error",
        exit_code=code_of(error),
        inputs=tuple({"name": short_name(path), "kind": None, "identity": None} for path in data),
        rule_sets=(),
        results=(),
        summary={},
        timing={},
        tables={},
        error=reason(error),
    )


def _report(verdict: Verdict, quiet: bool) -> None:
    from dqwatch.reports.text import render, verdict_line

    if "weights" in verdict.tables and not quiet:
        from dqwatch.reports import weights

        say(weights.render(verdict), sys.stderr)
    if "losses" in verdict.tables and not quiet:
        from dqwatch.reports import losses

        told = losses.render(verdict)
        if told:
            say(told, sys.stderr)
    colour = has_colour(sys.stderr)
    text = verdict_line(verdict, colour=colour) if quiet else render(verdict, width=width(sys.stderr), colour=colour)
    say(text, sys.stderr)
