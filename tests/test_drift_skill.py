"""How power is counted: thresholds, areas under curves, hand-over to other tools, smallest sizes."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dqwatch.baselines.harmonics import hour_indices, year_fractions
from dqwatch.buffers import Buffers
from dqwatch.departures.calibration import Calibration
from tests.benchmarks import drift_peers, drift_tables
from tests.benchmarks.drift_faults import FAULTS
from tests.benchmarks.drift_methods import Findings, joined
from tests.benchmarks.drift_ours import Ours
from tests.benchmarks.drift_series import Series, cycle_dates, years_of
from tests.benchmarks.drift_spoiling import Fault

sys.path.append(str(Path(__file__).with_name("benchmarks") / "peers"))  # as it is for the peers' own scripts

import handover

pytestmark = pytest.mark.slow


def made(clean: np.ndarray, years: np.ndarray | None = None, **faults: list[float]) -> Findings:
    years = np.zeros(clean.size, np.int64) if years is None else years
    return Findings(clean, years, {k: np.array(v) for k, v in faults.items()})


def fault(family: str, size: str = "", variables: tuple[str, ...] = ("t_850",)) -> Fault:
    return Fault(family, "t_850", size, variables, lambda moment, variable: moment.field(variable, 0))


def test_at_most_one_clean_cycle_in_a_hundred_is_above_the_threshold() -> None:
    rng = np.random.default_rng(1)
    for n in (100, 199, 585):
        found = made(rng.normal(size=n))
        above = int((found.clean > found.threshold).sum())
        assert above == n // 100
    ties = made(np.r_[np.zeros(90), np.ones(10)], x=[0.5, 1.0, 2.0])
    assert ties.threshold == 1.0
    assert ties.power("x") == pytest.approx(1 / 3)
    certain = made(np.r_[np.zeros(199), np.inf], x=[0.5, np.inf])
    assert certain.threshold == 0.0
    assert certain.power("x") == 1.0


def test_the_area_under_the_curve_is_the_chance_of_being_larger_ties_by_half() -> None:
    rng = np.random.default_rng(2)
    found = made(rng.integers(0, 6, 50).astype(float), x=rng.integers(2, 8, 20).astype(float).tolist())
    pairs = [(a > b) + 0.5 * (a == b) for a in found.faults["x"] for b in found.clean]
    assert found.auroc("x") == pytest.approx(np.mean(pairs))


def test_seeds_are_joined_and_cycles_picked() -> None:
    parts = [made(np.arange(3.0), np.full(3, k), x=[k, 9.0]) for k in (1, 2)]
    both = joined(parts)
    assert both.clean.tolist() == [0, 1, 2, 0, 1, 2]
    assert both.years.tolist() == [1, 1, 1, 2, 2, 2]
    assert both.faults["x"].tolist() == [1, 9, 2, 9]
    some = parts[0].part(np.array([True, False, True]), np.array([False, True]))
    assert (some.clean.tolist(), some.faults["x"].tolist()) == ([0, 2], [9])


def test_cycles_come_every_five_days_at_all_hours_and_years_are_apart() -> None:
    training, test = cycle_dates(2, 1)
    dates = np.concatenate([training, test])
    assert (training[0], test[0]) == (np.datetime64("2001-01-01T00"), np.datetime64("2003-01-01T12"))
    assert np.unique(np.diff(dates) / np.timedelta64(1, "h")).tolist() == [5 * 24 - 18, 5 * 24 + 6]
    hours = (dates - dates.astype("M8[D]")) // np.timedelta64(1, "h")
    assert np.unique(hours, return_counts=True)[1].min() >= dates.size // 4


def test_the_smallest_size_is_that_from_which_on_all_are_found() -> None:
    own = [fault("offset", size) for size in ("small", "middle", "large")]
    for powers, expected in (
        ((0, 1, 1), "middle"),
        ((1, 0, 1), "large"),
        ((1, 1, 0), "-"),
        ((1, 1, 1), "small"),
    ):
        values = {f.name: np.full(10, 9.0 if p else -9.0) for f, p in zip(own, powers, strict=True)}
        found = Findings(np.zeros(100), np.zeros(100, np.int64), values)
        assert drift_tables.smallest(found, own) == expected


def test_a_peer_that_is_better_by_more_than_the_margin_is_named() -> None:
    one = fault("offset", "1 sd")

    def power(share: float) -> Findings:
        return made(np.zeros(100), **{one.name: [9.0] * round(100 * share) + [-9.0] * round(100 - 100 * share)})

    for theirs, loses in ((0.54, False), (0.56, True)):
        outcome = SimpleNamespace(shared={"dqwatch, onset": power(0.5), "other": power(theirs)})
        assert bool(drift_tables.losses(outcome, [one])) == loses


def test_intervals_over_years_draw_years_whole() -> None:
    years = np.repeat([1, 2, 3, 4], 50)
    found = made(np.zeros(200), years)
    found.clean_alarms["p <= 0.05"] = years == 1
    rate, low, high = drift_tables.over_years(found, "p <= 0.05")
    assert (rate, low) == (0.25, 0.0)
    assert high in {0.5, 0.75}


def test_spoilt_cycles_are_judged_as_by_the_product() -> None:
    series = Series(7, training_years=3, test_years=1)
    ours = Ours(series)
    gross, slight = (next(f for f in FAULTS if f.name == name) for name in ("unit 2t K as C", "noise t_850 0.2 sd"))
    dates = series.faulty[:4]
    found = ours.find([gross, slight], dates, ["onset"])["onset"]
    assert np.isin(dates, series.test).all()
    assert (found.faults[gross.name] > found.clean.max()).all()
    assert found.right[gross.name].all()
    baseline = ours.baseline
    seconds = dates.astype(np.int64)
    for row, date in enumerate(dates):
        spoilt = series.spoil(slight, date).onset
        (moment,) = baseline.moments(seconds[row : row + 1])
        assert moment is not None
        scored = [
            baseline.scorer.score(
                k,
                spoilt.get(v, series.field(date, v)),
                moment,
                Buffers(),
                previous=series.field(date, v, 6),
            )
            for k, v in enumerate(baseline.variables)
        ]
        scores = np.stack([one.scores for one in scored])
        means = {k: one.means for k, one in enumerate(scored)}
        scores[:, baseline.scorer.area_columns] = baseline.scorer.relate(means, moment)
        calibration = Calibration(baseline.ledger, baseline.scores, np.isfinite(scores))
        year = year_fractions(seconds[row : row + 1], baseline.calendar)
        judged = calibration.judge(scores[None], year, hour_indices(seconds[row : row + 1], baseline.hours))
        if not judged.violated.any():
            assert found.faults[slight.name][row] == pytest.approx(np.nanmax(judged.departure), rel=1e-6)
            assert found.fault_alarms["p <= 0.05"][slight.name][row] == (judged.p_cycle[0] <= 0.05)


def test_what_is_handed_over_comes_back_to_its_place(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    n_variables, n_cells = 3, 20
    clean = rng.normal(size=(24, n_variables, n_cells)).astype(np.float32)
    null = rng.normal(size=(12, n_variables, n_cells)).astype(np.float32)
    rows = np.array([3, 10, 17])
    spoilt = [clean[rows][:, [1]].swapaxes(0, 1) + 100, clean[rows][:, [0, 2]].swapaxes(0, 1) - 50]
    arrays = {
        "reference": rng.normal(size=(12, 2, n_variables, n_cells)).astype(np.float32),
        "null": null,
        "null_month": np.arange(12),
        "clean": clean,
        "clean_month": np.arange(24) % 12,
        "rows": rows,
        "count": np.array(2),
        "owners_0": np.array([1]),
        "owners_1": np.array([0, 2]),
        "fault_0": spoilt[0],
        "fault_1": spoilt[1],
    }
    np.savez(tmp_path / "given.npz", **arrays)
    handed = handover.Handed(str(tmp_path / "given.npz"))
    given = handover.Given(handed)
    handover.compare_fields(handed, lambda _, fields: {"mean": fields.mean(axis=1)}, given, months=True)
    found = given.arrays
    np.testing.assert_allclose(found["mean/clean"], clean.mean(axis=2), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["mean/null"], null.mean(axis=2), rtol=1e-5, atol=1e-6)
    for k in (0, 1):
        np.testing.assert_allclose(found[f"mean/fault_{k}"], spoilt[k].mean(axis=2).T, rtol=1e-5)
    state = handed.state(1, 2)
    np.testing.assert_array_equal(state[[0, 2]], spoilt[1][:, 2])
    np.testing.assert_array_equal(state[1], clean[17, 1])


def test_a_peers_statistic_is_scaled_by_training_and_the_largest_counts() -> None:
    dates = np.arange("2021-01-01", "2021-01-13", dtype="M8[D]").astype("M8[s]")
    series = SimpleNamespace(
        seed=7, test=dates, faulty=dates[::2], every=(3, 2), variables=("t_850", "u_850"), years=years_of
    )
    seen, rows = drift_peers.seen(series)
    assert seen.size == 4
    assert rows.tolist() == [0]
    one = fault("offset", "1 sd", ("u_850",))
    null = np.stack([np.linspace(0, 1, 101), np.linspace(0, 10, 101)], axis=1)
    clean = np.array([[0.5, 5.0], [0.99, 5.0], [0.5, np.nan], [0.5, 9.9]])
    arrays = {"S/null": null, "S/clean": clean, f"S/fault_{0}": np.array([[14.8]])}
    found = drift_peers.findings(drift_peers.Peer("x", "S", "x"), arrays, series, [one])
    np.testing.assert_allclose(found.clean, [0, 1, 0, 1])
    np.testing.assert_allclose(found.faults[one.name], [(14.8 - 5) / 4.9])
