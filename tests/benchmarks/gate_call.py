"""Seconds that the gate takes of a state inside another program, once that program has asked it before.

Two input steps, as anemoi-inference hands them on: 16 variables of the example weather on 1,600 cells, held against ten
years, and 90 variables of noise on the 40,320 cells of O96, held against 24 times (what a call costs does not depend on
how many there were).
"""

from __future__ import annotations

import datetime as dt
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import zarr

import dqwatch
from dqwatch.integrations.gatekeeper import Gatekeeper
from dqwatch.integrations.states import Model, as_tensors
from dqwatch.sources.tensors import Tensors
from examples.make_data import make
from examples.sphere import octahedral_grid

REPEATS = 7
LIMIT = 1.0
LAGS = (dt.timedelta(hours=-6), dt.timedelta(0))
LEVELS = (50, 100, 150, 200, 250, 300, 400, 500, 600, 700, 850, 925, 1000)
SURFACE = ["10u", "10v", "2d", "2t", "msl", "skt", "sp", "tcw"]
NAMES = [*(f"{param}_{level}" for param in "tuvqzw" for level in LEVELS), *SURFACE]
N_TIMES = 24


class Call(NamedTuple):
    """A state judged."""

    name: str
    variables: int
    cells: int
    first: float
    warm: float
    """Seconds, the median."""
    cpu: float
    """Seconds of all threads; the median."""

    @property
    def below(self) -> bool:
        """Whether a warm call takes longer than it may: of the clock, or of the CPU where others have most of it."""
        return min(self.warm, self.cpu) > LIMIT


def measure() -> list[Call]:
    """The example data, and something of the size of a coarse model."""
    logging.getLogger("dqwatch").setLevel(logging.ERROR)  # noise passes no gate
    with tempfile.TemporaryDirectory() as folder:
        return [_of_example(Path(folder)), _of_noise(Path(folder))]


def table(rows: list[Call]) -> str:
    lines = [f"{'state':<10} {'variables':>9} {'cells':>7} {'first call':>11} {'warm call':>10} {'of CPU':>8}"]
    for row in rows:
        seconds = f"{row.first:>9.2f} s {row.warm:>8.2f} s {row.cpu:>6.2f} s"
        lines.append(f"{row.name:<10} {row.variables:>9} {row.cells:>7,} {seconds}{'  missed' if row.below else ''}")
    return "\n".join([*lines, f"limit of a warm call: {LIMIT:.0f} s"])


def _of_example(folder: Path) -> Call:
    make(folder / "data", years=10, test_years=1)
    dqwatch.baseline(str(folder / "data/training.zarr"), str(folder / "example.zarr"))
    group = zarr.open_group(str(folder / "data/test_years.zarr"), mode="r")
    names = [name for name in group.attrs["variables"] if name not in ("tp", "cp")]
    rows = [list(group.attrs["variables"]).index(name) for name in names]
    model = Model(variables=group.attrs["variables_metadata"], lags=LAGS)

    def state(number: int) -> dict[str, Any]:
        values = group["data"][2 * number : 2 * number + 2, :, 0]
        date = np.asarray(group["dates"][2 * number + 1]).astype("M8[s]").item()
        return _state(date, {n: values[:, k] for n, k in zip(names, rows, strict=True)}, group)

    return _timed("example", Gatekeeper(baseline=folder / "example.zarr", action="warn"), model, state)


def _of_noise(folder: Path) -> Call:
    grid = octahedral_grid(96)
    places = {"latitudes": grid.latitudes, "longitudes": grid.longitudes}
    rng = np.random.default_rng(0)
    times = np.datetime64("2020-01-01T00", "s") + np.arange(N_TIMES) * np.timedelta64(6, "h")
    fields = {name: rng.normal(280, 9, (N_TIMES, grid.size)).astype(np.float32) for name in NAMES}
    dqwatch.baseline(Tensors(fields, **places, times=list(times)), str(folder / "noise.zarr"))

    def state(number: int) -> dict[str, Any]:
        pair = {name: values[number : number + 2] for name, values in fields.items()}
        return _state(times[number + 1].item(), pair, places)

    return _timed("O96", Gatekeeper(baseline=folder / "noise.zarr", action="warn"), Model(lags=LAGS), state)


def _state(date: Any, fields: dict[str, np.ndarray], places: Any) -> dict[str, Any]:
    return {"date": date, "fields": fields, **{key: np.asarray(places[key]) for key in ("latitudes", "longitudes")}}


def _timed(name: str, keeper: Gatekeeper, model: Model, state: Callable[[int], dict[str, Any]]) -> Call:
    seconds, cpu = [], []
    for number in range(REPEATS + 1):
        given = state(number)
        began, used = time.perf_counter(), time.process_time()
        keeper.judge(lambda given=given: as_tensors(given, model), name)
        seconds.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    fields = state(0)["fields"]
    cells = int(next(iter(fields.values())).shape[1])
    return Call(name, len(fields), cells, seconds[0], median(seconds[1:]), median(cpu[1:]))
