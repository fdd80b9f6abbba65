"""Rule files, Great Expectations suites made of them, and the findings that come back.

Great Expectations takes seconds to import: only `evaluate`, `lint` and `preload` do it.
"""

from __future__ import annotations

from dqwatch.expectations.apart import ahead, evaluate
from dqwatch.expectations.rule_files import list_rule_sets, load_rule_sets
from dqwatch.expectations.suites import Evaluation, lint, preload
from dqwatch.expectations.vocabulary import columns_needed, params_needed
from dqwatch.expectations.waivers import load_waivers

__all__ = [
    "Evaluation",
    "ahead",
    "columns_needed",
    "evaluate",
    "lint",
    "list_rule_sets",
    "load_rule_sets",
    "load_waivers",
    "params_needed",
    "preload",
]
