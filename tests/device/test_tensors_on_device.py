"""Tensors scored where they are, against the same fields as arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from baselines.training_data import make_fields, make_source
from test_tensor_verbs import FIELDS, NAMES, SECONDS, N

import dqwatch
from dqwatch.baselines.baseline import Baseline, build


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return build(make_source({k: f[:N] for k, f in FIELDS.items()}))


@pytest.mark.parametrize("device", [None, "cpu", "torch:cpu"])
def test_p_values_are_those_of_arrays(baseline: Baseline, device: str | None) -> None:
    values = np.stack([FIELDS[name][N:] for name in NAMES], axis=1)
    given = {"times": SECONDS, "variables": NAMES}
    host = dqwatch.score(values, baseline, **given)
    found = dqwatch.score(torch.from_numpy(values.copy()), baseline, **given, device=device)
    for name in ("p_value", "q_value", "leading_score", "exact"):
        pd.testing.assert_series_equal(found.drift[name], host.drift[name], check_exact=True)
    np.testing.assert_allclose(found.drift["score"], host.drift["score"], rtol=1e-9)
    pd.testing.assert_series_equal(found.cycles["p_cycle"], host.cycles["p_cycle"], check_exact=True)


def test_a_feed_of_tensors_is_watched(baseline: Baseline) -> None:
    source = make_source({k: f[N:] for k, f in make_fields(21, N + 6).items()}, first=N)
    feed = dqwatch.Feed(source, window=2)
    one, other = (dqwatch.Watch(feed, baseline, share=1.0, device=device) for device in (None, "torch:cpu"))
    assert len(list(one)) == len(list(other)) == 5
    pd.testing.assert_series_equal(one.scores().drift["p_value"], other.scores().drift["p_value"])
