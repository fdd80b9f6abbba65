"""Tables for the rules to look at: sound ones of any size, made with `tables.frame`, to be spoilt by a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dqwatch import tables

TEXTS = {
    "fields": {},
    "times": {"axis": "time"},
    "variables": {"source_name": "x", "units": "K", "catalogue_units": "K", "suspected_units": ""},
    "source": {"kind": "anemoi_zarr"},
    "grid": {
        "grid": "grid",
        "kind": "regular",
        "shape": "10x20",
        "orientation": "north_to_south",
        "longitude_convention": "0_360",
        "area_weights": "cos latitude",
    },
    "arrays": {
        "array": "data",
        "dims": "time,cell",
        "shape": "4,200",
        "dtype": "float32",
        "chunks": "1,200",
        "codec": "zstd",
        "calendar": "standard",
    },
    "pairs": {
        "kind": "instant",
        "reference_name": "x",
        "units": "K",
        "reference_units": "K",
        "units_relation": "same",
        "grid_relation": "same",
        "registration": "identity",
    },
}
TRUE = {
    "present", "expected", "decodable", "in_order", "step_ok", "hour_ok", "missing_as_declared", "known", "units_given",
    "units_ok", "units_understood", "level_units_agree", "magnitude_ok", "mask_constant", "length_ok",
    "quantity_in_data",
    "variable_in_data", "variable_in_reference", "in_data", "in_reference", "period_same",
}  # fmt: skip
NUMBERS = {
    "n": 200, "min": 250.0, "max": 300.0, "mean": 275.0, "std": 10.0, "wmean": 275.0, "step_h": 6.0, "n_fields": 4,
    "axis_share": 1.0,
    "n_values": 800, "n_cells": 200, "lat_min": -90.0, "lat_max": 90.0, "lon_max": 358.0, "chunk_mb": 2.0,
    "size_mb": 200.0, "stored_mb": 100.0, "ratio": 2.0, "objects": 100,
    "overlap": 1.0, "n_places": 200, "n_valid": 200, "correlation": 1.0, "mask_agreement": 1.0,
    "energy_ratio_large": 1.0, "energy_ratio_small": 1.0, "reference_std": 10.0,
}  # fmt: skip


def label(index: int) -> str:
    return str(np.datetime64("2020-01-01T00:00:00") + np.timedelta64(6 * index, "h"))


def sound(table: str, n_rows: int, columns: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """A table with which nothing is wrong."""
    made: dict[str, Any] = {}
    for column in tables.TABLES[table]:
        if column.dtype == "str":
            made[column.name] = [TEXTS[table].get(column.name, "")] * n_rows
        elif column.dtype in ("bool", "truth"):
            made[column.name] = [column.name in TRUE] * n_rows
        else:
            made[column.name] = [NUMBERS.get(column.name, 0)] * n_rows
    return tables.frame(table, {**made, **(columns or {})})


def make_all(names: list[str], n_times: int = 4, n_members: int = 1) -> dict[str, pd.DataFrame]:
    """All tables of `n_times` times and the named variables (`t_850` is `t` at 850)."""
    index = pd.MultiIndex.from_product([range(n_times), names, range(n_members)])
    times, variables, members = (index.get_level_values(i) for i in range(3))
    params = [v.split("_")[0] for v in variables]
    levels = [float(v.split("_")[1]) if "_" in v else np.nan for v in variables]
    fields = {
        "time": [label(i) for i in times],
        "time_index": times,
        "variable": variables,
        "param": params,
        "level": levels,
        "member": members,
        "data_hash": np.arange(len(index), dtype=np.uint64) + np.uint64(2**63),
    }
    pairs = {key: values for key, values in fields.items() if key != "data_hash"}
    each = {
        "variable": names,
        "param": [v.split("_")[0] for v in names],
        "level": [float(v.split("_")[1]) if "_" in v else np.nan for v in names],
    }
    axis = {
        "time": [label(i) for i in range(n_times)],
        "time_index": range(n_times),
        "step_h": [np.nan, *[6.0] * (n_times - 1)],
        "hour": [6.0 * (i % 4) for i in range(n_times)],
    }
    return {
        "fields": sound("fields", len(index), fields),
        "variables": sound("variables", len(names), each),
        "times": sound("times", n_times, axis),
        "grid": sound("grid", 1),
        "source": sound("source", 1),
        "arrays": sound("arrays", 1),
        "pairs": sound("pairs", len(index), pairs),
    }
