"""The losses that a page draws: those of the variables that stand out most, thinned, no spike left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dqwatch.learning import history
from dqwatch.learning.series import Series

_MOST = 12
"""Variables."""
_POINTS = 2000
"""Of a variable; of more steps the extremes of each stretch are kept, and every spike."""
_KINDS = ("spike", "step", "date", "source", "stall")


def thin_curves(series: Series, spikes: history.Spikes, judged: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Columns of the table `loss_curves`.

    Parameters
    ----------
    series : Series
    spikes : Spikes
    judged : mapping
        Columns of the table `losses`.
    """
    chosen = _choose(judged)
    made: dict[str, list[Any]] = {name: [] for name in ("variable", "step", "loss", "spike")}
    for k in chosen:
        certain = np.isfinite(spikes.p_value[:, k]) & (spikes.p_value[:, k] <= history.CERTAIN)
        kept = thin_curve(series.losses[:, k], certain)
        made["variable"] += [series.variables[k]] * kept.size
        made["step"] += series.steps[kept].tolist()
        made["loss"] += series.losses[kept, k].tolist()
        made["spike"] += certain[kept].tolist()
    return made


def _choose(judged: Mapping[str, Sequence[Any]]) -> list[int]:
    """The variables with losses; first those that have bad ones, then by the least p-value of any kind."""
    columns = [np.nan_to_num(np.asarray(judged[f"{kind}_p"], np.float64), nan=1.0) for kind in _KINDS]
    least = np.min(columns, axis=0, initial=1.0)
    least[np.asarray(judged["n_bad"]) > 0] = 0.0
    there = np.asarray(judged["n"]) > 0
    return [int(k) for k in np.argsort(least, kind="stable") if there[k]][:_MOST]


def thin_curve(losses: np.ndarray, kept: np.ndarray, points: int = _POINTS) -> np.ndarray:
    """Indices, int64 ascending, of the losses to be drawn: finite ones, the extremes of each stretch, and what is kept.

    Parameters
    ----------
    losses : np.ndarray float64 (step,)
    kept : np.ndarray bool (step,)
        What must be among them.
    points : int
    """
    there = np.flatnonzero(np.isfinite(losses))
    if there.size <= points:
        return there
    found = set(np.flatnonzero(kept & np.isfinite(losses)).tolist())
    for start, stop in pairwise(np.linspace(0, there.size, points // 2 + 1).astype(np.int64).tolist()):
        part = there[start:stop]
        found |= {int(part[np.argmin(losses[part])]), int(part[np.argmax(losses[part])])}
    return np.array(sorted(found), np.int64)
