"""Reading a YAML file strictly: safe types only, no key twice, and every fault as one line that names file and line."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from dqwatch.errors import RuleFileError


class _StrictLoader(yaml.SafeLoader):
    """Safe loading with three changes: a key given twice is an error, `1e-6` is a number, and a date stays text.

    Times are text in every table, and YAML 1.1 would read `1e-6` (no dot) as text.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        if isinstance(node, yaml.MappingNode):
            seen: set[Hashable] = set()
            for key_node, _ in node.value:
                if key_node.tag == "tag:yaml.org,2002:merge":
                    continue
                key = self.construct_object(key_node, deep=True)
                if not isinstance(key, Hashable):
                    raise yaml.constructor.ConstructorError(None, None, "a key must be text", key_node.start_mark)
                if key in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key '{key}' is given twice", key_node.start_mark
                    )
                seen.add(key)
        return super().construct_mapping(node, deep=deep)


_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def read_yaml(path: str | os.PathLike[str], name: str | None = None) -> tuple[Any, bytes]:
    """The content of a YAML file and its bytes.

    Parameters
    ----------
    path : path
        The file.
    name : str, optional
        What messages call it; by default `path` as given.

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
        return yaml.load(text, Loader=_StrictLoader), content  # noqa: S506 - a subclass of SafeLoader
    except yaml.YAMLError as error:
        raise RuleFileError(f"{label}: {_explain(error)}") from error
    except RecursionError as error:
        raise RuleFileError(f"{label}: is nested too deeply to be read") from error


def _explain(error: yaml.YAMLError) -> str:
    """What is wrong and where, in one line."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    place = f"line {mark.line + 1}: " if mark is not None else ""
    return f"{place}{' '.join(str(problem).split())}"
