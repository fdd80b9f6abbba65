"""What a method makes of clean and of spoilt cycles (drift_skill.py)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from tests.benchmarks.drift_series import Cycle
from tests.benchmarks.drift_spoiling import Fault, World

LEVEL = 0.01
_PARTIAL = 0.01
"""Rate of false alarms up to which the partial area under the curve goes."""


class Weather(Protocol):
    """What is learnt from and tested on: `drift_series.Series`, or a real one."""

    seed: int
    step: int
    """Of `field`: one step back."""
    variables: tuple[str, ...]
    every: tuple[int, int]
    """Test cycles from one that peers see to the next; spoilt cycles likewise."""
    training: np.ndarray
    test: np.ndarray
    faulty: np.ndarray
    world: World

    def field(self, date: np.datetime64, variable: str, back: int = 0) -> np.ndarray:
        """A clean field some time before a date, float32 (cell,)."""

    def forecast(self, date: np.datetime64, variable: str) -> np.ndarray | None:
        """The short forecast valid at a cycle."""

    def dataset(self) -> Any:
        """The training years."""

    def background(self) -> Any:
        """The short forecasts of them; None without any."""

    def spoil(self, fault: Fault, date: np.datetime64) -> Cycle:
        """A fault at a cycle, and at the step before."""

    def years(self, times: np.ndarray) -> np.ndarray:
        """Calendar years, int64."""

    def months(self, times: np.ndarray) -> np.ndarray:
        """Numbers of months from 0 on, int64."""

    def reference(self, months: np.ndarray, null: np.ndarray) -> int:
        """Training cycles of each month that peers are given, beside those that scale their statistics."""

    @property
    def null_every(self) -> int:
        """Training cycles from one that scales the statistics of peers to the next."""

    @property
    def known_cells(self) -> np.ndarray:
        """Cells that peers are given, int64."""


@dataclass
class Findings:
    """One method on all cycles.

    Attributes
    ----------
    clean : np.ndarray float64 (cycle,)
        A statistic, the larger the more unusual.
    years : np.ndarray int64 (cycle,)
        Seed and year of each clean cycle, as one number.
    faults : dict of np.ndarray float64 (cycle,)
        The statistic by name of the fault.
    clean_alarms, fault_alarms
        What the method itself would have said, by name of its recipe.
    right : dict of np.ndarray bool (cycle,)
        Whether the variable that departs most is a spoilt one.
    """

    clean: np.ndarray
    years: np.ndarray
    faults: dict[str, np.ndarray]
    clean_alarms: dict[str, np.ndarray] = field(default_factory=dict)
    fault_alarms: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    right: dict[str, np.ndarray] = field(default_factory=dict)
    overlap: dict[str, np.ndarray] = field(default_factory=dict)
    """Of a fault that is somewhere: area of both over area of either, of where it is and where it is said to be."""
    level: float = LEVEL
    """Of false alarms, at which power is told."""

    def part(self, clean: np.ndarray, spoilt: np.ndarray) -> Findings:
        """Some of the cycles: bool (clean cycle,), bool (spoilt cycle,)."""
        return Findings(
            self.clean[clean],
            self.years[clean],
            {key: values[spoilt] for key, values in self.faults.items()},
            {key: values[clean] for key, values in self.clean_alarms.items()},
            {name: {key: v[spoilt] for key, v in one.items()} for name, one in self.fault_alarms.items()},
            {key: values[spoilt] for key, values in self.right.items()},
            {key: values[spoilt] for key, values in self.overlap.items()},
            self.level,
        )

    @property
    def threshold(self) -> float:
        """What at most 1 % (or `level`) of the clean cycles exceed."""
        return float(np.sort(self.clean)[::-1][int(self.level * self.clean.size)])

    def power(self, fault: str) -> float:
        """The share of spoilt cycles that exceed it."""
        return float((self.faults[fault] > self.threshold).mean())

    def auroc(self, fault: str) -> float:
        """The chance that a spoilt cycle is more unusual than a clean one."""
        ordered = np.sort(self.clean)
        below = np.searchsorted(ordered, self.faults[fault], "left")
        not_above = np.searchsorted(ordered, self.faults[fault], "right")
        return float((0.5 * (below + not_above) / ordered.size).mean())

    def partial_auroc(self, fault: str) -> float:
        """The mean power at rates of false alarms from 0 to 1 %, ties by half."""
        most = np.sort(self.clean)[::-1][: max(1, round(_PARTIAL * self.clean.size))]
        values = self.faults[fault][:, None]
        return float(((values > most).mean(axis=0) + 0.5 * (values == most).mean(axis=0)).mean())


def joined(parts: Sequence[Findings]) -> Findings:
    """The same method on several seeds."""

    def together(of: Iterable[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        listed = list(of)
        return {key: np.concatenate([one[key] for one in listed]) for key in listed[0]}

    return Findings(
        np.concatenate([p.clean for p in parts]),
        np.concatenate([p.years for p in parts]),
        together(p.faults for p in parts),
        together(p.clean_alarms for p in parts),
        {key: together(p.fault_alarms[key] for p in parts) for key in parts[0].fault_alarms},
        together(p.right for p in parts),
        together(p.overlap for p in parts),
        parts[0].level,
    )
