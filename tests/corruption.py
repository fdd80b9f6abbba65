"""What a corrupter is: something done to clean data, in a size, and the rules that it must trip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from clean import clean

import dqwatch


def audited(data: Any, *rules: str) -> set[str]:
    """The rules that do not simply pass, of the audit or of other sets."""
    results = dqwatch.audit(data, rules=rules or "audit", workers=1).results
    return {f.rule for f in results if f.status not in ("pass", "skipped")}


class Corruption(NamedTuple):
    """A fault, and the rules that must not pass: these and no other."""

    spoil: Callable[[Any, float, Path], Any]
    """From clean data, a size and an empty folder to the spoilt data, or the path of a store of them."""
    trips: frozenset[str]
    smallest: float = 1.0
    """The smallest size that must be found always."""
    unit: str = ""
    """Of the size; '' where the fault is there or not."""
    others: tuple[float, ...] = ()
    """Sizes below the smallest, or far above, at which the benchmark looks too."""
    make: Callable[[int], Any] = clean
    """Clean data of a seed."""
    look: Callable[[Any], set[str]] = audited
    """What data trip."""


def changed(data: xr.Dataset, name: str, values: np.ndarray, **attributes: Any) -> xr.Dataset:
    """A copy in which one variable has other values."""
    old = data[name]
    return data.assign({name: old.copy(data=values.astype(old.dtype)).assign_attrs(attributes)})


def replaced(data: xr.Dataset, name: str, time: int, value: float, n: float) -> xr.Dataset:
    """A copy in which so many cells, evenly spread away from the poles, or all, of a field have another value."""
    values = data[name].values.copy()
    field = values[time].ravel()
    ends = (0.1, 0.9) if n < field.size else (0, 1)
    field[np.linspace(*(np.array(ends) * (field.size - 1)), int(n)).astype(int)] = value
    values[time] = field.reshape(values[time].shape)
    return changed(data, name, values)


def attributed(data: xr.Dataset, name: str, **attributes: Any) -> xr.Dataset:
    """A copy in which one variable has other attributes; None takes one away."""
    copy = data.assign({name: data[name].copy()})
    for key, value in attributes.items():
        copy[name].attrs.pop(key, None)
        if value is not None:
            copy[name].attrs[key] = value
    return copy
