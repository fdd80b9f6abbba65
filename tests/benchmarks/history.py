"""Seconds and memory of `dqwatch report` over a year of 6-hourly cycles of 100 variables, page included.

One variable drifts in the last quarter. The history is filled by appending, as gates do; the report is the command, in
a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dqwatch import tables
from dqwatch.history.appending import append
from dqwatch.history.store import open_history
from dqwatch.types import Verdict

CYCLES, VARIABLES = 4 * 365, 100
LIMIT_S, LIMIT_MB = 20.0, 1000.0


class Taken(NamedTuple):
    """One command."""

    what: str
    seconds: float
    cpu_s: float
    """Of all threads: what it would take alone on a machine that is busy now."""
    memory_mb: float
    file_mb: float

    @property
    def below(self) -> bool:
        """Whether it takes more than it may."""
        return self.seconds > LIMIT_S or self.memory_mb > LIMIT_MB


def measure() -> list[Taken]:
    """The report of the whole year, with page and JSON, and of its last month."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "history.db")
        began, spent = time.perf_counter(), time.process_time()
        fill(str(path))
        took = (time.perf_counter() - began) / CYCLES, (time.process_time() - spent) / CYCLES
        size = path.stat().st_size / 1e6
        rows = [Taken(f"append one cycle ({CYCLES:,} of them)", *took, 0.0, size)]
        for since in ("8760h", "30d"):
            words = ["report", "--history", str(path), "--since", since, "--fail-on", "never"]
            words += ["--html", f"{folder}/r.html", "--json", f"{folder}/r.json", "--compare", "cycle"]
            rows.append(Taken(f"report since {since}", *run(words), size))
    return rows


def fill(address: str) -> None:
    """A year until now."""
    rng = np.random.default_rng(0)
    history = open_history(address, create=True)
    start = datetime.now(UTC) - timedelta(hours=6 * CYCLES - 1)
    for k in range(CYCLES):
        moment = start + timedelta(hours=6 * k)
        append(history, make_verdict(f"{moment:%Y-%m-%dT%H:00:00}", k, rng), recorded_at=moment)
    history.close()


def make_verdict(label: str, k: int, rng: np.random.Generator) -> Verdict:
    """Of a gate of one cycle."""
    p = rng.uniform(size=VARIABLES)
    late = k > 0.75 * CYCLES and rng.uniform() < 0.6
    p_cycle = 0.0005 if late else float(rng.uniform())
    p[0] = 0.0005 if late else p[0]
    drift = {
        "time": [label] * VARIABLES, "variable": [f"v_{n}" for n in range(VARIABLES)], "p_value": p, "q_value": p,
        "region": ["40N-60N 0E-30E"] * VARIABLES, "leading_score": ["mean"] * VARIABLES, "score": p, "usual_score": p,
        "named": p < 0.01, "alarmed": (p < 0.01) & (p_cycle < 0.01),
    }  # fmt: skip
    cycle = {"time": [label], "p_cycle": [p_cycle], "null_size": [4000], "null_years": [20], "n_variables": [VARIABLES]}
    made = {name: frame(name, given) for name, given in (("drift", drift), ("cycles", cycle))}
    status, code = ("fail", 1) if late else ("pass", 0)
    return Verdict(
        verb="gate", status=status, exit_code=code,  # type: ignore[arg-type]
        inputs=({"name": f"ic{k}.zarr", "kind": "anemoi_zarr", "identity": ""},), rule_sets=(), results=(),
        summary={"rules": 200, "pass": 200 - code, "fail": code}, timing={"total_s": 2.0}, tables=made,
        labels={"cycle": "48r1" if k < CYCLES // 2 else "49r1"},
    )  # fmt: skip


def frame(name: str, given: dict) -> object:
    """A table of which only some columns matter."""
    empty = {"str": "", "int": 0, "float": np.nan, "bool": False}
    n = len(given["time"])
    return tables.frame(name, {c.name: given.get(c.name, [empty[c.dtype]] * n) for c in tables.TABLES[name]})


def run(words: Sequence[str]) -> tuple[float, float, float]:
    """Seconds, CPU-seconds and peak memory [1e6 bytes] of a command of dqwatch."""
    program = Path(sysconfig.get_path("scripts")) / "dqwatch"
    began = time.perf_counter()
    process = subprocess.Popen([str(program), *words], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"dqwatch {' '.join(words)} returned {process.returncode}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def table(rows: Sequence[Taken]) -> str:
    """Rows as text."""
    lines = [f"{'what':34}{'seconds':>9}{'limit':>7}{'CPU s':>8}{'MB':>7}{'limit':>7}{'file MB':>9}"]
    for row in rows:
        line = f"{row.what:34}{row.seconds:9.3f}{LIMIT_S:7.0f}{row.cpu_s:8.3f}"
        line += f"{row.memory_mb:7.0f}{LIMIT_MB:7.0f}{row.file_mb:9.0f}"
        lines.append(line + ("  BELOW" if row.below else ""))
    return "\n".join(lines)
