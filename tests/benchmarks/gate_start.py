"""How long the command `gate` takes of one state of 100 variables on N320, beside importing Great Expectations.

A process of its own each time, from nothing to its exit code; the state is an anemoi store of one chunk (217 MB), the
baseline one of 24 times. Then the same state in a process in which everything is imported.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numcodecs
import numpy as np
import zarr

import dqwatch
from tests.benchmarks.field_metrics import reduced_grid, waves
from tests.benchmarks.kernel import N_CELLS

LEVELS = (50, 100, 150, 200, 250, 300, 400, 500, 600, 700, 850, 925, 1000)
SURFACE = ("10u", "10v", "2d", "2t", "msl", "skt", "sp", "tcw", "lsm")
NAMES = [*(f"{param}_{level}" for param in "tuvqzwr" for level in LEVELS), *SURFACE]
TIMES, REPEATS = 24, 3
IMPORT = "importing great_expectations"
MOST, MOST_SECONDS = 1.6, 1.0


@dataclass(frozen=True)
class Start:
    """One line."""

    what: str
    seconds: float
    """By the clock; the median."""
    cpu: float
    ratio: float | None = None
    most: float | None = None

    @property
    def below(self) -> bool:
        """Whether it takes longer than it may."""
        if self.most is None:
            return False
        return (self.seconds if self.ratio is None else self.ratio) > self.most


def measure() -> list[Start]:
    """By turns, so that a busy machine slows them alike."""
    logging.getLogger("dqwatch").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        training, state, known = (str(Path(folder, n)) for n in ("training.zarr", "state.zarr", "baseline.zarr"))
        write(Path(training), TIMES)
        write(Path(state), 1, first=TIMES)
        dqwatch.baseline(training, known)
        gate = [str(Path(sysconfig.get_path("scripts"), "dqwatch")), "gate", state, "--baseline", known, "--quiet"]
        commands = {IMPORT: [sys.executable, "-c", "import great_expectations"], "gate, from nothing": gate}
        walls: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(REPEATS + 1):
            for name, command in commands.items():
                began = time.perf_counter()
                subprocess.run(command, check=False, capture_output=True)
                if turn:
                    walls[name].append(time.perf_counter() - began)
        alone = median(walls[IMPORT])
        rows = [Start(name, median(w), float("nan"), median(w) / alone, MOST) for name, w in walls.items()]
        return [*rows, _warm(state, known)]


def table(rows: Sequence[Start]) -> str:
    """Rows as text."""
    lines = [f"{'':40}{'seconds':>9}{'CPU-s':>8}{'ratio':>8}{'at most':>9}"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        cpu = "" if np.isnan(row.cpu) else f"{row.cpu:.2f}"
        most = "" if row.most is None else f"{row.most:g}"
        lines.append(f"{row.what:40}{row.seconds:9.2f}{cpu:>8}{ratio:>8}{most:>9}" + ("  ABOVE" if row.below else ""))
    return "\n".join(lines)


def _warm(state: str, known: Any) -> Start:
    from dqwatch.baselines.store import load

    baseline = load(known)
    dqwatch.gate(state, baseline=baseline)
    walls, cpus = [], []
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        dqwatch.gate(state, baseline=baseline)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return Start("gate, in a warm process", median(walls), median(cpus), None, MOST_SECONDS)


def write(path: Path, times: int, first: int = 0) -> None:
    """An anemoi store, all variables of a date in a chunk."""
    old = zarr.__version__.startswith("2.")
    group = zarr.open_group(str(path), mode="w", **({} if old else {"zarr_format": 2}))
    create: Any = group.create_dataset if old else group.create_array
    codec = numcodecs.Blosc("lz4", 5, numcodecs.Blosc.SHUFFLE)

    def array(name: str, shape: tuple[int, ...], chunks: tuple[int, ...], dtype: Any, packed: Any = None) -> Any:
        given = {"compressor": packed} if old else {"compressors": packed}
        return create(name, shape=shape, chunks=chunks, dtype=dtype, **given)

    data = array("data", (times, len(NAMES), 1, N_CELLS), (1, len(NAMES), 1, N_CELLS), np.float32, codec)
    pattern = waves(reduced_grid())
    for t in range(times):
        rng = np.random.default_rng(first + t)
        data[t, :, 0] = np.stack(
            [np.roll(pattern, 37 * v) + rng.normal(0, 1, N_CELLS).astype(np.float32) for v in range(len(NAMES))]
        )
    grid = reduced_grid()
    dates = np.datetime64("2020-01-01T00", "s") + np.arange(first, first + times) * np.timedelta64(6, "h")
    for name, values in (("dates", dates), ("latitudes", grid.latitudes), ("longitudes", grid.longitudes)):
        assert values is not None
        array(name, values.shape, values.shape, values.dtype)[...] = values
    ends = {"start_date": str(dates[0]), "end_date": str(dates[-1])}
    group.attrs.update({"variables": NAMES, "frequency": "6h", "missing_dates": [], **ends})
