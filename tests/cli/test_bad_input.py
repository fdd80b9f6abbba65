"""Whatever is wrong with data or rule file, the user gets one line and a code, never a traceback."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from sources.cf_data import write_zarr

from dqwatch.cli import main


def netcdf(folder: Path, name: str = "a.nc", **options) -> Path:
    """A sound file of some 60 kB, to be spoilt."""
    values = np.random.default_rng(0).normal(280, 10, (4, 60, 60)).astype("f4")
    data = xr.Dataset(
        {"t2m": (("time", "latitude", "longitude"), values, {"units": "K"})},
        {
            "time": ("time", np.arange(4) * 6, {"units": "hours since 2020-03-01"}),
            "latitude": ("latitude", np.linspace(-88.5, 88.5, 60), {"units": "degrees_north"}),
            "longitude": ("longitude", np.arange(60) * 6.0, {"units": "degrees_east"}),
        },
    )
    data.to_netcdf(folder / name, **{"engine": "h5netcdf", **options})
    return folder / name


def zarr(folder: Path) -> Path:
    data = xr.open_dataset(netcdf(folder), engine="h5netcdf", decode_times=False).load()
    return write_zarr(data, folder / "a.zarr")


def cut(path: Path, part: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def folder_of(path: Path) -> Path:
    path.mkdir()
    return path


def spoilt_zarr(folder: Path, name: str, content: bytes) -> Path:
    path = zarr(folder)
    written(path / name, content)
    return path


def first_chunk(folder: Path) -> str:
    return str(next(p for p in (zarr(folder) / "t2m").iterdir() if p.name[0] != ".").relative_to(folder / "a.zarr"))


DATA: dict[str, tuple[Callable[[Path], Path | str], int]] = {
    "absent.nc": (lambda f: f / "absent.nc", 3),
    "absent.zarr": (lambda f: f / "absent.zarr", 3),
    "absent folder": (lambda f: f / "absent" / "a.nc", 3),
    "empty name": (lambda f: "", 3),
    "NUL in the name": (lambda f: "a\0.nc", 3),
    "very long name": (lambda f: "a" * 5000 + ".nc", 3),
    "empty file": (lambda f: written(f / "a.nc", b""), 3),
    "text in .nc": (lambda f: written(f / "a.nc", b"not a NetCDF file\n" * 100), 3),
    "text in .zarr": (lambda f: written(f / "a.zarr", b"not a Zarr store\n"), 3),
    "random bytes": (lambda f: written(f / "a.nc", np.random.default_rng(0).bytes(10_000)), 3),
    "HDF5 signature only": (lambda f: written(f / "a.nc", b"\x89HDF\r\n\x1a\n"), 3),
    "classic signature only": (lambda f: written(f / "a.nc", b"CDF\x01"), 3),
    "truncated NetCDF 4": (lambda f: cut(netcdf(f), 0.5), 3),
    "truncated header of NetCDF 4": (lambda f: cut(netcdf(f), 0.02), 3),
    "truncated NetCDF 3": (lambda f: cut(netcdf(f, format="NETCDF3_CLASSIC", engine="scipy"), 0.5), 3),
    "truncated header of NetCDF 3": (lambda f: cut(netcdf(f, format="NETCDF3_CLASSIC", engine="scipy"), 0.001), 3),
    "empty folder": (lambda f: folder_of(f / "a"), 3),
    "empty .zarr": (lambda f: folder_of(f / "a.zarr"), 3),
    "folder named .nc": (lambda f: folder_of(f / "a.nc"), 3),
    "Zarr metadata that is no JSON": (lambda f: spoilt_zarr(f, ".zgroup", b"{"), 3),
    "Zarr array metadata that is no JSON": (lambda f: spoilt_zarr(f, "t2m/.zarray", b"[1,"), 3),
    "Zarr array metadata that is empty": (lambda f: spoilt_zarr(f, "t2m/.zarray", b""), 3),
    "Zarr array metadata without a shape": (lambda f: spoilt_zarr(f, "t2m/.zarray", b'{"zarr_format": 2}'), 3),
    "Zarr attributes that are no JSON": (lambda f: spoilt_zarr(f, "t2m/.zattrs", b"\xff\xfe"), 3),
    "truncated chunk": (lambda f: spoilt_zarr(f, first_chunk(f / folder_of(f / "x").name), b"\x02\x01"), 3),
    "socket": (lambda f: os.devnull, 3),
    "parquet": (lambda f: written(f / "a.parquet", b"PAR1"), 2),
}


@pytest.mark.parametrize("case", DATA)
def test_bad_data_are_one_line(case, tmp_path, capfd):
    make, code = DATA[case]
    path = make(tmp_path)
    assert main(["audit", str(path)]) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(r"dqwatch: .+\n", err)
    assert "unexpected" not in err
    if path != "":
        assert Path(path).name[:50].replace("\0", "?") in err


def test_data_without_permission_are_one_line(tmp_path, capfd):
    path = netcdf(tmp_path)
    path.chmod(0)
    owner = os.geteuid()
    if owner == 0:  # nothing is forbidden to root
        os.seteuid(65534)
    try:
        assert main(["audit", str(path)]) == 3
    finally:
        os.seteuid(owner)
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(r"dqwatch: .*a\.nc.*[Pp]ermission.*\n", err)


RULES = {
    "broken YAML": b"rules: [",
    "empty": b"",
    "text": b"no rules here",
    "list": b"- a\n- b\n",
    "binary": bytes(range(256)),
    "unknown key": b"rule_set: mine\nrulez: []\n",
    "no rules": b"rule_set: mine\n",
    "rule without anything": b"rule_set: mine\nrules:\n- {}\n",
    "unknown table": b"rule_set: mine\nrules:\n- {id: a, table: filds, column: n, expect: {}}\n",
    "code": b"rule_set: !!python/object/apply:os.system ['touch owned']\n",
    "unknown include": b"rule_set: mine\ninclude: [nosuch]\n",
}


@pytest.mark.parametrize("case", RULES)
def test_a_bad_rule_file_is_one_line_and_found_before_the_data(case, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "mine.yaml", RULES[case])
    assert main(["gate", "absent.zarr", "--rules", "mine.yaml"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(r"dqwatch: mine\.yaml.+\n", err)
    assert "unexpected" not in err
    assert os.listdir() == ["mine.yaml"]
    assert main(["rules", "lint", "mine.yaml"]) == 2
    out, err = capfd.readouterr()
    assert err == ""
    assert all(line.startswith("mine.yaml: ") for line in out.splitlines())


@pytest.mark.parametrize("name", ["absent.yaml", "./", "nosuch", "folder.yaml", ""])
def test_an_absent_rule_set_is_one_line(name, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.yaml").mkdir()
    assert main(["gate", "absent.zarr", "--rules", name]) == 2
    assert re.fullmatch(r"dqwatch: .+\n", capfd.readouterr().err)


@pytest.mark.parametrize(
    "words",
    ["--select nosuch", "--start soon", "--end 2020-13-01", "--start 2020-03-02 --end 2020-03-01"],
)
def test_a_selection_that_cannot_be_is_one_line(words, tmp_path, capfd):
    assert main(["audit", str(netcdf(tmp_path)), *words.split()]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(r"dqwatch: .+\n", err)
    assert "unexpected" not in err
