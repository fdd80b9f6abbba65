"""The table `source`: one row, what of the data is looked at and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dqwatch import tables
from dqwatch.sources.left_out import in_words, left_out_of
from dqwatch.types import Source

if TYPE_CHECKING:
    import pandas as pd


def source_table(source: Source) -> pd.DataFrame:
    """The table `source`."""
    left_out = left_out_of(source)
    row = {
        "kind": source.kind,
        "n_variables": len(source.variables),
        "n_left_out": len(left_out),
        "left_out": in_words(left_out),
    }
    return tables.frame("source", {name: [value] for name, value in row.items()})
