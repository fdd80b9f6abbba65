"""alibi-detect: KSDrift, cells as instances and variables as features; p < .05 after Bonferroni is drift.

MMDDrift and LSDDDrift by torch see windows of the components of states; permutations are for p-values, not wanted here.
"""

from __future__ import annotations

import warnings

import handover
import numpy as np

warnings.filterwarnings("ignore")

import torch  # noqa: E402, after its warnings are silenced
from alibi_detect.cd import KSDrift, LSDDDrift, MMDDrift  # noqa: E402, the same

P_VALUE = 0.05
N_VARIABLES = 16


def compare(training: np.ndarray, fields: np.ndarray) -> handover.Statistics:
    """The distance of each field, and whether its p passes the corrected level."""
    reference = handover.some(training)[:, None]
    detector = KSDrift(reference, p_val=P_VALUE)
    found = [detector.feature_score(reference, field[:, None]) for field in fields]
    p, distance = (np.array([one[k][0] for one in found]) for k in (0, 1))
    return {"KS": distance, "alarm": (p < P_VALUE / N_VARIABLES).astype(np.float64)}


def compare_windows(training: np.ndarray, windows: np.ndarray) -> handover.Statistics:
    """The distances of each window."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    found = {}
    for name, kind in (("MMD", MMDDrift), ("LSDD", LSDDDrift)):
        detector = kind(training, backend="pytorch", n_permutations=1)
        found[name] = np.array([float(detector.score(window)[1]) for window in windows])
    return found


if __name__ == "__main__":
    handover.main(compare, windows=compare_windows)
