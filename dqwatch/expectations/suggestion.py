"""A rule file made from data that are taken to be good: what `dqwatch rules suggest` writes."""

from __future__ import annotations

from typing import Any

from dqwatch.errors import SourceError
from dqwatch.expectations.suggested import Suggestion, Tables, make_rules
from dqwatch.yaml_files import to_yaml

_HEAD = """\
# Made from data, not from knowledge: every limit is what these data kept to, with a margin. Read it before it guards
# anything: what was wrong with the data is right here, and seasons that they lack will look wrong.
"""


def suggest(tables: Tables, name: str, version: str) -> str:
    """The text of a rule file that the data themselves pass.

    Parameters
    ----------
    tables : mapping of name to DataFrame
        As a scan makes them.
    name : str
        Of the data.
    version : str
        Of dqwatch.

    Raises
    ------
    SourceError
        If no field has any value.
    """
    fields = tables["fields"]
    fields = fields[~fields["declared_missing"] & ~fields["all_nan"]]
    if fields.empty:
        raise SourceError(f"{name}: no field has a value; there is nothing to make rules from")
    origin = f"from {name} by dqwatch {version}"
    suggestions = make_rules(tables, fields)
    times = sorted(t for t in fields["time"].unique() if t)
    period = f", {times[0]} to {times[-1]}" if times else ""
    document = {
        "rule_set": "suggested",
        "description": f"Suggested {origin}: {len(fields)} fields of {fields['variable'].nunique()} variables{period}",
        "rules": [{**suggestion.rule, "source": f"suggested {origin}"} for suggestion in suggestions],
    }
    return _HEAD + _with_remarks(document, suggestions)


def _with_remarks(document: dict[str, Any], suggestions: list[Suggestion]) -> str:
    """The document as text, with an empty line and what there is to remark before each rule."""
    before = {
        f"- id: {s.rule['id']}": ["", *(f"# {remark}" for remark in s.remarks)] if i or s.remarks else []
        for i, s in enumerate(suggestions)
    }
    lines: list[str] = []
    for line in to_yaml(document).splitlines():
        lines += [*before.get(line, ()), line]
    return "\n".join(lines) + "\n"
