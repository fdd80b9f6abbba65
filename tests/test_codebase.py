"""The rules of the code base itself: who may import whom, homes of heavy packages, public names, lengths, help."""

from __future__ import annotations

import ast
import graphlib
import importlib
import inspect
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import typer.main
from conftest import ROOT, project_files

import dqwatch

LAYERS = [
    {"cli", "integrations"},
    {"loss_commands", "inspecting"},
    {"rule_commands", "history_commands", "serve_command", "running", "reporting"},
    {"recording", "serving"},
    {"options", "outputs", "weight_options", "loss_options", "baseline_options", "history_options"},
    {"terminal"},
    {"verbs", "inspection_verb", "tensor_verbs", "weight_verbs", "loss_verbs", "history_verbs"},
    {"drift_verbs"},
    {"holding"},
    {"conclusion"},
    {"expectations", "departures", "advice", "learning", "reports", "history"},
    {"baselines"},
    {"scores"},
    {"metrics"},
    {"feed"},
    {"sources"},
    {"catalogue"},
    {"units", "tables", "resources", "yaml_files"},
    {"types", "columns", "digest"},
    {
        "registry",
        "buffers",
        "part",
        "plain",
        "durations",
        "chance",
        "storage",
        "locks",
        "drift_columns",
        "weight_columns",
        "loss_columns",
    },
    {"errors"},
]
"""The order of knowing: a module imports from the lines below its own, and from its own room."""
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}

HOMES = {
    "anemoi": ["integrations/*", "sources/*"],
    "apprise": ["reports/notify.py"],
    "dask": ["metrics/executors.py"],
    "distributed": ["metrics/executors.py"],
    "eccodes": ["sources/*"],
    "great_expectations": ["expectations/*"],
    "h5netcdf": ["sources/*"],
    "h5py": ["sources/*"],
    "pint": ["units.py"],
    "plotly": ["reports/html*.py"],
    "sqlalchemy": ["history/*"],
    "torch": ["feed/*", "metrics/on_device.py", "scores/on_device.py"],
    "triton": ["metrics/on_device_fused.py"],
    "typer": ["cli.py", "*_commands.py", "options.py", "*_options.py"],
}
"""The only files that may import a package that is heavy or optional."""
HEAVY = HOMES.keys() - {"typer"} | {"cftime", "numba", "numcodecs", "pandas", "scipy", "xarray", "zarr", "fsspec"}
LIGHT = [
    *(
        "__init__",
        "cli",
        "rule_commands",
        "options",
        "terminal",
        "verbs",
        "drift_verbs",
        "weight_verbs",
        "conclusion",
        "holding",
    ),
    *("inspection_verb", "tensor_verbs"),
    *("running", "weight_options", "loss_options", "loss_verbs", "loss_commands", "baseline_options", "outputs"),
    *("catalogue", "history_options", "history_commands", "history_verbs", "reporting", "recording"),
    *("durations", "digest", "serve_command", "inspecting"),
    *("tables", "columns", "resources", "yaml_files", "types", "storage", "registry", "errors"),
]
"""Modules that are there for every command: what they import at their top, directly or not, must cost little."""

PUBLIC = {
    "__version__",
    "Baseline",
    "Digest",
    "DqwatchError",
    "Feed",
    "Finding",
    "Inspection",
    "Rule",
    "RuleSet",
    "Verdict",
    "Watch",
    "audit",
    "baseline",
    "drift",
    "gate",
    "inspect",
    "losses",
    "open_source",
    "record",
    "report",
    "score",
    "suggest_rules",
    "weights",
}

MODULES = sorted(p for p in project_files() if p.parts[0] == "dqwatch" and p.suffix == ".py")
SCRIPTS = sorted(p for p in project_files() if p.suffix == ".py")


class Import(NamedTuple):
    """One imported module by its full name, and whether that happens as soon as the importing module is imported."""

    name: str
    line: int
    at_start: bool


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), str(path))


def module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(path): path for path in MODULES}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def walk_imports(node: ast.AST, *, at_start: bool = True) -> Iterator[Import]:
    """Every import below `node` but those for the type checker, which do not exist when the program runs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, at_start)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: a relative import; write it in full"
            for alias in child.names:
                full = f"{child.module}.{alias.name}"
                yield Import(full if full in NAMES else str(child.module), child.lineno, at_start)
        elif is_type_checking(child):
            for other in child.orelse:  # type: ignore[attr-defined]
                yield from walk_imports(other, at_start=at_start)
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from walk_imports(child, at_start=at_start and not inside)


def uses_of_root(path: Path) -> Iterator[str]:
    """The modules behind what a file takes from the root package: `dqwatch.audit`, `from dqwatch import audit`."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "dqwatch":
            yield dqwatch._HOMES.get(node.attr, "")
        elif isinstance(node, ast.ImportFrom) and node.module == "dqwatch":
            yield from (dqwatch._HOMES.get(alias.name, "") for alias in node.names)


def room(name: str) -> str:
    """'metrics' of 'dqwatch.metrics.scan'; '' of the root."""
    return [*name.split("."), ""][1]


def in_package(path: Path) -> str:
    return str(path.relative_to("dqwatch"))


def test_there_is_something_to_check() -> None:
    assert len(MODULES) > 10
    assert {"dqwatch", "dqwatch.cli", "dqwatch.verbs", "dqwatch.errors"} <= NAMES.keys()


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_go_downwards(path: Path) -> None:
    own = room(module_name(path))
    if not own:
        assert not [i for i in walk_imports(parse(path)) if i.name.startswith("dqwatch")]
        return
    assert own in LEVEL, f"{path}: give '{own}' its place in LAYERS"
    wanted = [*(i.name for i in walk_imports(parse(path)) if room(i.name)), *filter(None, uses_of_root(path))]
    for name in wanted:
        if name.startswith("dqwatch.") and room(name) != own:
            assert LEVEL[room(name)] > LEVEL[own], f"{path} imports {name}, which does not lie below it"


