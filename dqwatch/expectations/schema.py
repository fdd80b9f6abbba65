"""The JSON Schemas of rule files and waivers, for editors: made from what loading checks, published beside the rules.

`python -m dqwatch.expectations.schema` writes them anew; a test tells when it has to be.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from dqwatch import resources
from dqwatch.expectations.by_variable import KEYS as BY
from dqwatch.expectations.entries import KEYS
from dqwatch.expectations.vocabulary import FORMS
from dqwatch.expectations.waivers import KEYS as WAIVER_KEYS
from dqwatch.expectations.waivers import NEEDED as WAIVER_NEEDED
from dqwatch.tables import TABLES, columns_of
from dqwatch.types import SEVERITIES

NAME = "rule_set.schema.json"
WAIVERS = "waivers.schema.json"

_SCALAR = {"type": ["string", "number", "boolean", "null"]}
_ARGUMENTS = {
    "number": {"type": "number"},
    "flag": {"type": "boolean"},
    "values": {"type": "array", "minItems": 1, "items": {"type": ["string", "number", "boolean"]}},
    "pattern": {"type": "string", "format": "regex", "minLength": 1},
    "column": {"type": "string"},
    "columns": {"type": "array", "minItems": 2, "items": {"type": "string"}},
}
_KEYS: dict[str, dict[str, Any]] = {
    "id": {"type": "string", "pattern": r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*$", "description": "Name of the rule"},
    "title": {"type": "string", "description": "What is wrong if it fails, in a few words"},
    "table": {"enum": list(TABLES), "description": "Table that it looks at"},
    "column": {"type": "string", "description": "Column of the table"},
    "expect": {
        "anyOf": [
            {"oneOf": [{"const": name, "description": form.meaning} for name, form in FORMS.items()]},
            {"type": "string", "pattern": "^expect_[a-z0-9_]+$", "description": "A name of Great Expectations' own"},
        ]
    },
    "where": {
        "type": "object",
        "minProperties": 1,
        "description": "Rows that it looks at: column, and the value, list of values or range {min, max} of the row",
        "additionalProperties": {
            "anyOf": [
                _SCALAR,
                {"type": "array", "minItems": 1, "items": _SCALAR},
                {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": False,
                    "properties": {"min": {"type": "number"}, "max": {"type": "number"}},
                },
            ]
        },
    },
    "per": {"enum": ["variable", "none"], "description": "Tell results apart by variable, or not"},
    "mostly": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "description": "Fraction of rows that must hold"},
    "missing": {"enum": ["fail", "ignore"], "description": "What a missing value in the column is"},
    "if_empty": {"enum": ["no_data", "skipped"], "description": "Status where there is nothing to look at"},
    "show": {
        "type": "array",
        "minItems": 1,
        "items": {"type": "string"},
        "description": "Further columns to show with the rows that fail",
    },
    "severity": {"enum": list(SEVERITIES), "description": "critical closes the gate by default"},
    "why": {"type": "string", "description": "Why it matters"},
    "hint": {"type": "string", "minLength": 1, "description": "What to do if it fails"},
    "source": {"type": "string", "description": "Where the threshold comes from"},
    "by_variable": {
        "type": "object",
        "minProperties": 1,
        "description": "Limits of each variable's own: its name, and min and max (between) or values (in_set)",
        "additionalProperties": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {key: _ARGUMENTS[FORMS[form].arguments[key].kind] for form in BY for key in BY[form]},
        },
    },
    "arguments": {"type": "object", "description": "Arguments of an expectation with a long name, in its own words"},
}


def make_schema() -> dict[str, Any]:
    """The schema as Python objects; it holds whatever a file is loaded with, and less than loading checks."""
    names = {"type": "array", "items": {"type": "string"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A rule set of dqwatch",
        "type": "object",
        "additionalProperties": False,
        "required": ["rule_set"],
        "properties": {
            "rule_set": {"type": "string", "minLength": 1, "description": "Name of the set"},
            "description": {"type": "string"},
            "include": {**names, "description": "Sets to start from: names of shipped ones, or paths from this file"},
            "disable": {**names, "description": "Ids of rules to switch off"},
            "rules": {"type": "array", "items": {"$ref": "#/$defs/rule"}},
        },
        "$defs": {"rule": _rule()},
    }


def make_waivers_schema() -> dict[str, Any]:
    """The schema of a file of waivers; loading checks rules, and dates against the calendar, besides."""
    text: dict[str, Any] = {"type": "string", "minLength": 1}
    time = {"type": ["string", "integer"], "pattern": r"^\d{4}", "minimum": 1000, "maximum": 9999}
    forms: dict[str, dict[str, Any]] = {
        "expires": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
        "start": time,
        "end": time,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Waivers of dqwatch",
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": list(WAIVER_NEEDED),
            "properties": {key: {**forms.get(key, text), "description": told} for key, told in WAIVER_KEYS.items()},
        },
    }


def write_schemas() -> None:
    """Write the schemas into the folder of the rules; each file is complete or as it was."""
    for name in (NAME, WAIVERS):
        target = resources.folder("rules") / name
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text(name))
            os.chmod(temporary, 0o644)
            os.replace(temporary, target)
        finally:
            Path(temporary).unlink(missing_ok=True)


def text(name: str = NAME) -> str:
    """A schema as it is published."""
    return json.dumps({NAME: make_schema, WAIVERS: make_waivers_schema}[name](), indent=2) + "\n"


def _rule() -> dict[str, Any]:
    """An entry: keys, then what depends on the table and on the expectation."""
    arguments = {key: _ARGUMENTS[a.kind] for form in FORMS.values() for key, a in form.arguments.items()}
    every = {**_KEYS, **arguments}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["id"],
        "properties": {key: every[key] for key in KEYS},
        "if": {"required": ["expect"]},
        "then": {"required": ["table", "severity", "hint"]},
        "allOf": [*map(_columns_of_table, TABLES), *map(_arguments_of_form, FORMS)],
    }


def _columns_of_table(table: str) -> dict[str, Any]:
    columns = [{"const": c.name, "description": c.meaning} for c in columns_of(table)]
    names = [c.name for c in columns_of(table)]
    return {
        "if": {"required": ["table"], "properties": {"table": {"const": table}}},
        "then": {
            "properties": {
                "column": {"oneOf": columns},
                "other": {"enum": names},
                "columns": {"items": {"enum": names}},
                "show": {"items": {"enum": names}},
                "where": {"propertyNames": {"enum": names}},
            }
        },
    }


def _arguments_of_form(name: str) -> dict[str, Any]:
    form = FORMS[name]
    needed = [key for key, argument in form.arguments.items() if argument.required]
    column = [] if form.domain == "columns" else ["column"]
    if name in BY and needed:
        then = {"required": column, "anyOf": [{"required": needed}, {"required": ["by_variable"]}]}
    else:
        then = {"required": [*needed, *column]}
    return {"if": {"required": ["expect"], "properties": {"expect": {"const": name}}}, "then": then}


if __name__ == "__main__":
    write_schemas()
