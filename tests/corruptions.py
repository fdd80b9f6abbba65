"""The corrupters of all shipped rules, by the rule that each is for (and a name of its own, where there are several).

Clean data are example weather: in memory, in a store as anemoi writes it, on two grids at once, or a forecast of what
stands in relations.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import corrupt
import corrupt_stores
import numpy as np
import xarray as xr
from anemoi_double import Dataset
from clean import reference, regridded, waves
from corrupt_base import CORRUPTIONS as BASE
from corrupt_fields import CORRUPTERS as FIELDS
from corrupt_fields import IN_TILES, UNITS
from corrupt_fields import TRIPS as BESIDES
from corrupt_regridding import REGRIDDING
from corrupt_regridding import Corruption as Regridding
from corrupt_sources import FAULTS
from corruption import Corruption, audited
from metrics.relations import forecast

import dqwatch
from dqwatch.expectations import evaluate, load_rule_sets
from dqwatch.metrics.pairs import compare
from dqwatch.sources import open_source
from examples.stores import FORMATS, Store
from examples.weather import Weather

DATES = np.datetime64("2004-03-01T00", "s") + np.arange(40) * np.timedelta64(6, "h")
"""Ten days."""


def compared(data: tuple[xr.Dataset, xr.Dataset]) -> set[str]:
    """The rules on pairs that do not simply pass."""
    pairs = compare(open_source(data[0]), open_source(data[1]), workers=1)
    results = evaluate(load_rule_sets(["regridding"]), {"pairs": pairs}).results
    return {f.rule for f in results if f.table == "pairs" and f.status not in ("pass", "skipped")}


def store(seed: int) -> Path:
    """A new store of ten days on a grid of 544 cells, in the latest format that there is."""
    path = Path(tempfile.mkdtemp(dir=_folder().name)) / "clean.zarr"
    weather = Weather(seed, number=8)
    made = Store(path, DATES, weather.grid, zarr_format=FORMATS[-1], description="Ten days.")
    for _, states in weather.blocks(DATES):
        made.append(states)
    made.close()
    return path


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def _in_tiles(corrupter: Callable[..., xr.Dataset], data: xr.Dataset, size: float, folder: Path) -> Path:
    corrupter(data, size).to_netcdf(folder / "tiles.nc", engine="h5netcdf")
    return folder / "tiles.nc"


def _of_fields(rule: str, corrupter: Callable[..., xr.Dataset]) -> Corruption:
    name = "forecast_output" if rule.startswith("fc.") else "timeliness" if rule == "time.latency" else "audit"
    trips = frozenset({rule, *BESIDES.get(rule, ())})
    spoil = partial(_in_tiles, corrupter) if rule in IN_TILES else lambda data, size, _: corrupter(data, size)
    smallest = inspect.signature(corrupter).parameters["severity"].default
    sizes = () if float(smallest).is_integer() else (smallest / 4, smallest / 2, smallest * 2)
    unit = UNITS.get(rule, "of the cells")
    return Corruption(spoil, trips, smallest, unit, sizes, look=lambda data: audited(data, name))


def _of_stores(name: str) -> Corruption:
    def spoil(path: Path, _: float, __: Path) -> Path:
        getattr(corrupt_stores, name)(path)
        return path

    return Corruption(spoil, corrupt_stores.TRIPS[name], make=store)


def _of_pairs(regridding: Regridding) -> Corruption:
    def spoil(data: tuple[xr.Dataset, xr.Dataset], _: float, __: Path) -> tuple[xr.Dataset, xr.Dataset]:
        given = data[1] if regridding.same_grid else data[0]
        if regridding.spoilt == "data":
            return regridding.spoil(given), data[1]
        return given, regridding.spoil(data[1])

    return Corruption(spoil, regridding.trips, make=lambda seed: (regridded(seed=seed), reference(seed)), look=compared)


def _lose_a_latitude(path: Path, n: float, _: Path) -> Path:
    """The last places are not in the store."""
    array = corrupt_stores.opened(path)["latitudes"]
    array.resize((array.shape[0] - int(n),))
    return path


def _of_many_objects(tables: dict[str, Any], n: float, _: Path) -> dict[str, Any]:
    """What a scan would tell of a store of so many files."""
    return {**tables, "arrays": tables["arrays"].assign(objects=int(n))}


def _scanned(seed: int) -> dict[str, Any]:
    return dict(dqwatch.audit(store(seed), workers=1).tables)


def _judged(tables: dict[str, Any]) -> set[str]:
    return {f.rule for f in evaluate(load_rule_sets(["audit"]), tables).results if f.status not in ("pass", "skipped")}


def _of_another_store(data: Dataset, sigma: float, _: Path) -> Dataset:
    """A first store was so many standard deviations warmer, and all that is joined to it is normalised as it is."""
    v = data.variables.index("2t")
    mean = data.data[:, v].mean(dtype=float) + sigma * data.data[:, v].std(dtype=float)
    data.statistics["mean"][v] = mean
    return data


OF_STORES = {
    "stats.effective": Corruption(
        _of_another_store,
        frozenset({"stats.effective"}),
        0.11,
        "standard deviations",
        make=lambda seed: Dataset(store(seed)),
    ),
    "grid.problem": Corruption(_lose_a_latitude, frozenset({"grid.problem", "grid.weights"}), 1, "places", make=store),
    "chunk.count": Corruption(
        _of_many_objects, frozenset({"chunk.count"}), 1_000_001, "objects", (1e6,), _scanned, _judged
    ),
}


def _rule_of(name: str) -> str:
    return name.replace("_", ".", 1)


def _all() -> dict[str, Corruption]:
    made = {
        **BASE,
        **{rule: _of_fields(rule, corrupter) for rule, corrupter in FIELDS.items()},
        **OF_STORES,
        **{_rule_of(name): _of_stores(name) for name in corrupt_stores.TRIPS},
    }
    for name, fault in FAULTS.items():
        made[f"{min(fault.critical or fault.warnings)}: {name}"] = Corruption(
            lambda data, _, folder, fault=fault: fault.spoil(data, folder),
            fault.critical | fault.warnings | fault.remarks,
            make=partial(waves, members=4 if fault.with_members else 0),
        )
    for name, regridding in REGRIDDING.items():
        made[f"{min(regridding.trips)}: {name}"] = _of_pairs(regridding)
    for name in corrupt.CORRUPTERS:
        made[f"rel.{name}"] = Corruption(
            lambda data, _, __, name=name: forecast.spoil(data, name),
            frozenset(f"rel.{other}" for other in {name} | forecast.ALSO.get(name, set())),
            make=forecast.make,
            look=forecast.failed,
        )
    return made


CORRUPTIONS = _all()
