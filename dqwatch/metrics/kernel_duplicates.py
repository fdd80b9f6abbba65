"""Rows like the row before them and columns like the column before them; most are told apart by their first cells."""

# numba finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

import numpy as np

from dqwatch.metrics.compiled import compiled

_LEAST_CHANGES, _MOST_CHANGES = 4, 8


@compiled
def _same(a, b):
    return a == b or (a != a and b != b)


@compiled
def _changes(a, b):
    """Whether a value changes from one cell to the next, both finite."""
    return a != b and abs(a) < np.inf and abs(b) < np.inf


@compiled
def _enough(n):
    """Changes that a line of `n` cells must have to be worth comparing."""
    return max(min(_MOST_CHANGES, n // 2), _LEAST_CHANGES)


@compiled
def count_equal_rows(values, starts, lengths):
    """Rows equal in every cell (NaN equals NaN) to the row before, of as many cells, in which values change enough."""
    found = 0
    for r in range(1, starts.size):
        if lengths[r] != lengths[r - 1]:
            continue
        a, b, changes, same = starts[r - 1], starts[r], 0, True
        for i in range(lengths[r]):
            if not _same(values[a + i], values[b + i]):
                same = False
                break
            if i > 0:
                changes += _changes(values[b + i - 1], values[b + i])
        found += same and changes >= _enough(lengths[r])
    return found


@compiled
def count_equal_columns(table, closed):
    """The same of the columns of `table` (row, column); the first comes after the last where rows are `closed`."""
    n_rows, n_columns = table.shape
    left = np.arange(n_columns)
    changes = np.zeros(n_columns, np.int64)
    first = 0 if closed and n_columns > 2 else 1
    n = 0
    for c in range(first, n_columns):
        left[n] = c
        n += 1
    for y in range(n_rows):
        kept = 0
        for k in range(n):
            c = left[k]
            if _same(table[y, c], table[y, c - 1]):
                left[kept] = c
                kept += 1
                if y > 0:
                    changes[c] += _changes(table[y - 1, c], table[y, c])
        n = kept
    found = 0
    for k in range(n):
        found += changes[left[k]] >= _enough(n_rows)
    return found
