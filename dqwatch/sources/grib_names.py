"""What a GRIB message is called here: variable, level, kind of step; and messages sorted by that."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache

from dqwatch.catalogue import Entry, load_catalogue
from dqwatch.sources.grib_messages import Message
from dqwatch.types import Variable

_PLAIN_LEVELS = (
    "surface",
    "meanSea",
    "entireAtmosphere",
    "atmosphere",
    "atmosphereSingleLayer",
    "nominalTop",
    "unknown",
)
"""Level types of single-level variables: their name needs no suffix."""
_BROKEN_LEVELS = re.compile(
    r"potentialVorticity|theta|heightAboveSea|tropopause|maxWind|isothermZero|.*[cC]loud.*|soil.*|depth.*"
)
"""Level types that do not exist everywhere: below ground, over sea, in clear sky. Their fields are missing there."""
_KINDS = {"instant": "instant", "accum": "accumulation", "avg": "mean", "max": "maximum", "min": "minimum"}
_LEVEL_UNITS = {"isobaricInhPa": "hPa", "isobaricInPa": "Pa"}
_SOIL = {"vsw": "swvl", "sot": "stl"}
"""ECMWF's GRIB 2 soil variables by layer, whose layers have names of their own in GRIB 1 (AIFS uses those)."""


def level_of(message: Message) -> tuple[str, float | None]:
    """Level type in the words of `dqwatch.types.Variable`, and the level; pressure in hPa whatever the message says."""
    kind, level = message.level_type, float(f"{message.level:.6g}")
    if kind in ("isobaricInhPa", "isobaricInPa"):
        return "pl", level if kind == "isobaricInhPa" else level / 100
    if kind in ("hybrid", "hybridHeight", "hybridPressure"):
        return "ml", level
    if kind in _PLAIN_LEVELS:
        return "sfc", None
    if kind == "heightAboveGround":
        return ("sfc", None) if message.short_name[:1].isdigit() else ("hl", level)
    if kind in ("soilLayer", "depthBelowLand", "depthBelowLandLayer"):
        named = message.short_name[:3] in ("swv", "stl")
        bottom = level if message.layer is None else float(f"{message.layer[1]:.6g}")
        return "soil", None if named or message.short_name in _SOIL else bottom
    return kind, level if level or message.layer else None


@cache
def _entry(short_name: str, name: str, units: str, level_type: str, level: float | None) -> Entry | None:
    return load_catalogue().identify(
        short_name,
        units=units,
        level_type=level_type,
        height=level if level_type == "hl" else None,
        attributes={"long_name": name},
        naming="ecmwf",
    )


def param_of(message: Message) -> str:
    """Canonical name of the quantity, without level; the message's own short name where the catalogue knows none."""
    kind, level = level_of(message)
    short = message.short_name
    if short in _SOIL and message.level_type == "soilLayer":
        short = f"{_SOIL[short]}{message.level:g}"
    entry = _entry(short, message.name, message.units, kind, level)
    return short if entry is None else entry.param


def base_name(message: Message) -> str:
    """Name with its level: `t_850`, `2t`, `swvl1`, `t_tropopause`."""
    kind, level = level_of(message)
    words = [param_of(message)]
    if kind not in ("pl", "sfc", "soil"):
        words.append(kind)
    if level is not None:
        words.append(f"{level:g}")
    return "_".join(words)


def name_messages(
    messages: Sequence[Message], digest: Callable[[Message], bytes]
) -> tuple[dict[str, list[Message]], int]:
    """Messages by variable, each variable with at most one message for a time and member.

    Where one name would hold different things, the name says more: the kind of step, its length, the level type, the
    grid; what is still the same is a repetition and becomes a variable of its own (`t_850#2`).

    Returns
    -------
    dict of name to messages, int
        The dict in order of names; the number of repetitions. Neither depends on the order of `messages`.
    """
    groups: dict[str, list[Message]] = defaultdict(list)
    for m in messages:
        groups[base_name(m)].append(m)
    for suffix in (_step_suffix, _period_suffix, _level_suffix, _grid_suffix):
        groups = _split(groups, suffix)
    named: dict[str, list[Message]] = defaultdict(list)
    repeats = 0
    for name, group in groups.items():
        places: dict[tuple[int, int, int], list[Message]] = defaultdict(list)
        for m in group:
            places[m.start, m.lead, m.number].append(m)
        for same in places.values():
            repeats += len(same) - 1
            for k, m in enumerate(sorted(same, key=digest) if len(same) > 1 else same):
                named[f"{name}#{k + 1}" if k else name].append(m)
    return {name: sorted(group, key=_place) for name, group in sorted(named.items())}, repeats


def _place(message: Message) -> tuple[int, int, int]:
    return message.start, message.lead, message.number


def _split(groups: dict[str, list[Message]], suffix: Callable[[Message], str]) -> dict[str, list[Message]]:
    result: dict[str, list[Message]] = defaultdict(list)
    for name, members in groups.items():
        several = len({suffix(m) for m in members}) > 1
        for m in members:
            result[f"{name}_{suffix(m)}" if several else name].append(m)
    return result


def _step_suffix(message: Message) -> str:
    return message.step_type


def _period_suffix(message: Message) -> str:
    """Whether the step runs from the start of the forecast or from the last output; both occur side by side (GFS)."""
    if message.period == 0 or message.period == message.lead:
        return "total"
    return f"{message.period // 3600}h"


def _level_suffix(message: Message) -> str:
    return f"{message.level_type}{'' if message.layer is None else f'_{message.layer[0]:g}-{message.layer[1]:g}'}"


def _grid_suffix(message: Message) -> str:
    return f"{message.grid_type}_{message.n_points}_{message.grid_key[:6]}"


def make_variable(name: str, messages: Sequence[Message], *, times: int, grid: int, members: int) -> Variable:
    """The variable that some messages of one name make up."""
    first = messages[0]
    level_type, level = level_of(first)
    types = {m.level_type for m in messages}
    return Variable(
        name=name,
        param=param_of(first),
        source_name=first.short_name,
        level=level,
        level_type=level_type,
        level_units=_LEVEL_UNITS.get(first.level_type),
        units=first.units or None,
        kind=_KINDS.get(first.step_type, "instant"),
        period=first.period / 3600 if first.period else None,
        nan_allowed=True if _BROKEN_LEVELS.fullmatch(first.level_type) else None,
        times=times,
        grid=grid,
        members=members,
        attributes={"long_name": first.name, "level_types": ", ".join(sorted(types))},
    )
