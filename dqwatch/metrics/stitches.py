"""Metrics of how a field was put together, as plug-ins: seams, tiles, poles, doubled lines, lost blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dqwatch.metrics.duplicates import count_duplicates
from dqwatch.metrics.metric import field_metric
from dqwatch.metrics.patches import count_lost_blocks
from dqwatch.metrics.seams import pole_ratio, seam_ratio, tile_ratio
from dqwatch.metrics.view import FieldView


@field_metric("seam_ratio", dates=240)
def seam_columns(view: FieldView) -> Sequence[float]:
    """Steps across seams over those within; NaN for a field without differences."""
    return (seam_ratio(view.values, view.geometry) if view.std > 0 else np.nan,)


@field_metric("tile_ratio")
def tile_columns(view: FieldView) -> Sequence[float]:
    """Steps across the edges of chunks over those beside them; NaN where a field is one chunk."""
    tile = view.tile
    return (np.nan if tile is None else tile_ratio(view.values, view.geometry, tile),)


@field_metric("pole_ratio")
def pole_columns(view: FieldView) -> Sequence[float]:
    """Spread of the values at a pole; NaN without a row there."""
    return (pole_ratio(view.values, view.geometry, std=view.std),)


@field_metric("dup_lines", "dup_rows", "dup_columns")
def duplicate_columns(view: FieldView) -> Sequence[float]:
    """Rows and columns that are there twice, together and apart; NaN where a grid has none."""
    rows, columns = count_duplicates(view.values, view.geometry)
    return rows if math.isnan(columns) else rows + columns, rows, columns


@field_metric("lost_blocks")
def lost_columns(view: FieldView) -> Sequence[float]:
    """Chunks of NaN among values; NaN where a field is one chunk, or has no value."""
    if not view.n_nan:
        return (0.0,)
    tile = view.tile
    if tile is None or view.n_nan == view.n:
        return (np.nan,)
    return (count_lost_blocks(np.isnan(view.values), view.grid.shape, tile),)
