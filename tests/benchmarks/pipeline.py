"""From storage to statistics: 10 dates of 20 fields of 542,080 float32 cells, against decoding alone and against peers.

Half of the fields are quantised to 16 bit as GRIB does, a quarter is rain-like.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import zarr

from dqwatch.feed import default_workers
from dqwatch.metrics.fields import Rows, Scanner
from dqwatch.metrics.one_pass import Pass
from dqwatch.sources import open_source
from dqwatch.types import Field, Source
from tests.benchmarks import Row, rates
from tests.benchmarks.field_metrics import reduced_grid, waves
from tests.benchmarks.kernel import N_CELLS, READ, read
from tests.benchmarks.pipeline_peers import CORE, DATE, measure_peers

DATES = 10
NAMES = [*(f"field{k}" for k in range(15)), "tp", "cp", "sf", "ro", "sro"]
"""The first are unknown to the catalogue: no value is out of its bounds, so that no field is looked at twice."""
RAIN = ("tp", "cp", "sf", "ro", "sro")
CODECS = {
    "blosc lz4": numcodecs.Blosc("lz4", 5, numcodecs.Blosc.SHUFFLE),
    "blosc zstd": numcodecs.Blosc("zstd", 3, numcodecs.Blosc.SHUFFLE),
}


def make_fields() -> np.ndarray:
    """float32 (date, variable, cell)."""
    first = waves(reduced_grid())
    rng = np.random.default_rng(0)
    fields = np.empty((DATES, len(NAMES), N_CELLS), np.float32)
    for t in range(DATES):
        for v, name in enumerate(NAMES):
            one = np.roll(first, int(rng.integers(N_CELLS))) + rng.normal(0, 0.05, N_CELLS).astype(np.float32)
            if name in RAIN:
                one = np.clip(one - 290, 0, None) * np.float32(1e-4)
            if v % 2:
                low, step = one.min(), (one.max() - one.min()) / 65535
                one = low + np.rint((one - low) / step).astype(np.float32) * step
            fields[t, v] = one
    return fields


def write(path: Path, fields: np.ndarray, codec: numcodecs.Blosc, variables: int) -> None:
    """An anemoi-style store, so many variables in a chunk."""
    old = zarr.__version__.startswith("2.")
    group = zarr.open_group(str(path), mode="w", **({} if old else {"zarr_format": 2}))
    create: Any = group.create_dataset if old else group.create_array

    def put(name: str, values: np.ndarray, chunks: tuple[int, ...], compressor: Any) -> None:
        given = {"compressor": compressor} if old else {"compressors": compressor}
        array = create(name, shape=values.shape, chunks=chunks, dtype=values.dtype, **given)
        array[...] = values

    put("data", fields[:, :, None], (1, variables, 1, N_CELLS), codec)
    grid = reduced_grid()
    dates = np.datetime64("2020-01-01T00", "s") + np.arange(DATES) * np.timedelta64(6, "h")
    for name, values in (("dates", dates), ("latitudes", grid.latitudes), ("longitudes", grid.longitudes)):
        assert values is not None
        put(name, values, values.shape, None)
    ends = {"start_date": str(dates[0]), "end_date": str(dates[-1])}
    group.attrs.update({"variables": NAMES, "frequency": "6h", "missing_dates": [], **ends})


def decode(path: Path) -> Callable[[], None]:
    """Every chunk, each of one field, into one reused array, and nothing else."""
    files = sorted(p for p in (path / "data").iterdir() if not p.name.startswith("."))
    encoded, out = bytearray(8 * N_CELLS), np.empty(N_CELLS, np.float32)

    def work() -> None:
        numcodecs.blosc.use_threads = False
        codec = numcodecs.Blosc()
        for file in files:
            handle = os.open(file, os.O_RDONLY)
            n = os.readv(handle, [encoded])
            os.close(handle)
            codec.decode(memoryview(encoded)[:n], out)

    return work


def scan_memory(source: Source, fields: np.ndarray) -> Callable[[], None]:
    """The kernel as shipped on fields in memory."""
    own = Pass(source)
    rows = Rows(source)
    scanner = Scanner(source, own.knowledge, own.bins, rows)

    def work() -> None:
        for t in range(DATES):
            for v in range(len(NAMES)):
                scanner.scan(Field(t, v, 0, fields[t, v]))

    return work


def scan_zarr(path: Path, source: Source) -> Callable[[], None]:
    """The same kernel on what zarr-python reads, a date at a time."""
    own = Pass(source)
    rows = Rows(source)
    scanner = Scanner(source, own.knowledge, own.bins, rows)

    def work() -> None:
        data = zarr.open_group(str(path), mode="r")["data"]
        for t in range(DATES):
            values = data[t]
            for v in range(len(NAMES)):
                scanner.scan(Field(t, v, 0, values[v, 0]))

    return work


def measure() -> list[Row]:
    """Rates of the pipeline as ratios."""
    with tempfile.TemporaryDirectory() as folder:
        fields = make_fields()
        paths = {}
        for layout, variables in (("field", 1), ("date", len(NAMES))):
            for name, codec in CODECS.items():
                paths[name, layout] = Path(folder, f"{name.replace(' ', '-')}-{layout}")
                write(paths[name, layout], fields, codec, variables)
        return _rows(fields, paths)


def _rows(fields: np.ndarray, paths: Mapping[tuple[str, str], Path]) -> list[Row]:
    sources = {key: open_source(path) for key, path in paths.items()}
    lz4, zstd, dated = ("blosc lz4", "field"), ("blosc zstd", "field"), ("blosc lz4", "date")
    workers = default_workers()

    def scan(key: tuple[str, str], number: int) -> Callable[[], object]:
        own = Pass(sources[key])
        return lambda: own.run_threads(number, None)

    works: dict[str, Callable[[], object]] = {
        READ: lambda: [read(x) for date in fields.view(np.int32) for x in date],
        "kernel as shipped": scan_memory(sources[lz4], fields),
        "decode alone, blosc lz4, a chunk per field": decode(paths[lz4]),
        "decode alone, blosc zstd, a chunk per field": decode(paths[zstd]),
        CORE: scan(lz4, 1),
        "1 worker, blosc zstd, a chunk per field": scan(zstd, 1),
        DATE: scan(dated, 1),
        f"{workers} workers, blosc lz4, a chunk per field": scan(lz4, workers),
        f"{workers} workers, blosc lz4, a chunk per date": scan(dated, workers),
        "zarr-python, then the kernel, a chunk per date": scan_zarr(paths[dated], sources[dated]),
    }
    found = dict(zip(works, rates(fields.nbytes, list(works.values())), strict=True))
    names = list(found)
    kernel, cpu = found[names[1]].per_cpu, {name: rate.per_cpu for name, rate in found.items()}
    bounds = [1 / (1 / found[names[i]].per_cpu + 1 / kernel) for i in (2, 3)]
    rows = [Row(names[0], found[names[0]])]
    rows += [Row(n, found[n], cpu[n] / cpu[READ], READ) for n in names[1:2]]
    rows += [Row(n, found[n]) for n in names[2:4]]
    rows.append(Row(CORE, found[CORE], cpu[CORE] / bounds[0], "1/(1/decode + 1/kernel)", 0.95))
    rows.append(Row(names[5], found[names[5]], cpu[names[5]] / bounds[1], "1/(1/decode + 1/kernel)", 0.95))
    rows.append(Row(DATE, found[DATE], cpu[DATE] / cpu[CORE], "a chunk per field", 0.9))
    for name, alone in ((names[7], CORE), (names[8], DATE)):
        target = 1.75 if workers == 2 else None
        rows.append(Row(name, found[name], found[name].median / found[alone].median, "1 worker", target))
    rows.append(Row(names[9], found[names[9]], cpu[DATE] / cpu[names[9]], "1 worker over this", 3))
    return rows + measure_peers(fields.nbytes, {CORE: paths[lz4], DATE: paths[dated]}, cpu)
