"""The losses that are drawn: those that stand out first, their extremes and all their spikes."""

from __future__ import annotations

import numpy as np
import pandas as pd

import dqwatch
from dqwatch.learning.curves import thin_curve
from examples.loss_series import make_table


def test_planted_spikes_are_marked_at_their_steps() -> None:
    table = make_table(11, size=0.05)
    table.loc[[900, 1500], "swvl1"] *= 4
    verdict = dqwatch.losses(table)
    curves = verdict.tables["loss_curves"]
    assert curves["variable"].iloc[0] == "swvl1", "what stands out most is the first"
    assert curves["variable"].nunique() == 12
    spikes = curves[curves["spike"]]
    assert list(zip(spikes["variable"], spikes["step"], strict=True)) == [("swvl1", 900), ("swvl1", 1500)]
    own = curves[curves["variable"] == "swvl1"].set_index("step")["loss"]
    pd.testing.assert_series_equal(own, table.set_index("step")["swvl1"], check_names=False)


def test_bad_losses_come_first_and_are_no_points() -> None:
    table = make_table(11, size=0.05)
    table.loc[700, "t_850"] = np.nan
    curves = dqwatch.losses(table).tables["loss_curves"]
    assert curves["variable"].iloc[0] == "t_850"
    assert 700 not in set(curves.loc[curves["variable"] == "t_850", "step"])
    assert np.isfinite(curves["loss"]).all()


def test_of_many_steps_extremes_and_spikes_are_kept() -> None:
    losses = np.random.default_rng(2).normal(1.0, 0.1, 10_000)
    losses[[5, 6, 7]] = np.nan, 3.0, 2.9
    spike = np.zeros(losses.size, bool)
    spike[[6, 7]] = True
    kept = thin_curve(losses, spike, 100)
    assert kept.size <= 102
    assert (np.diff(kept) > 0).all()
    assert {6, 7, int(np.nanargmin(losses)), int(np.nanargmax(losses))} <= set(kept.tolist())
    assert thin_curve(losses[:100], spike[:100], 100).tolist() == [k for k in range(100) if k != 5]
