"""Audit the example data, then gate one clean and some spoilt states, as a user would; and say what was seen.

Run by ``make demo`` after ``python examples/make_data.py demo``. Every step is the command that is printed; the exit
codes are checked, so that this script fails if dqwatch does not see what was planted.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

DATA = Path("demo")
REPORT = "demo/report.html"

STEPS = [
    (
        ["audit", "demo/training.zarr"],
        0,
        "Ten years of training data: every field was read once. Nothing is missing, misaligned or out of range.",
    ),
    (
        ["gate", "demo/incoming_clean.zarr"],
        0,
        "An incoming state as it should be: exit code 0, the model may start.",
    ),
    (
        ["gate", "demo/incoming_celsius.zarr"],
        1,
        "2 m temperature arrived in degrees Celsius while its units still say K: the gate is closed.",
    ),
    (
        ["gate", "demo/incoming_nan.zarr", "--html", REPORT],
        1,
        f"A patch of missing values in 2 m temperature: the gate is closed. Open {REPORT} to see where.",
    ),
]


def main() -> int:
    """Run the steps; 0 if every exit code is the one expected."""
    program = Path(sysconfig.get_path("scripts")) / "dqwatch"
    for arguments, expected, explanation in STEPS:
        print(f"\n$ dqwatch {' '.join(arguments)}", flush=True)
        code = subprocess.run([str(program), *arguments], check=False).returncode
        print(f"exit code {code}. {explanation if code == expected else f'Expected {expected}: this is a bug.'}")
        if code != expected:
            return 1
    print(f"\nThe data lie in {DATA}/; try: dqwatch audit FILE with a file of your own (Zarr, NetCDF or GRIB).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
