"""The example stores are sound, each fault is what its text says and nothing else, and the command is polite."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from examples import make_data
from examples.faults import FAULTS, INDEX, soil_region
from examples.sphere import octahedral_grid
from examples.stores import FORMATS, STATISTICS, default_window
from examples.weather import VARIABLES, Weather

DAY = np.timedelta64(86400, "s")
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "mean": np.nanmean,
    "stdev": np.nanstd,
    "minimum": np.nanmin,
    "maximum": np.nanmax,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("examples") / "out"
    assert make_data.make(out, years=1)
    return out


def read(path: Path) -> tuple[np.ndarray, np.ndarray, dict]:
    """Data (date, variable, cell), dates and attributes of a store, by plain zarr."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have a Zarr V3 specification")
        group = zarr.open_group(str(path), mode="r")
        return group["data"][:, :, 0], group["dates"][:], dict(group.attrs)


class TestStores:
    @pytest.mark.parametrize("zarr_format", FORMATS)
    def test_both_formats_open_with_plain_zarr(self, tmp_path: Path, zarr_format: int) -> None:
        make_data.make(tmp_path / "out", years=1, number=4, seed=7, zarr_format=zarr_format)
        data, dates, attributes = read(tmp_path / "out" / "training.zarr")
        assert attributes["layout"] == "gridded"
        assert (tmp_path / "out" / "training.zarr" / ("zarr.json" if zarr_format == 3 else ".zgroup")).is_file()
        wanted = make_data.make_weather(dates, seed=7, number=4)
        # Libraries of linear algebra may add in another order from one call to the next: a number that lies between
        # two steps of its packing is then rounded to the other one.
        assert np.count_nonzero(data != wanted) < 1e-5 * data.size
        assert (np.abs(data - wanted) <= np.array([[q.step] for q in VARIABLES.values()])).all()

    def test_dates_are_pairs_six_hours_apart_every_third_day(self, folder: Path) -> None:
        _, dates, attributes = read(folder / "training.zarr")
        assert dates[0] == np.datetime64("2001-01-01T00:00:00")
        assert set(np.diff(dates[::2]) // DAY) == {3}
        assert set((dates[1::2] - dates[::2]).astype(int)) == {6 * 3600}
        assert attributes["dqwatch_cadence"] == {"hours": [0, 6], "every": "3d"}

    def test_ten_years_give_enough_pairs_and_stay_small(self, folder: Path) -> None:
        ten_years = make_data.pair_dates(np.datetime64("2001-01-01"), np.datetime64("2011-01-01"))
        after = make_data.pair_dates(np.datetime64("2011-01-01"), np.datetime64("2012-01-01"))
        assert after[0] - ten_years[-2] == 3 * DAY
        assert ten_years.size // 2 >= 1200
        _, dates, _ = read(folder / "training.zarr")
        chunks = sum(-(-path.stat().st_size // 4096) * 4096 for path in (folder / "training.zarr").rglob("*"))
        assert chunks / dates.size * (ten_years.size + after.size + 8) < 99e6  # bytes, in blocks of 4 KiB

    def test_layout_is_that_of_anemoi(self, folder: Path) -> None:
        group = zarr.open_group(str(folder / "training.zarr"), mode="r")
        data = group["data"]
        assert data.shape[1:] == (len(VARIABLES), 1, 1600)
        assert data.chunks == (1, len(VARIABLES), 1, 1600)
        assert data.dtype == np.float32
        assert np.isnan(data.fill_value)
        assert group["dates"].dtype == np.dtype("<M8[s]")
        for name in ("latitudes", "longitudes", *STATISTICS, *(f"statistics_tendencies_6h_{s}" for s in STATISTICS)):
            assert group[name].dtype == np.float64
        dimensions = {name: array.attrs["_ARRAY_DIMENSIONS"] for name, array in group.arrays()}
        assert dimensions["data"] == ["time", "variable", "ensemble", "cell"]
        assert dimensions["latitudes"] == ["cell"]
        assert dimensions["mean"] == ["variable"]
        np.testing.assert_array_equal(group["latitudes"][:], octahedral_grid(16).latitudes)

    def test_attributes(self, folder: Path) -> None:
        data, dates, attributes = read(folder / "training.zarr")
        assert attributes["variables"] == list(VARIABLES)
        assert attributes["shape"] == [dates.size, len(VARIABLES), 1, 1600]
        assert attributes["start_date"] == str(dates[0])
        assert attributes["end_date"] == str(dates[-1])
        assert attributes["missing_dates"] == []
        assert attributes["resolution"] == "o16"
        assert attributes["allow_nans"] is False
        assert attributes["description"].startswith("SYNTHETIC")
        constant = [name for name in VARIABLES if (data[:, INDEX[name]] == data[0, INDEX[name]]).all()]
        assert attributes["constant_fields"] == constant == ["lsm", "z"]
        metadata = attributes["variables_metadata"]
        assert metadata["q_850"]["mars"] == {"param": "q", "levtype": "pl", "levelist": 850}
        assert metadata["q_850"]["units"] == "kg kg-1"
        assert metadata["2t"] == {"mars": {"param": "2t", "levtype": "sfc"}, "units": "K", "constant_in_time": False}
        assert metadata["tp"]["process"] == "accumulation"
        assert metadata["tp"]["period"] == ["0h", "6h"]
        assert [name for name in VARIABLES if metadata[name]["constant_in_time"]] == ["lsm", "z"]

    @pytest.mark.parametrize("name", ["training", "test_years", "incoming_clean", "incoming_nan", "incoming_fill"])
    def test_statistics_are_those_of_the_window(self, folder: Path, name: str) -> None:
        data, dates, attributes = read(folder / f"{name}.zarr")
        group = zarr.open_group(str(folder / f"{name}.zarr"), mode="r")
        first, last = (np.datetime64(attributes[f"statistics_{end}_date"]) for end in ("start", "end"))
        window = (dates >= first) & (dates <= last)
        assert window.sum() == max(1, int(0.8 * dates.size))
        values = data[window].astype(np.float64)
        for statistic, function in FUNCTIONS.items():
            np.testing.assert_allclose(group[statistic][:], function(values, axis=(0, 2)), rtol=1e-9, atol=1e-12)
        if dates.size == 1:
            assert f"statistics_tendencies_6h_{STATISTICS[0]}" not in group
            return
        assert dates[0].astype("M8[h]").astype(int) % 24 == 0  # so pairs are rows 0-1, 2-3, ...
        pairs = values[: values.shape[0] // 2 * 2]
        change = pairs[1::2] - pairs[::2]
        for statistic, function in FUNCTIONS.items():
            stored = group[f"statistics_tendencies_6h_{statistic}"][:]
            np.testing.assert_allclose(stored, function(change, axis=(0, 2)), rtol=1e-9, atol=1e-12)

    def test_default_window(self) -> None:
        def window(first: str, last: str, step: int) -> np.ndarray:
            dates = np.arange(np.datetime64(first), np.datetime64(last), step * DAY).astype("M8[s]")
            return dates[default_window(dates)]

        assert window("2001-01-01", "2001-01-02", 1).size == 1
        assert window("2001-01-01", "2001-01-06", 1).size == 4  # of 5
        assert window("2001-01-01", "2001-04-11", 1).size == 80  # of 100
        assert window("2001-01-01", "2010-01-01", 1).size == int(0.8 * 3287)
        assert window("2001-01-01", "2011-01-01", 1)[-1] == np.datetime64("2009-12-31")
        assert window("2001-01-01", "2021-01-01", 1)[-1] == np.datetime64("2017-12-31")

    def test_identity_follows_the_content(self, folder: Path, tmp_path: Path) -> None:
        def identity(path: Path) -> str:
            return read(path)[2]["uuid"]

        for out, seed in (("a", 1), ("b", 1), ("c", 2)):
            make_data.make(tmp_path / out, years=1, number=4, seed=seed)
        a, b, c = (identity(tmp_path / out / "training.zarr") for out in "abc")
        assert a == b != c
        stores = [identity(path) for path in folder.glob("*.zarr")]
        assert len(set(stores)) == len(stores)


class TestFaults:
    def test_clean_states_are_those_of_the_test_years(self, folder: Path) -> None:
        data, dates, _ = read(folder / "test_years.zarr")
        _, training, _ = read(folder / "training.zarr")
        for name in ("incoming_clean", "incoming_previous"):
            state, date, _ = read(folder / f"{name}.zarr")
            np.testing.assert_array_equal(state[0], data[np.searchsorted(dates, date[0])])
            assert date[0] > training[-1]
        clean, previous = (read(folder / f"incoming_{name}.zarr")[1][0] for name in ("clean", "previous"))
        assert clean - previous == DAY // 4
        assert clean.astype("M8[M]").astype(int) % 12 == 5  # June

    @pytest.mark.parametrize("name", FAULTS)
    def test_nothing_else_differs(self, folder: Path, name: str) -> None:
        clean, clean_dates, clean_attributes = read(folder / "incoming_clean.zarr")
        spoilt, dates, attributes = read(folder / f"{name}.zarr")
        np.testing.assert_array_equal(dates, clean_dates)
        same = (spoilt == clean).all(axis=(0, 2))
        assert [variable for variable in VARIABLES if not same[INDEX[variable]]] == list(FAULTS[name].variables)
        assert {key for key in attributes if attributes[key] != clean_attributes[key]} == {"description", "uuid"}
        assert FAULTS[name].text in attributes["description"]

    def state(self, folder: Path, name: str, variable: str) -> tuple[np.ndarray, np.ndarray]:
        """The spoilt and the clean field of a variable."""
        spoilt, clean = (read(folder / f"{store}.zarr")[0][0, INDEX[variable]] for store in (name, "incoming_clean"))
        return spoilt, clean

    def far(self, latitude: float, longitude: float) -> np.ndarray:
        """Degrees from a place, by the haversine formula."""
        grid = octahedral_grid(16)
        lat, lon = np.radians(grid.latitudes), np.radians(grid.longitudes)
        lat0, lon0 = np.radians(latitude), np.radians(longitude)
        half = np.sin((lat - lat0) / 2) ** 2 + np.cos(lat) * np.cos(lat0) * np.sin((lon - lon0) / 2) ** 2
        return np.degrees(2 * np.arcsin(np.sqrt(half)))

    def test_nan_patch(self, folder: Path) -> None:
        spoilt, clean = self.state(folder, "incoming_nan", "2t")
        missing = np.isnan(spoilt)
        assert 10 <= missing.sum() <= 60
        np.testing.assert_array_equal(spoilt[~missing], clean[~missing])
        assert self.far(45, 10)[missing].max() < 12 + 3 < self.far(45, 10)[~missing].max()

    def test_celsius(self, folder: Path) -> None:
        spoilt, clean = self.state(folder, "incoming_celsius", "2t")
        np.testing.assert_allclose(spoilt, clean - 273.15, rtol=0, atol=2e-5)
        assert read(folder / "incoming_celsius.zarr")[2]["variables_metadata"]["2t"]["units"] == "K"

    def test_fill(self, folder: Path) -> None:
        spoilt, clean = self.state(folder, "incoming_fill", "t_850")
        filled = spoilt == 9999
        assert 5 <= filled.sum() <= 40
        np.testing.assert_array_equal(spoilt[~filled], clean[~filled])
        assert self.far(-20, 140)[filled].max() < 8 + 3

    def test_soil_is_wetter_by_two_standard_deviations_in_one_region(self, folder: Path) -> None:
        training, dates, _ = read(folder / "training.zarr")
        angle = 2 * np.pi * ((dates - dates.astype("M8[Y]")) / DAY) / 365.25
        basis = np.stack([f(k * angle) for k in (1, 2) for f in (np.sin, np.cos)] + [angle**0], axis=1)
        weather = Weather()
        region = soil_region(weather)
        assert 15 <= region.sum() <= 60
        assert weather.land.is_land[region].all()
        centre = weather.grid.vectors[region].mean(axis=0)
        spread = weather.grid.vectors[region] @ (centre / np.linalg.norm(centre))
        assert np.degrees(np.arccos(spread)).max() < 30
        for name in ("swvl1", "swvl2"):
            spoilt, clean = self.state(folder, "incoming_soil", name)
            values = training[:, INDEX[name]].astype(np.float64)
            sd = np.sqrt(((values - basis @ (np.linalg.pinv(basis) @ values)) ** 2).mean(axis=0))
            np.testing.assert_allclose(spoilt - clean, np.where(region, 2 * sd, 0), rtol=0, atol=VARIABLES[name].step)
            assert 0 <= spoilt.min() <= spoilt.max() < 0.8

    def test_the_new_source_is_wetter_on_all_land_and_else_the_same(self, folder: Path) -> None:
        clean, clean_dates, _ = read(folder / "test_years.zarr")
        spoilt, dates, attributes = read(folder / "new_source.zarr")
        assert (dates.size, attributes["dqwatch_cadence"]["every"]) == (40, "3d")
        change = spoilt - clean[np.isin(clean_dates, dates)]
        soil = [INDEX["swvl1"], INDEX["swvl2"]]
        assert (np.delete(change, soil, axis=1) == 0).all()
        assert ((change[:, soil] > 0) == Weather().land.is_land).all()
        np.testing.assert_array_equal(change[:, soil].min(axis=0), change[:, soil].max(axis=0))
        assert spoilt[:, soil].max() < 0.8

    def test_pox_are_isolated_points_of_rain(self, folder: Path) -> None:
        spoilt, clean = self.state(folder, "forecast_pox", "tp")
        grid = octahedral_grid(16)
        points = np.flatnonzero(spoilt != clean)
        assert 10 <= points.size <= 16
        for cell in points.tolist():
            near = np.argsort(grid.distance(cell), kind="stable")[1:9]
            assert spoilt[near].max() < 1e-4 < 8e-3 <= spoilt[cell] < 8.2e-3

    def test_the_soil_fault_is_planted_on_every_seed(self, tmp_path: Path) -> None:
        for seed in (5, 6):
            make_data.make(tmp_path / str(seed), years=1, seed=seed, number=8)
            spoilt, clean = (
                read(tmp_path / str(seed) / f"incoming_{name}.zarr")[0][0, INDEX["swvl1"]] for name in ("soil", "clean")
            )
            assert (spoilt > clean).any()
            assert spoilt.max() < 0.8


class TestCommand:
    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        script = Path(make_data.__file__)
        return subprocess.run(
            [sys.executable, script, *map(str, arguments)], capture_output=True, text=True, check=False
        )

    def test_makes_a_folder_and_says_so_once(self, tmp_path: Path) -> None:
        out = tmp_path / "new" / "demo"
        done = self.run(out, "--years", "1")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", f"{out}: made\n")
        manifest = json.loads((out / "example_data.json").read_text())
        assert manifest["synthetic"] is True
        assert {path.name for path in out.glob("*.zarr")} == set(manifest["stores"])
        assert manifest["stores"]["incoming_soil.zarr"]["fault_in"] == ["swvl1", "swvl2"]
        assert [path.name for path in out.parent.iterdir()] == ["demo"]  # nothing temporary is left

    def test_help_names_every_option(self) -> None:
        text = self.run("--help").stdout
        for option in ("OUT", "--years", "--test-years", "--seed", "--zarr-format", "--force"):
            assert option in text

    def test_a_second_run_changes_nothing(self, folder: Path) -> None:
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        assert make_data.make(folder, years=1) is False
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before

    def test_other_options_need_force_and_other_files_stay(self, tmp_path: Path, capsys) -> None:
        out = tmp_path / "out"
        make_data.make(out, years=1, number=4)
        (out / "report.html").write_text("mine")
        with pytest.raises(make_data.ExampleDataError, match=r"seed 0, not 2\); give --force"):
            make_data.make(out, years=1, number=4, seed=2)
        assert make_data.main([str(out), "--years", "2"]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"make_data: {out}: was made with other options (years 1, not 2")
        assert error.count("\n") == 1
        assert make_data.make(out, years=1, number=4, seed=2, force=True)
        assert (out / "report.html").read_text() == "mine"
        np.testing.assert_array_equal(
            read(out / "training.zarr")[0][:2],
            make_data.make_weather(read(out / "training.zarr")[1][:2], seed=2, number=4),
        )

    def test_data_of_an_older_version_or_incomplete_data_are_made_anew(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        options: dict[str, Any] = {"years": 1, "number": 4}
        make_data.make(out, **options)
        manifest = json.loads((out / "example_data.json").read_text())
        (out / "example_data.json").write_text(json.dumps(manifest | {"version": 0}))
        assert make_data.make(out, **options) is True
        (out / "incoming_nan.zarr").rename(tmp_path / "gone")
        assert make_data.make(out, **options) is True
        assert make_data.make(out, **options) is False

    @pytest.mark.parametrize("force", [[], ["--force"]])
    def test_a_folder_of_something_else_is_left_alone(self, tmp_path: Path, capsys, force: list[str]) -> None:
        (tmp_path / "thesis.tex").write_text("years of work")
        assert make_data.main([str(tmp_path), *force]) == 2
        error = capsys.readouterr().err
        reason = "exists and is no folder of example data (no example_data.json); give another name"
        assert error == f"make_data: {tmp_path}: {reason}\n"
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]

    def test_a_file_in_the_way_is_one_line(self, tmp_path: Path, capsys) -> None:
        (tmp_path / "file").write_text("")
        for out in (tmp_path / "file", tmp_path / "file" / "out"):
            assert make_data.main([str(out)]) == 2
            assert capsys.readouterr().err.count("\n") == 1

    @pytest.mark.parametrize(
        "arguments", [["--years", "0"], ["--seed", "-1"], ["--zarr-format", "4"], ["--years", "x"]]
    )
    def test_bad_options_are_refused(self, tmp_path: Path, capsys, arguments: list[str]) -> None:
        with pytest.raises(SystemExit) as exit_:
            make_data.main([str(tmp_path / "out"), *arguments])
        assert exit_.value.code == 2
        assert arguments[0] in capsys.readouterr().err
        assert not (tmp_path / "out").exists()

    def test_a_failure_leaves_nothing(self, tmp_path: Path) -> None:
        def stop(fraction: float) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            make_data.make(tmp_path / "out", years=1, number=4, progress=stop)
        assert not list(tmp_path.iterdir())

    def test_progress_ends_at_one(self, tmp_path: Path) -> None:
        seen: list[float] = []
        make_data.make(tmp_path / "out", years=1, number=4, progress=seen.append)
        assert seen == sorted(seen)
        assert seen[-1] == 1
