"""Isolated rain of fields beside that of training in the same season."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dqwatch.baselines.baseline import Baseline
from dqwatch.baselines.harmonics import year_fractions
from dqwatch.metrics.isolation import rain_limits
from dqwatch.scores.isolated import NAME
from dqwatch.types import NOT_A_TIME, Source, TimeAxis

if TYPE_CHECKING:
    import pandas as pd

_SEASON = 45.5 / 365.25
"""Of a year: cycles no further off, 45 days, are of the same season."""
_FEW = 20
"""Cycles of a season below which those of all the year are taken."""


def add_training(fields: pd.DataFrame, source: Source, baseline: Baseline) -> pd.DataFrame:
    """The table `fields` with `isolated_training` and `isolated_excess`, where it has shares of isolated cells.

    Parameters
    ----------
    fields : pd.DataFrame
    source : Source
        That the fields are of; what it accumulates over other than 6 hours is not compared.
    baseline : Baseline

    Returns
    -------
    pd.DataFrame
        The same one where the shares are not there, or the baseline knows of none.
    """
    if "isolated_share" not in fields:
        return fields
    known = [v for v in source.variables if rain_limits(v.units, v.period) == rain_limits(v.units, None)]
    training = np.full(len(fields), np.nan)
    for variable in known:
        shares = _shares(baseline, variable.name)
        rows = np.flatnonzero((fields["variable"] == variable.name).to_numpy())
        if shares is not None and rows.size:
            seasons = _seasons(source.times[variable.times], fields["time"].iloc[rows].tolist())
            training[rows] = most_isolated(shares, baseline.ledger.fractions, seasons)
    if np.isnan(training).all():
        return fields
    least = 1.0 / fields["n"].clip(lower=1)
    excess = fields["isolated_share"] / np.maximum(training, least)
    return fields.assign(isolated_training=training, isolated_excess=excess)


def most_isolated(shares: np.ndarray, fractions: np.ndarray, seasons: np.ndarray) -> np.ndarray:
    """The largest share of isolated cells in cycles of training within 45 days of a day of the year.

    Parameters
    ----------
    shares : np.ndarray, float64 (cycle,)
        NaN where there is none.
    fractions : np.ndarray, float64 (cycle,)
        Of the year that each cycle lies at.
    seasons : np.ndarray, float64 (n,)
        Of the year; NaN for any.

    Returns
    -------
    np.ndarray, float64 (n,)
        Of all the year where fewer than 20 cycles of the season are known.
    """
    known = np.isfinite(shares)
    apart = np.abs(fractions[None] - seasons[:, None])
    near = known & (np.minimum(apart, 1 - apart) <= _SEASON)
    near[near.sum(axis=1) < _FEW] = known
    return np.where(near, shares, -np.inf).max(axis=1)


def _shares(baseline: Baseline, name: str) -> np.ndarray | None:
    """The share of isolated cells in each cycle of training; None of what is no rain."""
    column = next((i for i, score in enumerate(baseline.scores) if score.name == NAME), None)
    if column is None or name not in baseline.variables:
        return None
    shares = np.asarray(baseline.ledger.scores[:, list(baseline.variables).index(name), column], np.float64)
    return shares if np.isfinite(shares).any() else None


def _seasons(axis: TimeAxis, labels: Sequence[str]) -> np.ndarray:
    """The fraction of the year at each time of an axis, float64 (n,); NaN where it is unknown."""
    place = {label: i for i, label in enumerate(axis.labels)}
    seconds = np.array([axis.seconds[place[label]] if label in place else NOT_A_TIME for label in labels], np.int64)
    found = np.full(seconds.size, np.nan)
    told = (seconds != NOT_A_TIME) & (axis.kind == "time")
    found[told] = year_fractions(seconds[told], axis.calendar)
    return found
