"""evidently: normed Wasserstein distance above .1 is drift of a column, half of the columns drift of the data.

This is what `DataDriftPreset` does with more than 1,000 rows; its test is called directly, for a report of a state
takes seconds. It drops missing values first, as the report does.
"""

from __future__ import annotations

import warnings

import handover
import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")

from evidently.legacy.calculations.stattests import wasserstein_stat_test  # noqa: E402, after warnings are silenced
from evidently.legacy.core import ColumnType  # noqa: E402, the same

THRESHOLD = 0.1


def compare(training: np.ndarray, fields: np.ndarray) -> handover.Statistics:
    """The distance of each field, and whether it passes the threshold."""
    reference = pd.Series(handover.some(training)).dropna()
    found = []
    for field in fields:
        current = pd.Series(field).dropna()
        found.append(wasserstein_stat_test.func(reference, current, ColumnType.Numerical, THRESHOLD))
    distance = np.array([float(one[0]) for one in found])
    return {"Wasserstein": distance, "alarm": np.array([float(one[1]) for one in found])}


if __name__ == "__main__":
    handover.main(compare)
