"""The inspection as text and as JSON: complete, valid, drawn rightly, safe for any terminal."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from sources.zarr_files import OLD_ZARR, make_anemoi

import dqwatch
import dqwatch.reports.inspection_json
from dqwatch.metrics.access import Geometry
from dqwatch.metrics.field_arrays import FieldArray
from dqwatch.metrics.inspection import Inspection
from dqwatch.metrics.machine import Device
from dqwatch.reports import inspection_json
from dqwatch.reports.drawing import draw
from dqwatch.reports.inspection import render
from dqwatch.reports.lines import factor, size
from dqwatch.types import StoredArray

SCHEMA = json.loads(Path(inspection_json.__file__).with_name("inspection.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SECTIONS = ["Variables", "Grid", "Time", "NaN", "Storage", "Layout", "Memory", "Reading", "Other chunks"]


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Inspection:
    """An anemoi store of 7.7 MB, one chunk a date, with holes and a missing date."""
    path = tmp_path_factory.mktemp("store") / "a.zarr"
    values = np.random.default_rng(3).normal(280, 5, (240, 4, 1, 2000)).astype("f4")
    values[:, 3, :, :500] = np.nan
    attrs = {"missing_dates": ["2020-02-20T00:00:00"]}
    make_anemoi(path, values, ["2t", "msl", "t_850", "t_500"], hours=24, attrs=attrs)
    return dqwatch.inspect(path, pattern="time=180d,cell=10,variable=2t", batch=4)


def document(text: str) -> dict:
    found = json.loads(text, parse_constant=pytest.fail)  # NaN and Infinity are no JSON
    VALIDATOR.validate(found)
    return found


def section(text: str, title: str) -> list[str]:
    lines = text.splitlines()
    start = lines.index(title) + 1
    return lines[start : lines.index("", start) if "" in lines[start:] else None]


def test_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_text_has_every_section_once(found):
    lines = render(found).splitlines()
    assert lines[0] == "a.zarr (anemoi_zarr)"
    assert [line for line in lines if line in SECTIONS] == SECTIONS


def test_text_tells_what_was_found(found):
    text = render(found)
    assert f"{size(found.bytes)} uncompressed" in text
    assert "dimensions: time 240, variable 4, ensemble 1, cell 2,000" in text
    assert section(text, "Variables")[1:] == [
        "  2t   (no units)",
        "  msl  (no units)",
        "  t    (no units)  2 levels (pl): 850, 500 hPa",
    ]
    time = section(text, "Time")
    assert time[0] == "  dates: 240, 2020-01-01T00 to 2020-08-27T00, calendar proleptic_gregorian"
    assert time[1:] == ["  every 1 d (declared)", "  declared missing: 1 (2020-02-20T00)", "  found missing: 0"]
    nan = section(text, "NaN")
    assert nan[0].startswith("  sampled: 16 of 960 fields, all variables at 2020-01-01T00, ")
    assert nan[1] == "  NaN in 1 of 4 variables sampled: t_500 25.000%"
    memory = section(text, "Memory")
    assert memory[0] == "  one date, all variables, as float32: 32 kB"
    assert memory[1].startswith("  a batch of 4 (2 input steps and 1 target each): 384 kB; ")


def test_what_is_no_file_here_is_as_large_as_its_arrays(found):
    stored = sum(a.stored_bytes or 0 for a in found.arrays)
    assert f"  {size(stored)} in storage, {size(found.bytes)} uncompressed" in render(replace(found, footprint=None))
    bare = replace(found, footprint=None, arrays=())
    assert render(bare).splitlines()[1] == f"  {size(found.bytes)} uncompressed"


def test_text_tells_what_reading_costs(found):
    rows = {line.split()[0]: line.split() for line in section(render(found), "Reading")[2:]}
    assert list(rows) == ["own", "date", "series", "points", "window"]
    # one date: 4 x 2000 x 4 bytes; 180 dates of one variable at ten cells cost 180 whole dates
    assert rows["date"][1:7] == ["32", "kB", "32", "kB", "1.0", "1"]
    assert rows["own"][1:7] == ["7.2", "kB", "5.76", "MB", "800", "180"]
    assert "time=180d,cell=10,variable=2t:" in rows["own"]
    assert "(AIFL):" in rows["series"]


def test_the_command_stands_at_the_left_as_it_must_be_typed(found):
    text = render(found, width=60)
    option = next(o for o in found.options if "own" in o.candidate.best_for)
    assert text.endswith(f"\n\n{option.command.text}")


def test_sentences_are_wrapped_tables_are_not(found):
    wide, narrow = render(found).splitlines(), render(found, width=60).splitlines()
    assert len(narrow) > len(wide)
    pattern = next(line for line in wide if line.strip().startswith("series"))
    assert pattern in narrow
    assert all(len(line) <= 60 for line in narrow if line.startswith("  a batch"))


def test_ascii_only_draws_with_ascii(found):
    plain = render(found, ascii_only=True)
    assert plain.isascii()
    assert len(plain) == len(render(found))
    assert "+---" in plain


def test_names_of_others_cannot_break_lines_or_drive_the_terminal(found):
    evil = "a\nb\x1b[31m"
    text = render(replace(found, name=evil, notes=(evil,), dimensions={evil: 3}))
    assert "\x1b" not in text
    assert text.splitlines()[0] == "a b?[31m (anemoi_zarr)"


@pytest.mark.parametrize(
    ("devices", "wanted"),
    [
        (None, "device memory: unknown (no nvidia-smi here)"),
        ((), "no device"),
        ((Device("H200", 10**9),), "device H200: less than 0.1% of the device's 1 GB"),
        ((Device("old", 96_000),), "device old: 4 times of the device's 96 kB: it does not fit"),
    ],
)
def test_devices(found, devices, wanted):
    text = render(replace(found, memory=replace(found.memory, devices=devices)))
    assert f"  {wanted}" in text.splitlines()


def test_json_is_valid_and_has_the_same_figures(found):
    doc = document(inspection_json.render(found))
    assert (doc["verb"], doc["status"], doc["exit_code"], doc["error"]) == ("inspect", "ok", 0, None)
    assert doc["inputs"] == [{"name": "a.zarr", "kind": "anemoi_zarr", "identity": found.identity}]
    body = doc["inspection"]
    assert body["size"]["uncompressed_bytes"] == found.bytes
    assert [p["name"] for p in body["patterns"]] == ["own", "date", "series", "points", "window"]
    for pattern, read in zip(body["patterns"], found.reads, strict=True):
        assert pattern["amplification"] == read.access.amplification
        assert pattern["stored_bytes"] == read.stored_bytes
    assert body["layouts"]["as_stored"]["chunks"] == [1, 4, 1, 2000]
    for option, other in zip(found.options, body["layouts"]["others"], strict=True):
        assert other["command"] == option.command.text
        assert other["patterns"].keys() == {"own", "date", "series", "points", "window"}
    assert body["nan_sample"]["shares"] == {"t_500": 0.25}
    assert body["times"][0]["declared_missing"] == ["2020-02-20T00:00:00"]
    assert body["memory"]["batch_bytes"] == 4 * 3 * 32_000


def test_json_of_a_failure_is_valid():
    doc = document(inspection_json.render_failure(["a.zarr", "b.zarr"], "a.zarr: no such file", 3))
    assert (doc["status"], doc["exit_code"], doc["inspection"]) == ("error", 3, None)
    assert [i["name"] for i in doc["inputs"]] == ["a.zarr", "b.zarr"]


def test_without_arrays_of_fields_there_is_still_a_report(found):
    bare = replace(found, main=None, as_stored=None, options=(), arrays=(), reads=())
    text = render(bare)
    assert "Layout" not in text.splitlines()
    assert "Other chunks" not in text.splitlines()
    assert document(inspection_json.render(bare))["inspection"]["layouts"] is None


def test_nothing_to_be_gained_is_said(found):
    assert "nothing to be gained" in render(replace(found, options=()))


# The picture.


def array(shape, chunks, shards=None) -> FieldArray:
    dims = ("time", "variable", "ensemble", "cell")
    stored = StoredArray("data", dims, shape, "float32", chunks, shards)
    return FieldArray(stored, Geometry(shape, 4, chunks, shards), dims, (0,), (3,), (2,), (1,), (0,), 0, 0)


def boxes(lines: list[str]) -> tuple[int, int]:
    """Rows and columns of boxes in a picture."""
    rows = [line for line in lines if line.rstrip().endswith(("│", "║"))]
    return len(rows), rows[0].count("│") - (0 if "║" in rows[0] else 1) + (1 if "║" in rows[0] else 0)


@pytest.mark.parametrize(
    ("chunks", "rows", "columns", "dots"),
    [
        ((1, 3, 1, 1000), 4, 1, True),  # a hundred rows, of which four are drawn, one as dots
        ((50, 3, 1, 1000), 2, 1, False),
        ((100, 3, 1, 250), 1, 4, False),
        ((25, 1, 1, 100), 4, 5, True),
        ((100, 3, 1, 1000), 1, 1, False),
    ],
)
def test_chunks_are_boxes(chunks, rows, columns, dots):
    lines = draw(array((100, 3, 1, 1000), chunks))
    picture = [line for line in lines if not line.startswith(("  each", "  variable"))]
    assert boxes(picture) == (rows, columns)
    assert any(mark in "".join(picture) for mark in "⋮…") == dots
    assert len({len(line) for line in picture[1:]}) == 1, "the frame is straight"
    assert "cell 1,000 →" in lines[0]
    assert "time 100 ↓" in lines[1]


def test_the_legend_says_what_a_box_is():
    lines = draw(array((100, 3, 1, 1000), (50, 1, 1, 1000)))
    assert "  each box is a chunk: 50 × 1 × 1 × 1,000 = 200 kB; 6 in all" in lines
    assert "  variable: 3 such pictures, 1 in each" in lines
    assert "  variable: all 3 in each box" in draw(array((100, 3, 1, 1000), (50, 3, 1, 1000)))


def test_shards_are_frames_around_boxes():
    lines = draw(array((100, 3, 1, 1000), (10, 3, 1, 250), (30, 3, 1, 500)))
    assert boxes(lines) == (3, 2), "the chunks of one shard"
    assert "  the double frame is a shard, one object: 30 × 3 × 1 × 500, 6 chunks; 8 in all" in lines


def test_contiguous_arrays_are_ribbons():
    lines = draw(array((100, 3, 1, 1000), None))
    assert lines[1].split("│")[1:-1] == [" time 0 ", "  1   ", "  2   ", "  …   ", "  99  "]
    assert lines[-1] == "  contiguous, no chunks; each box: variable 3 × ensemble 1 × cell 1,000 = 12 kB"


if not OLD_ZARR:

    def test_a_sharded_store(tmp_path):
        values = np.random.default_rng(0).normal(280, 5, (40, 2, 1, 208)).astype("f4")
        options = {"shards": (20, 2, 1, 208)}
        make_anemoi(
            tmp_path / "a.zarr", values, ["2t", "msl"], chunks=(4, 2, 1, 52), zarr_format=3, data_options=options
        )
        with closing(dqwatch.open_source(tmp_path / "a.zarr")):
            text = render(dqwatch.inspect(tmp_path / "a.zarr"))
        assert "╔" in text
        assert "the double frame is a shard" in text


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1234, "1.23 kB"),
        (56_248_256, "56.2 MB"),
        (999_499, "999 kB"),
        (25_276_510_208, "25.3 GB"),
        (14_073_000_000_000, "14.1 TB"),
        (3e16, "30,000 TB"),
        (None, "unknown"),
    ],
)
def test_sizes(n, text):
    assert size(n) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1.0"), (6.78, "6.8"), (37.16, "37.2"), (288.4, "288"), (12046, "12,046")]
)
def test_factors(value, text):
    assert factor(value) == text
