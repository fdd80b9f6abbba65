"""What a run of anemoi-inference needs: a checkpoint whose model repeats its input, states as GRIB, configurations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import eccodes
import numpy as np
import zarr
from anemoi.inference.config.run import RunConfiguration
from anemoi.inference.runners import create_runner
from anemoi.inference.testing import save_fake_checkpoint

import dqwatch
from examples.stores import write_store
from examples.weather import VARIABLES, Weather

STEP = np.timedelta64(6, "h")
DATE = np.datetime64("2003-07-05T06", "s")
PAIR = np.array([DATE - STEP, DATE])
T = list(VARIABLES).index("2t")
DIAGNOSTIC = ("tp", "cp")
FORCING = ("lsm", "z", "cos_latitude", "insolation")
COMPUTED = {
    "cos_latitude": {"computed_forcing": True, "constant_in_time": True},
    "insolation": {"computed_forcing": True, "constant_in_time": False},
}


def describe(store: Path) -> dict[str, Any]:
    """The metadata of a checkpoint that was trained on a store, in the form of one data set (v1)."""
    group = zarr.open_group(str(store), mode="r")
    names = [*group.attrs["variables"], *COMPUTED]
    taken = [n for n in names if n not in DIAGNOSTIC]
    made = [n for n in names if n not in FORCING]

    def places(wanted: Any, within: list[str]) -> list[int]:
        return [within.index(name) for name in wanted]

    prognostic = [n for n in taken if n not in FORCING]
    return {
        "config": {
            "training": {"multistep_input": 2, "precision": "bf16"},
            "data": {"timestep": "6h", "frequency": "6h", "forcing": list(FORCING), "diagnostic": list(DIAGNOSTIC)},
        },
        "data_indices": {
            "data": {
                "input": {
                    "full": places(taken, names),
                    "forcing": places(FORCING, names),
                    "diagnostic": places(DIAGNOSTIC, names),
                },
                "output": {"full": places(made, names)},
            },
            "model": {
                "input": {
                    "full": list(range(len(taken))),
                    "forcing": places(FORCING, taken),
                    "prognostic": places(prognostic, taken),
                },
                "output": {
                    "full": list(range(len(made))),
                    "prognostic": places(prognostic, made),
                    "diagnostic": places(DIAGNOSTIC, made),
                },
            },
        },
        "dataset": {
            "variables": names,
            "shape": [1, len(names), 1, group["data"].shape[-1]],
            "variables_metadata": {**group.attrs["variables_metadata"], **COMPUTED},
            "data_request": {"grid": group.attrs["resolution"]},
        },
        "run_id": "none",
        "uuid": "none",
        "timestamp": "2026-01-01T00:00:00",
        "supporting_arrays_paths": {},
    }


def describe_several(stores: Mapping[str, Path]) -> dict[str, Any]:
    """The metadata of a checkpoint that takes several data sets (v2)."""
    alone = {name: describe(path) for name, path in stores.items()}
    inference: dict[str, Any] = {"dataset_names": list(stores), "task": "forecaster"}
    for name, one in alone.items():
        variables = one["dataset"]["variables"]
        taken = [n for n in variables if n not in DIAGNOSTIC]
        made = [n for n in variables if n not in FORCING]
        inference[name] = {
            "timesteps": {
                "timestep": "6h",
                "input_relative_date_indices": [0, 1],
                "output_relative_date_indices": [2],
            },
            "data_indices": {
                "input": {n: i for i, n in enumerate(taken)},
                "output": {n: i for i, n in enumerate(made)},
            },
            "variable_types": {
                "forcing": list(FORCING),
                "diagnostic": list(DIAGNOSTIC),
                "prognostic": [n for n in taken if n not in FORCING],
            },
        }
    first = next(iter(alone.values()))
    return {
        **first,
        "version": "2.0",
        "config": {
            "training": first["config"]["training"],
            "data": {
                "timestep": "6h",
                "frequency": "6h",
                "datasets": {n: o["config"]["data"] for n, o in alone.items()},
            },
        },
        "data_indices": {name: one["data_indices"] for name, one in alone.items()},
        "dataset": {name: one["dataset"] for name, one in alone.items()},
        "metadata_inference": inference,
    }


def write_checkpoint_of_several(stores: Mapping[str, Path], path: Path) -> Path:
    """A checkpoint for states like those of several stores together."""
    places = {}
    for name, store in stores.items():
        group = zarr.open_group(str(store), mode="r")
        places |= {f"{name}/{key}": group[key][:] for key in ("latitudes", "longitudes")}
    save_fake_checkpoint(describe_several(stores), path, places)
    return path


def write_checkpoint(store: Path, path: Path) -> Path:
    """A checkpoint for states like those of a store; its model hands prognostic fields on as they are."""
    group = zarr.open_group(str(store), mode="r")
    places = {name: group[name][:] for name in ("latitudes", "longitudes")}
    save_fake_checkpoint(describe(store), path, places)
    return path


def write_grib(path: Path, store: Path, dates: np.ndarray, *, names: Mapping[str, str] | None = None) -> Path:
    """Fields of a store at some dates as GRIB 1 on the reduced Gaussian grid that it has.

    `names` are short names to write others by.
    """
    group = zarr.open_group(str(store), mode="r")
    every = np.asarray(group["dates"][:]).astype("M8[s]")
    with path.open("wb") as file:
        for date in dates:
            state = group["data"][int(np.flatnonzero(every == date)[0]), :, 0]
            for name, values in zip(group.attrs["variables"], state, strict=True):
                if name not in DIAGNOSTIC:
                    _write_field(file, (names or {}).get(name, name), values, date.astype(object), group)
    return path


def _write_field(file: Any, name: str, values: np.ndarray, date: Any, group: Any) -> None:
    stem, _, level = name.partition("_")
    handle = eccodes.codes_grib_new_from_samples("reduced_gg_pl_32_grib1" if level else "reduced_gg_sfc_grib1")
    rows = np.unique(-group["latitudes"][:], return_counts=True)[1]
    try:
        eccodes.codes_set(handle, "N", len(rows) // 2)
        eccodes.codes_set(handle, "Nj", len(rows))
        eccodes.codes_set_array(handle, "pl", rows)
        first, last = group["latitudes"][0], group["latitudes"][-1]
        for key, value in (
            ("latitudeOfFirstGridPointInDegrees", first),
            ("latitudeOfLastGridPointInDegrees", last),
            ("longitudeOfFirstGridPointInDegrees", 0),
            ("longitudeOfLastGridPointInDegrees", 360 - 360 / rows.max()),
            ("dataDate", int(date.strftime("%Y%m%d"))),
            ("dataTime", int(date.strftime("%H%M"))),
            ("bitsPerValue", 24),
        ):
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set(handle, "shortName", stem)
        if level:
            eccodes.codes_set(handle, "level", int(level))
        eccodes.codes_set(handle, "bitmapPresent", 1)
        eccodes.codes_set(handle, "missingValue", 1e20)
        eccodes.codes_set_values(handle, np.where(np.isnan(values), 1e20, values.astype(np.float64)))
        eccodes.codes_write(handle, file)
    finally:
        eccodes.codes_release(handle)


def make_all(folder: Path) -> Path:
    """Training data, a baseline of them, a checkpoint for them, and sound and spoilt states as a store and as GRIB."""
    weather = Weather(0, number=8)
    days = np.arange("2001-01-01", "2003-01-01", 3, dtype="M8[D]").astype("M8[s]")
    training = np.sort(np.concatenate([days, days + STEP]))
    blocks = (states for _, states in weather.blocks(training))
    write_store(folder / "training.zarr", training, blocks, weather.grid, description="Two years.", cadence="3d")
    dqwatch.baseline(str(folder / "training.zarr"), str(folder / "baseline.zarr"))
    sound = weather.states(PAIR)
    celsius, holes = sound.copy(), sound.copy()
    celsius[:, T] -= np.float32(273.15)
    holes[0, T, 40:60] = np.nan
    for name, states in {"sound": sound, "celsius": celsius, "holes": holes}.items():
        write_store(folder / f"{name}.zarr", PAIR, [states], weather.grid, description="A state.")
        write_grib(folder / f"{name}.grib", folder / f"{name}.zarr", PAIR)
    write_checkpoint(folder / "training.zarr", folder / "model.ckpt")
    return folder


def config(folder: Path, source: Any, **more: Any) -> dict[str, Any]:
    """A configuration of a run."""
    return {
        "checkpoint": str(folder / "model.ckpt"),
        "date": str(DATE),
        "lead_time": "12h",
        "input": source,
        "output": "none",
        "device": "cpu",
        # The store says m2 s-2, GRIB says m**2 s**-2: anemoi compares texts.
        "check_variables_compatibility": {"ignore_units": True},
        **more,
    }


def store(folder: Path, name: str) -> dict[str, Any]:
    """An input that reads a store."""
    return {"dataset": {"dataset": str(folder / f"{name}.zarr")}}


def grib(folder: Path, name: str) -> dict[str, Any]:
    """An input that reads GRIB."""
    return {"grib": str(folder / f"{name}.grib")}


def gate(folder: Path, **settings: Any) -> dict[str, Any]:
    """The pre-processor, held against the baseline."""
    return {"dqwatch_gate": {"baseline": str(folder / "baseline.zarr"), **settings}}


def gate_of_runner(folder: Path, **settings: Any) -> dict[str, Any]:
    """The runner, held against the baseline."""
    return {"dqwatch": {"baseline": str(folder / "baseline.zarr"), **settings}}


def runner_of(folder: Path, source: Any, **more: Any) -> Any:
    """A runner as the command makes it."""
    return create_runner(RunConfiguration.load(config(folder, source, **more)))
