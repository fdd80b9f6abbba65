"""Lines of a text report: sentences that may be wrapped, tables that must not, numbers in the unit that fits."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

_INDENT = "  "
_UNITS = ("B", "kB", "MB", "GB", "TB")


class Fixed(str):
    """A line that must not be wrapped."""

    __slots__ = ()


class Verbatim(Fixed):
    """A line that must stand as it is, at the left: part of a command."""

    __slots__ = ()


def wrap(text: str, width: int | None) -> list[str]:
    """A sentence as lines of at most `width` columns (40 at least), indented; None wraps nothing."""
    if isinstance(text, Verbatim):
        return [str(text)]
    if width is None or isinstance(text, Fixed):
        return [_INDENT + text]
    return textwrap.wrap(
        text,
        max(width, 40),
        initial_indent=_INDENT,
        subsequent_indent=2 * _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(rows: Sequence[Sequence[str]], left: int = 1) -> Iterator[Fixed]:
    """Rows in columns; the first `left` columns and the last one to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    last = len(widths) - 1
    for row in rows:
        cells = (
            c.ljust(w) if i < left or i == last else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        yield Fixed("  ".join(cells).rstrip())


def times(lengths: Sequence[int]) -> str:
    """Lengths as a product: `1 × 18 × 1,600`."""
    return " × ".join(f"{n:,}" for n in lengths) or "1"


def size(n: float | None) -> str:
    """Bytes in the unit that fits, three digits: `1.23 MB`."""
    if n is None:
        return "unknown"
    power = min(4, max(0, len(str(round(n))) - 1) // 3)
    scaled = n / 1000**power
    return f"{scaled:,.0f} {_UNITS[power]}" if scaled >= 100 or not power else f"{scaled:.3g} {_UNITS[power]}"


def factor(value: float) -> str:
    """An amplification, to two or three digits."""
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.3g}" if value >= 9.95 else f"{value:.1f}"
