"""These tests need torch; `make test-device` makes an environment for it, and says so by DQWATCH_TEST_DEVICE."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("DQWATCH_TEST_DEVICE") else ["test_*.py"]
