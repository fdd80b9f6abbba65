"""Canonical names of CF variables: what the catalogue knows by its short name and level, the rest by its own name."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dqwatch.catalogue import Entry, load_catalogue
from dqwatch.sources.decoding import undeclared_fills
from dqwatch.sources.layout import Layout, Step
from dqwatch.sources.levels import level_text
from dqwatch.types import Variable

_METHOD = re.compile(r"\b(?:time|year|month|day|hour)s?\s*:\s*(?:\w+\s*:\s*)*(\w+)")
_KINDS = {"mean": "mean", "average": "mean", "maximum": "maximum", "minimum": "minimum", "sum": "accumulation"}


def make_variables(layouts: Sequence[Layout]) -> tuple[Variable, ...]:
    """One variable for each level of each layout, in order, with names that are all different.

    Where several would have the same canonical name, all of them keep their source's own; what is still the same (a
    level that stands there twice) is numbered.
    """
    made = [pair for layout in layouts for pair in _variables(layout)]
    counts = Counter(variable.name for variable, _ in made)
    seen: Counter[str] = Counter()
    result = []
    for variable, own_name in made:
        name = variable.name if counts[variable.name] == 1 else own_name
        seen[name] += 1
        name = name if seen[name] == 1 else f"{name}#{seen[name]}"
        result.append(dataclasses.replace(variable, name=name))
    return tuple(result)


def _variables(layout: Layout) -> Iterator[tuple[Variable, str]]:
    """The variables of a layout, each with the name that it falls back on."""
    array = layout.array
    attributes = {str(k): plain(v) for k, v in array.attrs.items()}
    units = str(attributes["units"]).strip() if attributes.get("units") is not None else None
    entry, param, level_in_name = _identified(layout, attributes, units)
    kind = _kind(attributes, entry)
    for step in layout.steps:
        if level_in_name is not None:
            step = step._replace(level=level_in_name, level_type="pl", level_units=None, is_dimension=True)
        level, level_type = _level(step, entry)
        variable = Variable(
            name=_name(param, level, step.suffix),
            param=param,
            source_name=array.name,
            level=level,
            level_type=level_type,
            level_units=step.level_units if level is not None else None,
            units=units,
            kind=kind,
            period=layout.period if kind not in ("instant", "constant") else None,
            times=layout.axis,
            grid=layout.grid,
            members=layout.n_members,
            raw_fills=undeclared_fills(layout.decoder),
            attributes=attributes,
        )
        yield variable, array.name if level_in_name is not None else _name(array.name, level, step.suffix)


def _identified(
    layout: Layout, attributes: Mapping[str, Any], units: str | None
) -> tuple[Entry | None, str, float | None]:
    """Entry of the catalogue, name without level, and the level that a name like `z500` tells."""
    catalogue, first = load_catalogue(), layout.steps[0] if layout.steps else None
    name = layout.array.name.rsplit("/", 1)[-1]
    standard_name = str(attributes.get("standard_name") or "").split(" ")[0] or None

    def identify(name: str, level_type: str | None) -> Entry | None:
        return catalogue.identify(
            name,
            standard_name=standard_name,
            units=units,
            level_type=level_type,
            height=layout.height,
            attributes=attributes,
        )

    entry = identify(name, first.level_type if first is not None else None)
    split = catalogue.split_level(name) if first is None or first.level is None else None
    if split is not None:
        entry = identify(split[0], "pl")
        return entry, entry.param if entry is not None else split[0], split[1]
    return entry, entry.param if entry is not None else name, None


def _level(step: Step, entry: Entry | None) -> tuple[float | None, str | None]:
    """Level and its type; a height that the name tells (`2t`) is none. One that is no number keeps its type only."""
    if step.level is None or not np.isfinite(step.level):
        return None, step.level_type if step.is_dimension else None
    if entry is not None and entry.vertical == "surface" and not step.is_dimension:
        return None, "sfc"
    return step.level, step.level_type


def _name(param: str, level: float | None, suffix: str) -> str:
    return f"{param}{suffix}" if level is None else f"{param}_{level_text(level)}{suffix}"


def _kind(attributes: Mapping[str, Any], entry: Entry | None) -> str:
    found = _METHOD.search(str(attributes.get("cell_methods", "")))
    declared = _KINDS.get(found[1]) if found is not None else None
    known = entry.kind if entry is not None else "instant"
    # The mean of a constant, or of the maxima of each day, is still one.
    return known if declared is None or (declared == "mean" and known != "instant") else declared


def plain(value: Any) -> Any:
    """An attribute as plain Python values."""
    if isinstance(value, np.generic):
        return value.item()
    return value.tolist() if isinstance(value, np.ndarray) else value
