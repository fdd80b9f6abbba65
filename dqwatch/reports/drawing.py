"""Pictures of layouts in text: chunks as boxes, shards as boxes around them, contiguous arrays as a ribbon."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dqwatch.metrics.field_arrays import FieldArray
from dqwatch.reports.lines import size, times

_ROWS, _COLUMNS = 4, 5
_WIDTH = 40
_INDENT = "  "
_LIGHT = {"top": "┌─┬┐", "middle": "├─┼┤", "bottom": "└─┴┘", "side": "││"}
_HEAVY = {"top": "╔═╤╗", "middle": "╟─┼╢", "bottom": "╚═╧╝", "side": "║│"}


def draw(array: FieldArray) -> list[str]:
    """The layout of an array as lines: times downwards, cells to the right."""
    if array.geometry.chunks is None:
        return _ribbon(array)
    chunks = array.geometry.chunks
    outer = array.geometry.shards or array.geometry.shape
    down = _number(array.times, outer, chunks)
    across = _number(array.cells, outer, chunks)
    style = _LIGHT if array.geometry.shards is None else _HEAVY
    grid = _boxes(_shown(down, _ROWS), _shown(across, _COLUMNS), style)
    left = f"{_axis(array, array.times, 'one time')} ↓"
    head = " " * (len(left) + 3) + f"{_axis(array, array.cells, 'one cell')} →"
    lines = [head] + [f"{left if i == 0 else ' ' * len(left)}   {line}" for i, line in enumerate(grid)]
    return [_INDENT + line.rstrip() for line in lines] + _legend(array, chunks)


def _number(axes: Sequence[int], shape: Sequence[int], chunks: Sequence[int]) -> int:
    return math.prod(-(-shape[a] // chunks[a]) for a in axes)


def _axis(array: FieldArray, axes: Sequence[int], nothing: str) -> str:
    return " × ".join(f"{array.dims[a]} {array.geometry.shape[a]:,}" for a in axes) or nothing


def _shown(count: int, most: int) -> list[int | None]:
    """Which of some boxes to draw, from 0; None for those left out."""
    if count <= most:
        return list(range(count))
    return [*range(most - 2), None, count - 1]


def _boxes(rows: Sequence[int | None], columns: Sequence[int | None], style: dict[str, str]) -> list[str]:
    """A table of boxes; left-out ones as dots."""
    widths = [5 if c is None else max(5, _WIDTH // len(columns) - 1) for c in columns]
    edge, wall = tuple(style["side"])

    def rule(name: str) -> str:
        left, line, cross, right = tuple(style[name])
        return left + cross.join(line * w for w in widths) + right

    def cells(texts: Sequence[str]) -> str:
        return edge + wall.join(t.center(w) for t, w in zip(texts, widths, strict=True)) + edge

    lines = [rule("top")]
    for at, row in enumerate(rows):
        if at:
            lines.append(rule("middle"))
        lines.append(cells(["⋮" if row is None else "…" if c is None else "" for c in columns]))
    return [*lines, rule("bottom")]


def _legend(array: FieldArray, chunks: Sequence[int]) -> list[str]:
    """What a box is, how many there are, and what of other dimensions lies in it."""
    geometry = array.geometry
    lines = [f"each box is a chunk: {times(chunks)} = {size(geometry.chunk_bytes)}; {geometry.n_chunks:,} in all"]
    if geometry.shards is not None:
        per = math.prod(s // c for s, c in zip(geometry.shards, chunks, strict=True))
        lines.append(
            f"the double frame is a shard, one object: {times(geometry.shards)}, {per:,} chunks; "
            f"{geometry.n_objects:,} in all"
        )
    for axis in (*array.rest, *array.members):
        name, n, length = array.dims[axis], geometry.shape[axis], chunks[axis]
        if n > 1:
            pieces = -(-n // length)
            lines.append(
                f"{name}: all {n:,} in each box"
                if pieces == 1
                else f"{name}: {pieces:,} such pictures, {length:,} in each"
            )
    return [_INDENT + line for line in lines]


def _ribbon(array: FieldArray) -> list[str]:
    """Contiguous storage: the first dimension in pieces one after the other."""
    geometry = array.geometry
    dim, n = array.dims[0] if array.dims else "value", geometry.shape[0] if geometry.shape else 1
    names = ["…" if i is None else f"{dim} {i}" if i == 0 else str(i) for i in _shown(n, _COLUMNS)]
    widths = [max(len(name) + 2, 6) for name in names]
    inner = " × ".join(f"{d} {m:,}" for d, m in zip(array.dims[1:], geometry.shape[1:], strict=True)) or "one value"
    piece = math.prod(geometry.shape[1:]) * geometry.itemsize
    return [
        _INDENT + "┌" + "┬".join("─" * w for w in widths) + "┐",
        _INDENT + "│" + "│".join(name.center(w) for name, w in zip(names, widths, strict=True)) + "│",
        _INDENT + "└" + "┴".join("─" * w for w in widths) + "┘",
        f"{_INDENT}contiguous, no chunks; each box: {inner} = {size(piece)}",
    ]
