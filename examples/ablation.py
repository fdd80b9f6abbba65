"""Does the suggested loss weight help? A small model is fine-tuned with several weights of soil moisture, and measured.

    python examples/ablation.py [--seeds 5] [--json FILE]          # some minutes on 2 cores

A network of one narrow hidden layer learns, at every cell, the change of 16 variables over 6 hours from the state of
the cell and its neighbours, from years of the example weather. It is then fine-tuned on few states of a new source
whose soil moisture is spoilt: *noisy* (white noise of one standard deviation), *drifted* (wetter by two on all land),
or both. Soil moisture has a loss weight of 10, all others 1. `dqwatch weights` says what it suggests instead;
fine-tuned is with the present weight, with the suggested one, with 1, and with 0. Measured is the skill of the others
in other states of the new source and of the old one: 1 less the mean squared error over that of no change. Nothing is
chosen by the result.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: the same bits on any number of cores

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `examples` is not part of the installed package

from examples.faults import INDEX, deseasonalised_sd, wet_soil
from examples.make_data import pair_dates
from examples.stores import write_store
from examples.weather import CONSTANT, VARIABLES, Weather

SOIL = ("swvl1", "swvl2")
PREDICTED = [name for name in VARIABLES if name not in CONSTANT]
OTHERS = [k for k, name in enumerate(PREDICTED) if name not in SOIL]
PRESENT = 10.0
"""Weight of the soil in the loss; all others have 1."""
FAULTS = ("noisy", "drifted", "noisy and drifted")
HIDDEN = 24
BATCH = 256


class Sizes(NamedTuple):
    """How much there is of everything."""

    number: int = 8
    """Of the octahedral grid."""
    years: int = 6
    every: int = 5
    """Of the pairs of states of the year after, one in so many is what the new source has for training."""
    pretraining: int = 6000
    """Steps."""
    fine_tuning: int = 1500


class Samples(NamedTuple):
    """What a network learns from, in standard deviations of training."""

    inputs: np.ndarray
    """float64 (sample, feature)."""
    changes: np.ndarray
    """float64 (sample, variable)."""


class World(NamedTuple):
    """The states of both sources."""

    weather: Weather
    dates: np.ndarray
    """Of training."""
    training: np.ndarray
    """float32 (date, variable, cell)."""
    later_dates: np.ndarray
    later: np.ndarray
    """Clean states of the year after training."""


def make_world(sizes: Sizes) -> World:
    """Years of weather, and the year after."""
    weather = Weather(0, number=sizes.number)
    end = np.datetime64(f"{2001 + sizes.years}-01-01")
    dates = pair_dates(np.datetime64("2001-01-01"), end)
    later = pair_dates(end, end + 365)
    states = weather.states(np.concatenate([dates, later]))
    return World(weather, dates, states[: dates.size], later, states[dates.size :])


def spoil(world: World, fault: str, seed: int) -> np.ndarray:
    """The later states as the new source has them."""
    states = world.later.copy()
    soil = [INDEX[name] for name in SOIL]
    sd = np.stack([deseasonalised_sd(world.training[:, k], world.dates) for k in soil])
    land = world.weather.land.is_land
    if "drifted" in fault:
        states = np.stack([wet_soil(state, land, sd) for state in states])
    if "noisy" in fault:
        noise = np.random.default_rng(seed).normal(size=(len(states), 2, sd.shape[1])) * sd * land
        states[:, soil] = np.maximum(states[:, soil] + noise.astype(np.float32), 0)
    return states


def take(states: np.ndarray, sizes: Sizes, *, rest: bool = False) -> np.ndarray:
    """Of pairs of states, those that the new source has for training; or the rest, which all is measured by."""
    chosen = np.arange(len(states)) // 2 % sizes.every == 0
    return states[~chosen if rest else chosen]


class Scales(NamedTuple):
    """Means and standard deviations of training, float64 (variable,)."""

    mean: np.ndarray
    sd: np.ndarray


def find_scales(training: np.ndarray) -> Scales:
    """Of all variables, over times and cells."""
    sd = training.std(axis=(0, 2), dtype=np.float64)
    return Scales(training.mean(axis=(0, 2), dtype=np.float64), np.where(sd > 0, sd, 1.0))


def make_samples(states: np.ndarray, weather: Weather, scales: Scales) -> Samples:
    """Pairs of states as samples of single cells: what the cell and its 8 neighbours have, and how the cell changes."""
    z = (states - scales.mean[:, None]) / scales.sd[:, None]
    before, after = z[0::2], z[1::2]
    near = weather.grid.neighbours(8)
    around = before[:, :, near]
    features = [before, around[..., :4].mean(axis=-1), around[..., 4:].mean(axis=-1)]
    angles = np.radians([weather.grid.latitudes, weather.grid.longitudes])
    place = np.concatenate([np.sin(angles), np.cos(angles)])
    features.append(np.broadcast_to(place, (len(before), *place.shape)))
    inputs = np.concatenate(features, axis=1).transpose(0, 2, 1).reshape(-1, 3 * len(VARIABLES) + len(place))
    wanted = [INDEX[name] for name in PREDICTED]
    changes = (after - before)[:, wanted].transpose(0, 2, 1).reshape(-1, len(wanted))
    return Samples(inputs, changes)


class Network:
    """One hidden layer of tanh, trained by Adam (Kingma and Ba 2015)."""

    def __init__(self, n_inputs: int, n_outputs: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.parameters = [
            rng.normal(0, n_inputs**-0.5, (n_inputs, HIDDEN)),
            np.zeros(HIDDEN),
            rng.normal(0, 0.1 * HIDDEN**-0.5, (HIDDEN, n_outputs)),
            np.zeros(n_outputs),
        ]

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Changes, float64 (sample, variable)."""
        first, bias, second, shift = self.parameters
        return np.tanh(inputs @ first + bias) @ second + shift

    def train(self, samples: Samples, weights: np.ndarray, *, steps: int, rate: float, seed: int) -> None:
        """Steps on random batches; the loss is the mean over variables of weight times squared error."""
        rng = np.random.default_rng(seed)
        moments = [np.zeros_like(p) for p in self.parameters], [np.zeros_like(p) for p in self.parameters]
        for step in range(1, steps + 1):
            chosen = rng.integers(0, len(samples.inputs), BATCH)
            gradients = self._gradients(samples.inputs[chosen], samples.changes[chosen], weights)
            pace = rate * 0.5 * (1 + np.cos(np.pi * step / steps))
            for k, gradient in enumerate(gradients):
                moments[0][k] += 0.1 * (gradient - moments[0][k])
                moments[1][k] += 0.001 * (gradient**2 - moments[1][k])
                first, second = moments[0][k] / (1 - 0.9**step), moments[1][k] / (1 - 0.999**step)
                self.parameters[k] = self.parameters[k] - pace * first / (np.sqrt(second) + 1e-8)

    def _gradients(self, inputs: np.ndarray, changes: np.ndarray, weights: np.ndarray) -> list[np.ndarray]:
        first, bias, second, shift = self.parameters
        hidden = np.tanh(inputs @ first + bias)
        error = 2 * weights * (hidden @ second + shift - changes) / changes.size
        back = (error @ second.T) * (1 - hidden**2)
        return [inputs.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)]

    def copy(self) -> Network:
        """One with the same parameters, to be trained otherwise."""
        other = Network.__new__(Network)
        other.parameters = [p.copy() for p in self.parameters]
        return other


