"""Seconds that Great Expectations takes for all rule sets on the tables of 100,000 fields and more.

The tables are those of an audit of the example data, repeated with other times.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

import dqwatch
from dqwatch.expectations import evaluate, load_rule_sets, preload
from examples.make_data import main as make_data

SETS = ("audit", "regridding", "forecast_output", "storage")
LEAST = 100_000
LIMIT = 10.0


class Taken(NamedTuple):
    """One evaluation."""

    n_fields: int
    expectations: int
    seconds: float

    @property
    def below(self) -> bool:
        """Whether it takes longer than it may."""
        return self.seconds > LIMIT


def measure() -> list[Taken]:
    """The tables as they are, and repeated until they have enough rows."""
    with tempfile.TemporaryDirectory() as folder:
        make_data([f"{folder}/data"])
        rule_sets = load_rule_sets(SETS)
        tables = dqwatch.audit(f"{folder}/data/training.zarr", rules=SETS).tables
    preload()
    repeats = -(-LEAST // len(tables["fields"]))
    rows = []
    for tables_ in (tables, {name: _repeated(name, table, repeats) for name, table in tables.items()}):
        found = evaluate(rule_sets, tables_)
        rows.append(Taken(len(tables_["fields"]), found.expectations, found.seconds))
    return rows


def _repeated(name: str, table: pd.DataFrame, n: int) -> pd.DataFrame:
    if name not in ("fields", "times", "relations"):
        return table
    parts = []
    for i in range(n):
        part = table.copy()
        part["time"] = part["time"].str.replace("20", f"{30 + i}", n=1)
        if "data_hash" in part:
            part["data_hash"] ^= np.uint64(i)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def table(rows: Sequence[Taken]) -> str:
    """Rows as text."""
    lines = [f"{'fields':>10}{'expectations':>14}{'seconds':>9}{'limit':>7}"]
    for row in rows:
        line = f"{row.n_fields:10,}{row.expectations:14}{row.seconds:9.2f}{LIMIT:7.0f}"
        lines.append(line + ("  BELOW" if row.below else ""))
    return "\n".join(lines)
