"""The corrupter of every shipped rule of the audit."""

from __future__ import annotations

import corrupt_base
from corruption import Corruption

CORRUPTIONS: dict[str, Corruption] = {**corrupt_base.CORRUPTIONS}
