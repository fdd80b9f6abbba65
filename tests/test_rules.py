"""Every shipped rule: clean data pass it, and a corrupter trips it, with the other rules that it declares, no more."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from anemoi_double import Dataset
from clean import clean, earth, reference, regridded, waves
from corruption import Corruption, audited
from corruptions import CORRUPTIONS, compared, store
from metrics.relations import forecast

from dqwatch.expectations import list_rule_sets, load_rule_sets

CLEAN = {
    "weather": (clean, audited),
    "weather as a state": (clean, lambda data: audited(data, "gate")),
    "weather as a forecast": (clean, lambda data: audited(data, "forecast_output")),
    "the Earth": (earth, audited),
    "waves": (waves, audited),
    "ensemble": (partial(waves, members=4), audited),
    "store": (store, audited),
    "specification": (lambda seed: Dataset(store(seed)), audited),
    "pair": (lambda seed: (regridded(seed=seed), reference(seed)), compared),
    "relations": (forecast.make, forecast.failed),
}


@pytest.mark.parametrize("name", CLEAN)
def test_clean_data_pass(name: str) -> None:
    make, look = CLEAN[name]
    assert look(make(0)) == set()


@pytest.mark.parametrize(("name", "corruption"), CORRUPTIONS.items(), ids=CORRUPTIONS)
def test_a_corrupter_trips_what_it_declares(name: str, corruption: Corruption, tmp_path: Path) -> None:
    found = corruption.look(corruption.spoil(corruption.make(0), corruption.smallest, tmp_path))
    assert found == corruption.trips
    assert name.split(":", maxsplit=1)[0] in found


def test_every_shipped_rule_has_a_corrupter() -> None:
    """Those on data against a baseline have theirs in tests/test_drift_verbs.py, on weights in test_weight_verbs.py,
    on losses in test_loss_verbs.py, on rain against a baseline in test_rain_pox.py.
    """
    every = [rule for rule_set in load_rule_sets(list_rule_sets()) for rule in rule_set.rules]
    elsewhere = ("drift", "cycles", "slow", "weights", "weight_keys", "losses")
    rules = {rule.id for rule in every if rule.table not in elsewhere}
    rules -= {"fc.isolated_rain.training"}
    assert rules == set().union(*(corruption.trips for corruption in CORRUPTIONS.values()))
