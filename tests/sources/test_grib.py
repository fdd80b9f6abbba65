"""GRIB: every message is placed and read, whatever its order, scanning mode, packing or grid."""

from __future__ import annotations

import itertools
import os
import random
from collections import Counter
from pathlib import Path

import eccodes as ec
import iris_sample_data
import numpy as np
import pandas as pd
import pytest
from conftest import real_data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError, SourceNotFoundError
from dqwatch.metrics import scan
from dqwatch.sources.grib import MessageSource, open_grib
from dqwatch.sources.grib_messages import read_values, walk


def write(path: Path, *settings_of_messages: dict, values: np.ndarray | None = None) -> Path:
    """A file of messages on a 5 x 8 grid; each dict sets keys, `_values` the values."""
    with open(path, "wb") as stream:
        for keys in settings_of_messages:
            handle = ec.codes_grib_new_from_samples(keys.pop("_sample", "regular_ll_pl_grib2"))
            data = keys.pop("_values", values)
            grid = {
                "Ni": 8,
                "Nj": 5,
                "latitudeOfFirstGridPointInDegrees": 50,
                "latitudeOfLastGridPointInDegrees": 30,
                "longitudeOfFirstGridPointInDegrees": 10,
                "longitudeOfLastGridPointInDegrees": 24,
                "iDirectionIncrementInDegrees": 2,
                "jDirectionIncrementInDegrees": 5,
            }
            for key, value in {**grid, **keys}.items():
                ec.codes_set(handle, key, value)
            ec.codes_set_values(handle, np.arange(40.0) if data is None else np.asarray(data, float).ravel())
            ec.codes_write(handle, stream)
            ec.codes_release(handle)
    return path


def opened(data) -> MessageSource:
    source = open_grib(data)
    assert source is not None
    return source


def read_all(source) -> dict[tuple[str, str, int], np.ndarray]:
    """Every field, by (time label, variable, member)."""
    buffers, fields = Buffers(), {}
    for block in source.blocks():
        for field in source.read(block, buffers):
            variable = source.variables[field.variable]
            key = (source.times[variable.times].labels[field.time], variable.name, field.member)
            assert key not in fields
            fields[key] = field.values.copy()
    return fields


def library_values(path: Path) -> list[np.ndarray]:
    """Values of every field of a file as eccodes itself reads them, submessages included."""
    ec.codes_grib_multi_support_on()
    values = []
    try:
        with open(path, "rb") as stream:
            while (handle := ec.codes_grib_new_from_file(stream)) is not None:
                data = ec.codes_get_array(handle, "values")
                if ec.codes_get(handle, "bitmapPresent"):
                    data[data == ec.codes_get(handle, "missingValue")] = np.nan
                values.append(data)
                ec.codes_release(handle)
    finally:
        ec.codes_grib_multi_support_off()
    return values


def grib_files() -> list[Path]:
    folder = real_data()
    files = [*folder.glob("grib/*.grib*"), folder / "reanalysis/era5-2mt-2019-03-uk.grib"]
    files += Path(iris_sample_data.path).glob("*.grib2")
    return sorted(f for f in files if f.name != "era5-levels-corrupted.grib")


def test_every_field_of_every_real_file_is_read_with_the_library_s_values():
    for path in grib_files():
        expected = library_values(path)
        source = opened(path)
        fields = read_all(source)
        source.close()
        assert len(fields) == len(expected), path.name
        if path.name == "alternate-scanning.grib":
            continue  # its rows are turned; see the test of the scanning modes
        # as multisets: the same values, whatever the order of the messages
        assert Counter(v.tobytes() for v in fields.values()) == Counter(v.tobytes() for v in expected), path.name


def test_several_fields_in_one_message_are_all_found():
    path = real_data() / "grib/gfs.t12z.pgrbf120.2p5deg.grib2"
    parts = [m.part for m in walk(path)]
    assert len({p.offset for p in parts}) == 307
    assert len(parts) == 343


def test_soil_layers_beside_each_other_are_all_seen():
    source = opened(real_data() / "grib/soil-surface-level-mix.grib")
    names = {v.name for v in source.variables}
    assert names == {"2t", "slt", *(f"{p}{k}" for p in ("swvl", "stl") for k in (1, 2, 3, 4))}
    source.close()


def test_levels_in_pascal_and_hectopascal_are_one_kind():
    path = real_data() / "grib/hpa_and_pa.grib"
    source = opened(path)
    assert {v.level_type for v in source.variables} == {"pl"}
    assert {v.level_units for v in source.variables} == {"hPa", "Pa"}
    expected = sorted(m.level / (100 if m.level_type == "isobaricInPa" else 1) for m in walk(path))
    assert sorted(v.level for v in source.variables) == pytest.approx(expected)
    source.close()


