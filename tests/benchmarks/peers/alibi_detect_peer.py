"""alibi-detect: KSDrift, cells as instances and variables as features; p < .05 after Bonferroni is drift."""

from __future__ import annotations

import warnings

import handover
import numpy as np

warnings.filterwarnings("ignore")

from alibi_detect.cd import KSDrift  # noqa: E402, after its warnings are silenced

P_VALUE = 0.05
N_VARIABLES = 16


def compare(training: np.ndarray, fields: np.ndarray) -> handover.Statistics:
    """The distance of each field, and whether its p passes the corrected level."""
    reference = handover.some(training)[:, None]
    detector = KSDrift(reference, p_val=P_VALUE)
    found = [detector.feature_score(reference, field[:, None]) for field in fields]
    p, distance = (np.array([one[k][0] for one in found]) for k in (0, 1))
    return {"KS": distance, "alarm": (p < P_VALUE / N_VARIABLES).astype(np.float64)}


if __name__ == "__main__":
    handover.main(compare)
