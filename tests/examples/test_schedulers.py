"""The recipes for schedulers: their shell runs, their units and files are such as the schedulers read.

Where it is not about dqwatch itself, a stand-in for it notes its arguments and returns the codes that it is told to.
"""

from __future__ import annotations

import configparser
import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
import types
from pathlib import Path

import pytest
import yaml
from cli.rule_data import weather
from conftest import ROOT
from sources.cf_data import write_zarr

import dqwatch

RECIPES = ROOT / "examples" / "schedulers"
STAND_IN = """#!/usr/bin/env bash
echo "$@" >>"$NOTES"
echo "dqwatch VERDICT" >&2
code=$(head -n 1 "$CODES")
sed -i 1d "$CODES"
exit ${code:-0}
"""
SETTINGS = re.compile(r"/opt/weather|/var/lib/node_exporter/textfile")


class Place:
    """A folder with the recipes in it, a model that notes its argument, and a dqwatch that stands in for ours."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.notes, self.codes = folder, folder / "notes", folder / "codes"
        shutil.copytree(RECIPES, folder / "recipes")
        for path in (p for p in (folder / "recipes").rglob("*") if p.is_file()):
            path.write_text(SETTINGS.sub(str(folder / "recipes"), path.read_text("utf-8")), "utf-8")
        self._write("run_model.sh", f'#!/usr/bin/env bash\necho "model $1" >>"{self.notes}"\n')
        self._write("bin/dqwatch", STAND_IN)
        for name in ("states", "verdicts"):
            (folder / "recipes" / name).mkdir()
        self.environment = {"PATH": f"{folder / 'recipes' / 'bin'}:{os.environ['PATH']}", "HOME": str(folder)}
        self.environment |= {"NOTES": str(self.notes), "CODES": str(self.codes), "RETRY_AFTER": "0"}
        self.told()

    def _write(self, name: str, text: str) -> None:
        path = self.folder / "recipes" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def told(self, *codes: int) -> None:
        """What the stand-in returns from now on, call by call, then 0."""
        self.codes.write_text("".join(f"{code}\n" for code in codes))
        self.notes.write_text("")

    def run(self, *command: str | Path, **environment: str) -> tuple[int, list[str]]:
        """Exit code, and what was noted."""
        words = list(map(str, command))
        done = subprocess.run(words, env=self.environment | environment, cwd=self.folder, check=False, timeout=100)
        return done.returncode, self.notes.read_text().splitlines()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("code", [0, 1, 3, 4])
def test_the_model_starts_only_from_what_passes(place: Place, code: int) -> None:
    recipes = place.folder / "recipes"
    (recipes / "states" / "2026-10-31T18.zarr").mkdir()
    place.told(code)
    returned, notes = place.run(recipes / "gate_cycle.sh", "2026-11-01T00")
    assert returned == code
    assert notes[0] == (
        f"gate {recipes}/states/2026-11-01T00.zarr --json {recipes}/verdicts/2026-11-01T00.json "
        f"--html {recipes}/verdicts/2026-11-01T00.html --prometheus {recipes}/dqwatch_gate.prom --quiet "
        f"--baseline {recipes}/era5-baseline.zarr --previous {recipes}/states/2026-10-31T18.zarr "
        "--label source=ifs --label cycle=49r1"
    )
    assert notes[1:] == ([] if code else [f"model {recipes}/states/2026-11-01T00.zarr"])


def test_the_state_before_is_given_where_there_is_one(place: Place) -> None:
    _, notes = place.run(place.folder / "recipes" / "gate_cycle.sh")
    assert "--previous" not in notes[0]
    assert re.search(r"states/\d{4}-\d\d-\d\dT(00|06|12|18)\.zarr ", notes[0])
    assert place.run(place.folder / "recipes" / "gate_cycle.sh", "soon")[0] == 2


def test_a_cycle_is_gated_by_dqwatch_itself(place: Place) -> None:
    recipes = place.folder / "recipes"
    write_zarr(weather(2), recipes / "states" / "2020-03-01T06.zarr")
    (recipes / "bin" / "dqwatch").unlink()
    environment = {
        **{name: str(recipes / part) for name, part in (("STATES", "states"), ("VERDICTS", "verdicts"))},
        "METRICS": str(recipes),
        "RUN_MODEL": str(recipes / "run_model.sh"),
        "LABELS": "--rules missing --label source=made",
        "DQWATCH_HISTORY": str(recipes / "history.db"),
        "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}",
        "SETTINGS": "none",
        "HOME": os.environ["HOME"],
    }
    returned, notes = place.run(recipes / "gate_cycle.sh", "2020-03-01T06", **environment)
    assert (returned, notes) == (0, [f"model {recipes}/states/2020-03-01T06.zarr"])
    assert sorted(p.name for p in (recipes / "verdicts").iterdir()) == ["2020-03-01T06.html", "2020-03-01T06.json"]
    assert 'label_source="made"' in (recipes / "dqwatch_gate.prom").read_text()
    assert dqwatch.report(environment["DQWATCH_HISTORY"], labels={"source": "made"}).runs["total"] == 1


def test_lines_of_cron_run(place: Place) -> None:
    lines = (place.folder / "recipes" / "crontab").read_text().splitlines()
    jobs = [re.fullmatch(r"((?:[\d*,/-]+ ){5})(.*)", line) for line in lines if line and line[0] in "0123456789*"]
    assert len(jobs) == 3
    assert "SHELL=/bin/bash" in lines
    assert not any("%" in line for line in lines), "cron takes it for the end of the line"
    gate, report, prune = (job[2] for job in jobs if job)
    for codes, calls in (([3, 3, 0], 3), ([1], 1), ([3, 3, 3], 3)):
        place.told(*codes)
        place.run("bash", "-c", gate)
        assert sum(note.startswith("gate ") for note in place.notes.read_text().splitlines()) == calls
    place.told()
    files = [f"{place.folder}/recipes/{name}" for name in ("verdicts/month.html", "dqwatch_report.prom")]
    assert place.run("bash", "-c", report)[1] == [
        f"report --since 31d --compare cycle --html {files[0]} --prometheus {files[1]}"
    ]
    place.told()
    assert place.run("bash", "-c", prune)[1] == [f"history prune {place.folder}/recipes/history.db --keep 730d"]


def test_units_of_systemd_are_sound(place: Place) -> None:
    units = sorted((place.folder / "recipes" / "systemd").iterdir())
    assert [u.name for u in units] == [f"dqwatch-{n}.{k}" for n in ("gate", "report") for k in ("service", "timer")]
    parsed = {}
    for unit in units:
        parser = configparser.ConfigParser(interpolation=None, strict=True)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read(unit)
        parsed[unit.name] = parser
    for name in ("gate", "report"):
        assert parsed[f"dqwatch-{name}.service"]["Service"]["Type"] == "oneshot"
        assert re.fullmatch(r"\*-\*-(\*|01) [\d,]+:\d\d:00 UTC", parsed[f"dqwatch-{name}.timer"]["Timer"]["OnCalendar"])
    start = parsed["dqwatch-report.service"]["Service"]["ExecStart"].replace("$$", "$")
    assert place.run("bash", "-c", start)[1][0].startswith("report --since 31d --compare cycle --html ")
    if shutil.which("systemd-analyze"):
        checked = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *map(str, units)], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stderr
        assert "Unknown" not in checked.stderr


@pytest.mark.parametrize(("codes", "code", "gates"), [([0], 0, 1), ([3, 0], 0, 2), ([1], 1, 1), ([3, 3, 3], 3, 3)])
def test_the_task_of_ecflow_runs(place: Place, codes: list[int], code: int, gates: int) -> None:
    recipes = place.folder / "recipes"
    place._write("bin/ecflow_client", '#!/usr/bin/env bash\necho "ecflow $@" >>"$NOTES"\n')
    job = (recipes / "ecflow" / "gate.ecf").read_text()
    values = {"SETTINGS": f"{recipes}/settings.sh", "YMD": "20261101", "HOUR": "12"}
    job = re.sub(r"%(\w+)%", lambda m: values[m[1]], re.sub(r"^%include <(head|tail)\.h>$", "set -e", job, flags=re.M))
    assert "%" not in job
    (recipes / "gate.job").write_text(job)
    place.told(*codes)
    returned, notes = place.run("bash", recipes / "gate.job")
    assert returned == code
    assert [n for n in notes if n.startswith("ecflow ")] == ["ecflow --label=verdict dqwatch VERDICT"] * gates
    assert sum(n.startswith(f"gate {recipes}/states/2026-11-01T12.zarr ") for n in notes) == gates
    assert not [n for n in notes if n.startswith("model")]


def test_the_suite_of_ecflow_is_closed_and_names_its_task() -> None:
    lines = [line.split("#")[0].split() for line in (RECIPES / "ecflow" / "weather.def").read_text().splitlines()]
    words = [line[0] for line in lines if line]
    assert words[0] == "suite"
    assert words[-1] == "endsuite"
    assert words.count("family") == words.count("endfamily") == 2
    assert set(words) <= {
        "suite",
        "edit",
        "repeat",
        "family",
        "task",
        "label",
        "time",
        "trigger",
        "endfamily",
        "endsuite",
    }
    tasks = [line[1] for line in lines if line and line[0] == "task"]
    assert tasks == ["gate", "forecast"] * 2
    variables = {line[1] for line in lines if line and line[0] == "edit"} | {"YMD"}
    assert set(re.findall(r"%(\w+)%", (RECIPES / "ecflow" / "gate.ecf").read_text())) <= variables


def test_the_tasks_of_airflow_run(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for Airflow that keeps the tasks."""
    tasks: dict[str, types.FunctionType] = {}

    class Task:
        def __init__(self, function: types.FunctionType) -> None:
            tasks[function.__name__] = function

        def __call__(self, *_: str) -> Task:
            return self

        def __rshift__(self, other: Task) -> Task:
            return other

    def task(function=None, **options):
        return Task(function) if function else Task

    def dag(**options):
        assert options["catchup"] is False
        return lambda function: function

    decorators, exceptions = types.ModuleType("airflow.decorators"), types.ModuleType("airflow.exceptions")
    failure = type("AirflowException", (Exception,), {})
    final = type("AirflowFailException", (failure,), {})
    vars(decorators).update(dag=dag, task=task)
    vars(exceptions).update(AirflowException=failure, AirflowFailException=final)
    for name, module in (("", types.ModuleType("airflow")), (".decorators", decorators), (".exceptions", exceptions)):
        monkeypatch.setitem(sys.modules, f"airflow{name}", module)
    for name, value in {**place.environment, "DQWATCH_PLACE": str(place.folder / "recipes")}.items():
        monkeypatch.setenv(name, value)
    runpy.run_path(str(RECIPES / "airflow_dag.py"))
    assert sorted(tasks) == ["gate", "model", "report"]
    tasks["gate"]("2026-11-01T12")
    tasks["model"]("2026-11-01T12")
    tasks["report"]()
    notes = place.notes.read_text().splitlines()
    assert [n.split()[0] for n in notes] == ["gate", "model", "report"]
    assert notes[1].endswith("/states/2026-11-01T12.zarr")
    place.told(1)
    with pytest.raises(final):
        tasks["gate"]("2026-11-01T12")
    place.told(3)
    with pytest.raises(failure) as raised:
        tasks["gate"]("2026-11-01T12")
    assert raised.type is failure


