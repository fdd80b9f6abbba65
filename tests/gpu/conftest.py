"""These tests need torch and a CUDA device; `make test-device` runs them where there is one."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("DQWATCH_TEST_DEVICE") else ["test_*.py"]
