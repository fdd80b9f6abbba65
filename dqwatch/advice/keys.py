"""By which key anemoi-training looks up the weight of a variable, and which variables it counts as being on levels.

The rules are those of `ExtractVariableGroupAndLevel` (anemoi-training), and of its releases up to 0.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from dqwatch.errors import UsageError

_SUFFIX = re.compile(r"(.+)_(\d+)")
_IS_LEVEL = {"is_pressure_level": "pl", "is_surface_level": "sfc", "is_model_level": "ml"}
PRESSURE = ("q", "t", "u", "v", "w", "z")
"""Parameters that are on pressure levels where a configuration does not say which are."""


class Key(NamedTuple):
    """How a variable is found in a configuration."""

    param: str
    level: float | None
    group: str


def split_name(name: str) -> tuple[str, int | None]:
    """`t_850` as ('t', 850); a name without digits at its end as it is."""
    found = _SUFFIX.fullmatch(name)
    return (found[1], int(found[2])) if found else (name, None)


def find_key(name: str, metadata: Mapping[str, Any], groups: Mapping[str, Any]) -> Key:
    """The key of a variable in layouts of anemoi-training since 0.5.

    Parameters
    ----------
    name : str
        As the data set has it.
    metadata : mapping
        Its entry of `variables_metadata`; empty where there is none.
    groups : mapping
        `variable_groups`: group -> parameters, or conditions that must all hold; `default` -> name of the group of
        all others.

    Returns
    -------
    Key
        The parameter of `mars` where its metadata are of one mind about the level (a level of a surface variable, or
        none of another, is not), else the name without its level.

    Raises
    ------
    UsageError
        If a group is described by something that dqwatch does not know.
    """
    mars = metadata.get("mars")
    mars = mars if isinstance(mars, Mapping) else {}
    level = mars.get("levelist")
    if metadata and (mars.get("levtype") != "sfc") is not (level is None):
        param = str(mars.get("param", name))
    else:
        param, level = split_name(name)
    return Key(param, _number(level), _group(param, mars, bool(metadata), groups))


def find_old_key(name: str) -> Key:
    """The same up to 0.4, by the name alone: `pl` for `t_850`, by the letters before its first underscore."""
    level = split_name(name)[1]
    return Key(name, None, "sfc") if level is None else Key(name.split("_", maxsplit=1)[0], float(level), "pl")


def _number(level: Any) -> float | None:
    if isinstance(level, list | tuple) and len(level) == 1:
        level = level[0]
    try:
        return None if level is None else float(level)
    except (TypeError, ValueError):
        return None


def _group(param: str, mars: Mapping[str, Any], described: bool, groups: Mapping[str, Any]) -> str:
    for group, wanted in groups.items():
        if group == "default":
            continue
        conditions = wanted if isinstance(wanted, Mapping) else {"param": wanted}
        if conditions and all(_holds(k, v, group, param, mars, described) for k, v in conditions.items()):
            return group
    return str(groups.get("default", "sfc"))


def _holds(key: str, wanted: Any, group: str, param: str, mars: Mapping[str, Any], described: bool) -> bool:
    several = wanted if isinstance(wanted, list | tuple) else [wanted]
    if key == "param":
        return param in several
    if key in _IS_LEVEL and described:
        kind = mars.get("levtype")
        return (None if kind is None else kind == _IS_LEVEL[key]) in several
    if key in _IS_LEVEL:
        raise UsageError(f"variable_groups: group '{group}' asks for {key}, but '{param}' has no metadata in the data")
    raise UsageError(
        f"variable_groups: group '{group}' asks for '{key}'; dqwatch knows param, {', '.join(_IS_LEVEL)}: give the "
        "parameters of the group instead"
    )
