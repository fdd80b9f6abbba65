"""Isolated rain of fields beside that of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dqwatch.baselines.baseline import Baseline
from dqwatch.metrics.isolation import rain_limits
from dqwatch.scores.isolated import NAME
from dqwatch.types import Source

if TYPE_CHECKING:
    import pandas as pd


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
    known = {v.name for v in source.variables if rain_limits(v.units, v.period) == rain_limits(v.units, None)}
    largest = {name: share for name, share in most_isolated(baseline).items() if name in known}
    if not largest:
        return fields
    training = fields["variable"].map(largest).astype("float64")
    least = 1.0 / fields["n"].clip(lower=1)
    excess = fields["isolated_share"] / np.maximum(training, least)
    return fields.assign(isolated_training=training, isolated_excess=excess)


def most_isolated(baseline: Baseline) -> dict[str, float]:
    """Variable -> the largest share of isolated cells in a cycle of training; of rain alone."""
    column = next((i for i, score in enumerate(baseline.scores) if score.name == NAME), None)
    if column is None:
        return {}
    shares = np.asarray(baseline.ledger.scores[:, :, column], np.float64)
    known = np.isfinite(shares).any(axis=0)
    return {baseline.variables[k]: float(np.nanmax(shares[:, k])) for k in np.flatnonzero(known)}
