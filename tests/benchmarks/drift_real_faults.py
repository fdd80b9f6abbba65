"""What of faults planted in real series dqwatch and other tools find, all at the same rate of false alarms.

Of each series the last third of the years is not trained on; clean cycles of it set everybody's threshold: what 1 % of
them exceed, or 5 % where a series has too few. Minutes; the faults are in drift_faults.py.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from tests.benchmarks import drift_peers as peers
from tests.benchmarks.drift_methods import LEVEL, Findings
from tests.benchmarks.drift_ours import Ours
from tests.benchmarks.drift_real import SERIES, folder
from tests.benchmarks.drift_real_series import RealSeries
from tests.benchmarks.drift_spoiling import Fault

COARSE = 0.05
"""The level where there are fewer clean cycles than `FEWEST`."""
FEWEST = 200
WAYS = {"state_alone": "dqwatch, state alone", "onset": "dqwatch, onset", "lasting": "dqwatch, lasting"}
MARGIN = 0.05


@dataclass
class Planted:
    """All methods on one series."""

    series: str
    cells: int
    training: int
    clean: int
    spoilt: int
    level: float
    power: dict[str, dict[str, float]]
    """Method -> fault -> power."""
    auroc: dict[str, float]
    """Method -> mean over faults."""
    faults: list[tuple[str, str]]
    """Name and family of each."""
    failed: list[str] = field(default_factory=list)

    @property
    def below(self) -> bool:
        """Nothing is promised of these series."""
        return False

    def mean(self, method: str, family: str | None = None) -> float:
        """Mean power over faults, of a family or all; NaN without any."""
        powers = self.power.get(method, {})
        own = [powers[name] for name, of in self.faults if family in (None, of) and name in powers]
        return float(np.mean(own)) if own else float("nan")


def measure() -> list[Planted]:
    """All series that are there, two at a time."""
    there = [
        (name, [folder() / file for file in files], number)
        for number, (name, files) in enumerate(SERIES.items())
        if all((folder() / file).exists() for file in files)
    ]
    if not there:
        return []
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        return list(pool.map(_score, there))


def _score(given: tuple[str, Sequence[Path], int]) -> Planted:
    series = RealSeries(*given)
    faults, ours = series.faults(), Ours(series)
    level = LEVEL if series.test.size >= FEWEST else COARSE
    ways = [way for way in WAYS if way == "state_alone" or ours.baseline.step]
    found = {WAYS[way]: one for way, one in ours.find(faults, series.faulty, ways).items()}
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, "given.npz")
        peers.hand_over(series, faults, path)
        for tool in (t for t in peers.PEERS if peers.environment(t).exists()):
            try:
                arrays = peers.run(tool, path, Path(temporary, f"{tool}.npz"))
            except RuntimeError as error:
                failed.append(f"{series.name}: {error}")
                continue
            for peer in (p for p in peers.SHOWN if p.tool == tool and f"{p.statistic}/null" in arrays):
                found[peer.name] = peers.findings(peer, arrays, series, faults)
    for one in found.values():
        one.level = level
    return Planted(
        series.name,
        series.world.grid.size,
        series.training.size,
        series.test.size,
        series.faulty.size,
        level,
        {name: {f.name: one.power(f.name) for f in faults} for name, one in found.items()},
        {name: _mean_auroc(one, faults) for name, one in found.items()},
        [(f.name, f.family) for f in faults],
        failed,
    )


def _mean_auroc(found: Findings, faults: Sequence[Fault]) -> float:
    return float(np.mean([found.auroc(f.name) for f in faults]))


def methods(rows: Sequence[Planted]) -> list[str]:
    """Those of any series, ours first."""
    return list(dict.fromkeys(name for row in rows for name in row.power))


def over_series(rows: Sequence[Planted], method: str, family: str) -> float:
    """Mean power at a family over all series and variables that have it."""
    own = [r.power[method][n] for r in rows if method in r.power for n, of in r.faults if of == family]
    return float(np.mean(own)) if own else float("nan")


def table(rows: Sequence[Planted]) -> str:
    """Rows as text."""
    names = methods(rows)
    listed = [("", list(names))]
    listed += [(f"{r.series} ({r.clean} at {r.level:.0%})", [_cell(r.mean(n)) for n in names]) for r in rows]
    listed += [(f, [_cell(over_series(rows, n, f)) for n in names]) for f in families(rows)]
    lines = [f"{head:80}" + "".join(f"{cell[:24]:>26}" for cell in cells) for head, cells in listed]
    return "\n".join(lines + [text for r in rows for text in r.failed])


def families(rows: Sequence[Planted]) -> list[str]:
    """Of faults, in their order."""
    return list(dict.fromkeys(of for row in rows for _, of in row.faults))


def markdown(rows: Sequence[Planted]) -> str:
    """Rows as tables in Markdown; nothing without any."""
    if not rows:
        return ""
    names = methods(rows)
    text = f"""## Faults planted in real series

Of each series the first two thirds of the years are learnt from; the rest is clean as far as anybody knows, and faults
are planted in cycles of it (`python -m tests.benchmarks drift_real_faults`; the list, `REAL_FAULTS`, was fixed before
anything was scored on it; it is planted in every variable that it makes sense for). Everybody is held to a threshold
that {LEVEL:.0%} of the clean cycles exceed, or {COARSE:.0%} where there are fewer than {FEWEST} of them. Mean power:

"""
    rule = ["---"] * (len(names) + 1)
    head = ["series", "cells", "trained on", "clean", "spoilt", "level", "faults"]
    listed = [[*head, *names], ["---"] * (len(names) + len(head))]
    for r in rows:
        about = [r.series, f"{r.cells:,}", f"{r.training:,}", str(r.clean), str(r.spoilt), f"{r.level:.0%}"]
        listed.append([*about, str(len(r.faults)), *(_cell(r.mean(n)) for n in names)])
    text += (
        _lines(listed)
        + "\n\nBy family, over the variables of all series that a method was measured on (the monthly one "
    )
    text += "has no step before):\n\n"
    listed = [["family", *names, "a peer is better than ours by more than .05"], [*rule, "---"]]
    for family in families(rows):
        powers = {n: over_series(rows, n, family) for n in names}
        listed.append([family, *(_cell(p) for p in powers.values()), _loses(powers)])
    text += _lines(listed)
    lost = [text for r in rows for text in _losses(r)]
    if lost:
        text += f"\n\nThe {len(lost)} single faults at which a peer is better by more than .05 than ours (with the step"
        text += " before where there is one): " + "; ".join(lost) + "."
    return text + "".join(f"\n\nNot measured: {one}" for r in rows for one in r.failed)


def _loses(powers: dict[str, float]) -> str:
    ours = powers.get(WAYS["onset"], float("nan"))
    ours = powers[WAYS["state_alone"]] if np.isnan(ours) else ours
    others = {n: p for n, p in powers.items() if n not in WAYS.values() and p == p}
    best = max(others, key=lambda n: others[n], default="")
    return f"{best} ({others[best]:.2f})" if best and others[best] > ours + MARGIN else ""


def _losses(row: Planted) -> list[str]:
    found = []
    for name, _ in row.faults:
        powers = {n: p[name] for n, p in row.power.items()}
        lost = _loses(powers)
        if lost:
            ours = powers.get(WAYS["onset"], powers[WAYS["state_alone"]])
            found.append(f"{row.series.partition(':')[0]}: {name.strip()} {ours:.2f}, {lost}")
    return found


def _cell(power: float) -> str:
    return "" if np.isnan(power) else f"{power:.2f}"


def _lines(listed: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in listed)
