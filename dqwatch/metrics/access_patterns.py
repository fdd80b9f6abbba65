"""Ways of reading: what a pattern asks for, and which times, cells, variables and members that means in some data.

A pattern is text like `time=28,cell=10%,variable=2t+msl`; a dimension that it does not name is taken whole.

| dimension | amounts |
| --- | --- |
| time | `28` (consecutive, in the middle of the axis), `10%`, `4x7` (four runs of seven), `12h`, `180d`, `all` |
| cell | `100` (at random), `10%` (the same), `5x9` (five places, nine neighbours each), `region`, `all` |
| variable | `5` (the first five), `2t+t_850`, `all` |
| member | `1` (the first), `all` |

`region` is the middle third of the latitudes and of the longitudes. What is random is so with a fixed seed: the same
data and pattern give the same indices.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dqwatch.errors import UsageError
from dqwatch.metrics.access import Part
from dqwatch.metrics.neighbours import nearest
from dqwatch.types import NOT_A_TIME, Grid, TimeAxis, Variable

_SEED = 0
_FORMS = {
    "all": re.compile(r"all"),
    "region": re.compile(r"region"),
    "share": re.compile(r"(\d+(?:\.\d+)?)%"),
    "groups": re.compile(r"(\d+)x(\d+)"),
    "duration": re.compile(r"(\d+)([hd])"),
    "count": re.compile(r"(\d+)"),
    "names": re.compile(r"[^+=%\s]+(?:\+[^+=%\s]+)*"),
}
_ALLOWED = {
    "time": {"count": "28", "share": "10%", "groups": "4x7", "duration": "180d", "all": "all"},
    "cell": {"count": "100", "share": "10%", "groups": "5x9", "region": "region", "all": "all"},
    "variable": {"count": "5", "all": "all", "names": "2t+t_850"},
    "member": {"count": "1", "all": "all"},
}


class Amount(NamedTuple):
    """How much of a dimension is wanted."""

    form: str
    text: str
    numbers: tuple[float, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pattern:
    """A way of reading."""

    name: str
    text: str
    amounts: Mapping[str, Amount]
    meaning: str = ""
    strict: bool = True
    """Whether it is an error to want more than there is; if not, what there is will do."""


def parse_pattern(text: str, *, name: str = "", meaning: str = "", strict: bool = True) -> Pattern:
    """A pattern from its text.

    Raises
    ------
    UsageError
        If it names no dimension, a dimension that there is not, or one twice; or an amount is none of the dimension's.
    """
    amounts: dict[str, Amount] = {}
    for part in text.split(","):
        dim, equals, amount = (piece.strip() for piece in part.partition("="))
        if dim not in _ALLOWED or not equals:
            raise UsageError(
                f"pattern '{text}': '{part.strip()}' is no part of a pattern; write DIM=AMOUNT with DIM one of "
                f"{', '.join(_ALLOWED)}: time=28,cell=10%,variable=2t"
            )
        if dim in amounts:
            raise UsageError(f"pattern '{text}': '{dim}' stands there twice; name each dimension once")
        amounts[dim] = _parse_amount(text, dim, amount)
    return Pattern(name or text, text, amounts, meaning, strict)


def _parse_amount(text: str, dim: str, amount: str) -> Amount:
    for form in _ALLOWED[dim]:
        found = _FORMS[form].fullmatch(amount)
        if found is None:
            continue
        if form == "names":
            return Amount(form, amount, names=tuple(amount.split("+")))
        if form == "duration":
            return Amount(form, amount, (float(found[1]) * {"h": 3600, "d": 86400}[found[2]],))
        numbers = tuple(float(n) for n in found.groups())
        if any(n <= 0 for n in numbers) or (form == "share" and numbers[0] > 100):
            break
        return Amount(form, amount, numbers)
    allowed = ", ".join(_ALLOWED[dim].values())
    raise UsageError(f"pattern '{text}': {dim}={amount or '(nothing)'} is no amount; give one like {allowed}")


BUILT_IN = tuple(
    parse_pattern(text, name=name, meaning=meaning, strict=False)
    for name, text, meaning in (
        ("date", "time=1", "one date, all cells, all variables (AIFS)"),
        ("series", "time=180d,cell=5x9", "180 days at five catchments of nine cells, all variables (AIFL)"),
        ("points", "time=1,cell=10%", "10 % of the cells at random at one instant, all variables (PoF)"),
        ("window", "time=12h,cell=region", "12 hours of a region, all variables (DOP)"),
    )
)
"""The patterns of the field, from whole states to a few places for long."""


def choose_times(pattern: Pattern, axis: TimeAxis) -> range | np.ndarray:
    """Indices into a time axis that a pattern wants, ascending.

    Raises
    ------
    UsageError
        If the pattern is strict and wants more times than there are, or a duration of an axis without times.
    """
    amount, n = pattern.amounts.get("time"), len(axis)
    if amount is None or amount.form == "all" or axis.kind == "static":
        return range(n)
    if amount.form == "duration":
        return _within(pattern, amount, axis)
    if amount.form == "groups":
        many, length = _fitting(pattern, "time", amount, n)
        starts = np.linspace(0, n - length, many).round().astype(np.int64)
        return _compact(np.unique((starts[:, None] + np.arange(length)).ravel()))
    count = _count(pattern, "time", amount, n)
    start = (n - count) // 2
    return range(start, start + count)


def _within(pattern: Pattern, amount: Amount, axis: TimeAxis) -> range | np.ndarray:
    """The times of a period in the middle of the axis."""
    seconds = np.asarray(axis.seconds, np.int64)
    known = seconds[seconds != NOT_A_TIME]
    if axis.kind != "time" or known.size == 0:
        if pattern.strict:
            raise UsageError(
                f"pattern '{pattern.text}': axis '{axis.name}' has no times to measure {amount.text} by; give a count"
            )
        return range(len(axis))
    duration = int(amount.numbers[0])
    middle = known.min() + (known.max() - known.min() - duration) // 2
    begin = known[known >= middle].min()
    return _compact(np.flatnonzero((seconds >= begin) & (seconds < begin + duration)))


def _compact(indices: np.ndarray) -> range | np.ndarray:
    """A range where the indices follow each other."""
    if indices.size and indices[-1] - indices[0] == indices.size - 1:
        return range(int(indices[0]), int(indices[-1]) + 1)
    return indices


def _count(pattern: Pattern, dim: str, amount: Amount, n: int) -> int:
    if amount.form == "share":
        return max(1, round(n * amount.numbers[0] / 100))
    wanted = int(amount.numbers[0])
    if wanted > n and pattern.strict:
        raise UsageError(f"pattern '{pattern.text}': {dim}={amount.text}, but there are only {n}; give 1 to {n}")
    return min(wanted, n)


def _fitting(pattern: Pattern, dim: str, amount: Amount, n: int) -> tuple[int, int]:
    many, length = (int(a) for a in amount.numbers)
    if many * length > n and pattern.strict:
        raise UsageError(
            f"pattern '{pattern.text}': {dim}={amount.text} wants {many * length}, but there are only {n}; give fewer"
        )
    length = min(length, n)
    return min(many, n // length), length


def choose_cells(pattern: Pattern, grid: Grid) -> list[Part]:
    """Cells of a grid that a pattern wants; the axes of the parts are those of `Grid.shape`.

    Raises
    ------
    UsageError
        If the pattern is strict and wants more cells than there are.
    """
    amount, n = pattern.amounts.get("cell"), grid.n_cells
    every = tuple(range(len(grid.shape)))
    if amount is None or amount.form == "all":
        return [Part((axis,), range(length)) for axis, length in enumerate(grid.shape)]
    if amount.form == "region":
        return _region(grid)
    rng = np.random.default_rng(_SEED)
    if amount.form == "groups":
        many, each = _fitting(pattern, "cell", amount, n)
        centres = rng.choice(n, many, replace=False)
        return [Part(every, np.unique(np.concatenate([nearest(grid, int(c), each) for c in centres])))]
    count = _count(pattern, "cell", amount, n)
    return [Part(every, np.sort(rng.choice(n, count, replace=False, shuffle=False)))]


def _region(grid: Grid) -> list[Part]:
    if grid.latitudes is None or grid.longitudes is None:
        return [Part((axis,), _middle(length)) for axis, length in enumerate(grid.shape)]
    latitudes, longitudes = grid.latitudes.reshape(grid.shape), grid.longitudes.reshape(grid.shape)
    if grid.kind == "regular" and len(grid.shape) == 2:
        rows, columns = _in_third(latitudes[:, 0]), _in_third(longitudes[0])
        return [Part((axis,), _or_middle(found, len(found))) for axis, found in enumerate((rows, columns))]
    inside = _in_third(latitudes.ravel()) & _in_third(longitudes.ravel())
    return [Part(tuple(range(len(grid.shape))), _or_middle(inside, grid.n_cells))]


def _in_third(values: np.ndarray) -> np.ndarray:
    """bool: in the middle third of what finite values span."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.zeros(values.shape, bool)
    low, high = finite.min(), finite.max()
    found: np.ndarray = (values >= low + (high - low) / 3) & (values <= high - (high - low) / 3)
    return found


