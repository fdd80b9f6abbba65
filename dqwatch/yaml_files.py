"""Reading a YAML file strictly: safe types only, no key twice, and every fault as one line that names file and line."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml

from dqwatch.errors import RuleFileError

_NUMBER = ("tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$"))


class _Strict:
    """What is added to safe loading: a key given twice is an error, `1e-6` is a number, and a date stays text.

    Times are text in every table, and YAML 1.1 would read `1e-6` (no dot) as text.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - read by the class of PyYAML that this is mixed into
        first: [resolver for resolver in known if resolver[0] != "tag:yaml.org,2002:timestamp"]
        + ([_NUMBER] if first in tuple("-+0123456789") else [])
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge what `<<` names into a node, which may come by again: its own keys are looked at before."""
        looked_at = self.__dict__.setdefault("_looked_at", set())
        if id(node) not in looked_at:
            looked_at.add(id(node))
            _check_keys(node)
        super().flatten_mapping(node)  # type: ignore[misc]


class _Safe(_Strict, yaml.SafeLoader):
    """Parsed in Python."""


class _Fast(_Strict, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Parsed in C, where PyYAML was built with it."""


def _check_keys(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key '{key.value}' is given twice", key.start_mark)
        seen.add(key.value)


def read_yaml(path: str | os.PathLike[str], name: str | None = None, *, shipped: bool = False) -> tuple[Any, bytes]:
    """The content of a YAML file and its bytes.

    Parameters
    ----------
    path : path
        The file.
    name : str, optional
        What messages call it; by default `path` as given.
    shipped : bool
        The file is dqwatch's own: it is parsed in C, ten times as fast, by a parser that deep nesting makes crash.

    Raises
    ------
    RuleFileError
        If the file cannot be opened, is not UTF-8, is not YAML, gives a key twice, or asks for a type that safe
        loading does not know.
    """
    label = name or os.fspath(path)
    try:
        content = Path(path).read_bytes()
        text = content.decode("utf-8")
    except FileNotFoundError as error:
        raise RuleFileError(f"{label}: there is no such file") from error
    except OSError as error:
        raise RuleFileError(f"{label}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RuleFileError(f"{label}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    try:
        return yaml.load(text, Loader=_Fast if shipped else _Safe), content  # noqa: S506 - both are safe
    except yaml.constructor.ConstructorError as error:
        raise RuleFileError(f"{label}: {_explain(error)}") from error
    except yaml.YAMLError as error:
        raise RuleFileError(f"{label}: is not YAML: {_explain(error)}") from error
    except RecursionError as error:
        raise RuleFileError(f"{label}: is nested too deeply to be read") from error


def _explain(error: yaml.YAMLError) -> str:
    """What is wrong and where, in one line."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    place = f"line {mark.line + 1}: " if mark is not None else ""
    return f"{place}{' '.join(str(problem).split())}"


class _Dumper(yaml.SafeDumper):
    """Quotes what `read_yaml` would otherwise not read as text again."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - read by PyYAML
        first: [*known, *([_NUMBER] if first in tuple("-+0123456789") else [])]
        for first, known in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }

    def ignore_aliases(self, data: Any) -> bool:
        """Write equal values out, rather than as references to one another."""
        return True


def to_yaml(document: Any) -> str:
    """YAML text that `read_yaml` reads as `document` again: keys in their order, what is innermost on one line."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=120)
