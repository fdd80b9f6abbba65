"""The loss weights of AIFS Single 1.0 and 1.1 by public statistics: on which scale the change of soil moisture shows.

    python examples/aifs_weights.py

The weights are those that ECMWF published (`aifs_single_1_0.yaml`, `aifs_single_1_1.yaml`). The statistics
(`aifs_statistics.csv`) are those of ERA5 in two public repositories: of the globe in tung-nd/stormer (58dfee5a6037,
MIT); where that lacks them, of a region, about half of it land, by months, in BioDT/bfm-model (2aaf9cb16338, MIT). For
a variable that is normalised by its own deviation the figure does not matter here; that of soil moisture, which is not
normalised, does. Variables of AIFS that neither has are left out. Statistics of how fast soil moisture changes in 6
hours were not found in public: told is instead how fast it would have to change to stand out.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np
import zarr

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `examples` is not part of the installed package

import dqwatch
from examples.stores import OLD_ZARR

HERE = Path(__file__).parent
VERSIONS = {"1.0": "aifs_single_1_0.yaml", "1.1": "aifs_single_1_1.yaml"}
SOIL = ("swvl1", "swvl2")
LIMIT = 50.0
"""Times the part of the median variable from which the rules of `weights` speak up."""


class Told(NamedTuple):
    """What the audit says of one variable under one version."""

    weight: float
    raw: float
    """Its weight over that of the median variable."""
    sd: float
    """Its part of the loss with errors of one standard deviation over that of the median variable."""
    rules: tuple[str, ...]
    """Those that point it out."""

    @property
    def needed(self) -> float:
        """How many times faster than the median variable, each in its own deviations, it would have to change over a
        step for the rule on tendencies to point it out: the part grows with the square of the speed.
        """
        return float(np.sqrt(LIMIT / self.sd))


def read_statistics() -> dict[str, tuple[float, float]]:
    """Mean and standard deviation by variable."""
    with open(HERE / "aifs_statistics.csv", encoding="utf-8", newline="") as file:
        return {row["variable"]: (float(row["mean"]), float(row["stdev"])) for row in csv.DictReader(file)}


def write_store(path: Path, statistics: dict[str, tuple[float, float]]) -> None:
    """An anemoi-style store that has these statistics, and for data one date of four cells at their means."""
    group = zarr.open_group(str(path), mode="w-", **({} if OLD_ZARR else {"zarr_format": 2}))
    create = group.create_dataset if OLD_ZARR else group.create_array
    names, (mean, stdev) = list(statistics), np.array(list(statistics.values())).T
    data = np.repeat(mean.astype(np.float32)[None, :, None, None], 4, axis=3)
    arrays = {"data": data, "mean": mean, "stdev": stdev, "minimum": mean - 5 * stdev, "maximum": mean + 5 * stdev}
    arrays |= {"latitudes": np.array([45.0, 45.0, -45.0, -45.0]), "longitudes": np.array([0.0, 180.0, 0.0, 180.0])}
    arrays["dates"] = np.array(["2020-01-01"], "M8[s]")
    for name, values in arrays.items():
        array = create(name, shape=values.shape, chunks=values.shape, dtype=values.dtype)
        array[...] = values
    group.attrs.update(
        {
            "version": "0.18",
            "layout": "gridded",
            "variables": names,
            "variables_metadata": {name: describe(name) for name in names},
            "frequency": "6h",
            "start_date": "2020-01-01T00:00:00",
            "end_date": "2020-01-01T00:00:00",
            "statistics_start_date": "2020-01-01T00:00:00",
            "statistics_end_date": "2020-01-01T00:00:00",
            "missing_dates": [],
            "allow_nans": False,
        }
    )


def describe(name: str) -> dict[str, dict[str, str | int]]:
    """What anemoi stores say of a variable."""
    param, _, level = name.partition("_")
    return {
        "mars": {"param": param, "levtype": "pl", "levelist": int(level)}
        if level
        else {"param": param, "levtype": "sfc"}
    }


def audit(folder: Path) -> dict[tuple[str, str], Told]:
    """What the loss-share audit says of soil moisture, by version and variable."""
    store = folder / "era5-statistics.zarr"
    write_store(store, read_statistics())
    found = {}
    for version, config in VERSIONS.items():
        verdict = dqwatch.weights(str(store), config=str(HERE / config))
        table = verdict.tables["weights"].set_index("variable")
        failed = [f for f in verdict.results if f.status == "fail"]
        for name in SOIL:
            rules = tuple(sorted(f.rule for f in failed if f.variable == name))
            row = table.loc[name]
            found[version, name] = Told(row["weight"], row["raw_ratio"], row["sd_ratio"], rules)
    return found


def main() -> int:
    """Print the story as the numbers have it."""
    with tempfile.TemporaryDirectory() as folder:
        found = audit(Path(folder))
    print("version  variable  weight  over the median: weight  errors of 1 sd  pointed out by")
    for (version, name), told in found.items():
        rules = ", ".join(told.rules) or "nothing"
        print(f"{version:7}  {name:8}  {told.weight:6g}  {told.raw:23.3g}  {told.sd:14.3g}  {rules}")
    old, deviation = found["1.0", "swvl2"], read_statistics()["swvl2"][1]
    sentences = (
        f"The weights of 1.0 stand out as weights, not as shares of the loss: {old.weight:g} on swvl2 is {old.raw:.0f} "
        f"times the weight of the median variable, but soil moisture is not normalised and has a standard deviation of "
        f"{deviation:.2f} m3 m-3, so that its part of the loss is {old.sd:.2g} times that of the median variable. In "
        f"tendencies it would stand out if it changed, in its own deviations, {old.needed:.2g} times as fast as the "
        "median variable does in its own."
    )
    print(f"\n{textwrap.fill(sentences, 118)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
