"""A baseline for people: what it was made of, and what so small a null cannot support."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dqwatch.reports.findings import clean, short_time

_HELD_AGAINST = {"state": "by the state alone", "step": "with the state before", "background": "with a background too"}


def render(
    record: Mapping[str, Any],
    variables: Sequence[str],
    limits: Sequence[str],
    output: str,
    size: int,
    *,
    quiet: bool = False,
) -> str:
    """Lines, the one-line summary last.

    Parameters
    ----------
    record : mapping
        The provenance of the baseline.
    variables : sequence of str
    limits : sequence of str
        What it cannot support.
    output : str
        Where it was written.
    size : int
        Its bytes on disk.
    quiet : bool
        Only the last line.
    """
    lines = []
    if "kind" in record:
        return _poor(record, len(variables), limits, output, size, quiet)
    if not quiet:
        first, last = short_time(str(record["first"])), short_time(str(record["last"]))
        lines.append(
            f"baseline of {clean(record['data']['name'])}: {record['times']:,} times from {first} to {last}, "
            f"{len(variables):,} variables, {record['cells']:,} cells"
        )
        if "background" in record:
            background = record["background"]
            lines.append(
                f"departures from {clean(background['name'])}, which has {background['times']:,} of these times"
            )
        lines += [f"note: {clean(note)}" for note in record["notes"]]
        lines += [f"note: {clean(limit)}" for limit in limits]
        lines += [f"warning: {clean(warning)}" for warning in record.get("warnings", ())]
        lines += list(_self_test(record.get("self_test")))
    lines.append(
        f"dqwatch BASELINE {clean(output)} {len(variables):,} variables, {record['years']} full years, "
        f"{record['cycles']:,} null cycles, {size / 1e6:.{1 if size < 1e8 else 0}f} MB"
    )
    return "\n".join(lines)


def _poor(
    record: Mapping[str, Any], n_variables: int, limits: Sequence[str], output: str, size: int, quiet: bool
) -> str:
    """Lines on a baseline of stored statistics."""
    what = f"{n_variables:,} variables, {clean(record['kind'])} alone: no p-values"
    dates = f", of {record['times']:,} times from {record['first']} to {record['last']}" if record["first"] else ""
    lines = [f"baseline of {clean(record['data']['name'])}: {what}{dates}"]
    lines += [f"note: {clean(note)}" for note in [*record["notes"], *limits]]
    last = f"dqwatch BASELINE {clean(output)} {what}, {size / 1e6:.1f} MB"
    return "\n".join([last] if quiet else [*lines, last])


def _self_test(rates: Sequence[Mapping[str, Any]] | None) -> Iterator[str]:
    """How often training years alarmed that were replayed; nothing where that was not asked for."""
    if rates is None:
        return
    if not rates:
        yield "self-test: too few years or cycles to hold some against the others"
    for rate in rates:
        with_step = _HELD_AGAINST[rate["kinds"].rpartition(" ")[2]]
        if not rate["reachable"]:
            yield (
                f"self-test {with_step}: nominal {rate['level']:.1%} is out of reach: held against "
                f"{rate['null_size']:,} cycles, p is {1 / (rate['null_size'] + 1):.2%} at least"
            )
            continue
        yield (
            f"self-test {with_step}: {rate['rate']:.2%} of {rate['cycles']:,} sound cycles alarm at nominal "
            f"{100 * rate['level']:g}% (95 % interval {rate['low']:.2%} to {rate['high']:.2%}; over years "
            f"{rate['years_low']:.2%} to {rate['years_high']:.2%})"
        )
        if rate["too_often"]:
            yield f"note: the newest years alarm too often ({rate['newest']:.1%}): training may have drifted itself"
