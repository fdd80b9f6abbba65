"""What `anemoi.datasets.open_dataset` returns, as far as dqwatch looks at it: for environments without anemoi-datasets.

`tests/anemoi` holds the same against the real one.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import zarr

SIX_HOURS = dt.timedelta(hours=6)


class Dataset:
    """An anemoi store as `open_dataset` hands it out, in memory.

    Parameters
    ----------
    path : Path
        Of a store as `examples.stores` writes it.
    missing : tuple of int
        Dates that cannot be read.
    """

    frequency = SIX_HOURS

    def __init__(self, path: Path, missing: tuple[int, ...] = ()) -> None:
        group = zarr.open_group(str(path), mode="r")
        self._attrs = dict(group.attrs)
        self.data = group["data"][:]
        self.dates = np.asarray(group["dates"][:]).astype("M8[s]")
        self.variables = list(self._attrs["variables"])
        self.variables_metadata = self._attrs["variables_metadata"]
        self.latitudes, self.longitudes = group["latitudes"][:], group["longitudes"][:]
        self.missing = set(missing)
        self.shape = self.data.shape
        self.statistics = {name: group[name][:] for name in ("mean", "stdev", "minimum", "maximum")}
        self.field_shape, self.resolution = (self.shape[-1],), self._attrs["resolution"]

    @property
    def chunks(self) -> Any:
        raise AttributeError("a combination has no chunks")

    def statistics_tendencies(self) -> Any:
        raise KeyError("statistics_tendencies_6h_mean")

    def metadata_specific(self) -> dict[str, Any]:
        return {"action": "concat", "datasets": [{"action": "zarr", "attrs": self._attrs}]}

    def __len__(self) -> int:
        return len(self.dates)

    def __getitem__(self, index: int) -> np.ndarray:
        if index in self.missing:
            raise ValueError(f"Date {self.dates[index]} is missing")
        return self.data[index]


Dataset.__module__ = "anemoi.datasets.double"  # which is how dqwatch tells such objects
