"""An inspection for people: what the data are, how they lie in storage, and what reading them costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dqwatch.metrics.inspection import INPUT_STEPS, TARGET_STEPS, Inspection, uncompressed_bytes
from dqwatch.metrics.periods import Period
from dqwatch.reports.drawing import draw
from dqwatch.reports.feeding import feeding
from dqwatch.reports.findings import clean, short_time
from dqwatch.reports.lines import Fixed, size, table, times, wrap
from dqwatch.reports.read_costs import other_chunks, reading
from dqwatch.types import Grid, StoredArray, Variable

MOST_LINES, MOST_ARRAYS = 40, 8
_PLAIN = str.maketrans("─│┌┐└┘├┤┬┴┼═║╔╗╚╝╟╢╤╧×↓→⋮…°", "-|+++++++++=#++++++++xv>:.d")


def render(inspection: Inspection, *, width: int | None = None, ascii_only: bool = False) -> str:
    """The inspection as text.

    Parameters
    ----------
    inspection : Inspection
    width : int, optional
        Columns to wrap sentences to; None wraps nothing. Tables, pictures and commands are never wrapped.
    ascii_only : bool
        Draw with the characters of ASCII, for a terminal that has no others.

    Returns
    -------
    str
        Lines, without a newline at the end.
    """
    sections: dict[str, Iterator[str]] = {
        f"{clean(inspection.name)} ({clean(inspection.kind)})": _overview(inspection),
        "Variables": _variables(inspection.variables),
        "Grid": _grids(inspection.grids),
        "Time": _periods(inspection.periods),
        "NaN": _holes(inspection),
        "Storage": _storage(inspection),
        "Layout": _layout(inspection),
        "Memory": _memory(inspection),
        "Reading": reading(inspection.reads),
        "Feeding": feeding(inspection.feeding),
        "Other chunks": other_chunks(inspection),
    }
    lines: list[str] = []
    for title, section in sections.items():
        body = [line for text in section for line in wrap(text, width)]
        if body:
            lines += [*([""] if lines else []), title, *body]
    text = "\n".join(lines)
    return text.translate(_PLAIN).encode("ascii", "replace").decode() if ascii_only else text


def _overview(inspection: Inspection) -> Iterator[str]:
    found, stored = inspection.footprint, [a.stored_bytes for a in inspection.arrays if a.stored_bytes is not None]
    held = f"{size(sum(stored))} in storage, " if stored else ""
    if found is not None:
        held = f"{size(found.bytes)} on disk in {found.files:,} file{'s' * (found.files != 1)}, "
    yield f"{held}{size(inspection.bytes)} uncompressed"
    yield "dimensions: " + ", ".join(f"{clean(d)} {n:,}" for d, n in inspection.dimensions.items())
    for note in inspection.notes:
        yield f"note: {clean(note)}"


def _variables(variables: Sequence[Variable]) -> Iterator[str]:
    """One line for each quantity, its levels together."""
    groups: dict[tuple[str, str, str], list[Variable]] = {}
    for v in variables:
        groups.setdefault((v.param, v.units or "", v.level_type or ""), []).append(v)
    rows = []
    for (param, units, level_type), group in groups.items():
        names = {v.source_name for v in group if v.source_name not in (v.param, v.name)}
        stored = f"stored as {', '.join(sorted(names))}" if names and len(names) < 4 else ""
        members = f"{group[0].members} members" if group[0].members > 1 else ""
        what = ", ".join(text for text in (_levels(group, level_type), members, stored) if text)
        rows.append((clean(param), clean(units or "(no units)"), clean(what)))
    yield f"{len(variables):,} fields for each time, {len(rows)} quantities"
    yield from table(rows[:MOST_LINES], left=2)
    if len(rows) > MOST_LINES:
        yield f"... and {len(rows) - MOST_LINES} more"


def _levels(group: Sequence[Variable], level_type: str) -> str:
    levels = [v.level for v in group if v.level is not None]
    if not levels:
        where = f"at {level_type}" if level_type not in ("", "sfc") else ""
        return " ".join(text for text in (f"{len(group)} fields" if len(group) > 1 else "", where) if text)
    unit = {"pl": " hPa", "hl": " m", "depth": " m"}.get(level_type, "")
    shown = ", ".join(f"{level:g}" for level in levels)
    if len(levels) > 6:
        shown = f"{levels[0]:g}, {levels[1]:g}, ... {levels[-1]:g}"
    return f"{len(levels)} level{'s' * (len(levels) > 1)} ({level_type or 'level'}): {shown}{unit}"


def _grids(grids: Sequence[Grid]) -> Iterator[str]:
    for grid in grids:
        shape = f"{times(grid.shape)} = " if len(grid.shape) > 1 else ""
        yield f"{clean(grid.name)}: {grid.kind}, {shape}{grid.n_cells:,} cells{_extent(grid)}"
        yield f"area weights: {clean(grid.weights_origin)}"
        if grid.problem:
            yield f"problem: {clean(grid.problem)}"


def _extent(grid: Grid) -> str:
    if grid.latitudes is None or grid.longitudes is None or not grid.n_cells:
        return ""
    lat, lon = grid.latitudes, grid.longitudes
    return f", latitudes {lat.min():g}..{lat.max():g}, longitudes {lon.min():g}..{lon.max():g}"


def _periods(periods: Sequence[Period]) -> Iterator[str]:
    for p in periods:
        if p.kind == "static":
            yield "without time: one field for each variable"
            continue
        if p.kind == "index":
            yield f"{clean(p.name)}: {p.n:,}, {clean(p.first)} to {clean(p.last)} (no time, but an index)"
            continue
        ends = f"{short_time(clean(p.first))} to {short_time(clean(p.last))}"
        yield f"{clean(p.name)}: {p.n:,}, {ends}, calendar {p.calendar}"
        yield from _rhythm(p)


def _rhythm(p: Period) -> Iterator[str]:
    if p.problem:
        yield f"problem: {clean(p.problem)}"
    if p.frequency:
        every = "" if "UTC" in p.frequency else "every "
        yield f"{every}{p.frequency} ({'declared' if p.frequency_declared else 'found in the times'})"
    if p.lead_times:
        yield f"forecasts, lead times {p.lead_times}"
    if p.n_undecodable:
        yield f"{p.n_undecodable:,} times cannot be decoded"
    if p.n_duplicates:
        yield f"{p.n_duplicates:,} times stand there twice"
    yield f"declared missing: {_some(p.n_declared_missing, p.declared_missing)}"
    yield f"found missing: {_some(p.n_missing, p.missing)}"


def _some(n: int, labels: Sequence[str]) -> str:
    shown = ", ".join(short_time(clean(label)) for label in labels[:5])
    return f"{n:,}" + (f" ({shown}{', ...' if n > 5 else ''})" if n else "")


def _holes(inspection: Inspection) -> Iterator[str]:
    holes = inspection.holes
    dates = ", ".join(short_time(clean(t)) for t in holes.times if t)
    every = "all" if holes.n_variables == len(inspection.variables) else f"{holes.n_variables:,} of the"
    yield (
        f"sampled: {holes.n_fields:,} of {holes.n_of:,} fields, {every} variables"
        f"{f' at {dates}' if dates else ''} (evenly spread, the same each time); the rest was not read"
    )
    if not holes.shares:
        yield "no NaN in the sample"
        return
    worst = sorted(holes.shares.items(), key=lambda item: -item[1])
    shown = ", ".join(f"{clean(name)} {share:.3%}" for name, share in worst[:10])
    yield f"NaN in {len(worst)} of {holes.n_variables} variables sampled: {shown}{', ...' if len(worst) > 10 else ''}"
    if holes.empty_times:
        yield f"nothing but NaN at {', '.join(short_time(clean(t)) or 'the static fields' for t in holes.empty_times)}"


def _storage(inspection: Inspection) -> Iterator[str]:
    head = ("array", "shape", "chunks", "shards", "type", "size", "stored", "ratio", "objects", "codec")
    largest = sorted(inspection.arrays, key=lambda a: -uncompressed_bytes(a))
    shown, others = largest[:MOST_ARRAYS], largest[MOST_ARRAYS:]
    rows = [head, *(_array_row(a) for a in shown)]
    keep = [i for i, _ in enumerate(head) if i == 0 or any(row[i] for row in rows[1:])]
    yield from table([[row[i] for i in keep] for row in rows])
    if others:
        yield f"... and {len(others)} smaller ones, {size(sum(map(uncompressed_bytes, others)))} in all"


def _array_row(a: StoredArray) -> tuple[str, ...]:
    n = uncompressed_bytes(a)
    lacking = (a.expected_objects or 0) - (a.objects or 0) if a.objects is not None else 0
    objects = "" if a.objects is None else f"{a.objects:,}" + (f" ({lacking:,} absent)" if lacking > 0 else "")
    return (
        clean(a.name),
        times(a.shape),
        times(a.chunks) if a.chunks else "",
        times(a.shards) if a.shards else "",
        clean(a.dtype),
        size(n) if n else "",
        "" if a.stored_bytes is None else size(a.stored_bytes),
        f"{n / a.stored_bytes:.2f}" if a.stored_bytes and n else "",
        objects,
        "" if a.codec == "none" else clean(a.codec),
    )


def _layout(inspection: Inspection) -> Iterator[str]:
    if inspection.main is None:
        return
    yield f"of {clean(inspection.main.stored.name)}"
    for line in draw(inspection.main):
        yield Fixed(clean_line(line))


def clean_line(line: str) -> str:
    """A line without control characters; its blanks stay."""
    return "".join(c for c in line if c.isprintable())


def _memory(inspection: Inspection) -> Iterator[str]:
    m = inspection.memory
    yield f"one date, all variables, as float32: {size(m.date)}"
    yield (
        f"a batch of {m.n_samples} ({INPUT_STEPS} input steps and {TARGET_STEPS} target each): {size(m.batch)}"
        f"; {_room(m.batch, m.host, 'of the host')}"
    )
    if inspection.audit is not None:
        yield f"an audit takes about {inspection.audit.in_words()}"
    if m.devices is None:
        yield "device memory: unknown (no nvidia-smi here)"
    for device in m.devices or ():
        yield f"device {clean(device.name)}: {_room(m.batch, device.bytes, 'of the device')}"
    if m.devices == ():
        yield "no device"


def _room(batch: int, total: int | None, of: str) -> str:
    if not total:
        return "memory unknown"
    share = batch / total
    much = f"{share:.2g} times" if share > 1 else f"{share:.1%}" if share >= 0.001 else "less than 0.1%"
    return f"{much} {of}'s {size(total)}" + (": it does not fit" if share > 1 else "")