def test_the_steps_of_github_actions_run(place: Place) -> None:
    workflow = yaml.safe_load((RECIPES / "github_actions.yaml").read_text("utf-8"))
    assert set(workflow[True]) == {"push", "schedule"}  # YAML 1.1 takes `on` for true
    steps = {step["name"]: step for step in workflow["jobs"]["audit"]["steps"] if "run" in step}
    assert list(steps) == ["Install", "Audit", "Report"]
    (extras,) = re.findall(r"^pip install 'dqwatch\[(.*)\]'$", steps["Install"]["run"])
    assert set(extras.split(",")) <= {"url", "postgres", "notify"}
    for name in ("Audit", "Report"):
        returned, _ = place.run("bash", "-e", "-c", steps[name]["run"], DATA="s3://bucket/a.zarr")
        assert returned == 0
    audit, report = place.notes.read_text().splitlines()
    assert audit.startswith("audit s3://bucket/a.zarr --every 10 ")
    assert report == "report --since 90d --fail-on never --html out/history.html"
    place.told(1)
    assert place.run("bash", "-e", "-c", steps["Audit"]["run"], DATA="x")[0] == 1


def test_options_of_recipes_exist() -> None:
    """What the stand-in was given would be taken by dqwatch."""
    text = "\n".join(path.read_text("utf-8") for path in RECIPES.rglob("*") if path.is_file())
    program = Path(sysconfig.get_path("scripts")) / "dqwatch"
    known = ""
    for verb in (["gate"], ["audit"], ["report"], ["history", "prune"]):
        words = [str(program), *verb, "--help"]
        known += subprocess.run(
            words, capture_output=True, text=True, check=True, env=os.environ | {"COLUMNS": "200"}
        ).stdout
    foreign = {"--load", "--failed", "--label=verdict"}
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*(?:=\w+)?", text)) - foreign
    assert used
    assert not {option for option in used if not re.search(rf"{option}\b", known)}
