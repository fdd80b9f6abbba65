"""What is around single cells, in rows that lie side by side or on a graph.

On rows the neighbours of a cell are the cells beside it and those of the two rows beside its own whose distance along
the row is at most one and a half cells of the coarser row: the eight around it where rows are alike. So of two
neighbours each is the other's.
"""

# numba finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

import numpy as np

from dqwatch.metrics.compiled import compiled

OFFSET, RATIO, REACH = range(3)
_SLACK = 1e-4
"""Cells by which places may be rounded."""


@compiled
def _lay(r, starts, first, step, beside):
    """Into `beside` (3, 3): of the row before, row `r` and the row after, what places the cells of `r` along them."""
    for k in range(3):
        q = min(max(r + k - 1, 0), starts.size - 1)
        ratio = step[r] / step[q]
        beside[k, OFFSET], beside[k, RATIO] = (first[r] - first[q]) / step[q], ratio
        beside[k, REACH] = 1.5 * max(ratio, 1.0) + _SLACK


@compiled
def _span(i, place, n, closed):
    """First position and number of the cells beside cell `i`, in a row of `n`; after the last comes the first."""
    centre = place[OFFSET] + place[RATIO] * i
    begin, end = int(np.ceil(centre - place[REACH])), int(np.floor(centre + place[REACH])) + 1
    if closed:
        return begin % n, min(end - begin, n)
    begin = max(begin, 0)
    return begin, min(end, n) - begin


@compiled
def _around_in_rows(values, r, i, starts, lengths, closed, beside):
    """Number, minimum and maximum of the finite values around cell `i` of row `r`."""
    found, least, most = 0, np.inf, -np.inf
    cell = starts[r] + i
    for q in range(max(r - 1, 0), min(r + 2, starts.size)):
        n = lengths[q]
        j, count = _span(i, beside[q - r + 1], n, closed[q])
        for _ in range(count):
            x = np.float64(values[starts[q] + j])
            if starts[q] + j != cell and abs(x) < np.inf:
                found += 1
                least, most = min(least, x), max(most, x)
            j = j + 1 if j + 1 < n else 0
    return found, least, most


@compiled
def _list_around(starts, lengths, closed, first, step, pairs):
    """Pairs as far as they fit; how many there are."""
    n, beside = 0, np.empty((3, 3))
    for r in range(starts.size):
        _lay(r, starts, first, step, beside)
        for i in range(lengths[r]):
            for q in range(max(r - 1, 0), min(r + 2, starts.size)):
                j, count = _span(i, beside[q - r + 1], lengths[q], closed[q])
                for _ in range(count):
                    if q != r or j != i:
                        if n < pairs.shape[1]:
                            pairs[0, n], pairs[1, n] = starts[r] + i, starts[q] + j
                        n += 1
                    j = j + 1 if j + 1 < lengths[q] else 0
    return n


def list_pairs_in_rows(starts, lengths, closed, first, step):
    """Cells, and the neighbours of each, int64 (2, pair): what `count_wet_in_rows` looks at."""
    asked = starts, lengths, closed, first, step
    pairs = np.empty((2, _list_around(*asked, np.empty((2, 0), np.int64))), np.int64)
    _list_around(*asked, pairs)
    return pairs


@compiled
def _around_on_graph(values, i, starts, cells):
    n, least, most = 0, np.inf, -np.inf
    for edge in range(starts[i], starts[i + 1]):
        x = np.float64(values[cells[edge]])
        if abs(x) < np.inf:
            n += 1
            least, most = min(least, x), max(most, x)
    return n, least, most


