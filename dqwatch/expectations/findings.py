"""What Great Expectations answers, made into findings: told apart by variable, with the first rows that fail."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dqwatch.expectations.masks import exceedance, failing
from dqwatch.expectations.scope import missing, without_values
from dqwatch.expectations.vocabulary import ROW_KEYS, ROW_WISE, columns_of, describe
from dqwatch.types import Finding, Rule, Status

if TYPE_CHECKING:
    import pandas as pd

MOST_FAILURES = 20
"""Failing rows that a finding keeps."""


def settled(rule: Rule, status: Status, observed: str) -> Finding:
    """A finding for the whole rule that needs no counting: nothing to look at, or it could not run."""
    return _finding(rule, status, observed=observed)


def group_rows(rule: Rule, rows: pd.DataFrame) -> dict[str | None, np.ndarray]:
    """Positions of the rows of each variable, in the order of first appearance; one group of all without `per`."""
    if rule.per is None:
        return {None: np.arange(len(rows))}
    codes, names = rows[rule.per].factorize(use_na_sentinel=False)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(names)))
    return {str(name): part for name, part in zip(names, np.split(order, ends[:-1]), strict=True)}


def read_result(
    rule: Rule, rows: pd.DataFrame, groups: Mapping[str | None, np.ndarray], result: Mapping[str, Any]
) -> Iterator[Finding]:
    """The findings of one rule.

    Parameters
    ----------
    rule : Rule
    rows : DataFrame
        The rows that it looked at.
    groups : mapping of variable to positions in `rows`
        As `group_rows` gives them.
    result : mapping
        One validation result of Great Expectations, as its JSON dictionary.

    Yields
    ------
    Finding
        One for each group, in their order; a single one with status `error` if the expectation raised, or if its
        count of failing rows is not the one found here.
    """
    raised = exception(result.get("exception_info") or {})
    if raised is not None:
        yield settled(rule, "error", raised)
    elif rule.expectation not in ROW_WISE:
        yield _read_whole(rule, rows, result)
    else:
        fails = failing(rule, rows)
        counted = (result.get("result") or {}).get("unexpected_count")
        if counted != int(fails.sum()):
            yield settled(rule, "error", f"Great Expectations counts {counted} failing rows, dqwatch {fails.sum()}")
            return
        yield from read_rows(rule, rows, groups, fails)


def exception(info: Mapping[str, Any]) -> str | None:
    """What was raised, in one line; None if nothing was.

    Great Expectations gives the information either flat or once for each metric, under the metric's id.
    """
    entries = [info] if "raised_exception" in info else [v for v in info.values() if isinstance(v, Mapping)]
    for entry in entries:
        if entry.get("raised_exception"):
            return " ".join(str(entry.get("exception_message") or "it raised without a message").split())[:300]
    return None


def narrow(rule: Rule, rows: pd.DataFrame, finding: Finding, positions: np.ndarray) -> Finding:
    """A finding as if only the rows at some positions had failed; `observed` is the worst of them."""
    beyond = exceedance(rule, rows.take(positions))
    worst = positions[0 if beyond is None else int(np.argmax(beyond))]
    first = tuple(_list_rows(rule, rows, positions[:MOST_FAILURES]))
    return replace(
        finding,
        time=first[0].get("time"),
        observed=_values(rule, rows, [worst])[0],
        n_failed=len(positions),
        first_failures=first,
    )


class _Count(NamedTuple):
    """One group counted."""

    n_checked: int
    n_missing: int
    failed: np.ndarray
    """Positions of the rows that fail."""
    worst: int
    """Position of the row that `observed` is taken from; -1 for none."""


def read_rows(
    rule: Rule, rows: pd.DataFrame, groups: Mapping[str | None, np.ndarray], fails: np.ndarray
) -> Iterator[Finding]:
    """One finding for each group, given the rows that fail; the rows to show are fetched for all groups at once."""
    counts = _count(rule, rows, groups.values(), fails)
    listed = iter(_list_rows(rule, rows, np.concatenate([c.failed[:MOST_FAILURES] for c in counts])))
    observed = iter(_values(rule, rows, [c.worst for c in counts if c.worst >= 0]))
    has_level = rule.per is not None and "level" in rows
    levels = rows["level"].to_numpy() if has_level else None
    for (name, members), count in zip(groups.items(), counts, strict=True):
        known = {"variable": name, "level": None if levels is None else _plain(levels[members[0]])}
        if count.n_missing == len(members):
            yield _finding(rule, without_values(rule), observed="no value in any row", **known)
            continue
        n_failed = len(count.failed)
        passed = not n_failed or (count.n_checked - n_failed) / count.n_checked >= rule.arguments.get("mostly", 1.0)
        first = tuple(itertools.islice(listed, min(n_failed, MOST_FAILURES)))
        yield _finding(
            rule,
            "pass" if passed else "fail",
            time=first[0].get("time") if first else None,
            observed=next(observed) if count.worst >= 0 else _allowed(rule),
            n_checked=count.n_checked,
            n_failed=n_failed,
            first_failures=first,
            **known,
        )


def _count(rule: Rule, rows: pd.DataFrame, groups: Iterable[np.ndarray], fails: np.ndarray) -> list[_Count]:
    """What each group comes to; the worst row is the furthest beyond its limit, else the first that fails."""
    absent = missing(rule, rows)
    bad = fails | absent if rule.missing == "fail" else fails
    beyond = exceedance(rule, rows)
    counts = []
    for members in groups:
        n_missing = int(absent[members].sum())
        if n_missing == len(members):
            counts.append(_Count(0, n_missing, members[:0], -1))
            continue
        failed = members[bad[members]]
        among = failed if len(failed) else members
        if beyond is not None:
            worst = int(among[np.argmax(beyond[among])])
        else:
            worst = int(failed[0]) if len(failed) else -1
        n_checked = len(members) - (0 if rule.missing == "fail" else n_missing)
        counts.append(_Count(n_checked, n_missing, failed, worst))
    return counts


def _allowed(rule: Rule) -> Any:
    """What all values are where none fails, if only one value is allowed."""
    values = rule.arguments.get("value_set", ())
    return values[0] if rule.expectation == "expect_column_values_to_be_in_set" and len(values) == 1 else None


def _values(rule: Rule, rows: pd.DataFrame, positions: Sequence[int]) -> list[Any]:
    """The value at each position; of several columns, a dictionary."""
    columns = columns_of(rule)
    listed = _take(rows, {c: c for c in columns}, positions)
    return [row[columns[0]] for row in listed] if len(columns) == 1 else listed


def _list_rows(rule: Rule, rows: pd.DataFrame, positions: np.ndarray) -> list[dict[str, Any]]:
    """Failing rows: what says which row it is, the value (or values), and what the rule wants shown beside it."""
    columns = columns_of(rule)
    wanted = {key: key for key in ROW_KEYS if key in rows}
    wanted |= {columns[0]: "value"} if len(columns) == 1 and columns[0] not in wanted else {c: c for c in columns}
    wanted |= {c: c for c in rule.show if c in rows and c not in wanted}
    return _take(rows, wanted, positions)


def _take(rows: pd.DataFrame, names: Mapping[str, str], positions: Sequence[int] | np.ndarray) -> list[dict[str, Any]]:
    """Columns at some positions as dictionaries, each column under the name given for it."""
    if not len(positions):
        return []
    part = rows[list(names)].take(positions)
    columns = [map(_plain, part[column].tolist()) for column in names]
    return [dict(zip(names.values(), values, strict=True)) for values in zip(*columns, strict=True)]


def _read_whole(rule: Rule, rows: pd.DataFrame, result: Mapping[str, Any]) -> Finding:
    """A result that cannot be told apart by row: as Great Expectations has it, but for missing values."""
    details: Mapping[str, Any] = result.get("result") or {}
    absent = int(missing(rule, rows).sum()) if rule.missing == "fail" else 0
    success = bool(result.get("success")) and not absent
    n_failed = (details.get("unexpected_count") or 0) + absent
    observed = details.get("observed_value", details.get("details"))
    if observed is None and details.get("partial_unexpected_list"):
        observed = details["partial_unexpected_list"][0]
    if absent and result.get("success"):
        observed = f"{absent} rows without a value"
    return _finding(
        rule,
        "pass" if success else "fail",
        observed=_plain(observed),
        n_checked=details.get("element_count", len(rows)),
        n_failed=n_failed or int(not success),
    )


def _finding(rule: Rule, status: Status, **known: Any) -> Finding:
    return Finding(
        rule=rule.id,
        severity=rule.severity,
        status=status,
        table=rule.table,
        column=rule.column,
        expected=describe(rule, known.get("variable")),
        hint=rule.hint,
        title=rule.title,
        **known,
    )


def _plain(value: Any) -> Any:
    """A scalar of numpy or pandas as Python's own; None for NaN and NA."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    return None if isinstance(value, float) and math.isnan(value) else value
