"""The self-test: training years replayed as if new, and how often they alarm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dqwatch.baselines.ledger import Ledger
from dqwatch.departures.calibration import Calibration, complete, filled
from dqwatch.scores import BACKGROUND, STATE, STEP, Score

LEVELS = (0.05, 0.01, 0.001)
_NEWEST = 3
"""Years that are looked at on their own: the climate, and the data, change."""
_TOO_OFTEN = 2.0
"""Times the nominal rate."""
_RESAMPLES = 2000
_FEWEST_YEARS = 5
"""Years below which the newest cannot be told from the others."""


class Rate(NamedTuple):
    """How often sound cycles alarm at a level."""

    kinds: str
    """'state', 'state and step' where the change since the state before was scored too, '... and background'."""
    level: float
    cycles: int
    rate: float
    low: float
    high: float
    """Interval of 95 % for independent cycles (Clopper-Pearson)."""
    years_low: float
    years_high: float
    """Interval of 95 % over years, which are resampled whole."""
    newest: float
    """Rate of the newest 3 years."""
    newest_low: float
    """Lower end of its interval of 95 %, as `low`."""
    null_size: int
    """Cycles that these were held against, at least."""

    @property
    def reachable(self) -> bool:
        """Whether so small a null can reach the level; if not, the rate is 0 and tells nothing."""
        return 1 / (self.null_size + 1) <= self.level

    @property
    def too_often(self) -> bool:
        """Whether the newest years alarm more than twice as often as they should, and more than chance makes likely."""
        return self.newest > _TOO_OFTEN * self.level and self.newest_low > self.level


def replay(ledger: Ledger, scores: Sequence[Score]) -> list[Rate]:
    """Each group of years of a ledger held against the others.

    Parameters
    ----------
    ledger : Ledger
    scores : sequence of Score

    Returns
    -------
    list of Rate
        For each level, first by the state alone, then with its change, then with its departure from a background too;
        empty where there is but one group.
    """
    kinds = np.array([s.kind for s in scores])
    known = np.isfinite(ledger.scores).any(axis=0)
    found: list[Rate] = []
    for wanted in ((STATE,), (STATE, STEP), (STATE, STEP, BACKGROUND)):
        present = known & np.isin(kinds, wanted)
        if not (present & (kinds == wanted[-1])).any():
            continue
        years, p, null_size = _replay(ledger, scores, present)
        if p.size:
            found += [_rate(" and ".join(wanted), level, years, p, null_size) for level in LEVELS]
    return found


def warn_of_newest(ledger: Ledger, scores: Sequence[Score]) -> str:
    """Whether the newest 3 years of a ledger, held against the others, alarm too often; '' if not, or too few years.

    Looked at is the state alone at the first of `LEVELS`: too often is more than twice as often as it should, and more
    than chance makes likely (the interval of Clopper and Pearson).
    """
    kinds = np.array([s.kind for s in scores])
    if np.unique(ledger.years).size < _FEWEST_YEARS:
        return ""
    present = np.isfinite(ledger.scores).any(axis=0) & (kinds == STATE)
    first = ledger.years.max() - _NEWEST + 1
    years, p, _ = _replay(ledger, scores, present, np.unique(ledger.groups[ledger.years >= first]))
    p = p[years >= first]
    alarms = int((p <= LEVELS[0]).sum())
    if not p.size or alarms <= _TOO_OFTEN * LEVELS[0] * p.size or clopper_pearson(alarms, p.size)[0] <= LEVELS[0]:
        return ""
    return (
        f"the newest {_NEWEST} years of training, held against the others, alarm in {alarms / p.size:.0%} of their "
        f"cycles at a nominal {LEVELS[0]:.0%}: training has drifted itself, and sound new states will alarm too often"
    )


def as_records(rates: Sequence[Rate]) -> list[dict[str, Any]]:
    """Rates as plain values, for the record of a baseline."""
    return [rate._asdict() | {"too_often": rate.too_often, "reachable": rate.reachable} for rate in rates]


def _replay(
    ledger: Ledger, scores: Sequence[Score], present: np.ndarray, only: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, int]:
    """Year and p of every cycle (of some groups only) that has the scores that are present; the size of the null."""
    columns = np.flatnonzero(present.reshape(-1))
    flat = ledger.scores.reshape(ledger.size, -1)
    own = ledger.take(complete(flat, columns))
    years, p, sizes = [], [], []
    groups = np.unique(own.groups)
    for group in groups if groups.size > 1 else ():
        if only is not None and group not in only:
            continue
        held = own.take(own.groups == group)
        values = held.scores.reshape(held.size, -1).astype(np.float64)
        values[:, columns] = filled(values[:, columns])
        calibration = Calibration(own.take(own.groups != group), scores, present)
        found = calibration.judge(values.reshape(held.scores.shape), held.fractions, held.hours)
        years.append(held.years)
        p.append(found.p_cycle)
        sizes.append(found.null_size)
    if not p:
        return np.empty(0, np.int64), np.empty(0), 0
    years_, p_ = np.concatenate(years), np.concatenate(p)
    return years_[np.isfinite(p_)], p_[np.isfinite(p_)], min(sizes)


def _rate(kinds: str, level: float, years: np.ndarray, p: np.ndarray, null_size: int) -> Rate:
    alarms = p <= level
    low, high = clopper_pearson(int(alarms.sum()), p.size)
    each = np.unique(years)
    numbers = np.array([[alarms[years == y].sum(), (years == y).sum()] for y in each])
    drawn = numbers[np.random.default_rng(0).integers(0, each.size, (_RESAMPLES, each.size))].sum(axis=1)
    years_low, years_high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    newest = alarms[years > each[-1] - _NEWEST]
    return Rate(
        kinds=kinds,
        level=level,
        cycles=p.size,
        rate=float(alarms.mean()),
        low=low,
        high=high,
        years_low=float(years_low),
        years_high=float(years_high),
        newest=float(newest.mean()),
        newest_low=clopper_pearson(int(newest.sum()), newest.size)[0],
        null_size=null_size,
    )


def clopper_pearson(count: int, total: int, *, share: float = 0.95) -> tuple[float, float]:
    """The exact interval of a binomial rate.

    References
    ----------
    Clopper and Pearson, 1934, The use of confidence or fiducial limits illustrated in the case of the binomial,
    Biometrika 26.
    """
    from scipy.special import betaincinv

    tail = (1 - share) / 2
    low = 0.0 if count == 0 else float(betaincinv(count, total - count + 1, tail))
    high = 1.0 if count == total else float(betaincinv(count + 1, total - count, 1 - tail))
    return low, high
