"""The commands `dqwatch rules ...`: see rule sets, explain, suggest and check rules."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from functools import partial
from typing import Any

import typer

import dqwatch
from dqwatch import options
from dqwatch.options import Run
from dqwatch.terminal import bar, private_stderr, say, width

app = typer.Typer(help="See which rule sets there are and what they hold; explain, suggest and check rules.")


@app.command("list")
def list_rules() -> None:
    """List the shipped rule sets. Example: dqwatch rules list"""
    from dqwatch.expectations import list_rule_sets, load_rule_sets
    from dqwatch.reports.rules import overview

    say(overview(load_rule_sets((name,))[0] for name in list_rule_sets()), sys.stdout)


@app.command("show")
def show_rules(name: options.RuleSetName) -> None:
    """Show the rules of a set: what each looks at, expects and advises. Example: dqwatch rules show missing"""
    from dqwatch.expectations import load_rule_sets
    from dqwatch.reports.rules import details

    say("\n\n".join(map(details, load_rule_sets((name,)))), sys.stdout)


@app.command("explain")
def explain_rule(rule: options.RuleId, rules: options.MoreRules = None) -> None:
    """Explain a rule: why, what it looks at, its threshold, what to do. Example: dqwatch rules explain nan.none"""
    from dqwatch.expectations import explanation
    from dqwatch.reports.rules import explanation as render

    parts = explanation.explain(rule, rules or ())
    say(render(parts, width=width(sys.stdout) or 100), sys.stdout)


@app.command("suggest")
def suggest_rules(
    data: options.Data,
    output: options.SuggestionFile = None,
    workers: options.Workers = None,
    select: options.Select = None,
    start: options.Start = None,
    end: options.End = None,
    every: options.Every = 1,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> Run:
    """Make a rule file from good data, which pass it themselves. Example: dqwatch rules suggest a.zarr -o mine.yaml"""
    return partial(_suggest, locals())


@app.command("lint")
def lint_rules(files: options.RuleFiles) -> int:
    """Check rule files without data; exit code 2 if one is wrong. Example: dqwatch rules lint mine.yaml"""
    from dqwatch.expectations import lint

    problems = {file: lint(file) for file in files}
    for file, lines in problems.items():
        for line in lines or [f"{file}: ok"]:
            say(line, sys.stdout)
    return 2 if any(problems.values()) else 0


@app.command("export")
def export_rules(name: options.RuleSetName, gx: options.GxFolder) -> Run:
    """Write a rule set as suites of Great Expectations, in JSON. Example: dqwatch rules export gate --gx suites"""
    return partial(_export, name, gx)


def _export(name: str, folder: str) -> int:
    """Write the suites; their paths on stdout."""
    from dqwatch.expectations import load_rule_sets
    from dqwatch.expectations.export import export_suites
    from dqwatch.reports import files

    (rule_set,) = load_rule_sets((name,))
    files.check_folder(folder, "--gx")
    with private_stderr(verbose=False):
        suites = export_suites(rule_set)
    for file, text in suites.items():
        path = os.path.join(folder, file)
        files.write_text(path, text)
        say(path, sys.stdout)
    return 0


def _suggest(arguments: dict[str, Any]) -> int:
    """Suggest rules, on stdout or into a file."""
    from dqwatch.reports import files

    output, quiet, verbose = (arguments.pop(name) for name in ("output", "quiet", "verbose"))
    if output:
        files.check_file(output, "--output")
    data = arguments.pop("data")
    title = f"suggest {options.short_name(data[0])}"
    with private_stderr(verbose) as stderr, nullcontext() if quiet else bar(stderr, title) as progress:
        text = dqwatch.suggest_rules(data[0] if len(data) == 1 else data, progress=progress, **arguments)
    if output:
        files.write_text(output, text)
    else:
        say(text.rstrip(), sys.stdout)
    if not quiet:
        place = f" in {output}" if output else ""
        say(f"dqwatch: {text.count('- id: ')} rules suggested{place}; read them before they guard anything", sys.stderr)
    return 0
