"""The commands `dqwatch history ...`: keep a history from growing, and take it elsewhere."""

from __future__ import annotations

import sys
from contextlib import closing
from functools import partial

import typer

from dqwatch import durations, history_options
from dqwatch.options import Run
from dqwatch.terminal import say

app = typer.Typer(help="Keep the history of verdicts in bounds, and take it elsewhere.")


@app.command("prune")
def prune_history(url: history_options.HistoryAddress, keep: history_options.Keep) -> Run:
    """Remove runs that are older than that, with all they recorded. Example: dqwatch history prune h.db --keep 365d"""
    return partial(_prune, url, keep)


@app.command("export")
def export_history(url: history_options.HistoryAddress, folder: history_options.ExportFolder) -> Run:
    """Write each table as a Parquet file. Example: dqwatch history export history.db exported"""
    return partial(_export, url, folder)


def _prune(url: str, keep: str) -> int:
    from dqwatch.history.keeping import prune
    from dqwatch.history.store import open_history

    age = durations.parse(keep, "--keep")
    with closing(open_history(url)) as history:
        n = prune(history, age)
        say(f"dqwatch: {n:,} runs removed from {history.name}, all recorded more than {keep} ago", sys.stderr)
    return 0


def _export(url: str, folder: str) -> int:
    from dqwatch.history.keeping import export
    from dqwatch.history.store import open_history

    with closing(open_history(url)) as history:
        for file, n in export(history, folder).items():
            say(f"{folder.rstrip('/')}/{file}  {n:,} rows", sys.stdout)
    return 0
