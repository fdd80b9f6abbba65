"""The table `arrays`."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from metrics.fake_source import FakeSource

from dqwatch.metrics.arrays import arrays_table
from dqwatch.types import StoredArray


def row_of(array: StoredArray) -> dict[str, Any]:
    return arrays_table(FakeSource({}, arrays=[array])).iloc[0].to_dict()


def test_a_chunked_array() -> None:
    row = row_of(
        StoredArray(
            "data",
            ("time", "variable", "cell"),
            (100, 4, 5000),
            "float32",
            chunks=(1, 4, 5000),
            shards=(10, 4, 5000),
            codec="blosc lz4",
            fill_value="nan",
            stored_bytes=4_000_000,
            objects=97,
            expected_objects=100,
            length_ok=True,
        )
    )
    # 100 x 4 x 5000 values of 4 bytes are 8 MB, in chunks of 0.08 MB
    expected = {
        "array": "data",
        "dims": "time variable cell",
        "shape": "100 x 4 x 5000",
        "dtype": "float32",
        "chunks": "1 x 4 x 5000",
        "shards": "10 x 4 x 5000",
        "chunk_mb": 0.08,
        "codec": "blosc lz4",
        "fill_value": "nan",
        "size_mb": 8.0,
        "stored_mb": 4.0,
        "ratio": 2.0,
        "objects": 97,
        "missing_chunks": 3,
        "calendar": "",
        "length_ok": True,
    }
    assert row == expected


def test_an_array_of_which_little_is_known() -> None:
    row = row_of(StoredArray("time", ("time",), (7,), "<i8", calendar="noleap"))
    assert (row["chunks"], row["shards"], row["fill_value"], row["calendar"]) == ("", "", "", "noleap")
    assert (row["objects"], row["missing_chunks"], row["size_mb"]) == (-1, -1, 56e-6)
    assert math.isnan(row["chunk_mb"])
    assert math.isnan(row["stored_mb"])
    assert math.isnan(row["ratio"])
    assert pd.isna(row["length_ok"])


def test_text_has_no_size() -> None:
    for dtype in ("vlen-str", "object-of-some-kind", "<U0"):
        assert math.isnan(row_of(StoredArray("name", ("x",), (3,), dtype, chunks=(3,)))["size_mb"])


def test_nothing_stored() -> None:
    assert math.isnan(row_of(StoredArray("x", ("x",), (3,), "f4", stored_bytes=0))["ratio"])
