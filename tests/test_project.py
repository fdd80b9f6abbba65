"""The project's own files agree: pins, extras, entry points, targets of make, and what an installed wheel holds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import distribution, distributions, entry_points
from pathlib import Path

import pytest
from conftest import ROOT, project_files
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import dqwatch

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
GROUPS = [f"dqwatch.{kind}" for kind in ("readers", "metrics", "scores", "reports")]


def pins(name: str) -> dict[str, list[str]]:
    """Package -> the lines of its pins in `requirements/<name>.txt`, each with its hashes."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            found.setdefault(canonicalize_name(line.split("==")[0]), []).append(line)
    return found


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


@pytest.mark.parametrize(
    "name", ["core", "test", "docs", "uv", "feed", "peer-evidently", "peer-nannyml", "peer-alibi-detect"]
)
def test_pins_are_exact_and_hashed(name: str) -> None:
    assert pins(name)
    for lines in pins(name).values():
        for line in lines:
            assert re.match(r"[\w.-]+==[\w.!+]+ .*--hash=sha256:[0-9a-f]{64}", line), line


def test_every_dependency_is_pinned_within_its_bound() -> None:
    for text in PROJECT["project"]["dependencies"]:
        wanted = Requirement(text)
        assert any(spec.operator == ">=" for spec in wanted.specifier), f"{text}: say the lowest version that works"
        for line in pins("core")[canonicalize_name(wanted.name)]:
            assert wanted.specifier.contains(line.split("==")[1].split()[0]), line


def test_the_test_set_contains_the_core_set() -> None:
    core, test = pins("core"), pins("test")
    for name, lines in core.items():
        assert [line.split()[0] for line in lines] == [line.split()[0] for line in test[name]]
    wanted = [*EXTRAS["parquet"], *EXTRAS["grib"], *EXTRAS["url"], *EXTRAS["postgres"], *EXTRAS["notify"]]
    groups = PROJECT["dependency-groups"]
    wanted += [text for name, group in groups.items() if name != "docs" for text in group]
    assert names(wanted) <= test.keys()
    assert names(groups["docs"]) <= pins("docs").keys()


FEEDING = """
import pathlib, sys
from tests.benchmarks import bare
assert bare.stand_in() and not bare.compiles()
from tests.benchmarks import feed, pipeline
import dqwatch, numpy as np
path, names, pipeline.DATES = pathlib.Path(sys.argv[1]), pipeline.NAMES, 2
values = np.broadcast_to(np.float32(0), (2, len(names), feed.N_CELLS))
pipeline.write(path, values, pipeline.CODECS["blosc lz4"], len(names))
with dqwatch.Feed(path, device="numpy", depth=2, workers=1) as fed:
    print(len(fed), next(iter(fed)).values.shape)
"""


def test_the_benchmark_of_feeding_needs_no_more_than_its_pins(tmp_path: Path) -> None:
    alone = tmp_path / "packages"
    alone.mkdir()
    here = Path(sysconfig.get_paths()["purelib"])
    wanted = {*pins("feed"), "dqwatch", "asciitree", "fasteners", "pytz"}  # the last are of zarr 2 and pandas 2
    for package in wanted & {canonicalize_name(d.name) for d in distributions()}:
        tops = {file.parts[0] for file in distribution(package).files or ()} - {"..", "__pycache__"}
        for top in tops:
            (alone / top).symlink_to(here / top)
    path = os.pathsep.join([str(ROOT), str(alone)])
    command = [sys.executable, "-S", "-c", FEEDING, str(tmp_path / "a.zarr")]
    finished = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == "2 (1, 1, 20, 1, 542080)\n"


def test_the_core_set_is_light() -> None:
    heavy = names(
        EXTRAS["gpu"] + EXTRAS["nvcomp"] + EXTRAS["anemoi"] + EXTRAS["dask"] + EXTRAS["grib"] + EXTRAS["postgres"]
    )
    assert not heavy & pins("core").keys()
    assert "pytest" not in pins("core")


def test_the_extra_all_is_every_other_but_gpu_and_anemoi() -> None:
    (everything,) = EXTRAS["all"]
    assert Requirement(everything).extras == EXTRAS.keys() - {"all", "gpu", "nvcomp", "anemoi"}


def test_the_installation_is_of_this_project() -> None:
    assert distribution("dqwatch").version == dqwatch.__version__
    for group in GROUPS:
        declared = PROJECT["project"]["entry-points"].get(group, {})
        installed = {e.name: e.value for e in entry_points(group=group) if e.value.startswith("dqwatch.")}
        assert installed == declared, f"{group}: install dqwatch anew"


@pytest.mark.parametrize("group", GROUPS)
def test_our_plug_ins_are_functions(group: str) -> None:
    for plug_in in entry_points(group=group):
        if plug_in.value.startswith("dqwatch."):
            assert callable(plug_in.load())


def test_every_target_of_make_exists() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE)[0].split()
    assert {"demo", "test", "lint", "bench", "lock"} <= set(targets)
    for target in targets:
        command = ["make", "-C", str(ROOT), "--dry-run", target]
        planned = subprocess.run(command, capture_output=True, text=True, check=False)
        assert planned.returncode == 0, planned.stderr
        for script in re.findall(r"python (\S+\.py)\b", planned.stdout):
            assert (ROOT / script).is_file(), f"make {target} runs {script}, which does not exist"
        for module in re.findall(r"python -m (tests\.\w+)", planned.stdout):
            path = ROOT / module.replace(".", "/")
            assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), f"make {target}: no {module}"


def test_a_wheel_brings_the_shipped_files(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    finished = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    for path in project_files():
        if path.parts[0] == "dqwatch":
            assert str(path) in held
        elif path.parts[0] in {"rules", "dashboards"}:
            assert f"dqwatch/_data/{path}" in held
    show = "import dqwatch, dqwatch.resources as r; print(dqwatch.__file__); print(r.folder('rules'))"
    environment = {"PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", show]
    used = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert used.returncode == 0, used.stderr
    package, rules = map(Path, used.stdout.split())
    assert package.is_relative_to(tmp_path)
    assert {p.name for p in rules.iterdir()} == {p.name for p in (ROOT / "rules").iterdir()}
