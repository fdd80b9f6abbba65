"""What others take to summarise the fields of `pipeline`: xarray with Dask, anemoi-datasets, whylogs.

The collector of statistics of anemoi-datasets runs in `.venv-anemoi` (or by the interpreter DQWATCH_ANEMOI_PYTHON),
whylogs in `.venv-peer-whylogs`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dqwatch.metrics.kernel_layout import QUANTILES
from tests.benchmarks import Rate, Row, rates

if TYPE_CHECKING:
    import xarray as xr

CORE = "1 worker, blosc lz4, a chunk per field"
DATE = "1 worker, blosc lz4, a chunk per date"
TIMED = """
work()
seconds = []
for _ in range(int(sys.argv[2])):
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    seconds.append((time.perf_counter() - wall, time.process_time() - cpu))
print(json.dumps(seconds))
"""
ANEMOI = f"""
import json, sys, time
import numpy as np, zarr
from numcodecs import blosc
from anemoi.datasets.create.statistics import StatisticsCollector
blosc.use_threads = False
def work():
    group = zarr.open_group(sys.argv[1], mode="r")
    data, names = group["data"], group.attrs["variables"]
    collector = StatisticsCollector(names, allow_nans=True)
    for i in range(data.shape[0]):
        collector.collect(data[i : i + 1], np.array([i]))
    collector.statistics()
{TIMED}"""
WHYLOGS = f"""
import json, sys, time
import pandas, zarr
import whylogs
from numcodecs import blosc
blosc.use_threads = False
def work():
    group = zarr.open_group(sys.argv[1], mode="r")
    fields = dict(zip(group.attrs["variables"], group["data"][0, :, 0]))
    whylogs.log(pandas=pandas.DataFrame(fields)).view().to_pandas()
{TIMED}"""


def measure_peers(n_bytes: int, paths: Mapping[str, Path], cpu: Mapping[str, float]) -> list[Row]:
    """Their rates, and how many times as much dqwatch does in a second of CPU.

    Parameters
    ----------
    n_bytes : int
        Of all fields.
    paths : mapping
        `CORE` and `DATE` -> the store that is stored so.
    cpu : mapping
        `CORE` and `DATE` -> GB of dqwatch in a second of CPU.
    """
    few, all_columns = summarise, summarise_as_here
    found = {
        ("xarray and Dask, a chunk per field", CORE): (lambda: few(paths[CORE]), 3),
        ("xarray and Dask, a chunk per date", DATE): (lambda: few(paths[DATE]), 3),
        ("the same, dqwatch's columns, a chunk per field", CORE): (lambda: all_columns(paths[CORE]), 1),
    }
    rows = []
    for (name, own), (work, repeats) in found.items():
        (rate,) = rates(n_bytes, [work], repeats=repeats)
        rows.append(Row(name, rate, cpu[own] / rate.per_cpu, "1 worker over this", 10))
    n_dates = len(list((paths[DATE] / "data").iterdir())) - 1
    anemoi = os.environ.get("DQWATCH_ANEMOI_PYTHON", ".venv-anemoi/bin/python")
    for name, python, script, size, made_by in (
        ("anemoi-datasets, a chunk per date", anemoi, ANEMOI, n_bytes, "make test-anemoi"),
        ("whylogs, a chunk per date", ".venv-peer-whylogs/bin/python", WHYLOGS, n_bytes // n_dates, "make peers"),
    ):
        if not Path(python).exists():
            print(f"no environment for {name}: {made_by} makes it")
            continue
        rate = _run(python, script, paths[DATE], size)
        rows.append(Row(name, rate, cpu[DATE] / rate.per_cpu, "1 worker over this", 8))
    return rows


def summarise(path: Path) -> None:
    """Count, extremes, mean and standard deviation of every field by xarray on Dask."""
    data = _open(path)
    _compute([data.count("cell"), data.min("cell"), data.max("cell"), data.mean("cell"), data.std("cell")])


def summarise_as_here(path: Path) -> None:
    """As `summarise`, and the weighted mean and the quantiles that dqwatch gives of every field."""
    import xarray as xr

    data = _open(path)
    weights = xr.DataArray(np.full(data.sizes["cell"], 1.0 / data.sizes["cell"]), dims="cell")
    more = [data.weighted(weights).mean("cell"), data.quantile(list(QUANTILES), "cell")]
    _compute([data.count("cell"), data.min("cell"), data.max("cell"), data.mean("cell"), data.std("cell"), *more])


def _open(path: Path) -> xr.DataArray:
    import dask.array
    import xarray as xr

    return xr.DataArray(
        dask.array.from_zarr(str(path), component="data"), dims=("time", "variable", "ensemble", "cell")
    )


def _compute(found: list[object]) -> None:
    import dask.base

    with dask.config.set(scheduler="synchronous"):
        dask.base.compute(*found)


def _run(python: str, script: str, path: Path, n_bytes: int, repeats: int = 5) -> Rate:
    """What another interpreter takes, again and again, for so many bytes of a store."""
    command = [python, "-W", "ignore", "-c", script, str(path), str(repeats)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    walls, cpus = np.array(json.loads(printed.splitlines()[-1])).T
    return Rate(n_bytes / 1e9 / walls.min(), n_bytes / 1e9 / float(np.median(walls)), n_bytes / 1e9 / np.median(cpus))
