"""Relations between variables at one time: pure functions on arrays, and what they need.

`definitions.RELATIONS` lists them; `matching.find_uses` tells which of them the variables of a source allow.
"""

from __future__ import annotations

from dqwatch.metrics.relations.definitions import RELATIONS, SERIES, Series
from dqwatch.metrics.relations.matching import Use, find_uses, period_of
from dqwatch.metrics.relations.relation import PREVIOUS, Context, Relation, Violations

__all__ = [
    "PREVIOUS",
    "RELATIONS",
    "SERIES",
    "Context",
    "Relation",
    "Series",
    "Use",
    "Violations",
    "find_uses",
    "period_of",
]
