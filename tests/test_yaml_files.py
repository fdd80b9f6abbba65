"""YAML files: what is read as what, and that both parsers refuse the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.errors import RuleFileError
from dqwatch.yaml_files import read_yaml, to_yaml

BOTH = pytest.mark.parametrize("shipped", [False, True])


def written(folder: Path, text: str) -> Path:
    path = folder / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@BOTH
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6),
        ("-2E+3", -2000.0),
        ("1.5e-6", 1.5e-6),
        ("15", 15),
        ("2020-01-01", "2020-01-01"),
        ("2020-01-01T06:00:00", "2020-01-01T06:00:00"),
        ("", None),
        ("no", False),
        ("[1e, e5, 2t]", ["1e", "e5", "2t"]),
        ("a: &x {p: 1, q: 2}\nb: {<<: *x, p: 3}", {"a": {"p": 1, "q": 2}, "b": {"p": 3, "q": 2}}),
        (
            "a: &x {p: 1}\nb: &y {<<: *x, p: 2}\nc: {<<: *y, p: 3}\nd: *y",
            {"a": {"p": 1}, "b": {"p": 2}, "c": {"p": 3}, "d": {"p": 2}},
        ),
    ],
)
def test_what_is_read(tmp_path: Path, text: str, value: Any, shipped: bool) -> None:
    path = written(tmp_path, text)
    assert read_yaml(path, shipped=shipped) == (value, text.encode())


@BOTH
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: {c: 1, c: 2}", "line 2: key 'c' is given twice"),
        ("a: 1\nb: 2\na: 3", "line 3: key 'a' is given twice"),
        ("? [a]\n: b", "line 1: a key must be text"),
        ("a: !!python/object/apply:os.getcwd []", "line 1: could not determine a constructor for the tag"),
        ("a: [", "is not YAML: line "),
        ("a: b: c", "is not YAML: line 1: mapping values are not allowed"),
        ("\x07", "is not YAML: "),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str, shipped: bool) -> None:
    path = written(tmp_path, text)
    with pytest.raises(RuleFileError) as caught:
        read_yaml(path, "a.yaml", shipped=shipped)
    assert str(caught.value).startswith(f"a.yaml: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000])
def test_nesting_that_would_overflow_a_stack_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RuleFileError, match="is nested too deeply"):
        read_yaml(written(tmp_path, text))


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match=r"nosuch\.yaml: there is no such file"):
        read_yaml(tmp_path / "nosuch.yaml")
    with pytest.raises(RuleFileError, match="cannot be read: Is a directory"):
        read_yaml(tmp_path)
    (tmp_path / "b.yaml").write_bytes(b"a: \xff")
    with pytest.raises(RuleFileError, match=r"is not UTF-8 text \(byte 3\)"):
        read_yaml(tmp_path / "b.yaml")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner),
        max_leaves=8,
    )
)
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, document: Any) -> None:
    path = tmp_path_factory.mktemp("yaml") / "a.yaml"
    path.write_text(to_yaml(document), encoding="utf-8", newline="")
    assert read_yaml(path)[0] == document
