"""Fields that are in memory, or on a device, scored where they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from dqwatch.baselines.baseline import Baseline
from dqwatch.baselines.scorer import Scorer
from dqwatch.buffers import Buffers
from dqwatch.departures.scoring import CONSTANT, Cycle, count_changed
from dqwatch.errors import UsageError
from dqwatch.feed.devices import Device, one_thread_each, parse_device
from dqwatch.types import Variable

_DIMENSIONS = {
    2: "(variable, cell)",
    3: "(time, variable, cell)",
    4: "(time, variable, member, cell)",
    5: "(sample, step, variable, member, cell)",
}


class Stack(NamedTuple):
    """Fields of some times."""

    values: Any
    """(time, variable, member, cell), array or tensor."""
    seconds: np.ndarray
    """int64 (time,)."""
    numbers: Sequence[int]
    """Of each variable in the baseline; -1 for one that it lacks."""


def stack_fields(values: Any, times: Any, variables: Sequence[str] | None, baseline: Baseline, name: str) -> Stack:
    """Fields as they are given, with what is known of them.

    Parameters
    ----------
    values : array or tensor of 2 to 5 dimensions
    times : datetime, datetime64, ISO text or seconds since 1970, or nested sequences of them
        As many as there are in `values`.
    variables : sequence of str, optional
        Names; those of the baseline by default.
    baseline : Baseline
    name : str
        Named in errors.

    Raises
    ------
    UsageError
        If numbers of dimensions, cells, times or variables do not fit, or no variable is in the baseline.
    """
    shape = tuple(values.shape)
    if len(shape) not in _DIMENSIONS:
        raise UsageError(f"{name}: got {len(shape)} dimensions; allowed: {', '.join(_DIMENSIONS.values())}")
    lead = {2: (1,), 3: shape[:1], 4: shape[:1], 5: (shape[0] * shape[1],)}[len(shape)]
    inner = {2: (shape[0], 1), 3: (shape[1], 1), 4: shape[1:3], 5: shape[2:4]}.get(len(shape), ())
    if shape[-1] != baseline.grid.n_cells:
        raise UsageError(f"{name}: got fields of {shape[-1]} cells, the baseline has {baseline.grid.n_cells}")
    seconds = np.array([_seconds(time) for time in _flat(times)], np.int64)
    if seconds.size != lead[0]:
        raise UsageError(f"times: got {seconds.size} for {lead[0]} times of fields {_DIMENSIONS[len(shape)]}")
    names = list(baseline.variables if variables is None else variables)
    if len(names) != inner[0]:
        raise UsageError(f"variables: got {len(names)} names for {inner[0]} variables")
    numbers = {v: k for k, v in enumerate(baseline.variables)}
    found = [numbers.get(v, -1) for v in names]
    if max(found) < 0:
        raise UsageError(f"variables: none of {', '.join(names[:5])} is in the baseline of {baseline.name}")
    return Stack(values.reshape(*lead, *inner, shape[-1]), seconds, found)


def _flat(times: Any) -> Iterable[Any]:
    if isinstance(times, str) or getattr(times, "ndim", 1) == 0 or not hasattr(times, "__iter__"):
        yield times
        return
    for time in times:
        yield from _flat(time)


def _seconds(time: Any) -> int:
    """Seconds since 1970, UTC."""
    if isinstance(time, int) or type(time) in (np.int32, np.int64):
        return int(time)
    if getattr(time, "tzinfo", None) is not None:
        time = (time - time.utcoffset()).replace(tzinfo=None)
    try:
        return int(np.datetime64(time, "s").astype(np.int64))
    except (ValueError, TypeError) as error:
        raise UsageError(f"times: {time!r} is no datetime, datetime64, ISO text or number of seconds") from error


def place_of(values: Any, device: Any) -> Device | None:
    """Where fields are scored: on `device`, else where they are; None: by the compiled kernels of this machine."""
    if device is not None:
        found = parse_device(device)
        return None if str(device) == "cpu" or found.kind == "numpy" else found
    own = getattr(values, "device", None)
    return parse_device(own) if str(own).startswith("cuda") else None


def score_stack(
    fields: Stack, baseline: Baseline, *, previous: Stack | None, background: Stack | None, device: Device | None
) -> list[Cycle]:
    """Every time and member scored, in the order given.

    Where there is no `previous`, the fields one step before are looked for among the fields themselves.
    """
    scorer, buffers = baseline.scorer_on(device), Buffers()
    before = {int(s): i for i, s in enumerate((previous or fields).seconds)}
    beside = {} if background is None else {int(s): i for i, s in enumerate(background.seconds)}
    cycles: list[Cycle] = []
    with one_thread_each(device):
        for i, second in enumerate(fields.seconds.tolist()):
            earlier = before.get(second - baseline.step) if baseline.step else None
            others = (
                (None, None) if earlier is None else (previous or fields, earlier),
                (None, None) if second not in beside else (background, beside[second]),
            )
            members = range(fields.values.shape[2])
            cycles += [_score(fields, i, m, others, baseline, scorer, buffers, device) for m in members]
    return cycles


def _score(
    fields: Stack,
    at: int,
    member: int,
    others: Sequence[tuple[Stack | None, int | None]],
    baseline: Baseline,
    scorer: Scorer,
    buffers: Buffers,
    device: Device | None,
) -> Cycle:
    from dqwatch.baselines.harmonics import year_fractions

    seconds = fields.seconds[at : at + 1]
    moment = baseline.moments(seconds)[0]
    fraction = float(year_fractions(seconds, baseline.calendar)[0])
    empty = np.full((len(baseline.variables), len(baseline.scores)), np.nan)
    label = str(np.datetime64(int(seconds[0]), "s"))
    cycle = Cycle(at, label, member, fraction, -1 if moment is None else moment.hour, empty)
    means: dict[int, np.ndarray | None] = {}
    for place, number in enumerate(fields.numbers):
        if number < 0:
            continue
        field = _field(fields.values[at, place, member], device)
        if number in baseline.constants:
            cycle.changed[number] = _count_changed(field, baseline.constants[number])
            cycle.reasons[number] = "constant in training: compared with it"
        elif moment is None:
            cycle.reasons[number] = "training has no such hour of the day"
        else:
            previous, background = (_other(stack, i, number, member, device) for stack, i in others)
            found = scorer.score(number, field, moment, buffers, previous=previous, background=background)
            cycle.scores[number], means[number] = found.scores, found.means
            for kind, (mean, square) in found.areas.items():
                cycle.areas[number, kind] = mean.astype(np.float32), square.astype(np.float32)
    if moment is not None and means:
        cycle.scores[:, scorer.area_columns] = scorer.relate(means, moment)
    return cycle


def _count_changed(field: Any, constant: np.ndarray) -> int:
    """Cells that differ from a constant field, counted where the field is."""
    if not hasattr(field, "detach"):
        return count_changed(field, constant)
    from dqwatch.scores import on_device

    return on_device.count_changed(field, constant, CONSTANT)


def _other(stack: Stack | None, at: int | None, number: int, member: int, device: Device | None) -> Any:
    """The field of the same variable and member in another stack, or the only member that there is."""
    if stack is None or at is None or number not in stack.numbers:
        return None
    members = stack.values.shape[2]
    if member >= members and members > 1:
        return None
    return _field(stack.values[at, list(stack.numbers).index(number), min(member, members - 1)], device)


def _field(values: Any, device: Device | None) -> Any:
    """One field (cell,) as the scorer takes it: as it is for a device, else as an array of this machine."""
    if device is not None:
        return values.contiguous() if hasattr(values, "detach") else np.ascontiguousarray(values)
    from dqwatch.sources.tensors import to_numpy

    return to_numpy(values)


def variables_of(names: Sequence[str]) -> list[Variable]:
    """Variables of which only names are known."""
    from dqwatch.catalogue import load_catalogue

    catalogue, found = load_catalogue(), []
    for name in names:
        stem, level = catalogue.split_level(name) or (name, None)
        found.append(Variable(name, stem, name, level))
    return found
