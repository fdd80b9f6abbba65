"""What of the committed faults (drift_faults.py) dqwatch and other tools find, all at the same rate of false alarms.

Each seed is a weather of its own: a baseline of 20 years, 8 clean years after them, and every fault planted in some of
their cycles. `make peers` sets up the other tools; those that are not there are left out. The published table is of

    python -m tests.benchmarks.drift_skill --markdown docs/drift_skill.md

and takes tens of minutes. Detectors are developed on other seeds:
`--seeds 1 2 --faults noise spike --no-peers`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from tests.benchmarks import drift_costs, drift_real, drift_real_faults, drift_tables
from tests.benchmarks import drift_peers as peers
from tests.benchmarks.drift_faults import FAULTS, LEAST_TEST_SEED, TEST_SEEDS
from tests.benchmarks.drift_methods import Findings, joined
from tests.benchmarks.drift_ours import WAYS, Ours
from tests.benchmarks.drift_series import Series
from tests.benchmarks.drift_spoiling import Fault


@dataclass
class Outcome:
    """All methods on one seed, or on several."""

    ours: dict[str, Findings] = field(default_factory=dict)
    shared: dict[str, Findings] = field(default_factory=dict)
    """On the cycles that peers see."""
    defaults: dict[str, tuple[np.ndarray, dict[str, np.ndarray]]] = field(default_factory=dict)
    """Alarms by a peer's own recipe: of clean cycles, and by fault."""
    costs: list[drift_costs.Cost] = field(default_factory=list)
    """Of the first seed."""
    failed: list[str] = field(default_factory=list)
    """What a peer said instead."""


def measure() -> list[drift_tables.Line]:
    """All of it, for `python -m tests.benchmarks drift_skill`."""
    return drift_tables.lines(score(TEST_SEEDS, FAULTS, with_peers=True), FAULTS)


def table(rows: Sequence[drift_tables.Line]) -> str:
    """Rows as text."""
    return "\n".join(row.text + ("  BELOW" if row.below else "") for row in rows)


def score(seeds: Sequence[int], faults: Sequence[Fault], *, with_peers: bool, workers: int = 2) -> Outcome:
    """Every seed by a process of its own, some at a time."""
    work = partial(score_seed, faults=faults, with_peers=with_peers)
    with ProcessPoolExecutor(min(workers, len(seeds)), get_context("spawn")) as pool:
        return together(list(pool.map(work, seeds)))


def score_seed(seed: int, faults: Sequence[Fault], *, with_peers: bool) -> Outcome:
    """One seed; the peers run beside."""
    series, outcome = Series(seed), Outcome()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as beside:
        running: dict[str, Future[dict[str, np.ndarray]]] = {}
        given = Path(folder, "given.npz")
        there = [tool for tool in peers.PEERS if with_peers and peers.environment(tool).exists()]
        if there:
            peers.hand_over(series, faults, given, states=True)
        running = {tool: beside.submit(peers.run, tool, given, Path(folder, f"{tool}.npz")) for tool in there}
        outcome.ours = Ours(series).find(faults, series.faulty)
        dates, rows = peers.seen(series)
        for way, found in outcome.ours.items():
            if way.startswith("background"):
                continue  # what other tools are not given
            same = found.part(np.isin(series.test, dates), np.isin(series.faulty, dates[rows]))
            outcome.shared[f"dqwatch, {way}"] = same
        if seed == TEST_SEEDS[0]:
            outcome.costs.append(drift_costs.ours(series))
        for tool, future in running.items():
            try:
                arrays = future.result()
            except RuntimeError as error:
                outcome.failed.append(str(error))
                continue
            outcome.costs += drift_costs.theirs(tool, arrays, given, len(series.variables))
            for peer in (p for p in peers.SHOWN if p.tool == tool):
                outcome.shared[peer.name] = peers.findings(peer, arrays, series, faults)
            for peer in (p for p in peers.DEFAULTS if p.tool == tool):
                outcome.defaults[peer.name] = peers.defaults(peer, arrays, series, faults)
    return outcome


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """Seeds as one; a method must have come through on each."""

    def everywhere(of: Sequence[Mapping[str, object]]) -> list[str]:
        return [name for name in of[0] if all(name in one for one in of)]

    shared = everywhere([o.shared for o in outcomes])
    defaults = everywhere([o.defaults for o in outcomes])
    return Outcome(
        {way: joined([o.ours[way] for o in outcomes]) for way in WAYS},
        {name: joined([o.shared[name] for o in outcomes]) for name in shared},
        {
            name: (
                np.concatenate([o.defaults[name][0] for o in outcomes]),
                {k: np.concatenate([o.defaults[name][1][k] for o in outcomes]) for k in outcomes[0].defaults[name][1]},
            )
            for name in defaults
        },
        outcomes[0].costs,
        [text for o in outcomes for text in o.failed],
    )


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.drift_skill", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(TEST_SEEDS))
    parser.add_argument("--faults", nargs="+", metavar="FAMILY", help="only these families")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--workers", type=int, default=2, help="seeds at a time (default 2)")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables there too; for the test seeds only")
    chosen = parser.parse_args()
    faults = [f for f in FAULTS if not chosen.faults or f.family in chosen.faults]
    if not faults:
        parser.error(f"no such family; there are {', '.join(dict.fromkeys(f.family for f in FAULTS))}")
    if chosen.markdown and (min(chosen.seeds) < LEAST_TEST_SEED or chosen.faults):
        parser.error("--markdown: what is published is of the test seeds and all faults")
    real = ""
    if chosen.markdown:
        planted = drift_real_faults.markdown(drift_real_faults.measure())
        real = "\n\n".join(filter(None, (drift_real.markdown(drift_real.measure()), planted)))
    outcome = score(chosen.seeds, faults, with_peers=not chosen.no_peers, workers=chosen.workers)
    rows = drift_tables.lines(outcome, faults)
    print(table(rows))
    if chosen.markdown:
        Path(chosen.markdown).write_text(drift_tables.markdown(outcome, faults, real), encoding="utf-8")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(main())
