"""Make the example data: small synthetic weather in anemoi-style Zarr stores, clean and spoilt.

    python examples/make_data.py OUT [--years 10] [--seed 0] [--zarr-format 2] [--background] [--force]

OUT then holds

    training.zarr            pairs of states at 00 and 06 UTC of every third day (10 years: 1,218 pairs)
    test_years.zarr          the same for the year after: clean cycles that training has not seen
    incoming_clean.zarr      one state of that year, 06 UTC
    incoming_previous.zarr   the state 6 hours before it
    incoming_nan.zarr, incoming_celsius.zarr, incoming_soil.zarr, incoming_fill.zarr, forecast_pox.zarr
                             the clean state with one planted fault each
    new_source.zarr          twenty pairs from that day on, in all of which the soil is wetter everywhere
    example_data.json        what was made, and the fault in each store

and with --background, which doubles the size,

    background_training.zarr, background_test_years.zarr, background_incoming.zarr
                             short forecasts valid at the same times, whose errors know nothing of the faults

Pairs, because the change over 6 hours is worth checking; every third day, because many years say more than many days
and ten years of daily pairs would be 300 MB. Steps are therefore 6 h and 66 h by turns, which the attribute
``dqwatch_cadence`` declares; ``frequency`` is the step within a pair.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault(
    "OPENBLAS_NUM_THREADS", "1"
)  # before numpy: no waiting for busy cores, the same bits on any number

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `examples` is not part of the installed package

from examples.backgrounds import Forecasts
from examples.faults import FAULTS, INDEX, deseasonalised_sd, wet_soil
from examples.stores import FORMATS, SIX_HOURS, Store
from examples.weather import Weather

VERSION = 2
"""Of the example data: raised whenever the same options give other data, so that old folders are made anew."""
FIRST_DAY = np.datetime64("2001-01-01", "D")
EVERY = 3
"""Days from pair to pair."""
LASTING = 20
"""Pairs of states of the new source."""
MANIFEST = "example_data.json"
_FORECAST = ("training", "test_years")
"""Stores of which there are forecasts too, if any are asked for."""
Progress = Callable[[float], None]
"""Is told the fraction that is done."""


class ExampleDataError(ValueError):
    """The folder cannot be made as asked."""


def pair_dates(begin: np.datetime64, end: np.datetime64) -> np.ndarray:
    """00 and 06 UTC of every third day from FIRST_DAY on, those within begin <= day < end: datetime64[s] (date,)."""
    days = np.arange(FIRST_DAY, end, np.timedelta64(EVERY, "D")).astype("M8[D]")
    midnight = days[days >= begin].astype("M8[s]")
    return np.stack([midnight, midnight + SIX_HOURS], axis=1).ravel()


def make_weather(dates: np.ndarray, *, seed: int = 0, number: int = 16) -> np.ndarray:
    """States of the example weather: float32 (date, variable, cell), variables in the order of `weather.VARIABLES`."""
    return Weather(seed, number=number).states(dates)


def make(
    folder: str | os.PathLike[str],
    *,
    years: int = 10,
    test_years: int = 1,
    seed: int = 0,
    zarr_format: int = 2,
    number: int = 16,
    background: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> bool:
    """Make the example data, all or nothing; False if `folder` holds them already.

    Parameters
    ----------
    folder : path
        New, empty, or made by this function before; other files in it are kept.
    years, test_years : int
        Each at least 1.
    number : int
        Of the octahedral grid.
    background : bool
        Make short forecasts of the same times too.
    force : bool
        Make the data anew even if they are there or were made with other options.
    progress : function of a fraction from 0 to 1, optional

    Raises
    ------
    ExampleDataError
        If `folder` is something else, or was made with other options and not `force`, or if the installed zarr cannot
        write the format.
    """
    if zarr_format not in FORMATS:
        raise ExampleDataError(
            f"zarr format {zarr_format}: the installed zarr writes {FORMATS}; install zarr 3 for more"
        )
    folder = Path(folder).absolute()
    options: dict[str, Any] = {"years": years, "test_years": test_years, "seed": seed, "zarr_format": zarr_format}
    options |= {"number": number, "background": background}
    if _is_made(folder, options, force=force):
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        new = Path(scratch, "new")
        new.mkdir()
        stores = _fill_folder(new, progress=progress or (lambda _: None), **options)
        manifest = {"synthetic": True, "made_by": "dqwatch examples/make_data.py", "version": VERSION}
        manifest |= {"options": options, "stores": stores}
        (new / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        _put_in_place(new, folder, Path(scratch, "old"))
    return True


def _is_made(folder: Path, options: dict[str, Any], *, force: bool) -> bool:
    """Whether nothing is to be done; refuses to touch what is not example data."""
    if not os.path.lexists(folder) or (folder.is_dir() and not any(folder.iterdir())):
        return False
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version, stores = manifest["version"], manifest["stores"]
        made = {"background": False} | manifest["options"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ExampleDataError(
            f"{folder}: exists and is no folder of example data (no {MANIFEST}); give another name"
        ) from None
    if force or version != VERSION or not all((folder / name).is_dir() for name in stores):
        return False
    if made != options:
        differ = ", ".join(f"{key} {made.get(key)}, not {new}" for key, new in options.items() if made.get(key) != new)
        raise ExampleDataError(f"{folder}: was made with other options ({differ}); give --force to make it anew")
    return True


def _put_in_place(new: Path, folder: Path, old: Path) -> None:
    """Exchange `folder`, if there is one, for `new`, with what else lay in it; its old stores go to `old`."""
    if folder.exists():
        ours = {MANIFEST, *(path.name for path in new.iterdir())}
        for entry in folder.iterdir():
            if entry.name not in ours:
                entry.rename(new / entry.name)
        folder.rename(old)
    new.rename(folder)


def _fill_folder(
    folder: Path,
    seed: int,
    number: int,
    years: int,
    test_years: int,
    zarr_format: int,
    background: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Write all stores in one pass through the weather; returns what is in them by name."""
    weather = Weather(seed, number=number)
    first_year = FIRST_DAY.astype("M8[Y]")
    after, end = ((first_year + np.timedelta64(count, "Y")).astype("M8[D]") for count in (years, years + test_years))
    texts = {
        "training": f"{years} years of states at 00 and 06 UTC of every third day.",
        "test_years": "Clean states of the time after training.",
        "incoming_clean": "A clean state.",
        "incoming_previous": "The clean state 6 hours before incoming_clean.",
        "new_source": f"{LASTING} pairs from that day on, soil wetter by 2 standard deviations on all land.",
    } | {name: fault.text for name, fault in FAULTS.items()}
    if background:
        texts |= {f"background_{name}": f"Short forecasts valid at the times of {name}." for name in _FORECAST}
        texts["background_incoming"] = "A short forecast valid at the time of incoming_clean."

    def open_store(name: str, dates: np.ndarray, cadence: str = "") -> Store:
        text = f"{texts[name]} Seed {seed}."
        path = folder / f"{name}.zarr"
        return Store(path, dates, weather.grid, zarr_format=zarr_format, description=text, cadence=cadence)

    series = _Series(weather, pair_dates(FIRST_DAY, after), pair_dates(after, end))
    cadence = f"{EVERY}d"
    training = open_store("training", series.training, cadence)
    stores = [training, open_store("test_years", series.test, cadence)]
    if background:
        dates = {"training": series.training, "test_years": series.test}
        stores += [open_store(f"background_{name}", dates[name], cadence) for name in _FORECAST]
    series.write(stores, progress)
    previous, incoming = series.incoming
    singles = {"incoming_clean": incoming, "incoming_previous": previous}
    sd = series.soil_sd()
    singles |= {name: fault.plant(incoming.copy(), weather, sd) for name, fault in FAULTS.items()}
    singles |= {} if series.forecast is None else {"background_incoming": series.forecast}
    for name, state in singles.items():
        store = open_store(
            name, series.incoming_dates[:1] if name == "incoming_previous" else series.incoming_dates[1:]
        )
        store.append(state[None])
        store.close()
    store = open_store("new_source", series.lasting_dates, cadence)
    store.append(np.stack([wet_soil(state.copy(), weather.land.is_land, sd) for state in series.lasting]))
    store.close()
    faults = {name: list(fault.variables) for name, fault in FAULTS.items()} | {"new_source": ["swvl1", "swvl2"]}
    return {f"{name}.zarr": {"text": text, "fault_in": faults.get(name, [])} for name, text in texts.items()}


