"""Every shipped rule: clean data pass it, and a corrupter trips it, with the other rules that it declares, no more."""

from __future__ import annotations

from pathlib import Path

import pytest
from clean import clean
from corruption import Corruption
from corruptions import CORRUPTIONS

import dqwatch


def tripped(data: object) -> set[str]:
    """The rules of the audit that do not simply pass."""
    return {f.rule for f in dqwatch.audit(data, workers=1).results if f.status not in ("pass", "skipped")}


def test_clean_data_pass() -> None:
    assert tripped(clean()) == set()


@pytest.mark.parametrize(("rule", "corruption"), CORRUPTIONS.items(), ids=CORRUPTIONS)
def test_a_corrupter_trips_what_it_declares(rule: str, corruption: Corruption, tmp_path: Path) -> None:
    found = tripped(corruption.spoil(clean(), corruption.smallest, tmp_path))
    assert found == corruption.trips
    assert rule in found
