"""Rule files: found by name or path, read, checked against the tables, put together. Needs no Great Expectations."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from dqwatch import resources
from dqwatch.errors import RuleFileError
from dqwatch.expectations.entries import check_entry, make_rule
from dqwatch.expectations.values import closest, got
from dqwatch.types import Rule, RuleSet
from dqwatch.yaml_files import read_yaml

_TOP = ("rule_set", "description", "include", "disable", "rules")
_NOT_RULES = ("variables",)
"""Other YAML files of the folder: the catalogue."""


_Entry = Mapping[str, Any]


class _File(NamedTuple):
    """A rule file as read: what it adds to the files that it includes."""

    label: str
    path: Path
    content: bytes
    document: Mapping[str, Any]


class _Loaded(NamedTuple):
    """A file with all that it includes; `entries` are the plain entries of the rules, for others to inherit from."""

    rules: dict[str, Rule]
    entries: dict[str, _Entry]
    disabled: tuple[str, ...]
    content: bytes
    problems: tuple[str, ...]


def list_rule_sets() -> tuple[str, ...]:
    """The names of the shipped rule sets, sorted."""
    return tuple(sorted(p.stem for p in resources.folder("rules").glob("*.yaml") if p.stem not in _NOT_RULES))


def list_rule_ids() -> tuple[str, ...]:
    """The ids of all shipped rules, in the order of the files."""
    return tuple(_shipped_entries())


def load_rule_sets(names_or_paths: Sequence[str]) -> tuple[RuleSet, ...]:
    """Rule sets by name ('gate') or path ('./mine.yaml'), checked, each with what it includes.

    Of two rules with one id the later holds; `disable` of a later file also switches off rules of an earlier one. So
    the ids of all sets together are unique.

    Parameters
    ----------
    names_or_paths : sequence of str
        What ends in `.yaml` or `.yml`, or has a `/`, is a path; anything else the name of a shipped set.

    Returns
    -------
    tuple of RuleSet
        One for each argument, in their order; a set named twice stands once.

    Raises
    ------
    RuleFileError
        If nothing is asked for, a file is missing, unreadable or wrong; the message names file, rule and key.
    """
    if not names_or_paths:
        raise RuleFileError(f"no rule set is given; shipped are {', '.join(list_rule_sets())}")
    sets: list[RuleSet] = []
    known: dict[str, _Entry] = {}
    for name in dict.fromkeys(str(n) for n in names_or_paths):
        file = _read(name, None)
        loaded = _load_sound(file, known, ())
        known |= loaded.entries
        gone = {*loaded.rules, *loaded.disabled}
        sets = [replace(s, rules=tuple(r for r in s.rules if r.id not in gone)) for s in sets]
        sets.append(
            RuleSet(
                name=str(file.document["rule_set"]),
                path=file.label,
                sha256=hashlib.sha256(loaded.content).hexdigest(),
                description=str(file.document.get("description") or ""),
                rules=tuple(loaded.rules.values()),
            )
        )
    return tuple(sets)


def find_problems(path: str) -> list[str]:
    """Every problem of a rule file that shows without Great Expectations, one line each."""
    try:
        return list(_load(_read(path, None), {}, ()).problems)
    except RuleFileError as error:
        return [str(error)]


def _read(name: str, within: _File | None) -> _File:
    """A file by name or path; a path in an `include` counts from the file that includes it."""
    shipped = resources.folder("rules")
    if "/" in name or name.endswith((".yaml", ".yml")):
        path = Path(name) if within is None else within.path.parent / name
        label = name
        if path.resolve().parent == shipped.resolve():
            path, label = shipped / path.name, f"rules/{path.name}"
    elif name in list_rule_sets():
        path, label = shipped / f"{name}.yaml", f"rules/{name}.yaml"
    else:
        names = list_rule_sets()
        place = f"{within.label}: include: " if within else ""
        if within is None and os.path.lexists(name):
            raise RuleFileError(
                f"{name}: no rule file: those end in .yaml; for data there are 'dqwatch audit' and 'dqwatch inspect'"
            )
        raise RuleFileError(
            f"{place}there is no rule set '{name}'{closest(name, names)}; shipped are {', '.join(names)}; "
            "a file of your own ends in .yaml"
        )
    if path.parent == shipped:
        document, content = _read_shipped(path, label, os.stat(path).st_mtime_ns)
    else:
        document, content = read_yaml(path, label)
    if not isinstance(document, dict):
        raise RuleFileError(f"{label}: holds no rule set; it takes {', '.join(_TOP)}")
    return _File(label, path, content, document)


@cache
def _read_shipped(path: Path, label: str, changed: int) -> tuple[Any, bytes]:
    """A shipped file, read once while it stays as it is: a program that gates state after state does so at each."""
    return read_yaml(path, label, shipped=True)


def _load_sound(file: _File, known: Mapping[str, _Entry], within: tuple[_File, ...]) -> _Loaded:
    """A file without problems; else the first is raised, and how many more there are is said."""
    loaded = _load(file, known, within)
    if loaded.problems:
        n = len(loaded.problems) - 1
        raise RuleFileError(loaded.problems[0] + (f" (and {n} more: dqwatch rules lint {file.label})" if n else ""))
    return loaded


def _load(file: _File, known: Mapping[str, _Entry], within: tuple[_File, ...]) -> _Loaded:
    """A file with what it includes; faults of its own are collected, those of an included file raised."""
    if any(file.path.resolve() == outer.path.resolve() for outer in within):
        raise RuleFileError(f"{within[0].label}: include: '{file.label}' includes itself")
    problems = list(_check_top(file))
    names = _strings(file.document.get("include"))
    included = [_load_sound(_read(name, file), known, (*within, file)) for name in names]
    rules = {i: r for inner in included for i, r in inner.rules.items()}
    entries = {i: e for inner in included for i, e in inner.entries.items()}
    own: dict[str, _Entry] = {}
    places: set[str] = set()
    for place, entry in _own_entries(file, problems):
        whole = _inherit(entry, {**known, **entries})
        faults = [f"{file.label}: rule {place}: {fault}" for fault in check_entry(whole)]
        if place in places:
            faults.append(f"{file.label}: rule {place}: the id is given twice; give each rule an id of its own")
        places.add(place)
        problems += faults
        if not faults:
            own[whole["id"]] = whole
    entries |= own
    rules |= {i: make_rule(entry, file.label) for i, entry in own.items()}
    disabled = tuple(_strings(file.document.get("disable")))
    problems += _check_disabled(file, disabled, {*known, *entries})
    content = b"".join([file.content, *(inner.content for inner in included)])
    return _Loaded({i: r for i, r in rules.items() if i not in disabled}, entries, disabled, content, tuple(problems))


def _check_top(file: _File) -> Iterator[str]:
    """Faults of the keys of the file itself."""
    document, label = file.document, file.label
    for key in document:
        if key not in _TOP:
            yield f"{label}: unknown key '{key}'{closest(key, _TOP)}; a rule set takes {', '.join(_TOP)}"
    if not isinstance(document.get("rule_set"), str) or not document["rule_set"]:
        yield f"{label}: rule_set: got {got(document.get('rule_set'))}; give the set a name"
    if not isinstance(document.get("description", ""), str):
        yield f"{label}: description: got {got(document['description'])}; give text"
    for key in ("include", "disable"):
        names = document.get(key)
        if names is not None and _strings(names) != names:
            yield f"{label}: {key}: got {got(names)}; give a list of names"
    if not any(document.get(key) for key in ("rules", "include", "disable")):
        yield f"{label}: has neither 'rules' nor 'include' nor 'disable'"


def _own_entries(file: _File, problems: list[str]) -> Iterator[tuple[str, _Entry]]:
    """The entries of a file, each with what a message calls it; what is no entry is a problem."""
    rules = file.document.get("rules") or []
    if not isinstance(rules, list):
        problems.append(f"{file.label}: rules: got {got(rules)}; give a list of rules")
        return
    for position, entry in enumerate(rules, start=1):
        if isinstance(entry, dict):
            name = entry.get("id")
            yield (f"'{name}'" if isinstance(name, str) and name else str(position)), entry
        else:
            problems.append(f"{file.label}: rule {position}: got {got(entry)}; give keys and values")


def _check_disabled(file: _File, disabled: Sequence[str], ids: set[str]) -> Iterator[str]:
    if not ids.issuperset(disabled):
        ids = ids | set(_shipped_entries())
    for name in disabled:
        if name not in ids:
            yield f"{file.label}: disable: there is no rule '{name}'{closest(name, ids)}"


def _inherit(entry: _Entry, known: Mapping[str, _Entry]) -> _Entry:
    """An entry whose id is known already changes only the keys that it gives, unless it says what it expects."""
    if "expect" in entry or not isinstance(entry.get("id"), str):
        return entry
    base = known.get(entry["id"]) or _shipped_entries().get(entry["id"])
    return entry if base is None else {**base, **entry}


@cache
def _shipped_entries() -> Mapping[str, _Entry]:
    """The entries of all shipped rules, by id; read once."""
    files = (_read(name, None) for name in list_rule_sets())
    entries = (entry for file in files for _, entry in _own_entries(file, []))
    return {str(entry.get("id")): entry for entry in entries if "expect" in entry}


def _strings(names: Any) -> list[str]:
    """The list itself if it is one of strings, else nothing."""
    return names if isinstance(names, list) and all(isinstance(n, str) for n in names) else []
