"""Loss series from the file store of MLflow: a file for each metric, a line for each value (time, value, step).

Source: mlflow.store.tracking.file_store, layout `mlruns/EXPERIMENT/RUN/metrics/NAME`, where NAME may hold slashes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dqwatch.errors import SourceError, UsageError
from dqwatch.learning.series import Series, arrange

_WHOLE = ("all",)
"""Parts of a name that stand for all variables together."""


def read(folder: Path, metric: str | None) -> Series:
    """The series of a run.

    Parameters
    ----------
    folder : Path
        Of the run, or its `metrics`.
    metric : str, optional
        Names to take, one `*` where the variable stands, such as `val_mse_metric/data/*/1`. By default the largest set
        of names that differ in one part only.

    Raises
    ------
    SourceError
        If the folder is none of a run, or a file is none of a metric.
    UsageError
        If `metric` has not one `*` or fits nothing, or no set of names is the largest.
    """
    root = folder / "metrics" if (folder / "metrics").is_dir() else folder
    files = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}
    if not files or (root is folder and folder.name != "metrics"):
        raise SourceError(f"{folder}: not the folder of a run of MLflow: it has no folder 'metrics' with files")
    chosen = _find(list(files), metric, folder.name)
    found = {variable: _read_metric(files[name]) for variable, name in chosen.items()}
    return _join(found, folder.name)


def _find(names: list[str], metric: str | None, run: str) -> dict[str, str]:
    """Variable -> name of its metric."""
    if metric is not None:
        if metric.count("*") != 1:
            raise UsageError(f"metric: got '{metric}'; give one * where the variable stands: val_mse_metric/data/*/1")
        pattern = re.compile(re.escape(metric).replace(r"\*", "([^/]+)"))
        found = {match[1]: name for name in names if (match := pattern.fullmatch(name)) and match[1] not in _WHOLE}
        if not found:
            raise UsageError(f"metric: '{metric}' fits none of the metrics of {run}: {_some(names)}")
        return found
    groups = _group(names)
    most = max(map(len, groups.values()), default=0)
    largest = [pattern for pattern, group in groups.items() if len(group) == most]
    if most < 2 or len(largest) > 1:
        told = ", ".join(f"'{p}'" for p in largest[:4]) if most > 1 else _some(names)
        raise UsageError(f"{run}: which metrics are the losses? Say so by --metric, a * for the variable: {told}")
    return groups[largest[0]]


def _group(names: list[str]) -> dict[str, dict[str, str]]:
    """Pattern with a * -> variable -> name, for each part in which names of several parts differ."""
    groups: dict[str, dict[str, str]] = {}
    for name in names:
        parts = name.split("/")
        for k, part in enumerate(parts):
            if len(parts) > 1 and part not in _WHOLE and not part.isdecimal():  # a number is a step of the rollout
                pattern = "/".join([*parts[:k], "*", *parts[k + 1 :]])
                groups.setdefault(pattern, {})[part] = name
    return {pattern: group for pattern, group in groups.items() if len(group) > 1}


def _some(names: list[str]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")


def _read_metric(path: Path) -> list[tuple[int, float]]:
    """Steps and values in the order in which they were written."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        parts = line.split()
        try:
            found.append((int(parts[2]) if len(parts) > 2 else 0, float(parts[1])))
        except (ValueError, IndexError) as error:
            raise SourceError(f"{path}:{number}: got '{line[:60]}'; a metric of MLflow is 'time value step'") from error
    return found


def _join(found: Mapping[str, list[tuple[int, float]]], run: str) -> Series:
    """All metrics on the steps that any has; of a step twice in one, the last counts."""
    last = {variable: dict(pairs) for variable, pairs in found.items()}
    steps = np.array(sorted(set().union(*last.values())), np.int64)
    row = {int(step): i for i, step in enumerate(steps)}
    losses = np.full((steps.size, len(last)), np.nan)
    bad = np.zeros(losses.shape, bool)
    for k, values in enumerate(last.values()):
        for step, value in values.items():
            losses[row[step], k], bad[row[step], k] = value, not np.isfinite(value)
    return arrange(steps, list(last), losses, bad, [()] * steps.size, [""] * steps.size, run)
