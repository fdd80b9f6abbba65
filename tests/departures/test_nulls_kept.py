"""What a baseline in memory is calibrated by is made once, for as many states as it judges."""

from __future__ import annotations

import numpy as np
import pytest
from baselines.training_data import LAT, make_fields, make_source

from dqwatch.baselines.baseline import build
from dqwatch.departures import judging
from dqwatch.departures.calibration import Calibration

N_TRAINING = 6 * 73


def test_the_latest_nulls_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = make_fields(11, N_TRAINING + 1)
    baseline = build(make_source({name: f[:N_TRAINING] for name, f in fields.items()}))
    made: list[int] = []
    monkeypatch.setattr(judging, "Calibration", lambda *given: made.append(1) or Calibration(*given))

    def judge(lacking: str = "") -> judging.Judgement:
        empty = np.full((1, LAT.size), np.nan, np.float32)
        state = {name: empty if name == lacking else f[N_TRAINING:] for name, f in fields.items()}
        return judging.judge(make_source(state, first=N_TRAINING), baseline)

    first, again = judge().tables, judge().tables
    assert len(made) == 1
    assert all(first[name].equals(again[name]) for name in ("drift", "cycles"))
    judge("t")
    judge()
    assert len(made) == 2, "two are kept"
    judge("sst")
    judge("t")
    assert len(made) == 4, "but no more"
