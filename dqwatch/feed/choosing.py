"""What of a source a feed takes: variables that fit together, and cells."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np

from dqwatch.errors import NothingThereError, UsageError
from dqwatch.types import Source


def choose_variables(source: Source, names: Sequence[str] | None) -> tuple[list[int], tuple[str, ...]]:
    """Indices of the variables of a feed, and the names of those that are left out.

    Raises
    ------
    UsageError
        If a name is unknown or given twice, or variables of different time axes, grids or numbers of members are asked
        for together.
    NothingThereError
        If the source has no variable.
    """
    variables = source.variables
    if not variables:
        raise NothingThereError(f"{source.name}: nothing to feed: it holds no variables")
    keys = [(source.times[v.times].kind == "time", v.times, v.grid, v.members) for v in variables]
    if names is None:
        timed = [key for key in keys if key[0]] or keys
        main = max(dict.fromkeys(timed), key=timed.count)
        chosen = [i for i, key in enumerate(keys) if key == main]
        return chosen, tuple(v.name for i, v in enumerate(variables) if keys[i] != main)
    names = [names] if isinstance(names, str) else list(names)
    by_name = {v.name: i for i, v in reversed(list(enumerate(variables)))}
    unknown = [name for name in names if name not in by_name]
    if unknown or not names or len(set(names)) < len(names):
        what = f"no variable '{unknown[0]}' in {source.name}" if unknown else f"got {names}"
        near = difflib.get_close_matches(unknown[0], by_name, n=3) if unknown else []
        hint = (
            f"did you mean {', '.join(near)}?"
            if near
            else f"there are {', '.join([v.name for v in variables[:5]])}, ..."
        )
        raise UsageError(f"variables: {what}; give names, each once: {hint}")
    chosen = [by_name[name] for name in names]
    odd = [i for i in chosen if keys[i] != keys[chosen[0]]]
    if odd:
        raise UsageError(
            f"variables: '{variables[odd[0]].name}' has another time axis, grid or number of members than "
            f"'{names[0]}'; one feed takes variables that share them"
        )
    return chosen, tuple(v.name for i, v in enumerate(variables) if i not in chosen)


def choose_points(points: Any, n_cells: int) -> np.ndarray | None:
    """Indices of the cells wanted, int64; None for all.

    Raises
    ------
    UsageError
        If there is no such cell, or none is wanted.
    """
    if points is None:
        return None
    if isinstance(points, slice):
        points = np.arange(n_cells)[points]
    found = np.asarray(points)
    if found.dtype == bool and found.shape == (n_cells,):
        found = np.flatnonzero(found)
    if found.ndim != 1 or found.size == 0 or found.dtype.kind not in "iu":
        raise UsageError(
            f"points: got {found.dtype} of shape {found.shape}; give indices of cells, a slice, or bool ({n_cells},)"
        )
    if found.min() < 0 or found.max() >= n_cells:
        raise UsageError(f"points: got {found.min()} to {found.max()}; the grid has the cells 0 to {n_cells - 1}")
    return found.astype(np.int64)
