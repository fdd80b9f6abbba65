"""Loss series from files: CSV or Parquet, long or wide, and folders of MLflow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch.errors import MissingExtraError, SourceError, SourceNotFoundError, UsageError
from dqwatch.learning import mlflow_files
from dqwatch.learning.series import Series, arrange

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("step", "dates", "source", "epoch", "time", "lr")
"""Columns of a wide table that are no variable."""
_RARE = 0.5
"""Share of the steps at which a variable of a wide table must have a loss for a missing one to be a bad one."""


def read_series(path: str, *, metric: str | None = None, select: Sequence[str] | None = None) -> Series:
    """The losses of a training by variable.

    Parameters
    ----------
    path : str
        A CSV or Parquet file, long (`step`, `variable`, `loss`) or wide (`step` and a column for each variable), either
        with `dates` (of the samples of the step, ISO, separated by spaces) and `source` if they are known; or a folder
        of MLflow: that of a run, or its `metrics`.
    metric : str, optional
        Of MLflow: names of the metrics to take, a `*` where the variable stands.
    select : sequence of str, optional
        Variables to take; all by default.

    Returns
    -------
    Series

    Raises
    ------
    SourceNotFoundError
        If there is no such file.
    SourceError
        If it cannot be read, or is no such table.
    UsageError
        If `metric` is given for a table, or `select` names what is not there.
    NothingThereError
        If it holds no losses.
    """
    place = Path(path)
    if not place.exists():
        raise SourceNotFoundError(f"{path}: there is no such file or folder")
    if place.is_dir():
        series = mlflow_files.read(place, metric)
    elif metric is not None:
        raise UsageError(f"metric: got '{metric}'; {place.name} is a table: it has one loss for each step and variable")
    else:
        series = from_table(_read_table(place), place.name)
    return series if select is None else choose(series, select, place.name)


def choose(series: Series, select: Sequence[str], name: str) -> Series:
    """Some variables of a series.

    Raises
    ------
    UsageError
        If one is not there.
    """
    wanted = [part for one in ([select] if isinstance(select, str) else select) for part in one.split(",")]
    absent = [one for one in wanted if one not in series.variables]
    if absent:
        known = ", ".join(series.variables[:8]) + (", ..." if len(series.variables) > 8 else "")
        raise UsageError(f"select: {name} has no loss of {', '.join(absent)}; it has {known}")
    at = [series.variables.index(one) for one in wanted]
    return series._replace(variables=tuple(wanted), losses=series.losses[:, at], bad=series.bad[:, at])


def _read_table(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
    except ImportError as error:
        raise MissingExtraError(f"{path}: reading Parquet needs pyarrow: pip install 'dqwatch[parquet]'") from error
    except (ValueError, OSError) as error:  # the errors of pandas and pyarrow on broken files are ValueErrors
        raise SourceError(
            f"{path}: cannot be read as a table: {error}; give CSV, Parquet or a folder of MLflow"
        ) from error


def from_table(table: pd.DataFrame, name: str) -> Series:
    """A series from a table, long or wide.

    Raises
    ------
    SourceError
        If it has no column `step`, or something that is no number stands where a step or loss should.
    """
    table = table.rename(columns=lambda column: str(column).strip())
    if "step" not in table:
        raise SourceError(f"{name}: no column 'step'; it has {', '.join(map(str, table.columns[:8]))}")
    return _from_long(table, name) if {"variable", "loss"} <= set(table) else _from_wide(table, name)


def _from_long(table: pd.DataFrame, name: str) -> Series:
    """Rows of step and variable; a row without a loss has a bad one."""
    import pandas as pd

    steps, losses = _numbers(table["step"], name), _numbers(table["loss"], name)
    if np.isnan(steps).any():
        raise SourceError(f"{name}: column 'step' has rows without a number")
    variables, column = pd.factorize(table["variable"].astype(str), sort=False)[::-1]
    # A step that is there twice, as after a restart, is two rows: a new one begins where a variable comes again.
    rows = _number_rows(steps.astype(np.int64), column)
    n = int(rows.max()) + 1 if rows.size else 0
    made, bad, at = np.full((n, len(variables)), np.nan), np.zeros((n, len(variables)), bool), np.zeros(n, np.int64)
    made[rows, column], bad[rows, column], at[rows] = losses, ~np.isfinite(losses), steps.astype(np.int64)
    first = np.full(n, -1)
    first[rows[::-1]] = np.arange(rows.size)[::-1]
    return arrange(at, [str(v) for v in variables], made, bad, *_context(table.iloc[first], name), name)


def _number_rows(steps: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The row of each entry: entries of a step belong together until a variable is there again."""
    current: dict[int, tuple[int, set[int]]] = {}
    rows, n = np.empty(steps.size, np.int64), 0
    for i, (step, variable) in enumerate(zip(steps.tolist(), column.tolist(), strict=True)):
        if step not in current or variable in current[step][1]:
            current[step] = n, set()
            n += 1
        current[step][1].add(variable)
        rows[i] = current[step][0]
    return rows


def _from_wide(table: pd.DataFrame, name: str) -> Series:
    variables = [str(c) for c in table.columns if c not in KEYS]
    steps = _numbers(table["step"], name)
    if np.isnan(steps).any():
        raise SourceError(f"{name}: column 'step' has rows without a number")
    columns = [_numbers(table[v], name) for v in variables]
    losses = np.column_stack(columns) if columns else np.empty((len(table), 0))
    often = np.isfinite(losses).mean(axis=0) >= _RARE if len(table) else np.zeros(len(variables), bool)
    bad = np.isinf(losses) | (np.isnan(losses) & often)
    return arrange(steps.astype(np.int64), variables, losses, bad, *_context(table, name), name)


def _numbers(column: pd.Series, name: str) -> np.ndarray:
    import pandas as pd

    try:
        return pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise SourceError(f"{name}: column '{column.name}' holds what is no number: {error}") from error


def _context(table: pd.DataFrame, name: str) -> tuple[list[tuple[np.datetime64, ...]], list[str]]:
    """Dates and source of each row."""
    n = len(table)
    dates = [_dates(text, name) for text in (table["dates"] if "dates" in table else [None] * n)]
    sources = (
        ["" if text != text or text is None else str(text) for text in table["source"]]
        if "source" in table
        else [""] * n
    )
    return dates, sources


def _dates(text: Any, name: str) -> tuple[np.datetime64, ...]:
    """The dates in a cell: ISO, separated by spaces, commas or semicolons."""
    if text is None or text != text:
        return ()
    try:
        return tuple(np.datetime64(part, "s") for part in re.split(r"[\s,;]+", str(text).strip()) if part)
    except ValueError as error:
        raise SourceError(f"{name}: column 'dates': got '{text}'; give ISO dates, separated by spaces") from error