def test_members_and_times():
    source = opened(real_data() / "grib/era5-levels-members.grib")
    assert {v.members for v in source.variables} == {10}
    assert [len(t) for t in source.times] == [4]
    assert {(v.param, v.level) for v in source.variables} == {("z", 500), ("z", 850), ("t", 500), ("t", 850)}
    source.close()


def test_forecast_steps_are_told_from_valid_times():
    source = opened(real_data() / "grib/t_time_series.grib")
    (axis,) = source.times
    assert axis.labels[0] == "2020-12-21T12:00:00+000h"
    assert axis.labels[-1] == "2020-12-23T12:00:00+048h"
    assert axis.lead_seconds.tolist() == [h * 3600 for h in (0, 3, 6, 9, 48)]
    source.close()


@pytest.mark.parametrize("mode", list(itertools.product((0, 1), repeat=4)))
def test_scanning_modes_put_every_value_on_its_cell(tmp_path, mode):
    negative, positive, columns_first, alternate = mode
    lat = np.arange(50.0, 25, -5)[:: -1 if positive else 1]
    lon = np.arange(10.0, 26, 2)[:: -1 if negative else 1]
    # the value of a cell tells its place: 100 * latitude + longitude
    field = 100 * lat[:, None] + lon[None, :]
    stored = field.T.copy() if columns_first else field.copy()
    if alternate:
        stored[1::2] = stored[1::2, ::-1].copy()
    keys = {
        "latitudeOfFirstGridPointInDegrees": lat[0],
        "latitudeOfLastGridPointInDegrees": lat[-1],
        "longitudeOfFirstGridPointInDegrees": lon[0],
        "longitudeOfLastGridPointInDegrees": lon[-1],
        "iScansNegatively": negative,
        "jScansPositively": positive,
        "jPointsAreConsecutive": columns_first,
        "alternativeRowScanning": alternate,
        "bitsPerValue": 24,
    }
    source = opened(write(tmp_path / "a.grib", keys, values=stored))
    (grid,) = source.grids
    (values,) = read_all(source).values()
    assert grid.shape == (5, 8)
    assert grid.kind == "regular"
    np.testing.assert_allclose(values, 100 * grid.latitudes + grid.longitudes, atol=1e-3)
    source.close()


def test_alternating_rows_of_a_real_file_are_turned():
    path = real_data() / "grib/alternate-scanning.grib"
    source = opened(path)
    (values,) = read_all(source).values()
    raw = library_values(path)[0].reshape(171, 291)
    raw[1::2] = raw[1::2, ::-1].copy()
    np.testing.assert_array_equal(values.reshape(171, 291), raw)
    # neighbouring rows of a temperature field resemble each other only if all run the same way
    table = values.reshape(171, 291)
    turned = table.copy()
    turned[1::2] = turned[1::2, ::-1]
    assert np.abs(np.diff(table, axis=0)).mean() < 0.5 * np.abs(np.diff(turned, axis=0)).mean()
    source.close()


def test_missing_values_of_a_bitmap_are_nan(tmp_path):
    source = opened(real_data() / "grib/all_missing_vals.grib")
    (values,) = read_all(source).values()
    assert np.isnan(values).all()
    source.close()
    data = np.arange(40.0)
    data[[3, 17]] = 9999
    path = write(tmp_path / "a.grib", {"bitmapPresent": 1, "missingValue": 9999, "bitsPerValue": 24}, values=data)
    source = opened(path)
    (values,) = read_all(source).values()
    assert np.flatnonzero(np.isnan(values)).tolist() == [3, 17]
    source.close()


def test_headers_that_contradict_themselves_are_named():
    source = opened(real_data() / "grib/regular_gg_wrong_increment.grib")
    (grid,) = source.grids
    assert grid.kind == "unknown"
    assert "does not fit its 18432 points" in grid.problem
    assert len(read_all(source)) == 1
    source.close()


@pytest.mark.parametrize(
    ("file", "kind", "cells"),
    [
        ("grib/regular_gg_sfc.grib", "regular", 18432),
        ("grib/O32_global.grib2", "reduced_gaussian", 5248),
        ("grib/t_n48.grib", "reduced_gaussian", 13280),
        ("grib/healpix_H8.grib2", "unstructured", 768),
        ("grib/lambert_grid.grib", "curvilinear", 225625),
    ],
)
def test_grids(file, kind, cells):
    source = opened(real_data() / file)
    (grid,) = source.grids
    assert (grid.kind, grid.n_cells) == (kind, cells)
    if grid.area_weights is not None:
        assert grid.area_weights.sum() == pytest.approx(1)
    source.close()


