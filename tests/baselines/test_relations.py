"""What areas are to one another: sums that add up, a fit that is least squares, scores against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqwatch.baselines.harmonics import basis
from dqwatch.baselines.relations import RelationSums, fit, time_functions
from dqwatch.scores import load_families

V, A, N = 3, 16, 400
FAMILIES = [f for f in load_families() if f.areas]
NAMES = [n for f in FAMILIES for n in f.names]


def make(seed: int, n: int = N, *, whole: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Means (cycle, variable, area), of which the second variable follows the first, and functions of time.

    `whole`: small integers, of which every sum is exact.
    """
    rng = np.random.default_rng(seed)
    functions = time_functions(basis(rng.uniform(0, 1, n), 3), rng.integers(0, 2, n), 2)
    if whole:
        return rng.integers(-8, 8, (n, V, A)).astype(np.float64), np.rint(2 * functions)
    patterns = np.stack([np.sin(k * np.arange(A) / A * 2 * np.pi + k) for k in range(1, 4)])
    means = rng.standard_normal((n, V, 3)) @ patterns + 0.3 * rng.standard_normal((n, V, A))
    means[:, 1] = 0.8 * means[:, 0] + 0.6 * means[:, 1]
    means += 3 * functions[:, 1, None, None] + functions[:, 3, None, None] * np.arange(A)
    return 280 + means, functions


def sum_up(means: np.ndarray, functions: np.ndarray) -> RelationSums:
    made = RelationSums(np.full((V, A), 0.0 if abs(means).max() < 100 else 280.0), functions.shape[1])
    made.add(means, functions)
    return made


def same(one: RelationSums, other: RelationSums) -> bool:
    names = ("moments", "products", "squares", "missing")
    return all(np.array_equal(getattr(one, n), getattr(other, n)) for n in names)


@settings(max_examples=20)
@given(st.integers(0, 999))
def test_merging_is_adding_in_any_order(seed: int) -> None:
    means, functions = make(seed, 60, whole=True)
    together = sum_up(means, functions)
    cuts = [slice(0, 10), slice(10, 35), slice(35, 60)]
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        parts = [sum_up(means[cuts[k]], functions[cuts[k]]) for k in order]
        parts[0].merge(parts[1])
        parts[0].merge(parts[2])
        assert same(parts[0], together)


def test_holding_a_fold_out_is_adding_the_others() -> None:
    """Bit for bit the fit of one who never saw the fold."""
    means, functions = make(1)
    folds = [sum_up(means[k::4], functions[k::4]) for k in range(4)]
    kept = fit(one for k, one in enumerate(folds) if k != 2)
    unseen = fit([sum_up(means[k::4], functions[k::4]) for k in (0, 1, 3)])
    assert kept is not None
    assert unseen is not None
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(kept, unseen, strict=True))
    assert folds[0].count == N / 4  # fitting leaves the sums as they are


def test_only_sums_laid_out_alike_are_merged() -> None:
    means, functions = make(2, 40)
    with pytest.raises(ValueError, match="first guesses"):
        sum_up(means, functions).merge(RelationSums(np.zeros((V, A)), functions.shape[1]))


def test_scores_are_those_of_plain_linear_algebra() -> None:
    means, functions = make(3)
    relations = fit([sum_up(means, functions)])
    assert relations is not None
    new, at = make(4, 5)
    slopes = np.stack([np.linalg.lstsq(functions, means[:, v], rcond=None)[0] for v in range(V)], axis=1)
    left = means - np.einsum("np,pva->nva", functions, slopes)
    sd = np.sqrt((left**2).sum(axis=0) / (N - functions.shape[1]))
    z = left / sd
    for cycle, f in zip(new, at, strict=True):
        x = (cycle - np.einsum("p,pva->va", f, slopes)) / sd
        found = relations.score(cycle, f, FAMILIES)
        left = leave(z, x, [[]] * A)
        first = np.abs(left).argmax(axis=0)
        overall = int(np.abs(left.mean(axis=1)).argmax())
        anywhere = leave(z, x, [[u] for u in first])
        everywhere = leave(z, x, [[overall]] * A)
        for v in range(V):
            scores = dict(zip(NAMES, found[v], strict=True))
            assert scores["alone_mean"] == pytest.approx(everywhere[v].mean(), abs=0.01)
            assert scores["alone_ms"] == pytest.approx(np.log(np.mean(anywhere[v] ** 2)), abs=0.01)
            assert scores["alone_scan"] == pytest.approx(np.sort(np.abs(anywhere[v]))[-4:].mean(), abs=0.02)


