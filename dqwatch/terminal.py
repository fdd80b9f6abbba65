"""The terminal while a verb runs: a progress bar, our own lines, and nothing of what libraries print."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO


def say(text: str, stream: TextIO) -> None:
    """Write a line; where the reader has gone (`| head`), it has had all that it wanted."""
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def has_colour(stream: TextIO) -> bool:
    """Whether to write colours: a terminal, unless NO_COLOR is set (https://no-color.org) or it is a dumb one."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width(stream: TextIO) -> int | None:
    """Columns of the terminal; None for a file or pipe."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except OSError:
        return None


def speaks_unicode(stream: TextIO) -> bool:
    """Whether lines and arrows can be drawn on `stream`."""
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def open_standard_streams() -> None:
    """Lead stdin, stdout and stderr nowhere where the caller closed them, lest a data file take their place."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor: fd
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.dup(1), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.dup(2), "w")


@contextmanager
def private_stderr(verbose: bool) -> Iterator[TextIO]:
    """Keep stdout and stderr to ourselves; yield a stream that still reaches the user's stderr.

    Libraries write from Python and, to the file descriptors, from C. While the context lasts, all that leads nowhere,
    or, if `verbose`, to stderr, because stdout carries only what was asked for.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {fd: os.dup(fd) for fd in (1, 2)}
    encoding = sys.stderr.encoding
    try:
        with (
            os.fdopen(os.dup(2), "w", encoding=encoding, errors="backslashreplace") as ours,
            os.fdopen(
                os.dup(2) if verbose else os.open(os.devnull, os.O_WRONLY), "w", encoding=encoding, errors="replace"
            ) as away,
        ):
            for fd in kept:
                os.dup2(away.fileno(), fd)
            with redirect_stdout(away), redirect_stderr(away), _quiet(verbose):
                yield ours
    finally:
        for fd, saved in kept.items():
            os.dup2(saved, fd)
            os.close(saved)


@contextmanager
def _quiet(verbose: bool) -> Iterator[None]:
    """Unless `verbose`, warnings and log records of libraries are not even made: that costs time."""
    if verbose:
        yield
        return
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


@contextmanager
def bar(stream: TextIO, title: str) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on `stream` as a function of (done, total); None where `stream` is no terminal."""
    if not stream.isatty():
        yield None
        return
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeElapsedColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(*columns, console=Console(file=stream), transient=True) as progress:
        task = progress.add_task(title, total=None)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield show
