"""What a baseline of drift_skill.py takes to make, to keep and to use: time, memory, size; in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import dqwatch
from dqwatch.baselines.baseline import build
from dqwatch.baselines.store import load, save
from dqwatch.departures.judging import judge
from tests.benchmarks.peers.handover import peak_memory

if TYPE_CHECKING:
    from tests.benchmarks.drift_series import Series

_STATES = 24
_RECIPES = {
    "fields by month": (1, "reference", ""),
    "states": (1, "reference", "reconstruction error"),
    "windows": (8, "components_reference", "MMD and LSDD of 8 cycles"),
    "blocks by month": (1, "reference", "domain classifier on block means"),
}
"""Of a peer: states that one of its numbers is of, what it keeps of training, and in words."""
_FIELDS = "fields by month"
_PEERS = {
    "evidently": ("evidently", "Wasserstein by month"),
    "nannyml": ("NannyML", "JS by month"),
    "alibi_detect": ("alibi-detect", "KS by month"),
}


class Cost(NamedTuple):
    """Of one method."""

    method: str
    build: float
    """Seconds; NaN where nothing is made beforehand."""
    score: float
    """CPU seconds of a state of all variables."""
    memory: float
    """Bytes at most."""
    size: float
    """Bytes of what is kept of training."""


def ours(series: Series) -> Cost:
    """What dqwatch takes for a seed, one thread, the state and the step before it."""
    with tempfile.TemporaryDirectory() as folder:
        series.dataset().to_zarr(Path(folder, "training.zarr"))
        dates = np.sort(np.concatenate([series.test[:_STATES], series.test[:_STATES] - np.timedelta64(6, "h")]))
        series.part(dates).to_zarr(Path(folder, "test.zarr"))
        command = [sys.executable, "-m", "tests.benchmarks.drift_costs", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def theirs(tool: str, arrays: Mapping[str, np.ndarray], given: Path, n_variables: int) -> list[Cost]:
    """What a peer took, recipe by recipe; its memory is that of all of its recipes, with all that it was handed."""
    found = []
    name, of_fields = _PEERS[tool]
    with np.load(given) as held:
        for recipe, (states, kept, words) in _RECIPES.items():
            if f"seconds/{recipe}" in arrays:
                seconds = float(arrays[f"seconds/{recipe}"]) / states * (n_variables if recipe == _FIELDS else 1)
                size = float(held[kept].nbytes)
                found.append(Cost(f"{name}: {words or of_fields}", np.nan, seconds, float(arrays["peak_memory"]), size))
    return found


def main() -> int:
    """The process of its own."""
    folder = Path(sys.argv[1])
    began = time.perf_counter()
    save(build(dqwatch.open_source(folder / "training.zarr"), workers=1), folder / "baseline")
    seconds = time.perf_counter() - began
    baseline = load(folder / "baseline")
    test = dqwatch.open_source(folder / "test.zarr")
    judge(test, baseline, workers=1)
    before = time.process_time()
    judged = judge(test, baseline, workers=1)
    score = (time.process_time() - before) / len(judged.tables["cycles"])
    size = sum(p.stat().st_size for p in (folder / "baseline").rglob("*") if p.is_file())
    memory = peak_memory()
    print(json.dumps(Cost("dqwatch, state and step", seconds, score, memory, size)._asdict()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
