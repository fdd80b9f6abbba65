"""Batches for a model: 10 dates of 20 fields of 542,080 float32 cells, a chunk per date, against decoding and copying.

With torch also against its DataLoader over zarr-python, xarray (which needs zarr 3) and anemoi-datasets (which
needs zarr 2), as far as they are installed, each with the number of worker processes that suits it best; on a CUDA
device also against the bounds there, and with nvCOMP decoding. Run it in the environments of `make test-device` and
`make test-anemoi`: `.venv-device/bin/python -m tests.benchmarks feed` and `.venv-anemoi/bin/python -m tests.benchmarks
feed`. On a machine of its own it needs this repository, torch and what docs/benchmarks.md lists; without numba there is
no baseline, so that nothing is scored.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
import warnings
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import zarr

import dqwatch
from dqwatch.feed import Worker, default_workers, run
from dqwatch.feed.devices import Device
from dqwatch.feed.lanes import make_lanes
from dqwatch.sources import open_source
from dqwatch.sources.tensors import Tensors
from dqwatch.types import Block, Source
from tests.benchmarks import Rate, Row, bare, rates
from tests.benchmarks.field_metrics import reduced_grid
from tests.benchmarks.kernel import N_CELLS
from tests.benchmarks.pipeline import CODECS, DATES, NAMES, make_fields, write

EPOCHS = 2
"""Of each piece of work, so that beginning one does not count."""
PROCESSES = (0, 1, 2, 4, 8, 16)
"""Worker processes that a DataLoader is tried with, as far as there are cores."""
STEP, STEPS, SHARE = 0.2, 40, 0.05
"""A model that only waits: seconds of a step, and how many; and the share of the time for scoring beside it."""
Work = Callable[[], object]


def decode_by(source: Source, workers: int) -> Work:
    """Every date decoded by threads, each into its own buffer, and nothing else: what the scan is given."""

    def one(block: Block, worker: Worker) -> None:
        for _ in source.read(block, worker.buffers):
            pass

    return lambda: run([*source.blocks()] * EPOCHS, one, workers=workers)


def feed_to(feed: dqwatch.Feed) -> Work:
    """Every batch, handed over."""

    def work() -> None:
        for _ in range(EPOCHS):
            for batch in feed:
                batch.values[0, 0, 0, 0, 0].item()

    return work


def copy_in_memory(fields: np.ndarray) -> Work:
    """Every date copied, by one thread."""
    target = np.empty_like(fields[0])

    def work() -> None:
        for date in [*fields] * EPOCHS:
            np.copyto(target, date)

    return work


def loaders(data: Any) -> list[tuple[int, Work]]:
    """A DataLoader over single dates, for each number of worker processes, which stay between epochs."""
    import torch
    from torch.utils.data import DataLoader, Subset

    order = np.random.default_rng(0).permutation([*range(DATES)] * EPOCHS).tolist()
    found = []
    for processes in (n for n in PROCESSES if n <= default_workers()):
        given = {"num_workers": processes, "persistent_workers": processes > 0}
        loader = DataLoader(Subset(data, order), batch_size=None, **given)

        def work(loader: Any = loader) -> None:
            for values in loader:
                torch.as_tensor(values)[0, 0, 0].item()

        found.append((processes, work))
    return found


class ByZarr:
    """Dates as zarr-python reads them."""

    def __init__(self, path: Path) -> None:
        self.path, self._data = str(path), None

    def __len__(self) -> int:
        return DATES

    def __getitem__(self, index: int) -> Any:
        import torch

        if self._data is None:
            self._data = zarr.open_group(self.path, mode="r")["data"]
        return torch.from_numpy(np.asarray(self._data[index]))


class ByXarray(ByZarr):
    """Dates as xarray reads them, without Dask."""

    def __getitem__(self, index: int) -> Any:
        import torch
        import xarray as xr

        if self._data is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._data = xr.open_zarr(self.path, chunks=None, consolidated=False)["data"]
        return torch.from_numpy(self._data[index].to_numpy())


class ByAnemoi(ByZarr):
    """Dates as anemoi-datasets reads them."""

    def __getitem__(self, index: int) -> Any:
        import torch
        from anemoi.datasets import open_dataset

        if self._data is None:
            self._data = open_dataset(self.path)
        return torch.from_numpy(self._data[index])


def peers(path: Path) -> dict[str, Any]:
    """What feeds torch otherwise, as far as it is installed."""
    found: dict[str, Any] = {"DataLoader over zarr-python": ByZarr(path)}
    if zarr.__version__.startswith("2."):
        print("zarr 2 here, which xarray does not read: make test-device makes an environment with zarr 3")
    elif importlib.util.find_spec("xarray") is not None:
        found["DataLoader over xarray"] = ByXarray(path)
    if importlib.util.find_spec("anemoi") is not None and importlib.util.find_spec("anemoi.datasets") is not None:
        found["DataLoader over anemoi-datasets"] = ByAnemoi(path)
    else:
        print("no anemoi-datasets here: make test-anemoi makes an environment that has it")
    return found


def measure() -> list[Row]:
    """The table; peers and devices as far as torch is there."""
    fields, workers = make_fields(), default_workers()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dates.zarr"
        write(path, fields, CODECS["blosc lz4"], len(NAMES))
        name_dimensions(path)
        torch = importlib.util.find_spec("torch") is not None
        rows, own = on_host(path, fields, workers, "cpu" if torch else "numpy")
        print(watched(fields) if bare.compiles() else "no numba here, hence no baseline: Watch is not measured")
        if not torch:
            print("no torch here, hence no peers: make test-device makes its environment")
            return rows
        rows += beside(path, fields, own)
        rows += on_device(path, fields, workers)
        return rows


def name_dimensions(path: Path) -> None:
    """Let xarray read the store."""
    group = zarr.open_group(str(path), mode="r+")
    group["data"].attrs["_ARRAY_DIMENSIONS"] = ["time", "variable", "member", "cell"]
    for name, dim in (("dates", "time"), ("latitudes", "cell"), ("longitudes", "cell")):
        group[name].attrs["_ARRAY_DIMENSIONS"] = [dim]


def on_host(path: Path, fields: np.ndarray, workers: int, device: str) -> tuple[list[Row], Rate]:
    """The feed on this machine's memory, against decoding by as many workers."""
    source = open_source(path)
    with dqwatch.Feed(path, device=device, workers=workers) as feed:
        names = ("memory to memory, 1 thread", "decoding alone, 1 worker", f"decoding alone, {workers} workers")
        works = [copy_in_memory(fields), decode_by(source, 1), decode_by(source, workers), feed_to(feed)]
        found = rates(EPOCHS * fields.nbytes, works)
    source.close()
    rows = [Row(name, rate) for name, rate in zip(names, found[:3], strict=True)]
    ratio = found[3].median / found[2].median
    return [*rows, Row(f"Feed, {device}, {workers} workers", found[3], ratio, names[2], 0.9)], found[3]