def _or_middle(inside: np.ndarray, n: int) -> range | np.ndarray:
    """The indices that are inside; the middle ones of a grid so coarse that none is."""
    return _compact(np.flatnonzero(inside)) if inside.any() else _middle(n)


def _middle(n: int) -> range:
    start = n // 3
    return range(start, max(start + 1, n - start))


def choose_variables(pattern: Pattern, variables: Sequence[Variable]) -> tuple[int, ...]:
    """Indices of the variables that a pattern wants, ascending.

    Raises
    ------
    UsageError
        If a name is none of the variables', or the pattern is strict and wants more than there are.
    """
    amount = pattern.amounts.get("variable")
    if amount is None or amount.form == "all":
        return tuple(range(len(variables)))
    if amount.form == "count":
        return tuple(range(_count(pattern, "variable", amount, len(variables))))
    chosen: set[int] = set()
    for name in amount.names:
        chosen.update(_named(pattern, name, variables))
    return tuple(sorted(chosen))


def _named(pattern: Pattern, name: str, variables: Sequence[Variable]) -> list[int]:
    """Variables by name, else by their name in the source, else all levels of a parameter."""
    for known in ([v.name for v in variables], [v.source_name for v in variables], [v.param for v in variables]):
        found = [i for i, other in enumerate(known) if other == name]
        if found:
            return found
    names = sorted({v.name for v in variables} | {v.param for v in variables})
    like = difflib.get_close_matches(name, names, n=3) or names[:6]
    raise UsageError(f"pattern '{pattern.text}': there is no variable '{name}'; there are {', '.join(like)}, ...")


def choose_members(pattern: Pattern, n: int) -> range:
    """Indices of the members that a pattern wants.

    Raises
    ------
    UsageError
        If the pattern is strict and wants more than there are.
    """
    amount = pattern.amounts.get("member")
    if amount is None or amount.form == "all":
        return range(n)
    return range(_count(pattern, "member", amount, n))
