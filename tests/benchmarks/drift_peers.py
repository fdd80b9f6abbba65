"""Other tools on the cycles of drift_skill.py, each in an environment of its own (`make peers`)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.benchmarks import drift_components as whole
from tests.benchmarks.drift_methods import Findings, Weather
from tests.benchmarks.drift_spoiling import Fault
from tests.benchmarks.peers.handover import DEFAULT_EVERY

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).with_name("peers")
PEERS = ("evidently", "nannyml", "alibi_detect")
SECONDS = 3600
"""After which a peer is given up."""


class Peer(NamedTuple):
    """What is shown of a peer."""

    tool: str
    statistic: str
    """As its script calls it."""
    name: str


SHOWN = (
    Peer("evidently", "Wasserstein", "evidently: Wasserstein by month"),
    Peer("alibi_detect", "KS", "alibi-detect: KS by month"),
    Peer("nannyml", "JS", "NannyML: JS by month"),
    Peer("nannyml", "reconstruction/states", "NannyML: reconstruction error"),
    Peer("nannyml", "domain/blocks", "NannyML: domain classifier on block means, by month"),
    Peer("alibi_detect", "MMD/windows", "alibi-detect: MMD of 8 cycles"),
    Peer("alibi_detect", "LSDD/windows", "alibi-detect: LSDD of 8 cycles"),
)
DEFAULTS = (
    Peer("evidently", "alarm/pooled", "evidently, half of the columns drift"),
    Peer("evidently", "alarm/pooled", "evidently, any column drifts"),
    Peer("alibi_detect", "alarm/pooled", "alibi-detect KSDrift, p < .05 (Bonferroni)"),
    Peer("nannyml", "alarm/pooled", "NannyML univariate (JS), any column"),
    Peer("nannyml", "alarm/states", "NannyML reconstruction error"),
)


def environment(tool: str) -> Path:
    """The interpreter that `make peers` prepares for a tool."""
    return ROOT / f".venv-peer-{tool.replace('_', '-')}" / "bin" / "python"


def seen(series: Weather) -> tuple[np.ndarray, np.ndarray]:
    """The test cycles that peers see, and which of these they see spoilt as well: dates, and int64 positions."""
    clean, spoilt = series.every
    dates = series.test[::clean]
    return dates, np.flatnonzero(np.isin(dates, series.faulty))[::spoilt]


def hand_over(series: Weather, faults: Sequence[Fault], path: Path, *, states: bool = False) -> None:
    """Write what peers are given; with components and blocks of whole states if wanted."""

    cells = series.known_cells

    def stack(dates: np.ndarray) -> np.ndarray:
        return np.stack([[series.field(date, v)[cells] for v in series.variables] for date in dates])

    training, months = series.training, series.months(series.training)
    null = np.arange(0, training.size, series.null_every)
    rng = np.random.default_rng(series.seed)
    others = np.setdiff1d(np.arange(training.size), null)
    size = series.reference(months, null)
    chosen = [np.sort(rng.permutation(others[months[others] == m])[:size]) for m in range(months.max() + 1)]
    dates, rows = seen(series)
    arrays = {
        "reference": np.stack([stack(training[own]) for own in chosen]),
        "null": stack(training[null]),
        "null_month": months[null],
        "clean": stack(dates),
        "clean_month": series.months(dates),
        "rows": rows,
        "count": np.array(len(faults)),
    }
    components = None
    if states:
        grid = series.world.grid
        components = whole.Components(series, grid.area_weights, series.world.sd)
        arrays["blocks"] = whole.blocks(grid.latitudes, grid.longitudes)
        arrays["components_reference"] = components.training[::2]
        arrays["components_clean"] = components.of(dates)
        arrays["windows_clean"], arrays["windows_spoilt"] = whole.windows(dates.size, rows)
    for k, fault in enumerate(faults):
        cycles = [series.spoil(fault, date).onset for date in dates[rows]]
        if components is not None:
            arrays[f"components_{k}"] = components.of_fault(fault, dates[rows], cycles)
        arrays[f"owners_{k}"] = np.array([series.variables.index(v) for v in fault.variables])
        arrays[f"fault_{k}"] = np.stack([[one[v][cells] for one in cycles] for v in fault.variables])
    np.savez(path, **arrays)


def run(tool: str, given: Path, found: Path) -> dict[str, np.ndarray]:
    """A peer's statistics, as `peers/handover.py` writes them.

    Raises
    ------
    RuntimeError
        If it fails or takes too long.
    """
    command = [str(environment(tool)), str(SCRIPTS / f"{tool}_peer.py"), str(given), str(found)]
    single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "DO_NOT_TRACK": "1"}
    try:
        done = subprocess.run(
            command, env=os.environ | single, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{tool}: given up after {SECONDS} s") from None
    if done.returncode:
        raise RuntimeError(f"{tool}: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'failed'}")
    with np.load(found) as held:
        return dict(held)


def findings(peer: Peer, arrays: dict[str, np.ndarray], series: Weather, faults: Sequence[Fault]) -> Findings:
    """A statistic under our calibration: scaled by training variable by variable, the largest of a cycle.

    Those of whole states in windows, or in blocks, are one number each and are taken as they are.
    """
    if peer.statistic.endswith(("/windows", "/blocks")):
        return _of_states(peer, arrays, series, faults)
    null, clean = (_known(arrays[f"{peer.statistic}/{what}"]) for what in ("null", "clean"))
    if peer.statistic.endswith("/states"):
        null, clean = null[:, :1], clean[:, :1]
    middle = np.median(null, axis=0)
    scale = np.quantile(null, 0.99, axis=0) - middle
    scale = np.where(scale > 0, scale, np.inf)
    dates, rows = seen(series)
    spoilt = {}
    for k, fault in enumerate(faults):
        values = clean[rows].copy()
        owners = [0] if peer.statistic.endswith("/states") else [series.variables.index(v) for v in fault.variables]
        values[:, owners] = _known(arrays[f"{peer.statistic}/fault_{k}"][:, : len(owners)])
        spoilt[fault.name] = ((values - middle) / scale).max(axis=1)
    years = series.seed * 10_000 + series.years(dates)
    return Findings(((clean - middle) / scale).max(axis=1), years, spoilt)


def _of_states(peer: Peer, arrays: dict[str, np.ndarray], series: Weather, faults: Sequence[Fault]) -> Findings:
    spoilt = {f.name: arrays[f"{peer.statistic}/fault_{k}"][:, 0] for k, f in enumerate(faults)}
    spoilt = {name: _known(values[~np.isnan(values)]) for name, values in spoilt.items()}
    clean, (dates, _) = _known(arrays[f"{peer.statistic}/clean"][:, 0]), seen(series)
    return Findings(clean, series.seed * 10_000 + series.years(dates[: clean.size]), spoilt)


def defaults(
    peer: Peer, arrays: dict[str, np.ndarray], series: Weather, faults: Sequence[Fault]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """What a peer says by its own recipe: alarms of clean cycles, and of spoilt ones by fault."""
    clean = arrays[f"{peer.statistic}/clean"]
    _, rows = seen(series)
    states = peer.statistic.endswith("/states")
    share = 0.5 if "half" in peer.name else 1e-9

    def alarms(values: np.ndarray) -> np.ndarray:
        return np.asarray((_known(values[:, 0]) if states else _known(values).mean(axis=1)) >= share)

    spoilt = {}
    for k, fault in enumerate(faults):
        own = arrays[f"{peer.statistic}/fault_{k}"]
        values = clean[rows].copy()
        owners = [0] if states else [series.variables.index(v) for v in fault.variables]
        values[:, owners] = own[:, : len(owners)]
        spoilt[fault.name] = alarms(values[:: 1 if states else DEFAULT_EVERY])
    return alarms(clean), spoilt


def _known(values: np.ndarray) -> np.ndarray:
    """A statistic that is missing alarms nobody."""
    return np.nan_to_num(values, nan=0.0, posinf=1e300)