def test_no_module_needs_itself() -> None:
    graph = {name: {i.name for i in walk_imports(parse(path)) if i.name in NAMES} for name, path in NAMES.items()}
    graph = {name: wanted - {name, "dqwatch"} for name, wanted in graph.items()}
    assert list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_heavy_packages_stay_at_home(path: Path) -> None:
    for found in walk_imports(parse(path)):
        homes = HOMES.get(found.name.split(".")[0])
        at_home = homes is None or any(fnmatch(in_package(path), home) for home in homes)
        assert at_home, f"{path}:{found.line} imports {found.name}; only {homes} may"


@pytest.mark.parametrize("name", LIGHT)
def test_light_modules_import_nothing_heavy_at_their_start(name: str) -> None:
    start = "dqwatch" if name == "__init__" else f"dqwatch.{name}"
    reached, left = set(), [start]
    while left:
        module = left.pop()
        if module in reached:
            continue
        reached.add(module)
        for found in walk_imports(parse(NAMES[module])):
            if found.at_start:
                heavy = found.name.split(".")[0] in HEAVY
                assert not heavy, f"{start} imports {found.name}, in {NAMES[module]}:{found.line}"
                left += [found.name] if found.name in NAMES else []
    assert start in reached


def functions(path: Path) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Functions of a file with their lines, docstring and decorators not counted."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            yield node, lines


@pytest.mark.parametrize("path", SCRIPTS, ids=str)
def test_nothing_is_too_long(path: Path) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert text.count("\n") <= 350, "a file of more than 350 lines is about more than one thing"
    long = {node.name: lines for node, lines in functions(path) if lines > 60}
    assert not long, "functions of more than 60 lines"


@pytest.mark.parametrize("path", SCRIPTS, ids=str)
def test_files_say_what_they_are_for(path: Path) -> None:
    tree = parse(path)
    assert ast.get_docstring(tree), "a file begins with a docstring"


@pytest.mark.parametrize("path", [p for p in SCRIPTS if p.parts[0] == "tests"], ids=str)
def test_tests_are_not_switched_off(path: Path) -> None:
    """Only GPU tests and those of what a machine has (through fixtures of a `conftest.py`) may skip."""
    if path.name == "conftest.py" or "gpu" in path.parts:
        return
    switches = {"skip", "skipif", "xfail", "importorskip"}
    used = {n.attr: n.lineno for n in ast.walk(parse(path)) if isinstance(n, ast.Attribute) and n.attr in switches}
    assert not used


# Taken apart, lest this file finds itself.
UNFINISHED = re.compile("TO" + "DO|FIX" + "ME|XX" + "X|NotImplemented" + "Error")
FOREIGN = re.compile(
    "file:" + "//"  # an address of one machine
    "|(?<![\\w.~}$])/(?:wo" + "rk|ro" + "ot|tm" + "p|ho" + "me|Us" + "ers)/"  # a folder of one machine
    "|py" + "pi\\.org|python" + "hosted\\.org"  # an index
)


SHIPPED_DATA = {"rules/land.nc"}
"""What rules compare with; small, in the public domain."""


@pytest.mark.parametrize("path", project_files(), ids=str)
def test_files_are_finished_and_at_home_anywhere(path: Path) -> None:
    try:
        text = (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        if path.as_posix() in SHIPPED_DATA:
            return
        pytest.fail(f"{path} is not text; data are made by examples/make_data.py or read from outside")
    assert path.name != "uv" + ".lock"
    if path.suffix in {".py", ".yaml", ".yml", ".toml", ".md", ".json"} or path.name == "Makefile":
        assert not UNFINISHED.findall(text)
    assert not FOREIGN.findall(text)
    assert text.endswith("\n") or not text, "a text file ends with a newline"


def test_the_public_names_are_these() -> None:
    assert set(dqwatch.__all__) == PUBLIC
    assert sorted(dqwatch.__all__[1:]) == list(dqwatch.__all__[1:]), "sorted, so that the next name has its place"


@pytest.mark.parametrize("name", sorted(PUBLIC - {"__version__"}))
def test_public_names_are_there_and_explained(name: str) -> None:
    thing = getattr(dqwatch, name)
    text = inspect.getdoc(thing)
    assert text, f"dqwatch.{name} has no docstring"
    if inspect.isfunction(thing):
        for parameter in inspect.signature(thing).parameters:
            assert re.search(rf"\b{parameter}\b", text), f"dqwatch.{name} does not explain '{parameter}'"


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'dqwatch' has no attribute 'adit'"):
        dqwatch.adit  # noqa: B018 (the access is the test)


def commands(command: object, words: tuple[str, ...] = ("dqwatch",)) -> Iterator[tuple[str, object]]:
    """Every command below `command` with the words that call it."""
    yield " ".join(words), command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*words, name))


def test_every_command_and_option_has_help() -> None:
    app = importlib.import_module("dqwatch.cli").app
    found = dict(commands(typer.main.get_command(app)))
    assert {"dqwatch audit", "dqwatch gate", "dqwatch rules list"} <= found.keys()
    for words, command in found.items():
        assert getattr(command, "help", None), f"{words} has no help"
        for parameter in getattr(command, "params", ()):
            assert getattr(parameter, "help", None), f"{words}: {parameter.name} has no help"
