"""The documentation is whole and true: pages are found, links lead somewhere, every command and block of code runs."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from conftest import ROOT, project_files
from history.postgres import find_programs, running
from test_readme import SET_UP, blocks, folder, lines, replay, run

import dqwatch
from dqwatch import tables
from dqwatch.expectations.rule_files import list_rule_ids
from dqwatch.history.reading import read_runs
from dqwatch.history.store import open_history
from dqwatch.reports.html import SECTIONS, check_layout

__all__ = ["folder"]  # the fixture: the files of the project and the example data

DOCS = ROOT / "docs"
MADE = {"commands.md", "rules.md", "tables.md", "pages.md"}
ELSEWHERE = {"feed.md"}
"""Pages whose code needs torch: tests/device runs it."""
RUN = {"sh", "python"}
"""The languages of blocks that are run."""
SERVER = "postgresql://watcher@db.example/weather"
"""Stands for the PostgreSQL of the tests."""


def listed() -> list[str]:
    """The pages in the order in which they are read."""
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))

    def walk(entry: object) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        values = entry.values() if isinstance(entry, dict) else entry
        return [page for value in values for page in walk(value)]  # type: ignore[attr-defined]

    return walk(settings["nav"])


PAGES = [page for page in listed() if not page.startswith("reference/")]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(reference: ModuleType) -> dict[str, str]:
    """The pages that are made from the code."""
    return dict(reference.pages())


def test_every_page_is_listed_and_every_listed_page_is_there() -> None:
    found = {path.relative_to("docs").as_posix() for path in project_files() if path.match("docs/**/*.md")}
    found |= {path.relative_to("docs").as_posix() for path in project_files() if path.match("docs/*.md")}
    assert set(listed()) == found | {f"reference/{name}" for name in MADE}


def test_links_between_pages_lead_somewhere() -> None:
    made = {DOCS / "reference" / name for name in MADE}
    for page in PAGES:
        path = DOCS / page
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
            there = (path.parent / target).resolve()
            assert target.startswith("https://") or there in made or there.exists(), f"{page} links to {target}"


def test_the_reference_has_all_rules_columns_commands_and_sections(made: dict[str, str]) -> None:
    pages = made
    assert set(pages) == MADE
    for rule in list_rule_ids():
        assert pages["rules.md"].count(f"\n### {rule}\n") == 1
    for table in tables.TABLES:
        _, _, rest = pages["tables.md"].partition(f"\n## {table}\n")
        own = rest.partition("\n## ")[0]
        assert re.findall(r"^\| `(\w+)`", own, flags=re.MULTILINE) == [c.name for c in tables.columns_of(table)]
    for name, section in SECTIONS.items():
        (row,) = re.findall(rf"^\| `{name}` \|.*$", pages["pages.md"], flags=re.MULTILINE)
        assert all(f"`{option}`" in row for option in section.options)
    commands = re.findall(r"^## dqwatch (.+)$", pages["commands.md"], flags=re.MULTILINE)
    assert {"audit", "gate", "rules explain"} <= set(commands)
    assert "| `--layout` NAME&#124;FILE |" in pages["commands.md"]


def test_what_is_written_in_tables_ends_no_cell(reference: ModuleType, made: dict[str, str]) -> None:
    assert reference.plain("a |\n b <script>") == "a \\| b &lt;script>"
    for text in made.values():
        rows = [row.replace("\\|", "") for row in text.splitlines() if row.startswith("| ")]
        for first, second in pairwise(rows):
            if second.startswith("| --- |"):
                assert first.count("|") == second.count("|")


def test_names_of_the_python_page_are_there() -> None:
    for name in re.findall(r"^::: ([\w.]+)$", (DOCS / "api.md").read_text(encoding="utf-8"), flags=re.MULTILINE):
        module, _, attribute = name.rpartition(".")
        try:
            importlib.import_module(name)
        except ImportError:
            assert getattr(importlib.import_module(module), attribute).__doc__, name


def test_every_public_name_is_on_the_python_page() -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    on_page = []
    for name in re.findall(r"^::: ([\w.]+)$", text, flags=re.MULTILINE):
        module, _, attribute = name.rpartition(".")
        try:
            on_page += list(vars(importlib.import_module(name)).values())
        except ImportError:
            on_page.append(getattr(importlib.import_module(module), attribute))
    shown = {id(one) for one in on_page}
    missing = [name for name in dqwatch.__all__ if name != "__version__" and id(getattr(dqwatch, name)) not in shown]
    assert missing == []


def fences(text: str) -> list[tuple[int, str]]:
    """The number of the line that opens a block of code, and its language; a block that is only indented has none."""
    found, inside, before = [], False, ""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*(```|~~~)", line):
            inside = not inside
            if inside:
                found.append((number, line if line.startswith("~~~") or line[0].isspace() else line[3:]))
        elif not inside and not before and re.match(r"(    |\t)", line):
            found.append((number, ""))
        before = line.strip()
    return found


def list_not_run(pages: dict[str, str]) -> list[str]:
    """Where blocks are that nothing runs."""
    return [f"{page}:{n}: {kind}" for page, text in pages.items() for n, kind in fences(text) if kind not in RUN]


def test_every_block_of_code_is_of_a_kind_that_is_run() -> None:
    texts = {page: (DOCS / page).read_text(encoding="utf-8") for page in PAGES}
    assert list_not_run(texts) == []
    assert not any(blocks(texts[page], "sh") for page in ELSEWHERE), "tests/device runs blocks of Python only"


@pytest.mark.parametrize(
    "block", ["```text\nx\n```\n", "```\nx\n```\n", "~~~sh\nx\n~~~\n", "  ```sh\n  x\n  ```\n", "    x\n"]
)
def test_a_block_that_nothing_runs_is_noticed(block: str) -> None:
    assert list_not_run({"a.md": "```sh\nls\n    x\n```\n\ntext\n"}) == []
    assert len(list_not_run({"a.md": f"```sh\nls\n```\n\n{block}"})) == 1


def test_commands_within_sentences_exist(made: dict[str, str]) -> None:
    """Those in blocks are run; of those in sentences and tables the words are checked."""
    _, *sections = re.split(r"^## dqwatch ", made["commands.md"], flags=re.MULTILINE)
    known = {text.splitlines()[0]: set(re.findall(r"^\| `(--[\w-]+)`", text, flags=re.MULTILINE)) for text in sections}
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    seen = 0
    for page in PAGES:
        for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", (DOCS / page).read_text(encoding="utf-8")):
            words = span.split()
            if words[:1] == ["dqwatch"] and len(words) > 1:
                name = next((n for n in (" ".join(words[1:3]), words[1]) if n in known), None)
                assert name, f"{page}: {span}"
                used = {w.partition("=")[0] for w in words if w.startswith("--")}
                assert used <= known[name] | {"--help"}, f"{page}: {span}"
                seen += 1
            elif words[0] == "make" and len(words) > 1:
                assert words[1] in targets, f"{page}: {span}"
            elif words[0].startswith("--"):
                assert any(words[0] in options for options in known.values()), f"{page}: {span}"
            elif words[:3] in (["python", "-m", "tests.benchmarks"], ["python3", "-m", "tests.benchmarks"]):
                assert (ROOT / "tests" / "benchmarks" / f"{words[3]}.py").exists(), f"{page}: {span}"
            elif words[0] == "python" and words[1].endswith(".py"):
                assert (ROOT / words[1]).exists(), f"{page}: {span}"
    assert seen > 10


def test_the_layout_that_is_shown_is_one(made: dict[str, str], tmp_path: Path) -> None:
    ((_, block),) = blocks(made["pages.md"], "yaml")
    (tmp_path / "mine.yaml").write_text(block, encoding="utf-8")
    assert [name for name, _ in check_layout(str(tmp_path / "mine.yaml")).sections] == ["verdict", "findings", "maps"]


@pytest.fixture(scope="module")
def known() -> Iterator[dict[str, str]]:
    """What names in the documentation stand for."""
    with running(find_programs()) as url:
        yield {SERVER: url}


@pytest.mark.slow
def test_every_command_and_block_of_code_runs(folder: Path, known: dict[str, str]) -> None:
    ran: list[str] = []
    for page in PAGES:
        text = (DOCS / page).read_text(encoding="utf-8")
        if page in ELSEWHERE:
            continue
        if not all(line.command.startswith(SET_UP) for line in lines(text)):
            ran += replay(text, folder, f"docs/{page}", known)
        for number, block in blocks(text, "python"):
            finished = run([sys.executable, "-W", "error::SyntaxWarning", "-c", block], folder)
            assert finished.returncode == 0, f"docs/{page}:{number}:\n{finished.stderr}"
            ran.append(block)
    assert len(ran) > 30
    assert any(command.startswith("dqwatch serve ") for command in ran)
    with_server = open_history(known[SERVER])
    assert len(read_runs(with_server)) == 2
    with_server.close()
