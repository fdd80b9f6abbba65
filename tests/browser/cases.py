"""Verdicts that have all that a page can show, with names that are markup."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from reports.test_html import EVIL, fields, verdict
from reports.test_html_drift import areas

from dqwatch import tables
from dqwatch.types import FieldMap, Finding, Rule, RuleSet, Verdict

TIMES = [f"2020-{m:02d}-{d:02d}T00:00:00" for m in (1, 2, 3) for d in range(1, 29)]


def filled(table: str, n: int, /, **columns: Any) -> pd.DataFrame:
    """A table of `n` rows: what is not given is zero, '' or True."""
    empty = {"str": "", "int": 0, "uint": 0, "float": 0.0, "bool": True, "truth": None}
    given = {c.name: [empty[c.dtype]] * n for c in tables.TABLES[table]}
    return tables.frame(table, {**given, **columns})


def field_map() -> FieldMap:
    """A wavy field of the globe, three cells of which are missing."""
    lat, lon = np.arange(-88.0, 90, 4), np.arange(-178.0, 180, 4)
    values = 280 + 20 * np.cos(np.radians(lat))[:, None] + 3 * np.sin(np.radians(3 * lon))[None]
    at = np.array([10.0, 20.0, 30.0])
    return FieldMap(EVIL, TIMES[0], "<K>", lat, lon, values, "missing", 3, at, at)


def value_table() -> pd.DataFrame:
    """Values of a variable in ranges equally wide, and of one in ranges that widen."""
    usual = np.exp(-((np.arange(30) - 12) ** 2) / 40)
    now = np.roll(usual, 8)
    shares = {"share_now": np.tile(now / now.sum(), 2), "share_usual": np.tile(usual / usual.sum(), 2)}
    even, wide = 270 + 2.0 * np.arange(31), np.append(0.0, 1e-5 * 1.5 ** np.arange(30))
    return filled("histograms", 60, time=[TIMES[0]] * 60, variable=[EVIL] * 30 + ["tp"] * 30,
                  units=["<K>"] * 30 + ["m"] * 30, left=np.append(even[:-1], wide[:-1]),
                  right=np.append(even[1:], wide[1:]), **shares)  # fmt: skip


def held_tables() -> dict[str, pd.DataFrame]:
    """What holding cycles against a baseline makes."""
    n = len(TIMES)
    wave = 0.5 + 0.5 * np.sin(np.arange(n) / 5)
    regions = ["all", "n.hem", "tropics", "s.hem", "land", "sea"]
    names = [EVIL, "2t", "t_850", "t_500"]
    means = np.linspace(-3, 3, len(names) * len(regions))
    return {
        "cycles": filled("cycles", n, time=TIMES, p_cycle=np.maximum(1e-4, wave)),
        "drift": filled("drift", n, time=TIMES, variable=[EVIL] * n, departure=2 * wave, score=wave + 3),
        "nulls": filled("nulls", 20, time=[TIMES[0]] * 20, variable=[EVIL] * 20, score=["mean"] * 20,
                        left=np.arange(20) / 10, right=np.arange(1, 21) / 10,
                        n_cycles=np.round(100 * np.exp(-((np.arange(20) - 8) ** 2) / 20)).astype(int)),
        "histograms": value_table(),
        "areas": areas(EVIL),
        "scorecard": filled("scorecard", means.size, time=[TIMES[0]] * means.size, region=regions * len(names),
                            variable=[name for name in names for _ in regions], mean=means, rms=abs(means),
                            param=[name for name in names for _ in regions],
                            named=[name == EVIL for name in names for _ in regions]),
    }  # fmt: skip


def weight_tables() -> dict[str, pd.DataFrame]:
    """What the audit of loss weights makes."""
    shares = np.array([0.6, 0.3, 0.1])
    return {
        "weights": filled("weights", 3, variable=[EVIL, "2t", "tp"], weight=[10.0, 1.0, 0.1], raw_share=shares,
                          sd_share=shares[::-1], tendency_share=np.array([0.2, 0.5, 0.3])),
    }  # fmt: skip


def loss_tables() -> dict[str, pd.DataFrame]:
    """What a series of losses makes."""
    return {
        "losses": filled("losses", 1, variable=[EVIL], n=[20], step_p=[1.0], stall_p=[1.0]),
        "loss_curves": filled("loss_curves", 20, variable=[EVIL] * 20, step=range(20), loss=1.0 / np.arange(1, 21),
                              spike=[k == 9 for k in range(20)]),
    }  # fmt: skip


def full_verdict() -> Verdict:
    """All sections of the page have something to show."""
    table = fields([EVIL, "2t"], TIMES, {(EVIL, TIMES[k]): 7 * k for k in range(10)})
    rule = Rule("nan.none", "fields", "n_nan_unexpected", "expect_column_values_to_be_between",
                {"min_value": 0, "max_value": 0}, "critical", "No missing values", "", per="variable")  # fmt: skip
    one = {"variable": EVIL, "p_value": 0.0008, "q_value": 0.01, "leading_score": "mean", "score": 3.5,
           "usual_score": 0.1, "region": "30N-60N 0-40E", "named": True}  # fmt: skip
    drift = {"time": TIMES[0], "member": 0, "p_cycle": 0.0008, "null_size": 1218, "null_years": 10, "variables": [one]}
    drift["slow"] = [{"variable": EVIL, "p_year": 0.05, "source": "mean", "region": "land", "direction": "up",
                      "onset": TIMES[3], "reached": TIMES[9]}]  # fmt: skip
    record = {"variable": EVIL, "weight": 10.0, "suggested": 2.0, "factor": 0.2, "reason": "it <stays> away"}
    present = [time not in TIMES[20:24] for time in TIMES]
    base = verdict(table=table)
    findings = [
        *base.results,
        *(Finding(f"rule.{k}", "warning", "fail", "fields", "n_inf", EVIL, title=f"Rule {k} <of> many", hint="Look.",
                  n_failed=k, n_checked=50) for k in range(5)),
        Finding("odd", "info", "error", "times", observed="it <raised>"),
    ]  # fmt: skip
    return verdict(
        results=tuple(findings),
        rule_sets=(RuleSet("mine <set>", "mine.yaml", "0" * 64, "", (rule,)),),
        maps=(field_map(),),
        drift=drift,
        advice={"yaml": f"# {EVIL}\nweights: {{}}\n", "variables": [record], "fine_tuning": None},
        tables={
            "fields": table,
            "times": filled("times", len(TIMES), time=TIMES, present=present, all_nan=[False] * len(TIMES),
                            declared_missing=[time in TIMES[30:33] for time in TIMES]),
            "arrays": filled("arrays", 3, array=[EVIL, "time", "lat"], size_mb=[100.0, 0.1, 0.1],
                             stored_mb=[40.0, 0.05, 0.09], chunk_mb=[1.0, 0.1, 0.1]),
            **held_tables(),
            **weight_tables(),
            **loss_tables(),
        },
    )  # fmt: skip