class _Series:
    """The training and test years, and what is taken from them on the way."""

    def __init__(self, weather: Weather, training: np.ndarray, test: np.ndarray) -> None:
        self.weather, self.training, self.test = weather, training, test
        summer = int(np.argmax(test >= training[-1] + np.timedelta64(165, "D")))
        self.incoming_dates = test[summer - summer % 2 :][:2]
        self.lasting_dates = test[summer - summer % 2 :][: 2 * LASTING]
        self._soil: list[np.ndarray] = []
        self.lasting: list[np.ndarray] = []
        """The clean states at `lasting_dates`."""
        self.forecast: np.ndarray | None = None
        """Of the incoming state, if forecasts are made."""

    def write(self, stores: Sequence[Store], progress: Progress) -> None:
        """Fill the stores of both periods, and those of their forecasts if they are there, in one pass."""
        all_dates = np.concatenate([self.training, self.test])
        forecasts = Forecasts(self.weather) if len(stores) > 2 else None
        for dates, states in self.weather.blocks(all_dates):
            early = dates <= self.training[-1]
            parts = [states[early], states[~early]]
            if forecasts is not None:
                made = forecasts.of(dates, states)
                parts += [made[early], made[~early]]
                for one in made[dates == self.incoming_dates[1]]:
                    self.forecast = one.copy()
            for store, part in zip(stores, parts, strict=True):
                store.append(part)
            self._soil.append(states[early][:, [INDEX["swvl1"], INDEX["swvl2"]]])
            self.lasting.extend(states[np.isin(dates, self.lasting_dates)].copy())
            progress(np.searchsorted(all_dates, dates[-1], side="right") / all_dates.size)
        for store in stores:
            store.close()

    @property
    def incoming(self) -> tuple[np.ndarray, np.ndarray]:
        """The state before and the incoming state itself."""
        return self.lasting[0], self.lasting[1]

    def soil_sd(self) -> np.ndarray:
        """Standard deviation of swvl1 and swvl2 in training, without the season: float32 (2, cell)."""
        soil = np.concatenate(self._soil)
        return np.stack([deseasonalised_sd(soil[:, layer], self.training) for layer in (0, 1)])


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(description="Make small synthetic weather to try dqwatch on.")
    parser.add_argument("out", metavar="OUT", help="folder to make; a folder made before is left as it is")
    parser.add_argument("--years", type=_positive, default=10, help="training years (default 10)")
    parser.add_argument("--test-years", type=_positive, default=1, help="clean years after them (default 1)")
    parser.add_argument("--seed", type=_whole, default=0, help="another number, another weather (default 0)")
    parser.add_argument("--zarr-format", type=int, choices=FORMATS, default=2, help="default 2")
    parser.add_argument(
        "--background", action="store_true", help="short forecasts of the same times too: twice the size"
    )
    parser.add_argument("--force", action="store_true", help="make the data anew, even with other options")
    options = vars(parser.parse_args(arguments))
    out = options.pop("out")
    try:
        made = make(out, progress=_show if sys.stderr.isatty() else None, **options)
    except (ExampleDataError, OSError) as error:
        print(f"make_data: {error}", file=sys.stderr)
        return 2
    print(f"{out}: {'made' if made else 'is there already; --force makes it anew'}", file=sys.stderr)
    return 0


def _show(fraction: float) -> None:
    print(f"\rmaking example data: {fraction:4.0%}", end="\n" if fraction >= 1 else "", file=sys.stderr, flush=True)


def _whole(text: str, least: int = 0) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"got {text!r}; allowed are whole numbers from {least} on")
    return int(text)


def _positive(text: str) -> int:
    return _whole(text, 1)


if __name__ == "__main__":
    sys.exit(main())
