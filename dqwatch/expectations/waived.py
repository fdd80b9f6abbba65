"""Findings under waivers: told apart into what is waived and what is not, and waivers that are of no use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dqwatch.expectations.findings import narrow, read_rows
from dqwatch.expectations.masks import failing
from dqwatch.expectations.scope import missing
from dqwatch.expectations.values import closest
from dqwatch.expectations.vocabulary import ROW_WISE
from dqwatch.expectations.waivers import RULES, TABLE, Waiver, WaiverFile
from dqwatch.types import Finding, Rule

if TYPE_CHECKING:
    import pandas as pd

_NOT_JUDGED = "not judged, "


class Waiving:
    """The waivers of a run at work: findings go through `judge`, then `report` tells which waivers were of no use."""

    def __init__(self, file: WaiverFile | None) -> None:
        self._file = file
        self._active: dict[str, list[Waiver]] = {}
        for waiver in file.waivers if file else ():
            if file and not file.is_over(waiver):
                self._active.setdefault(waiver.rule, []).append(waiver)
        self._idle: dict[int, str] = {}
        """Number of a waiver -> why it waived nothing; '' where it did."""

    def judge(
        self,
        rule: Rule,
        findings: Sequence[Finding],
        rows: pd.DataFrame | None = None,
        groups: Mapping[str | None, np.ndarray] | None = None,
    ) -> list[Finding]:
        """The findings of a rule; of one that is waived in part, a `waived` one for each waiver and one for the rest.

        Errors are never waived: a rule that could not run has found nothing that somebody could answer for.

        Parameters
        ----------
        rule : Rule
        findings : sequence of Finding
            Of this rule.
        rows : DataFrame, optional
            The rows that the rule looked at, with `time`, `variable` and `param` where the table has them; needed, with
            `groups`, if the findings are those of `findings.read_result`.
        groups : mapping of variable to positions in `rows`, optional
        """
        waivers = self._active.get(rule.id, ())
        if not waivers:
            return list(findings)
        by_row = rule.expectation in ROW_WISE and all(f.status != "error" for f in findings)
        if rows is None or groups is None or not by_row:
            return [self._judge_whole(waivers, finding) for finding in findings]
        self._idle |= {w.number: _why_idle(w, rows) for w in waivers}
        fails = failing(rule, rows)
        bad = fails | missing(rule, rows) if rule.missing == "fail" else fails
        covered = {w: w.of_variable(rows) & w.in_period(rows) for w in waivers}
        answered: list[Finding] = []
        for finding in findings:
            members = groups[finding.variable]
            taken = {w: members[(covered[w] & bad)[members]] for w in waivers}
            if finding.status == "no_data":
                users = [w for w in waivers if covered[w][members].all()]
                answered.append(_mark(finding, users[0]) if users else finding)
            elif finding.status == "fail":
                users = [w for w in waivers if len(taken[w])]
                answered += _split(rule, rows, fails, finding, members, taken)
            else:
                users = []
                answered.append(finding)
            self._idle |= {w.number: "" for w in users}
        return answered

    def report(self) -> Iterator[Finding]:
        """A finding for each waiver that has expired, was of no use, or could not be judged (`skipped`)."""
        for waiver in self._file.waivers if self._file else ():
            why = self._idle.get(waiver.number, f"{_NOT_JUDGED}its rule is not among those of this run")
            if self._file and self._file.is_over(waiver):
                yield self._finding("waiver.expired", waiver, f"expired on {waiver.expires}", "a day that is not over")
            elif why:
                finding = self._finding("waiver.unmatched", waiver, why, "something to waive")
                judged = not why.startswith(_NOT_JUDGED)
                yield finding if judged else replace(finding, status="skipped", n_checked=0, n_failed=0)

    def _judge_whole(self, waivers: Sequence[Waiver], finding: Finding) -> Finding:
        """A finding that cannot be told apart by row: waived by what waives all that its rule finds."""
        users = [w for w in waivers if w.is_whole and finding.status in ("fail", "no_data")]
        self._idle |= {w.number: _why_idle_whole(finding) for w in waivers} | {w.number: "" for w in users}
        return _mark(finding, users[0]) if users else finding

    def _finding(self, rule: str, waiver: Waiver, observed: str, expected: str) -> Finding:
        title, hint = RULES[rule]
        path = self._file.path if self._file else ""
        return Finding(
            rule=rule,
            severity="warning",
            status="fail",
            table=TABLE,
            variable=waiver.variable,
            observed=f"waiver {waiver.number} of {path} ({waiver.rule}, owner {waiver.owner}): {observed}",
            expected=expected,
            n_checked=1,
            n_failed=1,
            hint=hint,
            title=title,
        )


def _why_idle(waiver: Waiver, rows: pd.DataFrame) -> str:
    """Why a waiver that covers no failing row does not."""
    if not waiver.of_variable(rows).any():
        return f"no variable '{waiver.variable}'{closest(waiver.variable, rows['variable'].unique())}"
    if not waiver.in_period(rows).any():
        return f"{_NOT_JUDGED}no time of the data lies in its period"
    return "nothing of what it names fails"


def _why_idle_whole(finding: Finding) -> str:
    if finding.status == "error":
        return f"{_NOT_JUDGED}its rule could not run, and errors are not waived"
    if finding.status == "skipped":
        return f"{_NOT_JUDGED}its rule was skipped: {finding.observed}"
    if finding.status == "no_data":
        return f"{_NOT_JUDGED}its rule found nothing to look at: {finding.observed}"
    return "nothing of what it names fails"


def _split(
    rule: Rule,
    rows: pd.DataFrame,
    fails: np.ndarray,
    finding: Finding,
    members: np.ndarray,
    covered: Mapping[Waiver, np.ndarray],
) -> Iterator[Finding]:
    """What each waiver takes of a failing finding, and, if it still fails, the rest."""
    left = members
    for waiver, positions in covered.items():
        taken = positions[np.isin(positions, left)]
        if len(taken):
            left = left[~np.isin(left, taken)]
            yield _mark(narrow(rule, rows, finding, taken), waiver)
    if len(left) == len(members):
        yield finding
    elif len(left):
        (rest,) = read_rows(rule, rows, {finding.variable: left}, fails)
        if rest.status != "pass":
            yield rest


def _mark(finding: Finding, waiver: Waiver) -> Finding:
    word = {"owner": waiver.owner, "reason": waiver.reason, "expires": waiver.expires.isoformat()}
    return replace(finding, status="waived", waiver=word)
