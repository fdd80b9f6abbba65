"""Run the benchmarks and print their tables."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from pathlib import Path

from tests import benchmarks
from tests.benchmarks import bare


def cpu_name() -> str:
    """The processor as the system names it."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> int:
    """Exit code 1 if `--strict` and a target was missed."""
    modules = (p for folder in benchmarks.__path__ for p in Path(folder).glob("[!_]*.py"))
    every = sorted(p.stem for p in modules if "\ndef measure(" in p.read_text(encoding="utf-8"))
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=benchmarks.__doc__)
    parser.add_argument("names", nargs="*", choices=[*every, []], metavar="NAME", help=", ".join(every))
    parser.add_argument("--strict", action="store_true", help="exit code 1 where a target is missed")
    chosen = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{cpu_name()}, {cores} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    if bare.stand_in():
        print("no numba here: only what needs no compiled kernel is measured")
    missed = False
    for name in chosen.names or every:
        module = importlib.import_module(f"tests.benchmarks.{name}")
        print(f"\n{name}: {(module.__doc__ or '').splitlines()[0]}")
        rows = module.measure()
        print(getattr(module, "table", benchmarks.table)(rows), flush=True)
        missed = missed or any(row.below for row in rows)
    return 1 if missed and chosen.strict else 0


if __name__ == "__main__":
    sys.exit(main())
