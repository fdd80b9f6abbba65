"""How often sound states of years that training has not seen alarm, and the CPU time of scoring a state.

Each seed is a weather of its own (examples/weather.py): a baseline of its first 15 years, then the pairs of states of
the 8 years after, the first of a pair by itself, the second with the state 6 hours before it, and then with a short
forecast valid at its time too. Minutes for each seed.
Seeds from 100,000 on are kept for what is published.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

import dqwatch
from dqwatch.baselines.baseline import build
from dqwatch.baselines.harmonics import basis
from dqwatch.baselines.quantity import QuantitySums, cut, lay_out
from dqwatch.baselines.relations import RelationSums, fit
from dqwatch.baselines.scorer import Moment, Scorer
from dqwatch.buffers import Buffers
from dqwatch.departures.judging import judge
from dqwatch.departures.replay import clopper_pearson
from dqwatch.metrics.histogram import linear_bins
from dqwatch.scores import Family, load_families
from dqwatch.types import Grid
from examples.make_data import make
from examples.sphere import octahedral_grid

SEEDS = (1, 2, 3)
YEARS, TEST_YEARS = 15, 8
N_VARIABLES, N_CELLS = 100, 542_080
MOST_SECONDS = 2.0
"""CPU time of scoring a state of so many variables and cells."""


@dataclass(frozen=True)
class Alarms:
    """One line of the table."""

    what: str
    values: tuple[str, ...]
    below: bool
    """Whether the target is missed: a rate of half to twice the nominal one."""


def measure() -> list[Alarms]:
    """Rates over all seeds, by level and kind, and of each seed; then the CPU time."""
    found = [_alarms(seed) for seed in SEEDS]
    rows = []
    for kind in found[0]:
        together = np.concatenate([p[kind] for p in found])
        rows += [_rate(kind, level, together, [p[kind] for p in found]) for level in (0.05, 0.01)]
    return [*rows, *_speed()]


def table(rows: Sequence[Alarms]) -> str:
    """Rows as text."""
    return "\n".join(f"{r.what:52}  {'  '.join(r.values)}{'  BELOW' if r.below else ''}" for r in rows)


def _alarms(seed: int) -> dict[str, np.ndarray]:
    """p_cycle of the new cycles, by kind."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        make(data, years=YEARS, test_years=TEST_YEARS, seed=seed, background=True)
        opened = {path.stem: dqwatch.open_source(path) for path in data.glob("*.zarr")}
        baseline = build(opened["training"], background=opened["background_training"])
        test = opened["test_years"]
        cycles = judge(test, baseline).tables["cycles"]
        beside = judge(test, baseline, background=opened["background_test_years"]).tables["cycles"]
    second = cycles["time"].str[11:13] == "06"
    return {
        "by the state alone": cycles.loc[~second, "p_cycle"].to_numpy(),
        "with the state before": cycles.loc[second, "p_cycle"].to_numpy(),
        "with both and a background": beside.loc[second, "p_cycle"].to_numpy(),
    }


def _rate(kind: str, level: float, together: np.ndarray, each: Sequence[np.ndarray]) -> Alarms:
    count = int((together <= level).sum())
    low, high = clopper_pearson(count, together.size)
    rate = count / together.size
    seeds = ", ".join(f"{(p <= level).mean():.2%}" for p in each)
    values = (f"{rate:.2%}", f"({low:.2%} to {high:.2%} if cycles were independent)", f"by seed: {seeds}")
    return Alarms(f"{together.size:,} cycles {kind}, nominal {level:.0%}", values, not 0.5 <= rate / level <= 2)


def _speed() -> list[Alarms]:
    """CPU seconds of scoring a field, told for a whole state."""
    cells = octahedral_grid(320)
    grid = Grid("reduced_gaussian", (cells.size,), cells.latitudes, cells.longitudes, cells.area_weights)
    layout = lay_out(grid)
    pieces = cut(layout)
    rng = np.random.default_rng(0)
    fields = [rng.normal(280, 5, cells.size).astype(np.float32) for _ in range(24)]
    sums = {"state": QuantitySums(fields[0], pieces, hours=2, terms=5, bins=linear_bins(220, 340))}
    sums["step"] = QuantitySums(np.zeros(cells.size), pieces, hours=2, terms=5, kind="step")
    for k, (before, field) in enumerate(pairwise(fields)):
        phi = basis(np.array([k / 24]), 5)[0]
        sums["state"].add(field, k % 2, phi)
        sums["step"].add(field - before, k % 2, phi)
    climates = {kind: [one.fit()] for kind, one in sums.items()}
    climates["background"] = climates["step"]
    families = load_families()
    scorer, buffers = Scorer(layout, climates, families), Buffers()
    together = _relate(rng, layout.place.areas.size, families)
    moment = Moment(basis(np.array([0.3]), 5)[0], 0)
    rows = []
    ways: dict[str, dict[str, np.ndarray]] = {"by itself": {}, "with the state before": {"previous": fields[-2]}}
    ways["with both and a background"] = {"previous": fields[-2], "background": fields[-3]}
    for what, others in ways.items():
        scorer.score(0, fields[-1], moment, buffers, **others)
        began = time.process_time()
        for _ in range(10):
            scorer.score(0, fields[-1], moment, buffers, **others)
        seconds = together + (time.process_time() - began) / 10 * N_VARIABLES * N_CELLS / cells.size
        values = (f"{seconds:.2f} CPU-s", f"(target {MOST_SECONDS:g})")
        rows.append(Alarms(f"scoring {N_VARIABLES} x {N_CELLS:,} values {what}", values, seconds > MOST_SECONDS))
    return rows


def _relate(rng: np.random.Generator, n_areas: int, families: Sequence[Family]) -> float:
    """CPU seconds of holding all variables of a state against one another."""
    sums = RelationSums(np.zeros((N_VARIABLES, n_areas)), 3)
    sums.add(rng.standard_normal((200, N_VARIABLES, n_areas)), basis(rng.uniform(0, 1, 200), 3))
    relations = fit([sums])
    assert relations is not None
    own = [f for f in families if f.areas]
    began = time.process_time()
    for _ in range(5):
        relations.score(np.zeros((N_VARIABLES, n_areas)), np.ones(3), own)
    return (time.process_time() - began) / 5
