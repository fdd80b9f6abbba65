"""Slow drift: planted steps and ramps are found, where and since when; sound years alarm about as often as promised."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from dqwatch.baselines.ledger import Ledger, pack_areas
from dqwatch.departures.scoring import Cycle
from dqwatch.departures.slow import LEVEL, SlowDrift, accumulate
from dqwatch.scores import Score
from dqwatch.scores.areas import Areas

SCORES = (Score("mean", "state"), Score("ms", "state"), Score("step_ms", "step"), Score("share", "state", True, 1.0))
BOXES = np.array([(s, s + 30, w, w + 60) for s in range(-90, 90, 30) for w in range(0, 360, 60)], np.float64)
AREAS = Areas(np.arange(36, dtype=np.int32), BOXES)
N_VARIABLES, PER_YEAR, DAY = 2, 73, 86400
NORTH = BOXES[:, 0] >= 30


def history(seed: int, years: int) -> dict[str, np.ndarray]:
    """Scores and area means with a season, memory, and an anomaly of each year."""
    rng = np.random.default_rng(seed)
    n, width = years * PER_YEAR, len(SCORES) + AREAS.size
    values = rng.standard_normal((n, N_VARIABLES, width))
    for k in range(1, n):
        values[k] = 0.6 * values[k - 1] + 0.8 * values[k]
    year = np.repeat(np.arange(years), PER_YEAR)
    fraction = np.tile(np.arange(PER_YEAR) / PER_YEAR, years)
    values += 0.2 * rng.standard_normal((years, N_VARIABLES, width))[year]
    values += np.sin(2 * np.pi * fraction)[:, None, None]
    return {"years": year, "fractions": fraction, "seconds": np.arange(n) * 5 * DAY, "values": values}


def baseline_of(given: dict[str, np.ndarray], years: int) -> Any:
    """What slow drift needs of a baseline of the first years."""
    old = given["years"] < years
    year, whole = given["years"][old], np.zeros(old.sum(), np.int64)
    groups = year * min(10, years) // years
    values = given["values"][old]
    scores = values[..., : len(SCORES)].astype(np.float32)
    areas = pack_areas(values[..., len(SCORES) :])
    ledger = Ledger(given["seconds"][old], year, groups, groups, whole, given["fractions"][old], whole, scores, areas)
    layout = SimpleNamespace(place=SimpleNamespace(areas=AREAS))
    return SimpleNamespace(ledger=ledger, scores=SCORES, variables=("t", "q"), layout=layout)


def look(given: dict[str, np.ndarray], baseline: Any, year: int, drift: np.ndarray | None = None) -> SlowDrift:
    """One later year, with a drift (cycle, variable, score and area) added."""
    own = given["years"] == year
    values = given["values"][own] + (0.0 if drift is None else drift)
    fractions = given["fractions"][own]
    cycles = [
        Cycle(
            k, str(k), 0, float(f), 0, x[:, : len(SCORES)], {(v, "state"): (x[v, len(SCORES) :],) * 2 for v in (0, 1)}
        )
        for k, (f, x) in enumerate(zip(fractions, values, strict=True))
    ]
    return accumulate(cycles, given["seconds"][own], baseline, None)


def planted(series: np.ndarray, variable: int, columns: Any) -> np.ndarray:
    drift = np.zeros((PER_YEAR, N_VARIABLES, len(SCORES) + AREAS.size))
    drift[:, variable, columns] = series[:, None]
    return drift


def test_a_step_in_a_region_is_found_there_with_its_onset() -> None:
    given = history(1, 17)
    step = np.where(np.arange(PER_YEAR) >= 30, 2.0, 0.0)
    found = look(given, baseline_of(given, 16), 16, planted(step, 1, len(SCORES) + np.flatnonzero(NORTH)))
    assert found.years == 16
    worst = max(found.found, key=lambda a: a.departure)
    assert worst.variable == 1
    assert worst.p_year == 1 / 17
    assert worst.departure > worst.limit
    assert (worst.source, worst.upward) == ("region mean", True)
    assert worst.region == "n.hem" or worst.region.startswith(("30N-", "60N-"))
    onset = (worst.onset - given["seconds"][16 * PER_YEAR]) / (5 * DAY)
    reached = (worst.reached - given["seconds"][16 * PER_YEAR]) / (5 * DAY)
    assert abs(onset - 30) <= 3
    assert 30 <= reached <= 45
    (other,) = (a for a in found.found if a.variable == 0)
    assert other.departure <= other.limit
    assert other.reached == -1


def test_a_ramp_in_a_score_is_found_on_its_way() -> None:
    given = history(2, 17)
    found = look(given, baseline_of(given, 16), 16, planted(-np.linspace(0, 6, PER_YEAR), 0, [0]))
    worst = max(found.found, key=lambda a: a.departure)
    assert (worst.variable, worst.source, worst.region, worst.upward) == (0, "mean", "", False)
    assert worst.p_year <= LEVEL
    onset = (worst.onset - given["seconds"][16 * PER_YEAR]) / (5 * DAY)
    assert 5 <= onset <= 60, "a ramp has no onset; the likeliest step lies on it"


def test_sound_years_alarm_about_as_often_as_promised() -> None:
    """24 new years of 8 histories, p <= 0.1 or less each: 2.3 alarms are to be expected; of years that share a null,
    more than 8 would come about less than once in 1,000 times."""
    p, years = [], 9
    for seed in range(8):
        given = history(100 + seed, years + 3)
        known = baseline_of(given, years)
        p += [min(a.p_year for a in look(given, known, years + k).found) for k in range(3)]
    assert sum(x <= LEVEL for x in p) <= 8
    assert len(set(p)) > 4, "all ranks come up"


def test_few_years_say_so_and_never_alarm() -> None:
    given = history(3, 8)
    flood = planted(np.full(PER_YEAR, 9.0), 0, [0])
    found = look(given, baseline_of(given, 7), 7, flood)
    assert all(a.limit == np.inf for a in found.found)
    assert all(a.reached == -1 for a in found.found)
    assert min(a.p_year for a in found.found) == 1 / 8
    few = look(given, baseline_of(given, 4), 7, flood)
    assert (few.found, few.reason) == ([], "4 years of training are too few")


def test_a_few_cycles_are_not_looked_at() -> None:
    given = history(4, 11)
    known = baseline_of(given, 10)
    own = given["years"] == 10
    one = Cycle(0, "", 0, 0.0, 0, given["values"][own][0, :, : len(SCORES)])
    found = accumulate([one], given["seconds"][own][:1], known, None)
    assert (found.found, found.reason) == ([], "less than 30 days")
    assert accumulate([], given["seconds"][:0], known, None).found == []
