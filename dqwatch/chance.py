"""What chance brings: binomial counts, and the interval of a rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_RARE = 0.025
"""On either side of what is usual."""


def tail(k: int, n: int, p: float) -> float:
    """The probability of k or more of n, each with probability p."""
    from scipy import special

    return 1.0 if k <= 0 else float(special.betainc(k, n - k + 1, p))


def usual(n: ArrayLike, p: float) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest count of n that are within 95 % of what chance brings.

    Parameters
    ----------
    n : int or array of int
        Trials.
    p : float
        Probability of each.

    Returns
    -------
    tuple of np.ndarray int64
        As n: the quantiles 0.025 and 0.975 of binomial counts.
    """
    from scipy import special

    trials = np.atleast_1d(np.asarray(n, np.int64))
    mean = trials.max(initial=0) * p
    counts = np.arange(int(mean + 10 * np.sqrt(mean) + 20))
    below = special.bdtr(np.minimum(counts, trials[:, None]), trials[:, None], p)
    low, high = (np.argmax(below >= quantile, axis=1) for quantile in (_RARE, 1 - _RARE))
    return low, high


def interval(k: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a rate of which k of n were seen; (0, 1) of none.

    References
    ----------
    Clopper and Pearson, 1934, The use of confidence or fiducial limits illustrated in the case of the binomial,
    Biometrika 26.
    """
    from scipy import special

    low = float(special.betaincinv(k, n - k + 1, _RARE)) if k else 0.0
    high = float(special.betaincinv(k + 1, n - k, 1 - _RARE)) if k < n else 1.0
    return low, high
