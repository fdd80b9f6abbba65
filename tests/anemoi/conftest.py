"""These tests run in an environment of anemoi's own pins: `make test-anemoi`, which says so by DQWATCH_TEST_ANEMOI."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("DQWATCH_TEST_ANEMOI") else ["test_*.py"]