def skill(network: Network, samples: Samples) -> float:
    """Mean over the variables but soil moisture of 1 - MSE / MSE of no change."""
    error = ((network.predict(samples.inputs) - samples.changes) ** 2).mean(axis=0)
    return float((1 - error / (samples.changes**2).mean(axis=0))[OTHERS].mean())


def suggest(world: World, spoilt: np.ndarray, sizes: Sizes, folder: Path) -> dict[str, float]:
    """What `dqwatch weights` suggests for the soil, from stores of both sources."""
    import dqwatch
    from dqwatch.yaml_files import to_yaml

    grid, text, own = world.weather.grid, "For an ablation.", take(world.later_dates, sizes)
    write_store(folder / "training.zarr", world.dates, [world.training], grid, description=text, cadence="3d")
    every = f"{3 * sizes.every}d"
    write_store(folder / "new.zarr", own, [take(spoilt, sizes)], grid, description=text, cadence=every)
    weights = {"default": 1, **dict.fromkeys(SOIL, PRESENT)}
    scaler = {"_target_": "anemoi.training.losses.scalers.GeneralVariableLossScaler", "weights": weights}
    training = {"scalers": {"general_variable": scaler}, "training_loss": {"scalers": ["general_variable"]}}
    data = {"forcing": list(CONSTANT), "timestep": "6h", "normalizer": {"default": "mean-std"}}
    (folder / "config.yaml").write_text(to_yaml({"training": training, "data": data}), encoding="utf-8")
    baseline = dqwatch.baseline(str(folder / "training.zarr"), str(folder / "b.zarr"))
    verdict = dqwatch.weights(
        str(folder / "training.zarr"),
        config=str(folder / "config.yaml"),
        incoming=str(folder / "new.zarr"),
        baseline=baseline,
    )
    table = verdict.tables["weights"].set_index("variable")["suggested"]
    return {name: float(table[name]) for name in SOIL}


