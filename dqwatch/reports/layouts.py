"""What a page consists of: its sections, top to bottom, with their options, read from YAML and checked.

The layouts that are shipped lie in `dashboards/`; a layout of a user's own is a file of the same form:

    title: dqwatch {verb} of {name}
    sections:
      - verdict
      - findings: {most: 50, severity: warning}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dqwatch import resources
from dqwatch.errors import RuleFileError
from dqwatch.yaml_files import read_yaml

_SUFFIXES = (".yaml", ".yml")
_PLACES = ("verb", "name")


class Option(NamedTuple):
    """What an option of a section is if it is not given, and what it may be."""

    default: Any
    """Its type is that of the option: bool, int, str or dict (text by text)."""
    choices: tuple[str, ...] = ()
    least: int = 1
    most: int = 10_000
    meaning: str = ""


Options = Mapping[str, Any]
Known = Mapping[str, Mapping[str, Option]]
"""The options of each section that there is."""


@dataclass(frozen=True)
class Layout:
    """A page.

    Attributes
    ----------
    title : str
        May hold `{verb}` and `{name}`.
    sections : tuple of (str, mapping)
        Names and all options of the sections, in their order.
    """

    title: str
    sections: tuple[tuple[str, Options], ...]


def list_layouts() -> list[str]:
    """Names of the layouts that are shipped."""
    return sorted(path.stem for path in resources.folder("dashboards").glob("*.yaml"))


def read_layout(name: str, known: Known) -> Layout:
    """A layout by the name of a shipped one, or from a file.

    Parameters
    ----------
    name : str
        `verdict`, or the path of a file that ends in `.yaml` or `.yml`.
    known : mapping
        The sections that there are, with their options.

    Raises
    ------
    RuleFileError
        If there is no such layout, or it asks for what there is not.
    """
    if name.endswith(_SUFFIXES):
        document, _ = read_yaml(name)
        return parse_layout(document, known, name)
    if name not in list_layouts():
        there = ", ".join(list_layouts())
        raise RuleFileError(f"layout: there is none named '{name}'; give one of {there}, or a file that ends in .yaml")
    path = Path(resources.folder("dashboards"), f"{name}.yaml")
    document, _ = read_yaml(path, path.name, shipped=True)
    return parse_layout(document, known, path.name)


def parse_layout(document: Any, known: Known, label: str) -> Layout:
    """A layout from what YAML says.

    Raises
    ------
    RuleFileError
        If it is none; the message names `label`.
    """
    if not isinstance(document, dict) or not document.keys() <= {"title", "sections"}:
        raise RuleFileError(f"{label}: is no layout; it takes the keys title and sections, and no others")
    title = document.get("title", "dqwatch {verb} of {name}")
    if not isinstance(title, str) or not _fits(title):
        raise RuleFileError(f"{label}: title: got {title!r}; give text, in which {{verb}} and {{name}} may stand")
    sections = document.get("sections")
    if not isinstance(sections, list) or not sections:
        raise RuleFileError(f"{label}: sections: give a list of one section or more: {', '.join(known)}")
    return Layout(title, tuple(_section(entry, known, f"{label}: section {n}") for n, entry in enumerate(sections, 1)))


def _fits(title: str) -> bool:
    """Whether the title has no places but those that are filled."""
    try:
        title.format(**dict.fromkeys(_PLACES, ""))
    except (KeyError, IndexError, ValueError, AttributeError):
        return False
    return True


def _section(entry: Any, known: Known, where: str) -> tuple[str, Options]:
    given: Any = {}
    if isinstance(entry, str):
        name = entry
    elif isinstance(entry, dict) and len(entry) == 1:
        ((name, given),) = entry.items()
        given = {} if given is None else given
    else:
        raise RuleFileError(
            f"{where}: got {entry!r}; give a name, or a name with its options: 'findings: {{most: 50}}'"
        )
    if name not in known:
        raise RuleFileError(f"{where}: unknown section '{name}'; there are: {', '.join(known)}")
    where = f"{where} ({name})"
    if not isinstance(given, dict):
        raise RuleFileError(f"{where}: options are a mapping, not {given!r}")
    options = {key: option.default for key, option in known[name].items()}
    for key, value in given.items():
        if key not in options:
            takes = f"it takes {', '.join(options)}" if options else "it takes none"
            raise RuleFileError(f"{where}: unknown option '{key}'; {takes}")
        options[key] = _checked(value, known[name][key], f"{where}: {key}")
    return name, options


def _checked(value: Any, option: Option, where: str) -> Any:
    kind = type(option.default)
    if option.choices and value not in option.choices:
        raise RuleFileError(f"{where}: got {value!r}; give one of {', '.join(option.choices)}")
    if type(value) is not kind:
        wanted = {bool: "true or false", int: "a whole number", str: "text", dict: "texts by name"}[kind]
        raise RuleFileError(f"{where}: got {value!r}; give {wanted}")
    if kind is int and not option.least <= value <= option.most:
        raise RuleFileError(f"{where}: got {value}; give {option.least} to {option.most}")
    if kind is dict and not all(isinstance(text, str) for pair in value.items() for text in pair):
        raise RuleFileError(f"{where}: give texts by name, not {value!r}")
    return value
