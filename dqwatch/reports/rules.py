"""Rule sets as text, for `dqwatch rules list`, `show` and `explain`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dqwatch.reports.findings import clean
from dqwatch.types import Rule, RuleSet


def overview(rule_sets: Iterable[RuleSet]) -> str:
    """One line for each rule set: name, number of rules, description."""
    rows = [(clean(s.name), f"{len(s.rules)} rules", clean(s.description)) for s in rule_sets]
    widths = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def details(rule_set: RuleSet) -> str:
    """A rule set with all of its rules: what each looks at, what it expects, and what to do if it fails."""
    opening = f"{clean(rule_set.name)}: {clean(rule_set.description)}"
    return "\n\n".join([f"{opening}\n{rule_set.path}\nsha256 {rule_set.sha256}", *map(_rule, rule_set.rules)])


def explanation(parts: Sequence[tuple[str, str]], width: int = 100) -> str:
    """A rule in words: the first part as its head, then what each is about at the left and the part beside it."""
    (rule, title), *rest = ((clean(label), clean(text)) for label, text in parts)
    left = max(len(label) for label, _ in rest) + 2
    lines = [f"{rule} {title}", ""]
    for label, text in rest:
        room = max(width - left, 40)
        wrapped = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
        lines += [f"{(label if i == 0 else ''):<{left}}{line}" for i, line in enumerate(wrapped)]
    return "\n".join(lines)


def _rule(rule: Rule) -> str:
    lines = [
        f"{clean(rule.id)} ({rule.severity}): {clean(rule.title)}",
        f"{rule.table}.{rule.column}" if rule.column else rule.table,
        f"{rule.expectation} {_arguments(rule.arguments)}".rstrip(),
    ]
    if rule.where:
        lines.append(f"where {_arguments(rule.where)}")
    texts = {"why": rule.why, "source": rule.source, "->": rule.hint}
    lines += [f"{label} {clean(text)}" for label, text in texts.items() if text]
    return "\n    ".join(lines)


def _arguments(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={clean(value)}" for key, value in arguments.items())