def leave(z: np.ndarray, x: np.ndarray, silent: list[list[int]]) -> np.ndarray:
    """What a regression on the others leaves of each variable (variable, area), some in each area explaining none."""
    found = np.empty((V, A))
    for a in range(A):
        r = 0.95 * np.corrcoef(z[:, :, a].T) + 0.05 * np.eye(V)
        for v in range(V):
            others = [u for u in range(V) if u != v and u not in silent[a]]
            slope = np.linalg.solve(r[np.ix_(others, others)], r[others, v])
            found[v, a] = (x[v, a] - slope @ x[others, a]) / np.sqrt(r[v, v] - slope @ r[others, v])
    return found


def test_the_variable_that_is_wrong_stands_out_from_those_that_it_explains() -> None:
    means, functions = make(5)
    relations = fit([sum_up(means, functions)])
    assert relations is not None
    new, at = make(6, 40)
    scan = NAMES.index("alone_scan")
    sound = np.array([relations.score(c, f, FAMILIES)[:, scan] for c, f in zip(new, at, strict=True)])
    new[:, 0, :4] += 8.0
    wrong = np.array([relations.score(c, f, FAMILIES)[:, scan] for c, f in zip(new, at, strict=True)])
    assert (wrong[:, 0] > 2 * sound[:, 0]).all()
    assert (wrong[:, 1:] < 1.5 * sound[:, 1:]).all()


def test_a_variable_that_leaves_its_relation_is_told_though_each_value_is_usual() -> None:
    means, functions = make(5)
    relations = fit([sum_up(means, functions)])
    assert relations is not None
    new, at = make(6, 200)
    column = NAMES.index("alone_ms")
    sound = np.array([relations.score(c, f, FAMILIES)[1, column] for c, f in zip(new, at, strict=True)])
    new[:, 1] = new[np.roll(np.arange(200), 1), 1] + 3 * (at - np.roll(at, 1, axis=0))[:, 1, None]
    new[:, 1] += (at - np.roll(at, 1, axis=0))[:, 3, None] * np.arange(A)
    strange = np.array([relations.score(c, f, FAMILIES)[1, column] for c, f in zip(new, at, strict=True)])
    assert np.median(strange) > np.median(sound) + 0.25


def test_areas_without_values_and_constants_are_left_out() -> None:
    means, functions = make(7)
    means[:, 0, :4] = np.nan
    means[5, 0, 4] = np.nan
    means[:, 2] = 280.0
    relations = fit([sum_up(means, functions)])
    assert relations is not None
    assert np.isnan(relations.sd[0, :5]).all()
    assert np.isfinite(relations.sd[0, 5:]).all()
    assert np.isnan(relations.sd[2]).all()
    found = relations.score(means[0], functions[0], FAMILIES)
    assert np.isfinite(found[:2]).all()
    assert np.isnan(found[2]).all()


def test_without_a_variable_nothing_is_said_of_what_it_explains() -> None:
    means, functions = make(8)
    relations = fit([sum_up(means, functions)])
    assert relations is not None
    cycle = means[0].copy()
    cycle[0] = np.nan
    found = relations.score(cycle, functions[0], FAMILIES)
    assert np.isnan(found).all()


def test_few_cycles_say_nothing() -> None:
    means, functions = make(9, 20)
    assert fit([sum_up(means, functions)]) is None
    assert fit([]) is None
