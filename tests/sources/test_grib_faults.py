"""GRIB files with something around, beside or twice among their messages."""

from __future__ import annotations

import eccodes as ec
import numpy as np
import pytest
from sources.test_grib import read_all, write

import dqwatch
from dqwatch.errors import SourceError
from dqwatch.reports.text import verdict_line
from dqwatch.sources import open_source

BULLETIN = b"****0000012345****\n", b"\x01\r\r\n123\r\r\nHTXA85 KWBC 311200 RRA\r\r\n", b"\r\r\n\x03"


@pytest.mark.parametrize("name", ["a.grib", "a.bin"])
def test_headers_of_bulletins_may_stand_around_messages(tmp_path, name):
    message = write(tmp_path / "m.grib", {"_values": np.arange(40.0)}).read_bytes()
    path = tmp_path / name
    path.write_bytes(BULLETIN[0] + BULLETIN[1] + message + BULLETIN[2] + BULLETIN[1] + message + BULLETIN[2])
    source = open_source(path)
    assert source.kind == "grib"
    assert len(read_all(source)) == 2
    source.close()
    path.write_bytes(b"readme: GRIB files are here " + message[:3])
    with pytest.raises(SourceError, match=f"{name}: (no GRIB file: no message of edition 1 or 2|neither NetCDF)"):
        open_source(path)


@pytest.mark.parametrize(("second", "rule"), [(1.0, "var.repeated"), (0.0, "var.doubled")])
def test_an_audit_finds_repeated_messages(tmp_path, second, rule):
    """One time of four is there twice."""
    times = [{"_values": np.arange(40.0) + 250 + h, "dataTime": h} for h in (0, 600, 1200, 1800)]
    path = write(tmp_path / "a.grib", *times, times[1] | {"_values": times[1]["_values"] + second})
    verdict = dqwatch.audit(path, rules="integrity")
    assert [f.rule for f in verdict.results if f.status == "fail"] == [rule]
    absent = verdict.tables["variables"].set_index("variable")["n_absent"]
    assert absent.to_list() == [0, 0]


def test_the_verdict_counts_what_is_not_checked(tmp_path):
    spectral = tmp_path / "sh.grib"
    with open(spectral, "wb") as stream:
        ec.codes_write(ec.codes_grib_new_from_samples("sh_pl_grib2"), stream)
    path = write(tmp_path / "a.grib", {"_values": np.arange(40.0) + 250})
    path.write_bytes(path.read_bytes() + spectral.read_bytes())
    verdict = dqwatch.gate(path, rules="integrity")
    assert (verdict.status, verdict.exit_code) == ("warn", 0)
    assert [f.rule for f in verdict.results if f.status == "fail"] == ["source.complete"]
    assert " | +1 not checked | " in verdict_line(verdict)


REGION = {"Ni": 4, "Nj": 5, "longitudeOfLastGridPointInDegrees": 16, "_values": np.arange(20.0) + 250}


@pytest.mark.parametrize(("times", "rule"), [((0, 0), "var.doubled"), ((0, 600), "var.split")])
def test_several_grids_are_meant_only_at_the_same_times(tmp_path, times, rule):
    first, second = times
    globe = {"_values": np.arange(40.0) + 250, "dataTime": first}
    path = write(tmp_path / "a.grib", globe, REGION | {"dataTime": second})
    verdict = dqwatch.gate(path, rules=["integrity", "time_alignment"])
    failed = {f.rule: f for f in verdict.results if f.status == "fail"}
    assert set(failed) == {rule} | ({"time.axes_agree"} if first != second else set())
    assert all(f"regular 5 x {n} from 50, 10" in failed[rule].observed for n in (8, 4))
