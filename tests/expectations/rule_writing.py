"""Rule files for tests: one sound rule, and a way to write files of such."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

Write = Callable[..., str]

RULE: dict[str, Any] = {
    "id": "my.rule",
    "table": "fields",
    "column": "n_nan",
    "expect": "between",
    "max": 0,
    "severity": "warning",
    "hint": "Do something.",
}


def write_rules(folder: Path, *rules: Any, name: str = "mine.yaml", **keys: Any) -> str:
    """Write a rule file from its rules (or, with keys, from whatever it holds); the path as text."""
    path = folder / name
    document = {"rule_set": "mine", **({"rules": list(rules)} if rules else {}), **keys}
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return str(path)
