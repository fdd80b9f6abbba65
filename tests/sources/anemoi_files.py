"""What the tests of anemoi stores share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.sources.anemoi_zarr import AnemoiZarr, open_anemoi_zarr
from dqwatch.types import Source

CELLS = 208  # the octahedral grid O4


NAMES = ["2t", "t_850", "t_500", "swvl1", "tp", "lsm", "something"]


def weather(times: int = 5, variables: int = 7, members: int = 1, cells: int = CELLS) -> np.ndarray:
    values = np.random.default_rng(5).normal(280, 9, (times, variables, members, cells)).astype("f4")
    values[1, 2, 0, 7:20] = np.nan
    return values


def opened(path: Path | str) -> AnemoiZarr:
    source = open_anemoi_zarr(path)
    assert isinstance(source, AnemoiZarr)
    assert isinstance(source, Source)
    return source


def fields_of(source: Source, blocks: Any = None) -> dict[tuple[int, int, int], np.ndarray]:
    """Copies of all fields; none may come twice."""
    found: dict[tuple[int, int, int], np.ndarray] = {}
    buffers = Buffers()
    for block in source.blocks() if blocks is None else blocks:
        for field in source.read(block, buffers):
            key = (field.time, field.variable, field.member)
            assert key not in found
            assert field.time in block.times
            assert field.variable in block.variables
            assert field.values.flags.c_contiguous
            assert field.values.dtype.isnative
            found[key] = field.values.copy()
    return found


def check_fields(source: Source, values: np.ndarray) -> None:
    found = fields_of(source)
    assert set(found) == set(np.ndindex(values.shape[:3]))
    for key, field in found.items():
        np.testing.assert_array_equal(field, values[key])
