"""What drift series say of each variable and region over many cycles."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch.history.persistence import UNUSUAL, Stretch, find_stretch, is_over, lasts
from dqwatch.history.rows import ALARM

if TYPE_CHECKING:
    import pandas as pd

_MOST_REGIONS = 20


def describe_variables(drift: pd.DataFrame) -> list[dict[str, Any]]:
    """The variables that alarmed or departed lastingly, the worst first.

    Parameters
    ----------
    drift : pd.DataFrame
        Rows of `reading.read_drift`, in order of time.

    Returns
    -------
    list of dict
        `variable`, `labels` of its series, `n` cycles with a p-value, `n_rare` (p <= 0.01), `n_alarmed` (named in a
        cycle that alarms), `first_alarm`, `last_alarm`, `region` (where most alarms are, or departures if none
        alarmed), `since` and `until`: the stretch in which it departs most, `share` of its cycles unusual (p <= 0.05)
        and `share_before`, its `gain`, whether it is `lasting` and whether it is `over`.
    """
    n_variables = int(drift["variable"].nunique())
    found = []
    for (series, variable), rows in drift.groupby(["series", "variable"], sort=False):
        values = rows["p_value"].to_numpy()
        alarmed = rows["alarmed"].to_numpy()
        stretch = find_stretch(values)
        known = int(np.isfinite(values).sum())
        lasting = stretch.total > 0 and lasts(stretch, known, n_variables, _days(rows, stretch))
        if alarmed.any() or lasting:
            found.append(
                {
                    "variable": str(variable),
                    "labels": json.loads(str(series)),
                    "n": known,
                    "n_rare": int((values <= ALARM).sum()),
                    **_alarms(rows["time"].to_numpy(), alarmed),
                    "region": _most_frequent(
                        rows["region"].to_numpy(), alarmed if alarmed.any() else values <= UNUSUAL
                    ),
                    **_stretch(rows["time"].to_numpy(), values, stretch),
                    "lasting": bool(lasting),
                    "over": stretch.total == 0 or is_over(stretch, values),
                }
            )
    return sorted(found, key=_badness)


def _badness(entry: dict[str, Any]) -> tuple[bool, bool, float, int, float]:
    """Sort key: what lasts and is not over first, the strongest first; then what alarmed most often."""
    lasting = entry["lasting"]
    gain = -float(entry["gain"])
    return not (lasting and not entry["over"]), not lasting, gain if lasting else 0.0, -entry["n_alarmed"], gain


def _alarms(times: np.ndarray, alarmed: np.ndarray) -> dict[str, Any]:
    places = np.flatnonzero(alarmed)
    first, last = (str(times[places[k]]) if places.size else None for k in (0, -1))
    return {"n_alarmed": int(places.size), "first_alarm": first, "last_alarm": last}


def _stretch(times: np.ndarray, values: np.ndarray, stretch: Stretch) -> dict[str, Any]:
    if not stretch.total:
        return {"since": None, "until": None, "share": None, "share_before": None, "gain": 0.0}
    before = values[: stretch.first]
    known = before[np.isfinite(before)]
    return {
        "since": str(times[stretch.first]),
        "until": str(times[stretch.last]),
        "share": stretch.unusual / stretch.total,
        "share_before": float((known <= UNUSUAL).mean()) if known.size else None,
        "gain": stretch.gain,
    }


def _days(rows: pd.DataFrame, stretch: Stretch) -> float:
    """That a stretch spans; without dates that all calendars have, as if cycles were six hours apart."""
    first, last = (rows["valid_at"].iloc[k] for k in (stretch.first, stretch.last))
    span = (last - first).total_seconds() / 86400
    return float(span) if span == span else (stretch.last - stretch.first) / 4


def _most_frequent(names: np.ndarray, chosen: np.ndarray) -> str:
    kept = [str(name) for name in names[chosen] if name]
    counts = Counter(kept)
    return max(counts, key=lambda name: (counts[name], name)) if counts else ""


def rank_regions(drift: pd.DataFrame) -> tuple[list[dict[str, Any]], int]:
    """Regions by the number of alarms there: `region`, `n_alarmed`, `variables` (the most frequent five).

    After them the number of regions that are left out.
    """
    alarmed = drift[drift["alarmed"] & (drift["region"] != "")]
    found: list[tuple[int, str, list[str]]] = []
    for region, rows in alarmed.groupby("region", sort=False):
        names = rows["variable"].value_counts(sort=True)
        found.append((len(rows), str(region), [str(name) for name in names.index[:5]]))
    found.sort(key=lambda one: (-one[0], one[1]))
    told = [{"region": region, "n_alarmed": n, "variables": names} for n, region, names in found[:_MOST_REGIONS]]
    return told, len(found) - len(told)
