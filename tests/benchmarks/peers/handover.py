"""What the benchmark hands to a peer, and what it gets back; runs in the peer's own environment, on numpy alone."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

Statistics = dict[str, np.ndarray]
MOST = 6_400
"""Values that a test of two samples is given of training: as many as a month has."""
DEFAULT_EVERY = 2
"""Spoilt cycles from one to the next that recipes without months are tried on."""
Compare = Callable[[np.ndarray, np.ndarray], Statistics]
"""(values of training (n,), fields (field, cell)) -> statistics and alarms of each field by name."""
CompareStates = Callable[[np.ndarray, np.ndarray], Statistics]
"""(values of training (n, variable), states (state, cell, variable)) -> the same of each state."""


def some(training: np.ndarray) -> np.ndarray:
    """At most `MOST` values of training, drawn from all of it."""
    return training[np.random.default_rng(0).permutation(training.size)[:MOST]]


class Handed:
    """Clean and spoilt cycles.

    Attributes
    ----------
    reference : float32 (month, cycle, variable, cell), of training
    null, clean : float32 (cycle, variable, cell), of training, and of the test years
    null_month, clean_month : int64 (cycle,)
    rows : int64 (cycle,), which of the clean cycles are spoilt
    faults : list of float32 (variable, cycle, cell), fields of the variables that a fault spoils
    owners : list of int64 (variable,), which these are
    """

    def __init__(self, path: str) -> None:
        with np.load(path) as held:
            self.reference, self.null, self.clean = held["reference"], held["null"], held["clean"]
            self.null_month, self.clean_month, self.rows = held["null_month"], held["clean_month"], held["rows"]
            count = int(held["count"])
            self.faults = [held[f"fault_{k}"] for k in range(count)]
            self.owners = [held[f"owners_{k}"] for k in range(count)]
        self.pooled = np.moveaxis(self.reference, 2, -1).reshape(-1, self.reference.shape[2])
        """float32 (n, variable), of all months: whole fields one after the other."""

    def state(self, fault: int, number: int) -> np.ndarray:
        """One spoilt cycle, float32 (variable, cell)."""
        found = self.clean[self.rows[number]].copy()
        found[self.owners[fault]] = self.faults[fault][:, number]
        return found


class Given:
    """Statistics of cycles: (cycle, variable) of null and clean ones, (variable, cycle) of the spoilt ones."""

    def __init__(self, handed: Handed) -> None:
        self._handed = handed
        self.arrays: Statistics = {}

    def add(self, name: str, field: tuple[str, int, int], value: float) -> None:
        """One value of a field: 'null', 'clean' or 'fault_N', cycle, and variable (of a fault: its own)."""
        what, cycle, variable = field
        key = f"{name}/{what}"
        if key not in self.arrays:
            self.arrays[key] = np.full(self._shape(what), np.nan)
        self.arrays[key][cycle, variable] = value

    def _shape(self, what: str) -> tuple[int, int]:
        handed = self._handed
        if what.startswith("fault_"):
            shape = handed.faults[int(what[6:])].shape
            return shape[1], shape[0]
        return (handed.null if what == "null" else handed.clean).shape[:2]


def compare_fields(handed: Handed, compare: Compare, given: Given, *, months: bool) -> None:
    """Every variable of every cycle, against training of the same month or of the whole year."""
    n_variables = handed.clean.shape[1]
    for variable in range(n_variables):
        for month in range(12) if months else (None,):
            labels, fields = _fields(handed, variable, month)
            if not fields:
                continue
            training = handed.pooled[:, variable] if month is None else handed.reference[month, :, variable].ravel()
            found = compare(training, np.stack(fields))
            for name, values in found.items():
                for label, value in zip(labels, values, strict=True):
                    given.add(f"{name}{'' if months else '/pooled'}", label, float(value))


def _fields(handed: Handed, variable: int, month: int | None) -> tuple[list[tuple[str, int, int]], list[np.ndarray]]:
    """All fields of a variable in a month, or of the year with fewer spoilt ones and none of training."""
    labels, fields = [], []
    clean, every = set(range(len(handed.clean))), DEFAULT_EVERY
    if month is not None:
        clean, every = set(np.flatnonzero(handed.clean_month == month).tolist()), 1
        for cycle in np.flatnonzero(handed.null_month == month).tolist():
            labels.append(("null", cycle, variable))
            fields.append(handed.null[cycle, variable])
    for cycle in sorted(clean):
        labels.append(("clean", cycle, variable))
        fields.append(handed.clean[cycle, variable])
    for k, (owners, values) in enumerate(zip(handed.owners, handed.faults, strict=True)):
        for own in np.flatnonzero(owners == variable).tolist():
            for cycle, row in enumerate(handed.rows.tolist()):
                if row in clean and cycle % every == 0:
                    labels.append((f"fault_{k}", cycle, own))
                    fields.append(values[own, cycle])
    return labels, fields


def compare_states(handed: Handed, compare: CompareStates, given: Given) -> None:
    """Every cycle with all of its variables at once, against training of the whole year."""

    def put(what: str, states: list[np.ndarray]) -> None:
        found = compare(handed.pooled, np.stack([s.T for s in states]))
        for name, values in found.items():
            for cycle, value in enumerate(values):
                given.add(f"{name}/states", (what, cycle, 0), float(value))

    put("null", list(handed.null))
    put("clean", list(handed.clean))
    for k in range(len(handed.faults)):
        put(f"fault_{k}", [handed.state(k, number) for number in range(handed.rows.size)])


def main(compare: Compare, states: CompareStates | None = None) -> None:
    """`python PEER.py IN.npz OUT.npz`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("given")
    parser.add_argument("found")
    arguments = parser.parse_args()
    began = time.process_time()
    handed = Handed(arguments.given)
    given = Given(handed)
    compare_fields(handed, compare, given, months=True)
    compare_fields(handed, compare, given, months=False)
    if states is not None:
        compare_states(handed, states, given)
    np.savez(arguments.found, **given.arrays, cpu_seconds=np.array(time.process_time() - began))
