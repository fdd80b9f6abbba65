"""Audit the example data, learn from them, gate states, clean and spoilt, and weigh what drifted; say what was seen.

Run by ``make demo`` after ``python examples/make_data.py demo``. Every step is the command that is printed (two run at
a time); the exit codes, the variables that the drift is about, and those whose loss weights are lowered, are checked,
so that this script fails if dqwatch does not see what was planted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

DATA = Path("demo")
REPORT = "demo/report.html"
VERDICT = "demo/soil.json"
WEIGHTS, PAGE = "demo/weights.yaml", "demo/weights.html"
ADVICE = "demo/weights.json"
CONFIG = os.path.relpath(Path(__file__).with_name("aifs_single_1_0.yaml"))
AIMS = ["--incoming", "demo/new_source.zarr", "--baseline", "demo/baseline.zarr", "--target", "head"]
AIMS += ["-o", WEIGHTS, "--json", ADVICE, "--html", PAGE]
SOIL = {"swvl1", "swvl2"}
LOWERED = 0.9
"""A factor below counts as a weight that changes."""
AGAINST = ["--baseline", "demo/baseline.zarr", "--previous", "demo/incoming_previous.zarr"]


class Step(NamedTuple):
    """A command, the exit code that it should have, and what that says."""

    arguments: list[str]
    code: int
    explanation: str


LEARN = [
    Step(
        ["audit", "demo/training.zarr"],
        0,
        "Ten years of training data: every field was read once. Nothing is missing, misaligned or out of range.",
    ),
    Step(
        ["baseline", "demo/training.zarr", "-o", "demo/baseline.zarr"],
        0,
        "What is normal was learnt: each training state was scored with its own years held out, 2,436 in all.",
    ),
]
GATE = [
    Step(
        ["gate", "demo/incoming_clean.zarr", *AGAINST],
        0,
        "An incoming state as it should be, and like training: exit code 0, the model may start.",
    ),
    Step(
        ["gate", "demo/incoming_celsius.zarr"],
        1,
        "2 m temperature arrived in degrees Celsius while its units still say K: the gate is closed.",
    ),
    Step(
        ["gate", "demo/incoming_nan.zarr"],
        1,
        "A patch of missing values in 2 m temperature: the gate is closed.",
    ),
    Step(
        ["gate", "demo/incoming_soil.zarr", *AGAINST, "--json", VERDICT, "--html", REPORT],
        1,
        "Soil is wetter by 2 standard deviations in one region. Every value is possible, so no limit catches it; as a\n"
        "whole the state is unlike all of training. A model that leans on soil moisture may answer with 'rain pox',\n"
        "spots of rain that are not there. The gate is closed, and says which variables and where: open\n"
        f"{REPORT} to see.",
    ),
    Step(
        ["weights", "demo/training.zarr", "--config", CONFIG, *AIMS],
        0,
        "A model is to be fine-tuned on a new source, whose soil is wetter by 2 standard deviations on all land; its\n"
        "loss weights are those of AIFS Single 1.0. Soil moisture is not normalised there, has weights far above all\n"
        "others, and the new source stays away from training further than a step can teach: its weights are lowered.",
    ),
]


def main() -> int:
    """Run the steps; 0 if everything was seen as planted."""
    for steps in (LEARN, GATE):
        with ThreadPoolExecutor(2) as pool:
            for step, (code, said) in zip(steps, pool.map(run, steps), strict=True):
                print(f"\n$ dqwatch {' '.join(step.arguments)}\n{said.rstrip()}")
                wrong = f"Expected {step.code}: this is a bug."
                print(f"exit code {code}. {step.explanation if code == step.code else wrong}", flush=True)
                if code != step.code:
                    return 1
    named = name_drift(Path(VERDICT))
    print(f"\nSoil moisture drifted: {' and '.join(f'{variable} ({region})' for variable, region in named.items())}.")
    changed = list_changes(Path(ADVICE))
    print("\nThe loss weights before and after:")
    for variable, (before, after) in changed.items():
        print(f"  {variable}  {before:g} -> {after:.3g}")
    print(f"\n{WEIGHTS}, for anemoi-training:\n\n{Path(WEIGHTS).read_text(encoding='utf-8')}")
    if not set(named) == set(changed) == SOIL:
        print("Expected swvl1 and swvl2: this is a bug.")
        return 1
    print(f"Open {REPORT}: it tells alone what became of the soil, where, and that spots of rain may follow;")
    print(f"{PAGE} shows the weights.")
    print(f"The data lie in {DATA}/; try: dqwatch audit FILE with a file of your own (Zarr, NetCDF or GRIB).")
    return 0


def run(step: Step) -> tuple[int, str]:
    """The exit code of a step, and what it printed."""
    program = Path(sysconfig.get_path("scripts")) / "dqwatch"
    done = subprocess.run(
        [str(program), *step.arguments], check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode, done.stdout


def name_drift(path: Path) -> dict[str, str]:
    """The variables that a drift is about, with their regions, from the JSON of a verdict."""
    drift = json.loads(path.read_text(encoding="utf-8"))["drift"]
    return {v["variable"]: v["region"] for v in drift["variables"] if v["named"]}


def list_changes(path: Path) -> dict[str, tuple[float, float]]:
    """The variables whose loss weights are to change, before and after, from the JSON of the verdict."""
    advice = json.loads(path.read_text(encoding="utf-8"))["advice"]
    return {v["variable"]: (v["weight"], v["suggested"]) for v in advice["variables"] if v["factor"] < LOWERED}


if __name__ == "__main__":
    sys.exit(main())
