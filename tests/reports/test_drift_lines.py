"""What is said of drift in text."""

from __future__ import annotations

from dqwatch.reports.drift_lines import drift_lines


def variable(name: str, **changes: object) -> dict[str, object]:
    whole = {"variable": name, "p_value": 0.000820345, "q_value": 0.002, "leading_score": "scan", "score": 41.25,
             "usual_score": 2.5, "region": "0N-30N 16W-16E", "named": True}  # fmt: skip
    return whole | changes


def drift(p: float | None, *variables: dict[str, object]) -> dict[str, object]:
    return {"time": "2011-06-14T06:00:00", "p_cycle": p, "null_size": 1218, "null_years": 10, "variables": variables}


def test_what_is_beyond_the_null_is_said_to_be_and_variables_stand_below_each_other() -> None:
    rows = variable("swvl2"), variable("2t", region=None, exact="3 cells differ"), variable("q", named=False)
    assert list(drift_lines(drift(1 / 1219, *rows))) == [
        "drift: 2011-06-14T06 is beyond all 1,218 null cycles of 10 years (p 0.00082)",
        "    swvl2  p 0.00082  0N-30N 16W-16E  scan 41.2, usually 2.5",
        "    2t     p 0.00082                  scan 41.2, usually 2.5; 3 cells differ",
    ]


def test_a_usual_cycle_names_nothing_but_failed_exact_checks() -> None:
    assert list(drift_lines(drift(0.5, variable("2t")))) == [
        "drift: 2011-06-14T06 has p 0.5 among 1,218 null cycles of 10 years"
    ]
    lsm = variable("lsm", exact="3 cells differ", p_value=None, score=None, leading_score=None, region=None)
    assert list(drift_lines(drift(0.5, variable("2t"), lsm)))[1:] == ["    lsm  3 cells differ"]


def test_many_variables_are_counted() -> None:
    lines = list(drift_lines(drift(0.005, *(variable(f"v{k}") for k in range(8)))))
    assert lines[0] == "drift: 2011-06-14T06 has p 0.005 among 1,218 null cycles of 10 years"
    assert len(lines) == 7
    assert lines[-1] == "    and 3 more: v5, v6, v7"


def test_nothing_compared_is_said_and_no_cycle_is_silent() -> None:
    assert list(drift_lines(drift(None))) == ["drift: 2011-06-14T06 could not be compared with training"]
    assert list(drift_lines(None)) == []


def test_slow_drift_is_told_after_the_cycle() -> None:
    slow = {"variable": "swvl1", "p_year": 0.05, "source": "region mean", "region": "tropics", "direction": "up",
            "onset": "2011-02-01T00:00:00", "reached": "2011-04-01T06:00:00"}  # fmt: skip
    lines = list(drift_lines(drift(0.5) | {"slow": [slow, slow | {"region": "", "source": "ms"}]}))
    assert lines[1:] == [
        "slow drift: 2 variables are beyond what training years do",
        "    swvl1  up  region mean of tropics, since about 2011-02-01T00, found 2011-04-01T06",
        "    swvl1  up  ms, since about 2011-02-01T00, found 2011-04-01T06",
    ]
