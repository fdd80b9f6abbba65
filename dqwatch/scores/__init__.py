"""Scores: a field and what is expected of it -> numbers. Each family is one file, registered by entry point."""

from __future__ import annotations

from dqwatch.scores.family import (
    BACKGROUND,
    KINDS,
    STATE,
    STEP,
    Family,
    Score,
    area_columns,
    area_family,
    list_scores,
    load_families,
    score_family,
)

__all__ = [
    "BACKGROUND",
    "KINDS",
    "STATE",
    "STEP",
    "Family",
    "Score",
    "area_columns",
    "area_family",
    "list_scores",
    "load_families",
    "score_family",
]
