"""What a column of a table is, and those that a table has only where a metric computed them."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """One column; `dtype` is 'str', 'int' (int64), 'uint' (uint64), 'float' (float64), 'bool' or 'truth' (nullable)."""

    name: str
    dtype: str
    unit: str
    meaning: str


OPTIONAL: dict[str, tuple[Column, ...]] = {
    "fields": (
        Column("change", "float", "of the variable", "root mean square change since the time before; NaN without one"),
        Column("share_same", "float", "1", "share of cells with the same value as at the time before"),
        Column("texture_1", "float", "1", "log of the mean square east difference over that of the order below"),
        Column("texture_2", "float", "1", "log of the mean square second difference over that of the order below"),
        Column("texture_3", "float", "1", "log of the mean square third difference over that of the order below"),
        Column("texture_4", "float", "1", "log of the mean square fourth difference over that of the order below"),
        Column("peak_1", "float", "1", "log of the 8 largest squared differences of order 1 over their mean square"),
        Column("peak_2", "float", "1", "log of the 8 largest squared differences of order 2 over their mean square"),
        Column("peak_3", "float", "1", "log of the 8 largest squared differences of order 3 over their mean square"),
        Column("peak_4", "float", "1", "log of the 8 largest squared differences of order 4 over their mean square"),
        Column("equal_neighbours", "float", "1", "share of neighbouring cells with equal values"),
        Column("equal_inside", "float", "1", "the same without pairs at the minimum or maximum of the field"),
        Column("roughness", "float", "1", "log of the mean square difference of neighbours over the variance"),
        Column("tendency", "float", "1", "departure of `change` from the variable's own median, in robust deviations"),
        Column("same_inside", "float", "1", "`share_same` without cells at the minimum or maximum of the field"),
        Column("stuck_excess", "float", "1", "`same_inside` beyond the variable's own median over its times"),
        Column("n_negative", "float", "cells", "values below zero by more than a thousandth of the field's deviation"),
        Column("negative_share", "float", "1", "the same among the finite values"),
        Column("n_isolated", "float", "cells", "wet cells among dry ones; of smooth variables, cells that stand off"),
        Column("isolated_share", "float", "1", "the same among the finite values"),
        Column("isolated_value", "float", "of the variable", "value of the isolated cell that stands out most"),
        Column("isolated_latitude", "float", "degrees_north", "where it lies"),
        Column("isolated_longitude", "float", "degrees_east", "where it lies"),
        Column(
            "isolated_training",
            "float",
            "1",
            "largest share of isolated cells in training within 45 days of the day of the year; NaN of what is no rain",
        ),
        Column("isolated_excess", "float", "1", "`isolated_share` over that, or over that of one cell if it is less"),
        Column("seam_ratio", "float", "1", "steps across the ends of rows or the meridians 0, 180 over those within"),
        Column("tile_ratio", "float", "1", "steps across the edges of chunks over those beside them"),
        Column("pole_ratio", "float", "1", "standard deviation along the row of a pole over that of the field"),
        Column("dup_lines", "float", "lines", "rows and columns equal to the one before them"),
        Column("dup_rows", "float", "rows", "rows equal to the row before them"),
        Column("dup_columns", "float", "columns", "columns equal to the column before them"),
        Column("lost_blocks", "float", "chunks", "chunks of NaN among cells that have values"),
        Column(
            "spectrum_slope", "float", "1", "of log power against log wavenumber along rows, waves of 4 to 32 cells"
        ),
        Column("slope_change", "float", "1", "`spectrum_slope` less the variable's own median over its times"),
        Column("n_distinct", "float", "values", "distinct finite values"),
        Column("value_step", "float", "of the variable", "step of which the gaps between values are multiples"),
        Column("lost_chunks", "float", "chunks", "chunks of the field that the store has lost; never written ones not"),
    ),
    "times": (
        Column("month_ok", "bool", "", "its month lacks at most 10 days, at most 4 in a row, or has none at all"),
        Column("age_h", "float", "h", "hours from the newest time (start of forecasts) to the run; NaN for the others"),
    ),
    "variables": (
        Column("stats_valid", "truth", "", "stored statistics do not contradict themselves; null if there are none"),
        Column("stats_compared", "bool", "", "all dates that the stored statistics are of were looked at"),
        Column(
            "stats_effective",
            "bool",
            "",
            "they are those of a specification of anemoi-datasets, held against all its dates",
        ),
        Column("stored_mean", "float", "of the variable", "mean that the store carries"),
        Column("stored_stdev", "float", "of the variable", "standard deviation that the store carries"),
        Column("true_mean", "float", "of the variable", "mean over the dates of the stored one"),
        Column("true_stdev", "float", "of the variable", "population standard deviation over the same dates"),
        Column("d_mean", "float", "true_stdev", "how far the stored mean is from the true one"),
        Column("sd_ratio", "float", "1", "stored over true standard deviation"),
        Column("stats_error", "float", "1", "how far stored mean and deviation are off: the larger, in true_stdev"),
        Column("stats_differences", "str", "", "stored extremes and counts that are not those of the data; '' if none"),
        Column("tendency_error", "float", "true deviations", "how far stored mean and deviation of changes are off"),
        Column("constant_as_declared", "truth", "", "constant in time and declared so, or neither; null if unknown"),
    ),
    "grid": (
        Column("land_place", "str", "", "how the land lies on the Earth: identity, latitude_flip, ...; '' if unknown"),
        Column("land_match", "float", "1", "correlation of the land mask with the land of the Earth, as it lies"),
        Column("land_east", "float", "cells", "by which the land lies too far east"),
        Column("land_north", "float", "cells", "by which the land lies too far north"),
    ),
    "arrays": (
        Column("lost_chunks", "int", "", "chunks absent that read as what cannot be meant; -1 if unknown"),
        Column("empty_chunks", "int", "", "chunks absent that may hold nothing but fill values; -1 if unknown"),
        Column("lost_keys", "str", "", "keys of the first lost chunks"),
        Column("lost_fields", "str", "", "variables and times of the lost chunks"),
        Column("date_amplification", "float", "1", "bytes decoded for each byte wanted of one time, all cells"),
        Column("series_amplification", "float", "1", "bytes decoded for each byte wanted of one cell, all times"),
        Column("padding", "float", "1", "share of its chunks that lies beyond its edges; NaN without chunks"),
    ),
    "pairs": (),
}
"""Columns that a table has only where a rule wanted them and their input was there, in their order."""
