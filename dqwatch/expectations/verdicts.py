"""From results to the verdict: status, exit code and counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from dqwatch.expectations.waivers import TABLE as WAIVERS
from dqwatch.types import SEVERITIES, Finding

_CHECKED = ("pass", "fail", "error", "waived")


def summarise(
    results: Iterable[Finding], fail_on: str
) -> tuple[Literal["pass", "warn", "fail", "error", "no_data"], int, dict[str, int]]:
    """The verdict on all results.

    Parameters
    ----------
    results : iterable of Finding
    fail_on : {'critical', 'warning', 'info', 'never'}
        The least severity that closes the gate. A rule with nothing to look at (`no_data`) closes it like one that
        fails.

    Returns
    -------
    status : str
        `fail` if the gate is closed, `error` if it could not be judged, `no_data` if nothing was checked, `warn` if
        something below `fail_on` failed or had nothing to look at, else `pass`.
    exit_code : int
        0 pass or warn; 1 closed; 3 a rule could not run, which beats 1 where a critical one could not; 4 no rule
        passed, failed or raised.
    summary : dict
        `rules` counts the results but those skipped; `fail` and `warn` those that failed at `fail_on` or above, and
        below it; `pass`, `error` and `no_data` as the results have them, and `waived` if any is. So `rules` is the sum
        of the others.

    Raises
    ------
    ValueError
        If `fail_on` is none of the four.
    """
    if fail_on not in (*SEVERITIES, "never"):
        raise ValueError(f"fail_on: got '{fail_on}'; give one of {', '.join(SEVERITIES)}, never")
    closing = () if fail_on == "never" else SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    counted = [f for f in results if f.status != "skipped"]
    failed = [f.severity in closing for f in counted if f.status == "fail"]
    empty = [f.severity in closing for f in counted if f.status == "no_data"]
    raised = [f.severity == "critical" for f in counted if f.status == "error"]
    summary = {
        "rules": len(counted),
        "pass": sum(f.status == "pass" for f in counted),
        "warn": failed.count(False),
        "fail": failed.count(True),
        "error": len(raised),
        "no_data": len(empty),
    }
    n_waived = sum(f.status == "waived" for f in counted)
    if n_waived:
        summary["waived"] = n_waived
    if not any(f.status in _CHECKED and f.table != WAIVERS for f in counted):
        return "no_data", 4, summary
    if any(raised):
        return "error", 3, summary
    if any(failed) or any(empty):
        return "fail", 1, summary
    if raised:
        return "error", 3, summary
    return ("warn" if failed or empty else "pass"), 0, summary
