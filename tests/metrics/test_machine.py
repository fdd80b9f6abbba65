"""Memory of host and devices, and the files of a data set."""

import os
import stat
from pathlib import Path

import pytest

from dqwatch.metrics import machine
from dqwatch.metrics.footprint import measure_footprint
from dqwatch.metrics.machine import Device


def test_host_memory_is_what_the_system_tells(monkeypatch, tmp_path):
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    monkeypatch.setattr(machine, "_LIMIT", tmp_path / "none")
    assert machine.host_memory() == total
    for text, wanted in (("max\n", total), ("1048576\n", 1048576), (f"{total * 2}\n", total)):
        (tmp_path / "limit").write_text(text)
        monkeypatch.setattr(machine, "_LIMIT", tmp_path / "limit")
        assert machine.host_memory() == wanted


def nvidia_smi(folder: Path, script: str) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        (
            'test "$1" = --query-gpu=name,memory.total && printf "NVIDIA H200, 143771\\nTesla, V100, 16384\\n"',
            (Device("NVIDIA H200", 143771 * 2**20), Device("Tesla, V100", 16384 * 2**20)),
        ),
        ("echo 'No devices were found'", ()),
        ("echo 'Grace Blackwell, [N/A]'", ()),
        ("exit 9", None),
    ],
)
def test_devices_are_those_that_nvidia_smi_tells(monkeypatch, tmp_path, script, wanted):
    nvidia_smi(tmp_path, script)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert machine.devices() == wanted


def test_without_nvidia_smi_devices_are_unknown(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.devices() is None


def test_the_footprint_of_paths(tmp_path):
    (tmp_path / "a").mkdir()
    for name, n in (("a/x", 10), ("a/y", 20), ("b", 5)):
        (tmp_path / name).write_bytes(bytes(n))
    assert measure_footprint(tmp_path / "a") == (2, 30)
    assert measure_footprint(str(tmp_path / "b")) == (1, 5)
    assert measure_footprint([tmp_path / "a", tmp_path / "b"]) == (3, 35)
    assert measure_footprint(str(tmp_path / "?")) == (3, 35)
    assert measure_footprint("s3://bucket/a.zarr") is None
    assert measure_footprint({"fields": {}}) is None
