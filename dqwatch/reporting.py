"""The verb `report` run for the command line: the digest of a history is written and said."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import dqwatch
from dqwatch import history_options, options
from dqwatch.options import Run
from dqwatch.recording import parse_labels
from dqwatch.terminal import private_stderr, say, width

if TYPE_CHECKING:
    from dqwatch.digest import Digest
    from dqwatch.reports.notify import Message


def report(
    history: history_options.HistoryToRead,
    since: history_options.Since = "30d",
    until: history_options.Until = None,
    verb: history_options.OfVerb = None,
    label: history_options.OfLabels = None,
    compare: history_options.Compare = None,
    fail_on: options.FailOn = options.Severity.critical,
    json: history_options.ReportJson = None,
    html: history_options.ReportHtml = None,
    prometheus: history_options.PrometheusFile = None,
    notify: history_options.ReportNotify = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> Run:
    """Say what a history tells: alarms against chance, what drifted since when and where, which runs failed.

    Example: dqwatch report --history history.db --since 30d --html month.html
    """
    return partial(_report, locals())


def _report(arguments: dict[str, Any]) -> int:
    """Make a report; what was asked for is written and sent, and the verdict said on stderr."""
    from dqwatch.reports import files, history_text
    from dqwatch.reports import notify as notifying

    targets = {name: arguments.pop(name) for name in ("json", "html", "prometheus")}
    quiet, verbose, told = (arguments.pop(name) for name in ("quiet", "verbose", "notify"))
    for name, path in targets.items():
        if path and (name, path) != ("json", "-"):
            files.check_file(path, f"--{name}")
    notifying.check(told or ())
    arguments |= {"labels": parse_labels(arguments.pop("label") or ()), "fail_on": arguments["fail_on"].value}
    with private_stderr(verbose):
        digest = dqwatch.report(**arguments)
        texts = _render(digest, targets)
    for name, text in texts.items():
        if (name, targets[name]) == ("json", "-"):
            say(text, sys.stdout)
        else:
            files.write_text(targets[name], text)
    with private_stderr(verbose):
        problems = notifying.send(told, _message(digest)) if told else []
    for problem in problems:
        say(f"note: {problem}", sys.stderr)
    said = history_text.verdict_line(digest) if quiet else history_text.render(digest, width=width(sys.stderr))
    say(said, sys.stderr)
    return digest.exit_code


def _message(digest: Digest) -> Message:
    from dqwatch.reports import history_json, history_text
    from dqwatch.reports.notify import Message

    title = f"dqwatch report {digest.status.upper().replace('_', '-')} {digest.history} (exit code {digest.exit_code})"
    return Message(title, history_text.render(digest), digest.status, history_json.render(digest))


def _render(digest: Digest, targets: dict[str, str | None]) -> dict[str, str]:
    """The texts that are asked for, JSON last: once it is there the others are."""
    from dqwatch.reports import history_json, history_prometheus

    texts = {}
    if targets["html"]:
        from dqwatch.reports import html_history

        texts["html"] = html_history.render(digest, targets["html"])
    if targets["prometheus"]:
        texts["prometheus"] = history_prometheus.render(digest)
    if targets["json"]:
        texts["json"] = history_json.render(digest)
    return texts