@compiled
def count_wet_in_rows(values, starts, lengths, closed, first, step, wet, dry):
    """Number of finite values of at least `wet` whose finite neighbours, one or more, are all below `dry`; the largest.

    Of the largest the cell, the first of several; -1 if there is none.
    """
    found, largest, beside = 0, -1, np.empty((3, 3))
    for r in range(starts.size):
        _lay(r, starts, first, step, beside)
        begin, last = starts[r], starts[r] + lengths[r] - 1
        for cell in range(begin, last + 1):
            if not (wet <= values[cell] < np.inf):
                continue
            if cell > begin and dry <= values[cell - 1] < np.inf:
                continue
            if cell < last and dry <= values[cell + 1] < np.inf:
                continue
            n, _, most = _around_in_rows(values, r, cell - begin, starts, lengths, closed, beside)
            if n > 0 and most < dry:
                found += 1
                largest = cell if largest < 0 or values[cell] > values[largest] else largest
    return found, largest


@compiled
def count_wet_on_graph(values, starts, cells, wet, dry):
    """As `count_wet_in_rows`."""
    found, largest = 0, -1
    for i in range(values.size):
        if not (wet <= values[i] < np.inf):
            continue
        n = 0
        for edge in range(starts[i], starts[i + 1]):
            x = values[cells[edge]]
            if dry <= x < np.inf:
                n = 0
                break
            n += abs(x) < np.inf
        if n > 0:
            found += 1
            largest = i if largest < 0 or values[i] > values[largest] else largest
    return found, largest


@compiled
def _height(x, n, least, most):
    """How far a value is above all `n` around it, or below them all."""
    return max(x - most, least - x) if n > 0 else -np.inf


@compiled
def count_spikes_in_rows(values, starts, lengths, closed, first, step, threshold):
    """Number of finite values above all their finite neighbours, or below them all, by more than `threshold`.

    Also the cell that stands out most, the first of several; -1 if there is none.
    """
    found, farthest, place, beside = 0, threshold, -1, np.empty((3, 3))
    for r in range(starts.size):
        _lay(r, starts, first, step, beside)
        begin, last = starts[r], starts[r] + lengths[r] - 1
        for cell in range(begin, last + 1):
            x = np.float64(values[cell])
            if not abs(x) < np.inf:
                continue
            # Written so that a neighbour which is not finite leaves the cell a candidate.
            if cell > begin and abs(x - values[cell - 1]) <= threshold:
                continue
            if cell < last and abs(x - values[cell + 1]) <= threshold:
                continue
            height = _height(x, *_around_in_rows(values, r, cell - begin, starts, lengths, closed, beside))
            found += height > threshold
            if height > farthest:
                farthest, place = height, cell
    return found, place


@compiled
def count_spikes_on_graph(values, starts, cells, threshold):
    """As `count_spikes_in_rows`."""
    found, farthest, place = 0, threshold, -1
    for i in range(values.size):
        x = np.float64(values[i])
        if starts[i + 1] == starts[i] or abs(x - values[cells[starts[i]]]) <= threshold or not abs(x) < np.inf:
            continue
        height = _height(x, *_around_on_graph(values, i, starts, cells))
        found += height > threshold
        if height > farthest:
            farthest, place = height, i
    return found, place


@compiled
def _touches(mask, state, r, i, starts, lengths, closed, beside):
    for q in range(max(r - 1, 0), min(r + 2, starts.size)):
        n = lengths[q]
        j, count = _span(i, beside[q - r + 1], n, closed[q])
        for _ in range(count):
            if mask[starts[q] + j] == state and (q != r or j != i):
                return True
            j = j + 1 if j + 1 < n else 0
    return False


@compiled
def touches_in_rows(mask, wanted, state, starts, lengths, closed, first, step, out):
    """Into bool `out`: cells of `wanted` (bool) with a neighbour where `mask` is `state`."""
    beside = np.empty((3, 3))
    for r in range(starts.size):
        _lay(r, starts, first, step, beside)
        for i in range(lengths[r]):
            cell = starts[r] + i
            out[cell] = wanted[cell] and _touches(mask, state, r, i, starts, lengths, closed, beside)


@compiled
def touches_on_graph(mask, wanted, state, starts, cells, out):
    """As `touches_in_rows`."""
    for i in range(mask.size):
        out[i] = False
        if wanted[i]:
            for edge in range(starts[i], starts[i + 1]):
                out[i] |= mask[cells[edge]] == state
