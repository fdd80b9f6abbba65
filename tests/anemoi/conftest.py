"""These tests run in an environment of anemoi's own pins: `make test-anemoi`, which says so by DQWATCH_TEST_ANEMOI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

collect_ignore_glob = [] if os.environ.get("DQWATCH_TEST_ANEMOI") else ["test_*.py"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What runs of anemoi-inference need; see `inference_data.make_all`."""
    from inference_data import make_all

    return make_all(tmp_path_factory.mktemp("inference"))
