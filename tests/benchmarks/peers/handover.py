"""What the benchmark hands to a peer, and what it gets back; runs in the peer's own environment, on numpy alone."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Statistics = dict[str, np.ndarray]
MOST = 6_400
"""Values that a test of two samples is given of training: as many as a month has."""
DEFAULT_EVERY = 2
"""Spoilt cycles from one to the next that recipes without months are tried on."""
Compare = Callable[[np.ndarray, np.ndarray], Statistics]
"""(values of training (n,), fields (field, cell)) -> statistics and alarms of each field by name."""
BLOCKS_EVERY = 3
"""Spoilt cycles from one to the next that are tried block by block."""
CompareStates = Callable[[np.ndarray, np.ndarray], Statistics]
"""(values of training (n, variable), states (state, cell, variable)) -> the same of each state."""
CompareWindows = Callable[[np.ndarray, np.ndarray], Statistics]
"""(components of training (cycle, component), windows (window, cycle, component)) -> statistics of each window."""


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
            self.blocks = held.get("blocks")
            """int64 (cell,); None where neither whole states nor recipes for all months are wanted."""
            self.components = {key: held[key] for key in held.files if key.startswith(("components_", "windows_"))}
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
        self.seconds: dict[str, float] = {}
        """CPU, by recipe."""
        self.numbers: dict[str, int] = {}
        """Of fields or states that these were for."""

    def spent(self, recipe: str, began: float, number: int) -> None:
        """Count CPU time since it was `began`."""
        self.seconds[recipe] = self.seconds.get(recipe, 0.0) + time.process_time() - began
        self.numbers[recipe] = self.numbers.get(recipe, 0) + number

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
        for month in range(len(handed.reference)) if months else (None,):
            labels, fields = _fields(handed, variable, month)
            if not fields:
                continue
            training = handed.pooled[:, variable] if month is None else handed.reference[month, :, variable].ravel()
            began = time.process_time()
            found = compare(training, np.stack(fields))
            given.spent("fields by month" if months else "fields", began, len(fields))
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
        began = time.process_time()
        found = compare(handed.pooled, np.stack([s.T for s in states]))
        given.spent("states", began, len(states))
        for name, values in found.items():
            for cycle, value in enumerate(values):
                given.add(f"{name}/states", (what, cycle, 0), float(value))

    put("null", list(handed.null))
    put("clean", list(handed.clean))
    for k in range(len(handed.faults)):
        put(f"fault_{k}", [handed.state(k, number) for number in range(handed.rows.size)])


def compare_windows(handed: Handed, compare: CompareWindows, given: Given) -> None:
    """Windows of the components of cycles, against those of training."""
    held = handed.components

    def put(what: str, values: np.ndarray, windows: np.ndarray) -> None:
        began = time.process_time()
        found = compare(held["components_reference"], values[windows])
        given.spent("windows", began, len(windows))
        for name, one in found.items():
            given.arrays[f"{name}/windows/{what}"] = one[:, None]

    put("clean", held["components_clean"], held["windows_clean"])
    for k in range(len(handed.faults)):
        put(f"fault_{k}", held[f"components_{k}"], held["windows_spoilt"])


def compare_blocks(handed: Handed, compare: CompareStates, given: Given) -> None:
    """Means over blocks of every clean cycle and some spoilt ones, against training of the same month."""
    assert handed.blocks is not None
    counts = np.bincount(handed.blocks)

    def mean(state: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(handed.blocks, field) / counts for field in state], axis=1)

    for month, cycles in enumerate(handed.reference):
        own = np.flatnonzero(handed.clean_month == month)
        wanted = [(("clean", int(c), 0), handed.clean[c]) for c in own]
        for k in range(len(handed.faults)):
            spoilt = np.flatnonzero(handed.clean_month[handed.rows] == month)
            chosen = [int(n) for n in spoilt if n % BLOCKS_EVERY == 0]
            wanted += [((f"fault_{k}", n, 0), handed.state(k, n)) for n in chosen]
        if not wanted:
            continue
        began = time.process_time()
        found = compare(np.concatenate([mean(c) for c in cycles]), np.stack([mean(state) for _, state in wanted]))
        given.spent("blocks by month", began, len(wanted))
        for name, values in found.items():
            for (label, _), value in zip(wanted, values, strict=True):
                given.add(f"{name}/blocks", label, float(value))


def peak_memory() -> int:
    """Bytes that this process had at most; `ru_maxrss` would have those of its parent too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def main(
    compare: Compare,
    states: CompareStates | None = None,
    windows: CompareWindows | None = None,
    blocks: CompareStates | None = None,
) -> None:
    """`python PEER.py IN.npz OUT.npz`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("given")
    parser.add_argument("found")
    arguments = parser.parse_args()
    began = time.process_time()
    handed = Handed(arguments.given)
    given = Given(handed)
    compare_fields(handed, compare, given, months=True)
    if handed.blocks is not None:
        compare_fields(handed, compare, given, months=False)
    if states is not None and handed.clean.shape[1] > 1:
        compare_states(handed, states, given)
    if windows is not None and handed.components:
        compare_windows(handed, windows, given)
    if blocks is not None and handed.blocks is not None:
        compare_blocks(handed, blocks, given)
    costs = {f"seconds/{key}": np.array(value / given.numbers[key]) for key, value in given.seconds.items()}
    peak = np.array(peak_memory())
    np.savez(
        arguments.found, **given.arrays, **costs, peak_memory=peak, cpu_seconds=np.array(time.process_time() - began)
    )