def watched(fields: np.ndarray) -> str:
    """What scoring batches as they pass takes of the time of a model."""
    grid, n = reduced_grid(), 2 * DATES
    named = {name: np.concatenate([fields[:, k], fields[:, k] + 1]) for k, name in enumerate(("t_850", "t_500"))}
    times = np.datetime64("2020-01-01T00", "s") + np.arange(n) * np.timedelta64(6, "h")
    source = open_source(Tensors(named, grid.latitudes, grid.longitudes, times))
    baseline = dqwatch.baseline(Tensors(named, grid.latitudes, grid.longitudes, times))
    watch = dqwatch.Watch(chain(*[dqwatch.Feed(source, device="numpy")] * (STEPS // n)), baseline, share=SHARE,
                          variables=[v.name for v in source.variables])  # fmt: skip
    for _ in watch:
        time.sleep(STEP)
    pace = watch.pace
    return (
        f"Watch, share {SHARE:.0%}: {pace.overhead:.1%} of the time, {pace.n_scored} dates of {len(named)} fields "
        f"scored in {pace.n_batches} batches, a step {STEP:g} s"
    )


def beside(path: Path, fields: np.ndarray, own: Rate) -> list[Row]:
    """What feeds torch otherwise, each at its best; the feed measured before is held against them."""
    rows = []
    for name, data in peers(path).items():
        tried = loaders(data)
        found = rates(EPOCHS * fields.nbytes, [work for _, work in tried], repeats=3)
        best = max(range(len(tried)), key=lambda i: found[i].median)
        title = f"{name}, {tried[best][0]} processes"
        rows.append(Row(title, found[best], own.median / found[best].median, "Feed over this", 2))
    return rows


def on_device(path: Path, fields: np.ndarray, workers: int) -> list[Row]:
    """The feed to a CUDA device against the copy and decoding; the scan of what is there against its memory."""
    import torch

    if not torch.cuda.is_available():
        print("no CUDA device here")
        return []
    from dqwatch.metrics.histogram import linear_bins
    from dqwatch.metrics.on_device import Sight, look

    lanes = make_lanes(Device("cuda"))
    shape = (len(NAMES), N_CELLS)
    (_, host), target = lanes.make_host(shape), lanes.make_target(shape)
    values = torch.from_numpy(fields[0]).cuda()
    other = torch.empty_like(values)
    sight = Sight(np.dtype("f4"), [linear_bins(200.0, 320.0)] * len(NAMES), np.empty(0), values.device)

    def copy() -> None:
        for _ in range(EPOCHS * DATES):
            event = lanes.copy(host, target, None)
        event.synchronize()

    def move() -> None:
        for _ in range(EPOCHS * DATES):
            other.copy_(values)
        torch.cuda.synchronize()

    def scan() -> None:
        for _ in range(EPOCHS * DATES):
            look(values, sight)

    source = open_source(path)
    with dqwatch.Feed(path, device="cuda", workers=workers) as feed:
        works = [decode_by(source, 1), copy, feed_to(feed), move, scan]
        decoding, copying, feeding, moving, scanning = rates(EPOCHS * fields.nbytes, works)
    bound = min(copying.median, workers * decoding.median)
    rows = [
        Row("pinned memory to the device", copying),
        Row(f"Feed, cuda, {workers} workers", feeding, feeding.median / bound, "min(copy, workers x decoding)", 0.85),
        Row("device memory to device memory", moving),
        Row("scan on the device", scanning, scanning.median / (2 * moving.median), "its memory, read and written", 0.6),
    ]
    return rows + decoded_there(path, fields, workers, feeding)


def decoded_there(path: Path, fields: np.ndarray, workers: int, other: Rate) -> list[Row]:
    """The feed whose chunks nvCOMP decodes on the device, against the one above."""
    from dqwatch.errors import MissingExtraError

    try:
        with dqwatch.Feed(path, device="cuda", workers=workers, decoder="nvcomp") as feed:
            (found,) = rates(EPOCHS * fields.nbytes, [feed_to(feed)])
    except MissingExtraError as error:
        print(error)
        return []
    return [Row("Feed, cuda, decoded there", found, found.median / other.median, f"Feed, cuda, {workers} workers")]
