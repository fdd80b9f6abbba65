"""NannyML: univariate distances with fields as chunks, and the reconstruction error of a PCA over the variables.

A chunk alarms beyond 3 standard deviations of the chunks of the reference, which is its default.
"""

from __future__ import annotations

import os
import warnings

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
warnings.filterwarnings("ignore")

import handover  # noqa: E402, the library reports usage unless told before
import nannyml  # noqa: E402, the same
import numpy as np  # noqa: E402, the same
import pandas as pd  # noqa: E402, the same

METHOD = "jensen_shannon"
"""Its default for numbers; its KS and Wasserstein distances are those of the other tools, and take 10 times as long."""


def compare(training: np.ndarray, fields: np.ndarray) -> handover.Statistics:
    """The distance of each field, and whether it alarms."""
    calculator = nannyml.UnivariateDriftCalculator(["x"], continuous_methods=[METHOD], chunk_size=fields.shape[1])
    calculator.fit(pd.DataFrame({"x": training.astype(np.float64)}))
    result = calculator.calculate(pd.DataFrame({"x": fields.ravel().astype(np.float64)}))
    table = result.filter(period="analysis").to_df()
    return {
        key: table["x", METHOD, column].to_numpy(np.float64) for key, column in (("JS", "value"), ("alarm", "alert"))
    }


def compare_states(training: np.ndarray, states: np.ndarray) -> handover.Statistics:
    """The reconstruction error of each state, and whether it alarms."""
    columns = [f"x{k}" for k in range(states.shape[2])]
    calculator = nannyml.DataReconstructionDriftCalculator(column_names=columns, chunk_size=states.shape[1])
    calculator.fit(pd.DataFrame(training.astype(np.float64), columns=columns))
    rows = states.reshape(-1, states.shape[2]).astype(np.float64)
    table = calculator.calculate(pd.DataFrame(rows, columns=columns)).filter(period="analysis").to_df()
    found = {key: table["reconstruction_error", key].to_numpy(np.float64) for key in ("value", "alert")}
    return {"reconstruction": found["value"], "alarm": found["alert"]}


def compare_blocks(training: np.ndarray, states: np.ndarray) -> handover.Statistics:
    """How well a classifier tells the blocks of each state from those of training."""
    columns = [f"x{k}" for k in range(states.shape[2])]
    one_thread = {"n_jobs": 1, "verbose": -1, "random_state": 13}  # its default takes all cores, and 50 times as long
    calculator = nannyml.DomainClassifierCalculator(columns, chunk_size=states.shape[1], hyperparameters=one_thread)
    calculator.fit(pd.DataFrame(training.astype(np.float64), columns=columns))
    rows = states.reshape(-1, states.shape[2]).astype(np.float64)
    table = calculator.calculate(pd.DataFrame(rows, columns=columns)).filter(period="analysis").to_df()
    return {"domain": table["domain_classifier_auroc", "value"].to_numpy(np.float64)}


if __name__ == "__main__":
    handover.main(compare, compare_states, blocks=compare_blocks)
