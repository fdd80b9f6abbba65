"""The documentation is whole and true: pages are found, links lead somewhere, every command and block of code runs."""

from __future__ import annotations

import importlib.util
import re
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from conftest import ROOT, project_files
from test_readme import blocks, folder, lines, replay, run

import dqwatch
from dqwatch import tables
from dqwatch.expectations.rule_files import list_rule_ids
from dqwatch.reports.html import SECTIONS

__all__ = ["folder"]  # the fixture: the files of the project and the example data

DOCS = ROOT / "docs"
MADE = {"commands.md", "rules.md", "tables.md", "pages.md"}
ELSEWHERE = {"feed.md"}
"""Pages whose code needs torch: tests/device runs it."""


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


def test_the_reference_has_all_rules_columns_commands_and_sections(reference: ModuleType) -> None:
    pages = reference.pages()
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


def test_what_is_written_in_tables_ends_no_cell(reference: ModuleType) -> None:
    assert reference.plain("a |\n b <script>") == "a \\| b &lt;script>"
    for text in reference.pages().values():
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


@pytest.mark.slow
def test_every_command_and_block_of_code_runs(folder: Path) -> None:
    ran = 0
    for page in PAGES:
        text = (DOCS / page).read_text(encoding="utf-8")
        if page in ELSEWHERE:
            continue
        if lines(text):
            ran += len(replay(text, folder, f"docs/{page}"))
        for number, block in blocks(text, "python"):
            finished = run([sys.executable, "-W", "error::SyntaxWarning", "-c", block], folder)
            assert finished.returncode == 0, f"docs/{page}:{number}:\n{finished.stderr}"
            ran += 1
    assert ran > 20
