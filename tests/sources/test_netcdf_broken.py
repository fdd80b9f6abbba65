"""NetCDF files cut short or with bytes changed: read, or refused in one line, never anything else."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from sources.cf_data import fields, written

from dqwatch.errors import SourceError
from dqwatch.sources.netcdf import open_netcdf


def sample() -> xr.Dataset:
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "t2m": (("time", "lat", "lon"), rng.normal(280, 10, (6, 5, 8)).astype("f4"), {"units": "K"}),
            "tp": (("time", "lat", "lon"), rng.gamma(1, 1, (6, 5, 8)), {"units": "m"}),
        },
        {
            "time": ("time", np.arange(6) * 6, {"units": "hours since 2020-01-01"}),
            "lat": ("lat", np.linspace(60, -60, 5), {"units": "degrees_north"}),
            "lon": ("lon", np.arange(8) * 45.0, {"units": "degrees_east"}),
        },
        {"title": "größer"},
    )


@pytest.mark.parametrize("form", ["classic", "offset64"])
def test_every_truncation_of_a_classic_file_is_told(form, tmp_path):
    content = written(sample(), tmp_path, form).read_bytes()
    path = tmp_path / "cut.nc"
    for length in [*range(3, 1200, 7), *range(1200, len(content) - 4, 301)]:
        path.write_bytes(content[:length])
        with pytest.raises(SourceError, match=r"cut\.nc: broken or truncated NetCDF file") as caught:
            open_netcdf(path)
        assert "\n" not in str(caught.value)


def read_all(path: Path) -> str:
    """Open and read a file; 'read', or 'refused' with one line."""
    try:
        source = open_netcdf(path)
        if source is None:
            return "refused"
        try:
            source.arrays()
            for _ in fields(source):
                pass
        finally:
            source.close()
    except SourceError as error:
        return "refused" if "\n" not in str(error) else "several lines"
    return "read"


@pytest.mark.parametrize("form", ["classic", "offset64", "netcdf4", "h5netcdf"])
@pytest.mark.parametrize("seed", range(4))
def test_spoilt_bytes_end_in_one_kind_of_error(form, seed, tmp_path):
    """Some bytes changed at random, mostly in the header: the file is read, or refused in one line."""
    rng = np.random.default_rng(seed)
    content = written(sample(), tmp_path, form).read_bytes()
    header = min(len(content), 1000 if form in ("classic", "offset64") else len(content))
    seen = set()
    for i in range(60):
        spoilt = bytearray(content)
        for at in rng.integers(4, header, rng.integers(1, 6)):
            spoilt[at] = rng.choice([0, 1, 255, int(rng.integers(0, 256))])
        path = tmp_path / f"spoilt{i}.nc"
        path.write_bytes(spoilt)
        seen.add(read_all(path))
        os.unlink(path)
    assert seen == {"read", "refused"}


def test_truncations_of_hdf5_end_in_one_kind_of_error(tmp_path):
    content = written(sample(), tmp_path, "netcdf4").read_bytes()
    path = tmp_path / "cut.nc"
    for length in range(8, len(content), 997):
        path.write_bytes(content[:length])
        assert read_all(path) == "refused"
