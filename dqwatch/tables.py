"""The tables in which everything meets: their columns, types, units and meaning.

A table is a pandas DataFrame. `frame` makes one from columns and checks it against its schema; a metric that adds a
column declares it here or in `columns`. `time` is text (ISO 8601, sortable), because dates of a 360-day calendar fit no
datetime type.

Columns of `TABLES` are always there, those of `OPTIONAL` only when a metric computed them.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dqwatch.columns import OPTIONAL, Column
from dqwatch.drift_columns import AREAS, CYCLES, DRIFT, HISTOGRAMS, NULLS, SCORECARD, SLOW
from dqwatch.errors import MissingExtraError
from dqwatch.loss_columns import CURVES, LOSSES, SUSPECTS
from dqwatch.weight_columns import SUGGESTIONS, WEIGHT_KEYS, WEIGHTS

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["OPTIONAL", "ROWS", "TABLES", "Column", "columns_of", "declare", "frame", "write_parquet"]

_DTYPES = {"str": "str", "int": "int64", "uint": "uint64", "float": "float64", "bool": "bool", "truth": "boolean"}

_FIELD_KEY = (
    Column("time", "str", "", "time of the field as its axis labels it; '' for a field without time"),
    Column("time_index", "int", "", "position on its time axis"),
    Column("variable", "str", "", "name of the variable, with its level"),
    Column("param", "str", "", "name without the level"),
    Column("level", "float", "as the variable's level type", "level; NaN for single-level variables"),
    Column("member", "int", "", "ensemble member, from 0"),
)

TABLES: dict[str, tuple[Column, ...]] = {
    "fields": (
        *_FIELD_KEY,
        Column("declared_missing", "bool", "", "the source declares this date missing: all NaN is right"),
        Column("n", "int", "cells", "cells of the field"),
        Column("n_nan", "int", "cells", "NaN, missing values included"),
        Column("n_nan_unexpected", "int", "cells", "NaN that neither catalogue, source nor a constant mask explains"),
        Column("n_inf", "int", "cells", "plus or minus infinity"),
        Column("n_sentinel", "int", "cells", "values equal to a well-known fill value, not decoded as missing"),
        Column("n_out_of_bounds", "int", "cells", "finite values outside the range that is physically possible"),
        Column("n_unusual", "int", "cells", "finite values outside the range that is usual"),
        Column("min", "float", "of the variable", "smallest finite value"),
        Column("max", "float", "of the variable", "largest finite value"),
        Column("mean", "float", "of the variable", "mean of the finite values"),
        Column("std", "float", "of the variable", "population standard deviation of the finite values"),
        Column("wmean", "float", "of the variable", "area-weighted mean of the finite values; NaN without weights"),
        Column("q01", "float", "of the variable", "1 % quantile, from the histogram"),
        Column("q50", "float", "of the variable", "median, from the histogram"),
        Column("q99", "float", "of the variable", "99 % quantile, from the histogram"),
        Column("nan_hash", "uint", "", "hash of the pattern of NaN; 0 if there is none"),
        Column("data_hash", "uint", "", "hash of the bits of the values"),
        Column("same_as_member", "truth", "", "an earlier member has the same bits; null if there is but one member"),
        Column("mask_changed", "bool", "", "the pattern of NaN differs from the variable's usual one"),
        Column("all_nan", "bool", "", "no value at all"),
    ),
    "times": (
        Column("axis", "str", "", "name of the time axis"),
        Column("time", "str", "", "label of the time"),
        Column("time_index", "int", "", "position on the axis; -1 for an expected time that is not there"),
        Column("present", "bool", "", "the axis has this time"),
        Column("expected", "bool", "", "the declared or dominant cadence has this time"),
        Column("decodable", "bool", "", "the time is valid under its units and calendar"),
        Column("in_order", "bool", "", "later than every time before it (equal counts as in order: see duplicate)"),
        Column("duplicate", "bool", "", "stands on the axis already"),
        Column("step_h", "float", "h", "hours since the previous time on the axis; NaN for the first"),
        Column("step_ok", "bool", "", "the step is one of the cadence (or there is none to compare with)"),
        Column("hour", "float", "h", "hour of the day; NaN if undecodable"),
        Column("hour_ok", "bool", "", "the hour is one of those declared or found in the axis's cadence"),
        Column("n_missing_before", "int", "times", "expected times that are missing just before this one, undeclared"),
        Column("in_future", "bool", "", "later than the time of the run plus 45 days (analysis times only)"),
        Column("declared_missing", "bool", "", "the source declares the date missing"),
        Column("all_nan", "bool", "", "every scanned field of this time is NaN throughout (false if none was scanned)"),
        Column("missing_as_declared", "bool", "", "declared missing and all NaN, or neither"),
        Column("n_fields", "int", "fields", "fields scanned at this time"),
    ),
    "variables": (
        Column("variable", "str", "", "name, with its level"),
        Column("param", "str", "", "name without the level"),
        Column("source_name", "str", "", "name in the source"),
        Column("level", "float", "", "level; NaN for single-level variables"),
        Column("level_units_agree", "bool", "", "all levels of the quantity are given in the same units"),
        Column("level_problem", "str", "", "what is wrong with the level: no number, no pressure; '' if nothing is"),
        Column("split", "str", "", "about what parts of one series disagree, so that they are several variables; ''"),
        Column(
            "repeats", "str", "", "repeats variable, level, time, member of another: identical, different; '' if not"
        ),
        Column("doubled", "str", "", "of what it is a copy, or on which grids the quantity is at the same times; ''"),
        Column("axis_share", "float", "1", "share of the times that are on the axis of most variables; NaN: its own"),
        Column("known", "bool", "", "the catalogue knows the quantity"),
        Column("units", "str", "", "units as declared; '' if none"),
        Column("catalogue_units", "str", "", "units of the catalogue; '' if unknown"),
        Column("units_given", "bool", "", "units are declared"),
        Column("units_understood", "bool", "", "units are known ones, or text in use for units (true where absent)"),
        Column("units_ok", "bool", "", "declared units convert to the catalogue's (true where either is absent)"),
        Column("magnitude_ok", "bool", "", "values have the size that the declared units promise (true where unknown)"),
        Column("suspected_units", "str", "", "units that the values would fit; '' if none is suspected"),
        Column("n_fields", "int", "fields", "fields scanned"),
        Column("n_absent", "int", "fields", "fields that the time axis promises and the source lacks"),
        Column("n_values", "int", "values", "finite values scanned"),
        Column("n_nan", "int", "values", "NaN scanned, dates declared missing left out"),
        Column("min", "float", "of the variable", "smallest finite value"),
        Column("max", "float", "of the variable", "largest finite value"),
        Column("mean", "float", "of the variable", "mean of the finite values"),
        Column("std", "float", "of the variable", "population standard deviation of the finite values"),
        Column("constant_in_time", "bool", "", "two or more fields, all with the same bits"),
        Column("mask_constant", "bool", "", "the pattern of NaN is the same in every field"),
        Column(
            "nan_allowed",
            "bool",
            "",
            "NaN is expected: by the source's word, or a constant mask that the catalogue allows",
        ),
    ),
    "grid": (
        Column("grid", "str", "", "name of the grid"),
        Column("kind", "str", "", "regular, reduced_gaussian, curvilinear, unstructured, profile or unknown"),
        Column("shape", "str", "", "as stored"),
        Column("n_cells", "int", "cells", "cells"),
        Column("lat_min", "float", "degrees_north", "southernmost cell"),
        Column("lat_max", "float", "degrees_north", "northernmost cell"),
        Column("lon_min", "float", "degrees_east", "smallest longitude"),
        Column("lon_max", "float", "degrees_east", "largest longitude"),
        Column("orientation", "str", "", "north_to_south, south_to_north, mixed or unknown"),
        Column("longitude_convention", "str", "", "0_360, -180_180, both_fit, mixed or unknown"),
        Column("n_duplicate_cells", "int", "cells", "cells at the place of an earlier cell"),
        Column(
            "n_bad_coordinates",
            "int",
            "cells",
            "coordinates that are NaN, latitudes beyond 90, longitudes beyond 360",
        ),
        Column("problem", "str", "", "what contradicts itself in the description of the grid; '' if nothing does"),
        Column("area_weights", "str", "", "how area weights were made; 'none: ...' if there are none"),
    ),
    "source": (
        Column("kind", "str", "", "name of the reader"),
        Column("n_variables", "int", "variables", "variables that are checked"),
        Column("n_left_out", "int", "variables", "data that cannot be made fields of, and are not checked"),
        Column("left_out", "str", "", "their names, and why; '' if there are none"),
    ),
    "arrays": (
        Column("array", "str", "", "name in the store"),
        Column("dims", "str", "", "dimensions"),
        Column("shape", "str", "", "length of each dimension"),
        Column("dtype", "str", "", "type on disk"),
        Column("chunks", "str", "", "chunk shape; '' if contiguous"),
        Column("shards", "str", "", "shard shape; '' if none"),
        Column("chunk_mb", "float", "MB (1e6 bytes)", "uncompressed size of a chunk"),
        Column("codec", "str", "", "compression"),
        Column("fill_value", "str", "", "fill value; '' if none"),
        Column("size_mb", "float", "MB (1e6 bytes)", "uncompressed size"),
        Column("stored_mb", "float", "MB (1e6 bytes)", "size in storage; NaN if unknown"),
        Column("ratio", "float", "1", "uncompressed over stored; NaN if unknown"),
        Column("objects", "int", "", "chunk objects present; -1 if not applicable"),
        Column("missing_chunks", "int", "", "chunk objects absent; -1 if not applicable"),
        Column("calendar", "str", "", "calendar; '' if it has none"),
        Column("length_ok", "truth", "", "its time dimension is as long as the time axis; null if it has none"),
    ),
    "relations": (
        Column("time", "str", "", "time of the fields; '' without time, or for what is judged over all times"),
        Column("time_index", "int", "", "position on the time axis"),
        Column("relation", "str", "", "id of the relation"),
        Column("variable", "str", "", "the variables that it joins"),
        Column("level", "float", "hPa", "level, or the lower of two; NaN without"),
        Column("member", "int", "", "ensemble member, from 0"),
        Column("n_checked", "int", "cells", "cells to which the relation applies and whose fields are finite"),
        Column("n_violations", "int", "cells", "cells that depart by more than the tolerance"),
        Column("share", "float", "1", "violations among the cells checked; NaN if none was"),
        Column("worst", "float", "of the relation", "largest departure; 0 if the relation holds everywhere"),
        Column("unit", "str", "", "unit of `worst`"),
        Column("latitude", "float", "degrees_north", "of the worst cell; NaN if there is none, or no coordinates"),
        Column("longitude", "float", "degrees_east", "of the worst cell"),
    ),
    "pairs": (
        Column("time", "str", "", "label of the time; '' without time, or where only one of the two has the variable"),
        Column("time_index", "int", "", "position on the time axis of the data; -1 for a time that they lack"),
        Column("variable", "str", "", "name of the variable, with its level"),
        Column("param", "str", "", "name without the level"),
        Column("level", "float", "as the variable's level type", "level; NaN for single-level variables"),
        Column("member", "int", "", "ensemble member, from 0"),
        Column("kind", "str", "", "instant, accumulation, mean, minimum, maximum or constant"),
        Column("reference_name", "str", "", "name in the reference; '' if it lacks the variable"),
        Column("declared_missing", "bool", "", "one of the two declares this date missing"),
        Column("quantity_in_data", "bool", "", "the data have the quantity, on whatever level"),
        Column("variable_in_data", "bool", "", "the data have the variable"),
        Column("variable_in_reference", "bool", "", "the reference has the variable"),
        Column("in_data", "bool", "", "the data have the field"),
        Column("in_reference", "bool", "", "the reference has the field"),
        Column("present", "bool", "", "both have the field"),
        Column("units", "str", "", "units of the data as declared; '' if none"),
        Column("reference_units", "str", "", "units of the reference as declared; '' if none"),
        Column("units_relation", "str", "", "same, converted, conflict, or unknown (those of one of them)"),
        Column("period_same", "truth", "", "both run over as many hours; null where either does not tell"),
        Column("grid_relation", "str", "", "same cells, order (as many, without places), between cells, or none"),
        Column("overlap", "float", "1", "share of the area of the data's grid that lies in that of the reference"),
        Column("n_places", "int", "places", "places at which the fields are compared: cells of the data"),
        Column("n_valid", "int", "places", "those where both have a value"),
        Column("min", "float", "of the variable", "smallest finite value of the data"),
        Column("max", "float", "of the variable", "largest finite value of the data"),
        Column("mean", "float", "of the variable", "mean of the finite values of the data"),
        Column("wmean", "float", "of the variable", "area-weighted mean of the data; NaN without weights"),
        Column("reference_min", "float", "of the variable", "smallest finite value of the reference"),
        Column("reference_max", "float", "of the variable", "largest finite value of the reference"),
        Column("reference_mean", "float", "of the variable", "mean of the finite values of the reference"),
        Column("reference_wmean", "float", "of the variable", "area-weighted mean of the reference"),
        Column("reference_std", "float", "of the variable", "standard deviation over the valid places"),
        Column("mean_difference", "float", "reference_std", "mean minus that of the reference, over the same area"),
        Column("rms", "float", "of the variable", "root mean square difference over the valid places"),
        Column("rms_relative", "float", "reference_std", "the same over the standard deviation of the reference"),
        Column("correlation", "float", "1", "over the valid places; NaN where the reference does not vary"),
        Column("range_excess", "float", "ranges of the reference", "how far the data reach beyond its extremes"),
        Column("mask_agreement", "float", "1", "share of clear places where both or neither are missing"),
        Column("nan_dilation", "float", "coarser cells", "how far missing values reach beyond those of the reference"),
        Column("energy_ratio_large", "float", "1", "variance over that of the reference at large scales along rows"),
        Column("energy_ratio_small", "float", "1", "the same at the smallest scales that both should hold"),
        Column("lag", "float", "times", "by how many the series of the variable is late against the reference"),
        Column("registration", "str", "", "how fields lie: identity, latitude_flip, longitude_flip, ...; '' unknown"),
        Column("shift", "float", "coarser cells", "how far the variable's fields lie beside those of the reference"),
        Column("shift_east", "float", "coarser cells", "the same, eastward"),
        Column("shift_north", "float", "coarser cells", "the same, northward"),
    ),
}

TABLES["drift"] = (*_FIELD_KEY, *(Column(*column) for column in DRIFT))
_OTHERS = {"cycles": CYCLES, "slow": SLOW, "scorecard": SCORECARD, "areas": AREAS, "nulls": NULLS, "weights": WEIGHTS}
_OTHERS |= {"histograms": HISTOGRAMS}
_OTHERS |= {"weight_keys": WEIGHT_KEYS, "losses": LOSSES, "suspects": SUSPECTS, "loss_curves": CURVES}
TABLES |= {name: tuple(Column(*column) for column in columns) for name, columns in _OTHERS.items()}
OPTIONAL["weights"] = tuple(Column(*column) for column in SUGGESTIONS)

ROWS: dict[str, str] = {
    "fields": "time, variable and member",
    "times": "time of each axis, present or expected",
    "variables": "variable on each level",
    "grid": "grid",
    "source": "source",
    "arrays": "stored array",
    "pairs": "time, variable and member of the data and their reference",
    "drift": "time, variable and member held against a baseline",
    "cycles": "time and member held against a baseline",
    "slow": "variable held against the years of a baseline",
    "scorecard": "variable and region of the worst cycle held against a baseline",
    "areas": "area of each variable that the drift of the worst cycle is about",
    "nulls": "range of the leading score of each variable that the drift of the worst cycle is about",
    "histograms": "range of values of each variable that the drift of the worst cycle is about",
    "weights": "variable that a training loss is made of",
    "weight_keys": "key that a training configuration gives a loss weight",
    "losses": "variable that a series of losses has",
    "loss_curves": "step drawn of each variable whose losses stand out most",
    "suspects": "number of a field that stands out near the dates of a spike of losses",
}
"""What a table has one row for."""


def columns_of(table: str) -> tuple[Column, ...]:
    """The columns that a table may have: those that it always has, then the optional ones.

    Raises
    ------
    KeyError
        If there is no such table.
    """
    return (*TABLES[table], *OPTIONAL.get(table, ()))


def declare(table: str, *columns: Column) -> None:
    """Add optional columns to a table; a metric of a third party does so when it is imported.

    Raises
    ------
    KeyError
        If there is no such table.
    ValueError
        If the table has a column of that name already, and not the same.
    """
    known = {c.name: c for c in columns_of(table)}
    for column in columns:
        if column.dtype not in _DTYPES:
            raise ValueError(
                f"table '{table}': column '{column.name}': no dtype '{column.dtype}'; {', '.join(_DTYPES)}"
            )
        if known.setdefault(column.name, column) != column:
            raise ValueError(f"table '{table}' has a column '{column.name}' already; give yours another name")
    added = tuple(c for c in dict.fromkeys(columns) if c not in columns_of(table))
    OPTIONAL[table] = (*OPTIONAL.get(table, ()), *added)


def frame(table: str, columns: Mapping[str, Any]) -> pd.DataFrame:
    """A table from its columns, typed and ordered as its schema says.

    Parameters
    ----------
    table : str
        Name of a table.
    columns : mapping of column name to sequence, all of one length
        All columns that the table always has, and any of the optional ones.

    Returns
    -------
    pd.DataFrame

    Raises
    ------
    KeyError
        If a column that the table always has is absent, or one is given that the schema lacks.
    """
    import pandas as pd

    schema = columns_of(table)
    wrong = {c.name for c in TABLES[table]} - set(columns) | set(columns) - {c.name for c in schema}
    if wrong:
        raise KeyError(f"table '{table}': columns differ from the schema: {', '.join(sorted(wrong))}")
    given = [c for c in schema if c.name in columns]
    return pd.DataFrame({c.name: pd.Series(columns[c.name], dtype=_DTYPES[c.dtype]) for c in given})


def write_parquet(tables: Mapping[str, pd.DataFrame], folder: str | os.PathLike[str]) -> None:
    """Write each table as `folder/NAME.parquet`, each file complete or not there at all.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("writing Parquet needs pyarrow: pip install 'dqwatch[parquet]'") from error
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        handle, temporary = tempfile.mkstemp(dir=target, prefix=f".{name}.", suffix=".parquet")
        os.close(handle)
        try:
            table.to_parquet(temporary, index=False)
            os.replace(temporary, target / f"{name}.parquet")
        finally:
            Path(temporary).unlink(missing_ok=True)
