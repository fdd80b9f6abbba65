"""Which variable of a source is which of a baseline, and what a source is held against besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from dqwatch.baselines.baseline import Baseline
from dqwatch.baselines.lookup import Lookup, accompany
from dqwatch.baselines.stored import StoredBaseline
from dqwatch.errors import UsageError
from dqwatch.types import Source
from dqwatch.units import differ


@dataclass(frozen=True, eq=False)
class Matched:
    """Which variable of a source is which of a baseline."""

    numbers: Mapping[int, int]
    """Index in the source -> number in the baseline."""
    axis: int
    absent: Mapping[int, str]
    """Number in the baseline -> why it cannot be scored."""
    notes: tuple[str, ...]


def match(source: Source, baseline: Baseline | StoredBaseline) -> Matched:
    """The common variables of a source and a baseline.

    Raises
    ------
    UsageError
        If there is none, or the source lies on another grid.
    """
    by_name = {name: k for k, name in enumerate(baseline.variables)}
    common = {i: by_name[v.name] for i, v in enumerate(source.variables) if v.name in by_name}
    if not common:
        raise UsageError(
            f"{source.name}: no variable in common with the baseline of {baseline.name} "
            f"({', '.join(baseline.variables[:5])}{', ...' if len(baseline.variables) > 5 else ''})"
        )
    grids = [source.variables[i].grid for i in common]
    baseline.check_grid(source.grids[max(grids, key=grids.count)], source.name)
    axes = [source.variables[i].times for i in common]
    axis = max(axes, key=lambda a: (source.times[a].kind == "time", axes.count(a)))
    if source.times[axis].kind != "time":
        raise UsageError(f"{source.name}: no variable with times; a baseline knows what is usual at a time only")
    absent, kept = {}, {}
    for i, k in common.items():
        variable = source.variables[i]
        if source.grids[variable.grid].n_cells != baseline.grid.n_cells:
            absent[k] = "it lies on another grid"
        elif variable.times != axis:
            absent[k] = "it has other times than most variables"
        elif differ(variable.units, baseline.units[k]):
            absent[k] = f"its units are {variable.units}, those of training {baseline.units[k]}"
        else:
            kept[i] = k
    absent |= {k: "the data lack it" for name, k in by_name.items() if k not in common.values()}
    unknown = [v.name for v in source.variables if v.name not in by_name]
    notes = [f"not in the baseline, hence not scored: {', '.join(unknown)}"] if unknown else []
    return Matched(kept, axis, absent, tuple(notes))


class Others(NamedTuple):
    """What a source is held against besides a baseline."""

    previous: Lookup | None
    """The fields one step before, for times whose own step before is not in the source."""
    background: Lookup | None
    """Other estimates of the same fields, such as forecasts valid at their times."""
    notes: tuple[str, ...] = ()


def find_others(
    source: Source, baseline: Baseline, matched: Matched, previous: Source | None, background: Source | None
) -> Others:
    """The fields before and the background of a source.

    Raises
    ------
    UsageError
        If one of them has no variable in common with the source, or the background lies on another grid or is valid at
        none of its times, or the baseline knows no departures from one.
    """
    names = {source.variables[i].name: k for i, k in matched.numbers.items()}
    before = None if previous is None else accompany(previous, names, baseline.grid, of=source.name).lookup
    if background is None:
        return Others(before, None)
    baseline.check_background(background.name)
    found = accompany(background, names, baseline.grid, units=baseline.units, of=source.name)
    lookup = found.lookup
    baseline.check_grid(background.grids[background.variables[next(iter(lookup.numbers))].grid], background.name)
    axis = source.times[matched.axis]
    if not any(s in lookup.at for s in axis.seconds.tolist()):
        raise UsageError(
            f"{background.name}: no field is valid at any time of {source.name} ({axis.labels[0]}"
            f"{', ...' if len(axis) > 1 else ''}); a background holds other estimates of the same fields"
        )
    return Others(before, lookup, found.notes)
