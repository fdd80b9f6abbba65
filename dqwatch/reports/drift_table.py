"""The p-values of many cycles as one long table, for programs of others: Parquet or CSV."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dqwatch.errors import UsageError
from dqwatch.reports.files import check_file, write_text

if TYPE_CHECKING:
    import pandas as pd

    from dqwatch.types import Verdict

WHOLE = "*"
"""The name of all variables together."""
_COLUMNS = ("time", "variable", "p_value", "q_value", "score", "leading_score")
_FORMATS = (".parquet", ".csv")


def check_target(path: str, option: str) -> None:
    """Make sure, before the work, that the table can be written.

    Raises
    ------
    UsageError
        If the name ends in neither .parquet nor .csv, or no file can be made there.
    MissingExtraError
        If it shall be Parquet and pyarrow is not installed.
    """
    if Path(path).suffix not in _FORMATS:
        raise UsageError(f"{option} {path}: give a name that ends in {' or '.join(_FORMATS)}")
    check_file(path, option)
    if path.endswith(".parquet"):
        from dqwatch.tables import write_parquet

        with tempfile.TemporaryDirectory() as nowhere:
            write_parquet({}, nowhere)


def long_table(verdict: Verdict) -> pd.DataFrame:
    """Rows `time, variable, p_value, q_value, score, leading_score`; of the whole cycle where the variable is `*`.

    Where there are several members, a column `member` tells them apart.
    """
    import pandas as pd

    rows, cycles = verdict.tables["drift"], verdict.tables["cycles"]
    whole = cycles.assign(variable=WHOLE, p_value=cycles["p_cycle"], q_value=float("nan"), score=float("nan"))
    whole["leading_score"] = ""
    several = [] if (cycles["member"] == 0).all() else ["member"]
    columns = [*_COLUMNS[:1], *several, *_COLUMNS[1:]]
    both = pd.concat([whole[["time_index", *columns]], rows[["time_index", *columns]]], ignore_index=True)
    return both.sort_values("time_index", kind="stable")[columns].reset_index(drop=True)


def write(verdict: Verdict, path: str) -> None:
    """Write the table, complete or not at all.

    Raises
    ------
    UsageError
        If it cannot be written.
    """
    table = long_table(verdict)
    if path.endswith(".csv"):
        write_text(path, table.to_csv(index=False))
        return
    target = Path(os.path.realpath(path))
    try:
        with tempfile.TemporaryDirectory(prefix=".dqwatch-", dir=target.parent) as scratch:
            table.to_parquet(Path(scratch, "table"), index=False)
            os.replace(Path(scratch, "table"), target)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}; choose another place") from error
