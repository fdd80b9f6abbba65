"""Write the reference pages of the documentation from what they describe: rules, tables, commands, sections of pages.

``make docs`` runs it; `docs/reference/` is not kept under version control, so it cannot be out of date.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from dqwatch import tables
from dqwatch.expectations import list_rule_sets, load_rule_sets
from dqwatch.expectations.explanation import explain
from dqwatch.reports.html import SECTIONS
from dqwatch.reports.layouts import list_layouts

FOLDER = Path(__file__).parent / "reference"


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """The pages by the names of their files."""
    made = {"rules.md": rules(), "tables.md": schemas(), "commands.md": commands(), "pages.md": sections()}
    texts = {name: "\n".join(lines).rstrip() for name, lines in made.items()}
    return {name: f"{text}\n" for name, text in texts.items()}


def plain(text: object) -> str:
    """Text that is neither markup nor the end of a cell."""
    return " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def rules() -> Iterator[str]:
    """Every shipped rule, in the file that it stands in; and which sets have it."""
    sets = {name: load_rule_sets([name])[0] for name in list_rule_sets()}
    yield "# Rules\n"
    yield "`dqwatch rules explain ID` tells the same in a terminal. A set may include others; a rule stands under its"
    yield "file.\n"
    yield "| set | rules | what it is for |\n| --- | --- | --- |"
    for name, rule_set in sets.items():
        yield f"| `{name}` | {len(rule_set.rules)} | {plain(rule_set.description)} |"
    for name, rule_set in sets.items():
        own = [rule for rule in rule_set.rules if Path(rule.file).stem == name]
        if own:
            yield f"\n## {name}\n\n{plain(rule_set.description)}.\n"
        for rule in own:
            yield f"### {rule.id}\n\n{plain(rule.title)}. *{rule.severity.capitalize()}.*\n"
            yield from _explained(rule.id)


def _explained(rule_id: str) -> Iterator[str]:
    label = ""
    for given, text in explain(rule_id)[1:]:
        label = given or label
        if label not in ("file", "change it"):
            yield f"- {f'**{given}**: ' if given else ''}{plain(text)}"
    yield ""


def schemas() -> Iterator[str]:
    """Every column of every table."""
    yield "# Tables\n"
    yield "What rules look at. Columns marked with a star are there only where a rule wants them and their input was"
    yield "given."
    yield "`--tables DIR` writes them as Parquet, `verdict.tables` has them as DataFrames.\n"
    for name, always in tables.TABLES.items():
        yield f"## {name}\n\nOne row for each {plain(tables.ROWS.get(name, 'time and relation'))}.\n"
        yield "| column | type | unit | meaning |\n| --- | --- | --- | --- |"
        for column in tables.columns_of(name):
            star = "" if column in always else " *"
            yield f"| `{column.name}`{star} | {column.dtype} | {plain(column.unit)} | {plain(column.meaning)} |"
        yield ""


def commands() -> Iterator[str]:
    """Every command with its arguments and options."""
    from dqwatch.cli import app

    yield "# Commands\n"
    yield "Exit codes: 0 passed, 1 gate closed, 2 usage or rule file wrong, 3 could not evaluate, 4 nothing checked.\n"
    yield from _command("dqwatch", typer.main.get_command(app))


def _command(words: str, command: Any) -> Iterator[str]:
    below = getattr(command, "commands", {})
    if words != "dqwatch":
        yield f"## {words}\n\n{plain(command.help)}\n"
        if command.params and not below:
            yield "| | |\n| --- | --- |"
            yield from (_parameter(one) for one in command.params if one.name != "help")
            yield ""
    for name, one in below.items():
        yield from _command(f"{words} {name}", one)


def _parameter(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts) if name.startswith("-"))
    given = parameter.metavar or ""
    given = plain(given).replace("\\|", "&#124;")
    return f"| {names or f'`{given}`'}{f' {given}' if names and given else ''} | {plain(parameter.help)} |"


def sections() -> Iterator[str]:
    """Every section that a page may have, with its options."""
    yield "# Sections of the page\n"
    named = ", ".join(f"`{name}`" for name in list_layouts())
    yield f"`--html FILE` writes a page, `--layout NAME|FILE` says how it is laid out. Shipped: {named}.\n"
    yield "A layout is YAML: a `title`, in which `{verb}` and `{name}` may stand, and `sections` in their order, each"
    yield "by its name or as `name: {option: value}`. A section that has nothing to say is left out of the page.\n"
    yield "```yaml\ntitle: my {verb} of {name}\nsections:\n  - verdict\n  - findings: {most: 20, severity: warning}"
    yield "  - maps\n```\n"
    yield "| section | what it shows | options |\n| --- | --- | --- |"
    for name, section in SECTIONS.items():
        shows = (section.render.__doc__ or "").split("\n")[0].rstrip(".")
        told = (f"`{key}` ({_default(one.default)}): {plain(one.meaning)}" for key, one in section.options.items())
        options = "<br>".join(told)
        yield f"| `{name}` | {plain(shows)} | {options} |"


def _default(value: object) -> str:
    return "none" if value == {} else str(value)


if __name__ == "__main__":
    main()
