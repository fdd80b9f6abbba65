"""What the tests of rule files share."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from expectations.rule_writing import Write, write_rules
from expectations.sound_tables import make_all


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write_rules` into a folder of the test's own."""
    return partial(write_rules, tmp_path)


@pytest.fixture
def tables() -> dict[str, pd.DataFrame]:
    """Three times of `2t` and `t_850`: six fields, in turn."""
    return make_all(["2t", "t_850"], n_times=3)
