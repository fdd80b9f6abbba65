"""A baseline for people: what it was made of, and what so small a null cannot support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dqwatch.reports.findings import clean, short_time


def render(
    record: Mapping[str, Any], variables: Sequence[str], limits: Sequence[str], output: str, *, quiet: bool = False
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
    quiet : bool
        Only the last line.
    """
    lines = []
    if not quiet:
        first, last = short_time(str(record["first"])), short_time(str(record["last"]))
        lines.append(
            f"baseline of {clean(record['data']['name'])}: {record['times']:,} times from {first} to {last}, "
            f"{len(variables):,} variables, {record['cells']:,} cells"
        )
        lines += [f"note: {clean(note)}" for note in record["notes"]]
        lines += [f"note: {clean(limit)}" for limit in limits]
    lines.append(
        f"dqwatch BASELINE {clean(output)} {len(variables):,} variables, {record['years']} full years, "
        f"{record['cycles']:,} null cycles"
    )
    return "\n".join(lines)
