"""What relations should answer, cell by cell in plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dqwatch.metrics.relations import RELATIONS, Relation, Violations


def relation(name: str, *variables: str) -> Relation:
    """The only relation of an id with these among its variables."""
    (found,) = (r for r in RELATIONS if r.id == name and {*variables} <= {*r.variables, *r.optional})
    return found


def lattice(low: float, high: float, step: float, n: int = 12) -> st.SearchStrategy[np.ndarray]:
    """Fields of `n` cells: multiples of a step (a power of 2, so that differences are exact) and NaN."""
    numbers = st.integers(round(low / step), round(high / step)).map(lambda k: k * step)
    return arrays(np.float64, n, elements=numbers | st.just(math.nan), fill=st.nothing())


def unpacked(*names: str) -> dict[str, float]:
    """Packing errors of variables that are not packed, although tests draw them from a lattice."""
    return dict.fromkeys(names, 0.0)


def answer(departures: Sequence[float], tolerances: Sequence[float]) -> tuple[int, int, float, int]:
    """Of each cell, NaN where it is not checked."""
    known = [(d, t, i) for i, (d, t) in enumerate(zip(departures, tolerances, strict=True)) if math.isfinite(d)]
    if not known:
        return 0, 0, math.nan, -1
    bad = sum(d > t for d, t, _ in known)
    worst = max(d for d, _, _ in known)
    cell = next(i for d, _, i in known if d == worst)
    return len(known), bad, *((worst, cell) if worst > 0 else (0.0, -1))


def check(
    found: Violations,
    fields: Mapping[str, np.ndarray],
    departure: Callable[..., float],
    tolerance: float | Callable[..., float] = 0.0,
) -> None:
    """Compare with `departure(**cell)`, where a name like 2t is `_2t`; NaN in any field leaves the cell out."""
    n = next(iter(fields.values())).size
    departures, tolerances = [], []
    for i in range(n):
        cell = {f"_{name}": float(values[i]) for name, values in fields.items()}
        complete = not any(math.isnan(value) for value in cell.values())
        departures.append(departure(**cell) if complete else math.nan)
        tolerances.append(
            tolerance(**cell) if callable(tolerance) and complete else 0.0 if callable(tolerance) else tolerance
        )
    expected = answer(departures, tolerances)
    assert found[:2] == expected[:2]
    assert found.worst == pytest.approx(expected[2], rel=1e-9, abs=1e-9, nan_ok=True)
    if expected[3] >= 0:
        assert departures[found.worst_cell] == pytest.approx(expected[2], rel=1e-9, abs=1e-9)
    else:
        assert found.worst_cell == -1