def weigh(soil: Mapping[str, float]) -> np.ndarray:
    """Weights of all variables, float64 (variable,)."""
    return np.array([soil.get(name, 1.0) for name in PREDICTED])


def compare(
    world: World, spoilt: np.ndarray, choices: Mapping[str, Mapping[str, float]], sizes: Sizes, seed: int
) -> dict[str, dict[str, float]]:
    """Skill of the others on both sources, before fine-tuning and after it with each choice of weights."""
    scales = find_scales(world.training)
    parts = world.training, take(spoilt, sizes), take(spoilt, sizes, rest=True), take(world.later, sizes, rest=True)
    old, few, rest, held = (make_samples(part, world.weather, scales) for part in parts)
    network = Network(old.inputs.shape[1], old.changes.shape[1], seed)
    network.train(old, np.ones(len(PREDICTED)), steps=sizes.pretraining, rate=3e-3, seed=seed)
    found = {"not fine-tuned": {"new": skill(network, rest), "old": skill(network, held)}}
    for name, soil in choices.items():
        tuned = network.copy()
        tuned.train(few, weigh(soil), steps=sizes.fine_tuning, rate=1e-3, seed=seed + 1000)
        found[name] = {"new": skill(tuned, rest), "old": skill(tuned, held)}
    return found


def run(sizes: Sizes, seeds: int) -> dict[str, Any]:
    """All faults and choices; skills as lists over seeds."""
    world = make_world(sizes)
    found: dict[str, Any] = {}
    for fault in FAULTS:
        with tempfile.TemporaryDirectory() as folder:
            suggested = suggest(world, spoil(world, fault, 0), sizes, Path(folder))
        choices = {"present": dict.fromkeys(SOIL, PRESENT), "suggested": suggested}
        choices |= {"as the others": dict.fromkeys(SOIL, 1.0), "none": dict.fromkeys(SOIL, 0.0)}
        runs = [compare(world, spoil(world, fault, seed), choices, sizes, seed) for seed in range(seeds)]
        skills = {name: {where: [r[name][where] for r in runs] for where in ("new", "old")} for name in runs[0]}
        found[fault] = {"weights": choices, "skill": skills}
    return found


def main(arguments: list[str] | None = None) -> int:
    """Print the table, as in docs/weights.md."""
    parser = argparse.ArgumentParser(description="Fine-tune with present and suggested loss weights, and measure.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args(arguments)
    found = run(Sizes(), options.seeds)
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print("| soil of the new source | weight of the soil | skill of the others, new source | old source |")
    print("| --- | --- | --- | --- |")
    for fault, result in found.items():
        for name, skills in result["skill"].items():
            own = result["weights"].get(name)
            told = name if own is None else f"{name}: {', '.join(f'{w:.3g}' for w in own.values())}"
            cells = [f"{np.mean(skills[where]):.3f} ± {np.std(skills[where]):.3f}" for where in ("new", "old")]
            print(f"| {fault} | {told} | {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
