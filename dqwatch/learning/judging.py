"""A series of losses judged: the columns of the tables `losses`, `suspects` and `loss_curves`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dqwatch.learning import dating, history, parting
from dqwatch.learning.curves import thin_curves
from dqwatch.learning.parting import Parting
from dqwatch.learning.series import Series
from dqwatch.learning.suspects import Fields, Suspect

_MOST_SPIKES = 20
"""Spikes of each variable whose dates are looked up."""


class Judged(NamedTuple):
    """Columns by table, and what has to be said."""

    losses: dict[str, list[Any]]
    suspects: dict[str, list[Any]]
    curves: dict[str, list[Any]]
    notes: list[str]


def judge(series: Series, fields: Fields | None = None) -> Judged:
    """Every variable against its own history and against the others.

    Parameters
    ----------
    series : Series
    fields : Fields, optional
        What an audit knows of the data that the samples were taken from.

    Returns
    -------
    Judged
    """
    values = series.values()
    steps = parting.settle(values, parting.find_steps)
    dates, names = dating.in_order(series.dates), sorted(set(series.sources) - {""})
    dated = parting.settle(values, lambda beside: dating.find_dates(beside.left, series.dates))
    by_source = parting.settle(values, lambda beside: parting.find_sources(beside.left, series.sources))
    stalls = parting.find_stalls(_without_steps(values, steps))
    spikes = history.find_spikes(values)
    found = _look_up(series, spikes, fields)
    columns = {
        **_counts(series),
        **_spike_columns(series, spikes, found),
        **_columns(series, "step", steps),
        "step_at": [_step(series, one) for one in steps],
        "step_source": [_source_near(series.sources, one) for one in steps],
        **_columns(series, "date", dated),
        "date_from": [str(dates[one.at]) if one.at >= 0 else "" for one in dated],
        **_columns(series, "source", by_source),
        "source_name": [names[one.at] if one.at >= 0 else "" for one in by_source],
        **_columns(series, "stall", stalls),
        "stall_since": [_step(series, one) for one in stalls],
    }
    rows = [(series.variables[k], int(series.steps[i]), *one) for (k, i), own in found.items() for one in own]
    keys = ("variable", "step", *Suspect._fields)
    suspects = {key: [row[place] for row in rows] for place, key in enumerate(keys)}
    return Judged(columns, suspects, thin_curves(series, spikes, columns), _notes(series, fields))


def _without_steps(values: np.ndarray, steps: Sequence[Parting]) -> np.ndarray:
    """The values less the rises that are certain: what rises once has not stalled."""
    found = values.copy()
    for k, one in enumerate(steps):
        if one.p_value <= history.CERTAIN:
            found[one.at :, k] -= one.by
    return found


def _look_up(series: Series, spikes: history.Spikes, fields: Fields | None) -> dict[tuple[int, int], list[Suspect]]:
    """What stands out at the dates of each spike: variable and index of the step -> suspects, largest spikes first."""
    found: dict[tuple[int, int], list[Suspect]] = {}
    for k in range(len(series.variables)):
        certain = np.flatnonzero(spikes.p_value[:, k] <= history.CERTAIN)
        largest = certain[np.argsort(-spikes.rise[certain, k], kind="stable")][:_MOST_SPIKES]
        for i in largest.tolist():
            found[k, i] = fields.near(series.dates[i]) if fields is not None else []
    return found


def _counts(series: Series) -> dict[str, list[Any]]:
    there = np.isfinite(series.losses)
    some = there.any(axis=0)
    first = np.where(some, series.steps[there.argmax(axis=0)], -1)
    last = np.where(some, series.steps[there.shape[0] - 1 - there[::-1].argmax(axis=0)], -1)
    ends = [own[np.isfinite(own)] for own in series.losses.T]
    return {
        "variable": list(series.variables),
        "n": there.sum(axis=0).tolist(),
        "n_bad": series.bad.sum(axis=0).tolist(),
        "first_step": first.tolist(),
        "last_step": last.tolist(),
        "last_loss": [float(np.median(own[-max(1, own.size // 10) :])) if own.size else np.nan for own in ends],
        "still": history.longest_still(series.losses).tolist(),
    }


def _spike_columns(
    series: Series, spikes: history.Spikes, found: dict[tuple[int, int], list[Suspect]]
) -> dict[str, list[Any]]:
    """The largest spike of each variable."""
    made: dict[str, list[Any]] = {f"spike_{key}": [] for key in ("p", "step", "times", "dates", "fields")}
    made["n_spikes"] = (spikes.p_value <= history.CERTAIN).sum(axis=0).tolist()
    for k in range(len(series.variables)):
        judged = np.isfinite(spikes.p_value[:, k])
        i = int(np.nanargmax(spikes.rise[:, k])) if judged.any() else -1
        made["spike_p"].append(float(spikes.p_value[i, k]) if i >= 0 else np.nan)
        made["spike_step"].append(int(series.steps[i]) if i >= 0 else -1)
        made["spike_times"].append(_times(series, k, float(spikes.factor[i, k])) if i >= 0 else np.nan)
        made["spike_dates"].append(" ".join(map(str, series.dates[i])) if i >= 0 else "")
        made["spike_fields"].append("; ".join(one.told() for one in found.get((k, i), ())))
    return made


def _columns(series: Series, name: str, partings: Sequence[Parting]) -> dict[str, list[float]]:
    times = [_times(series, k, one.by) for k, one in enumerate(partings)]
    return {f"{name}_p": [one.p_value for one in partings], f"{name}_times": times}


def _times(series: Series, k: int, by: float) -> float:
    """A difference of values as a ratio of losses, where values are logarithms."""
    return float(np.exp(by)) if not (series.losses[:, k] <= 0).any() else by


def _step(series: Series, one: Parting) -> int:
    return int(series.steps[one.at]) if one.at >= 0 else -1


def _source_near(sources: Sequence[str], one: Parting) -> str:
    """The source that begins nearest to a step, within a twentieth of the series; '' where none does."""
    near = len(sources) // 20
    begins = [i for i in range(1, len(sources)) if sources[i] != sources[i - 1] and abs(i - one.at) <= near]
    taken_by_turns = len(begins) > 2
    return sources[min(begins, key=lambda i: abs(i - one.at))] if begins and one.at >= 0 and not taken_by_turns else ""


def _notes(series: Series, fields: Fields | None) -> list[str]:
    notes = list(series.notes)
    if not any(series.dates):
        notes.append(
            "no dates of samples: what data are behind a spike, and from which date on losses part, is not told"
        )
    elif fields is None:
        notes.append("no tables of an audit (--against): what stands out at the dates of a spike is not told")
    return notes
