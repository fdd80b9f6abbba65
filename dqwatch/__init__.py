"""dqwatch watches the data of machine-learned weather models.

The public names are resolved when they are first used, so that ``import dqwatch`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "audit": "dqwatch.verbs",
    "baseline": "dqwatch.drift_verbs",
    "drift": "dqwatch.drift_verbs",
    "gate": "dqwatch.verbs",
    "inspect": "dqwatch.inspection_verb",
    "losses": "dqwatch.loss_verbs",
    "open_source": "dqwatch.sources",
    "record": "dqwatch.history_verbs",
    "report": "dqwatch.history_verbs",
    "score": "dqwatch.tensor_verbs",
    "suggest_rules": "dqwatch.verbs",
    "weights": "dqwatch.weight_verbs",
    "Baseline": "dqwatch.baselines.baseline",
    "Digest": "dqwatch.digest",
    "DqwatchError": "dqwatch.errors",
    "Feed": "dqwatch.feed.feed",
    "Finding": "dqwatch.types",
    "Inspection": "dqwatch.metrics.inspection",
    "Rule": "dqwatch.types",
    "RuleSet": "dqwatch.types",
    "Verdict": "dqwatch.types",
    "Watch": "dqwatch.tensor_verbs",
}

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 (the names are those of _HOMES, resolved lazily)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'dqwatch' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
