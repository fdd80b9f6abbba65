"""What an audit knows of the fields that a batch was made of."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dqwatch.errors import MissingExtraError, SourceError, UsageError

if TYPE_CHECKING:
    import pandas as pd

DEFECTS = ("n_nan_unexpected", "n_inf", "n_sentinel", "n_out_of_bounds")
"""Counts of the table `fields` that ought to be 0."""
MEASURES = ("min", "max", "mean", "std")
NEAR = np.timedelta64(12 * 3600, "s")
"""Fields within that of a date belong to its sample: a model reads states before it and is held to states after it."""
FAR = 6.0
"""Robust deviations from which a field stands out."""
_MOST = 5
"""Fields named for each step."""
_SIGMA = 1.4826


class Suspect(NamedTuple):
    """One number of one field that stands out."""

    time: str
    field: str
    what: str
    value: float
    usual: float
    deviation: float

    def told(self) -> str:
        """In a few words: `swvl1 2004-03-01T06: max 0.98, usually 0.45`."""
        when = self.time.removesuffix(":00").removesuffix(":00")
        if self.what in DEFECTS:
            return f"{self.field} {when}: {self.what} {self.value:g}"
        return f"{self.field} {when}: {self.what} {self.value:.4g}, usually {self.usual:.4g}"


class Fields:
    """The table `fields` of an audit, to be asked by date."""

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table
        self._seconds = np.array([_seconds(time) for time in table["time"]], "M8[s]")
        self._measures = [name for name in MEASURES if name in table]
        groups = table.groupby("variable")[self._measures]
        self._usual = groups.transform("median")
        apart = (table[self._measures] - self._usual).abs()
        spread = apart.groupby(table["variable"]).transform("median") * _SIGMA
        self._far = apart / spread.where(spread > 0)

    def near(self, dates: Sequence[np.datetime64]) -> list[Suspect]:
        """What stands out among the fields within 12 hours of any of the dates, most of all first."""
        import pandas as pd

        rows = np.zeros(len(self._table), bool)
        for date in dates:
            rows |= np.abs(self._seconds - date) <= NEAR
        found = [*self._defects(rows), *self._outliers(rows)]
        found.sort(key=lambda one: (-one.deviation, one.field, one.time))
        kept = pd.Series([one.field for one in found], dtype="str").drop_duplicates().index[:_MOST]
        return [found[i] for i in kept]

    def _defects(self, rows: np.ndarray) -> Iterable[Suspect]:
        for name in DEFECTS:
            if name in self._table:
                for row in self._table[rows & (self._table[name] > 0).to_numpy()].to_dict("records"):
                    yield Suspect(str(row["time"]), str(row["variable"]), name, float(row[name]), 0.0, np.inf)

    def _outliers(self, rows: np.ndarray) -> Iterable[Suspect]:
        for name in self._measures:
            for i in np.flatnonzero(rows & (self._far[name] > FAR).to_numpy()):
                row = self._table.iloc[i]
                usual, far = float(self._usual[name].iloc[i]), float(self._far[name].iloc[i])
                yield Suspect(str(row["time"]), str(row["variable"]), name, float(row[name]), usual, far)


def _seconds(label: object) -> np.datetime64:
    try:
        return np.datetime64(str(label), "s")
    except ValueError:
        return np.datetime64("NaT", "s")


def open_fields(against: Any) -> Fields:
    """The table `fields` that an audit has written, or holds.

    Parameters
    ----------
    against : path or mapping of table name to DataFrame
        The folder that `dqwatch audit --tables` wrote, its `fields.parquet`, or `Verdict.tables`.

    Raises
    ------
    UsageError
        If there is no such table.
    SourceError
        If it cannot be read, or is another table.
    """
    if isinstance(against, Mapping):
        table, name = against.get("fields"), "against"
    else:
        path = Path(os.fspath(against))
        path = path / "fields.parquet" if path.is_dir() else path
        table, name = (_read(path) if path.is_file() else None), str(path)
    if table is None:
        raise UsageError(
            f"{name}: there is no table 'fields'; write it by 'dqwatch audit DATA --tables DIR' and give DIR"
        )
    if not {"time", "variable"} <= set(table):
        raise SourceError(f"{name}: not the table 'fields' of an audit: it has no columns time and variable")
    return Fields(table.reset_index(drop=True))


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except ImportError as error:
        raise MissingExtraError(f"{path}: reading Parquet needs pyarrow: pip install 'dqwatch[parquet]'") from error
    except (ValueError, OSError) as error:
        raise SourceError(f"{path}: cannot be read as Parquet: {error}") from error