def test_spherical_harmonics_are_named_as_not_checked(tmp_path):
    handle = ec.codes_grib_new_from_samples("sh_pl_grib2")
    path = tmp_path / "sh.grib"
    with open(path, "wb") as stream:
        ec.codes_write(handle, stream)
    source = opened(path)
    assert source.variables == ()
    assert "spherical harmonics" in source.notes[0]
    assert [(x.name, "spherical harmonics" in x.reason) for x in source.left_out] == [("t_1000", True)]
    source.close()


def test_repeated_messages_are_checked_too(tmp_path):
    path = write(tmp_path / "a.grib", {"_values": np.zeros(40)}, {"_values": np.ones(40)})
    source = opened(path)
    assert len(read_all(source)) == 2
    assert "repeat" in source.notes[0]
    source.close()


def test_editions_mix(tmp_path):
    one = write(tmp_path / "1.grib", {"_sample": "regular_ll_pl_grib1", "level": 500})
    two = write(tmp_path / "2.grib", {"level": 850})
    both = tmp_path / "both.grib"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    source = opened(both)
    assert {v.level for v in source.variables} == {500, 850}
    source.close()


def test_several_files_and_globs(tmp_path):
    for step in (0, 6):
        write(tmp_path / f"f{step}.grib", {"step": step})
    for data in (str(tmp_path / "f*.grib"), sorted(tmp_path.glob("*.grib"))):
        source = opened(data)
        assert len(read_all(source)) == 2
        assert [len(t) for t in source.times] == [2]
        source.close()
    with pytest.raises(SourceNotFoundError, match=r"nothing\.grib: no such file"):
        open_grib([tmp_path / "f0.grib", tmp_path / "nothing.grib"])


def test_what_is_no_grib_is_left_to_others(tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("no")
    assert open_grib(text) is None
    assert open_grib(str(tmp_path / "*.grib")) is None
    assert open_grib(3) is None


@pytest.mark.parametrize("spoil", ["cut", "garbage", "zero_length"])
def test_damaged_files_are_refused_in_one_line(tmp_path, spoil):
    sound = write(tmp_path / "a.grib", {}, {"level": 500}).read_bytes()
    damaged = {
        "cut": sound[:-20],
        "garbage": sound + b"some text at the end",
        "zero_length": sound[:8] + b"\0" * 8 + sound[16:],
    }[spoil]
    path = tmp_path / "b.grib"
    path.write_bytes(damaged)
    with pytest.raises(SourceError) as caught:
        open_grib(path)
    assert "\n" not in str(caught.value)
    assert "b.grib" in str(caught.value)


def test_corrupt_real_file_is_refused(capfd):
    with pytest.raises(SourceError, match="cannot be decoded"):
        open_grib(real_data() / "grib/era5-levels-corrupted.grib")
    if hasattr(ec, "codes_context_set_logging"):
        assert capfd.readouterr() == ("", ""), "the library must keep quiet"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=st.sampled_from(["ml_data.grib", "soil-surface-level-mix.grib", "ens_50.grib"]), seed=st.integers(0, 2**31))
def test_any_subset_in_any_order_gives_the_same_tables(tmp_path, file, seed):
    original = real_data() / "grib" / file
    keep = random.Random(seed).randint(1, 40)
    parts = [m.part for m in walk(original)]
    data = original.read_bytes()
    pieces = [data[p.offset : p.offset + p.length] for p in parts]
    chosen = random.Random(seed).sample(range(len(pieces)), min(keep, len(pieces)))
    shuffled, ordered = tmp_path / "shuffled.grib", tmp_path / "ordered.grib"
    shuffled.write_bytes(b"".join(pieces[k] for k in chosen))
    ordered.write_bytes(b"".join(pieces[k] for k in sorted(chosen)))
    tables = []
    for path in (shuffled, ordered):
        source = opened(path)
        tables.append(scan(source).tables)
        source.close()
    for name, table in tables[0].items():
        pd.testing.assert_frame_equal(table, tables[1][name])


def test_threads_read_the_same_values():
    from concurrent.futures import ThreadPoolExecutor

    path = real_data() / "reanalysis/era5-2mt-2019-03-uk.grib"
    parts = [m.part for m in walk(path)]
    descriptor = os.open(path, os.O_RDONLY)
    try:
        alone = [read_values(p, descriptor, "a").tobytes() for p in parts]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda p: read_values(p, descriptor, "a").tobytes(), parts))
    finally:
        os.close(descriptor)
    assert together == alone


def test_stored_bytes_of_several_fields_in_one_message_are_not_counted_twice():
    path = real_data() / "grib/gfs.t12z.pgrbf120.2p5deg.grib2"
    source = opened(path)
    stored = sum(array.stored_bytes or 0 for array in source.arrays())
    # a bitmap that a second field shares is counted for both
    assert stored == pytest.approx(path.stat().st_size, rel=0.01)
    source.close()
