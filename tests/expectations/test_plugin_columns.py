"""Rules on columns that a metric of another package declares: known once a rule names them, and only then imported."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from expectations.rule_writing import RULE, Write

from dqwatch import registry, tables
from dqwatch.errors import UsageError
from dqwatch.expectations import load_rule_sets
from dqwatch.expectations.rule_files import find_problems

MODULE = """
from dqwatch.tables import Column, declare

declare("fields", Column("fractal", "float", "1", "fractal dimension"))
metric = object()
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that registers a metric, on the path; whatever it declares is forgotten afterwards."""
    package = tmp_path / "site" / "fractals.py"
    package.parent.mkdir()
    package.write_text(MODULE)
    info = package.parent / "fractals-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fractals\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dqwatch.metrics]\nfractal = fractals:metric\n")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setitem(tables.OPTIONAL, "fields", tables.OPTIONAL["fields"])
    caches = (registry._entries, registry.load_foreign)
    for cached in caches:
        cached.cache_clear()
    yield package
    for cached in caches:
        cached.cache_clear()
    sys.modules.pop("fractals", None)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    "change",
    [
        {"column": "fractal"},
        {"show": ["fractal"]},
        {"where": {"fractal": {"min": 1.5}}},
        {"expect": "greater_than", "max": None, "other": "fractal"},
        {"expect": "compound_unique", "max": None, "column": None, "columns": ["time", "fractal"]},
    ],
)
def test_a_rule_may_name_what_another_package_declares(write: Write, change: dict[str, object]) -> None:
    entry = {key: value for key, value in {**RULE, **change}.items() if value is not None}
    assert load_rule_sets([write(entry)])[0].rules


@pytest.mark.usefixtures("installed")
def test_it_is_not_imported_for_rules_on_known_columns(write: Write) -> None:
    assert load_rule_sets([write(RULE), "audit"])
    assert "fractals" not in sys.modules


@pytest.mark.usefixtures("installed")
def test_a_column_that_nobody_declares_stays_unknown(write: Write) -> None:
    (problem,) = find_problems(write({**RULE, "column": "fractl"}))
    assert "table 'fields' has no column 'fractl' (did you mean 'fractal'?)" in problem


@pytest.mark.parametrize(
    ("module", "why"),
    [
        ("import nosuchmodule", "ModuleNotFoundError: No module named 'nosuchmodule'"),
        ("x = 1", "AttributeError: module 'fractals' has no attribute 'metric'"),
        ("x = (", "SyntaxError: '(' was never closed"),
    ],
)
def test_a_package_that_cannot_be_imported_is_named(installed: Path, write: Write, module: str, why: str) -> None:
    installed.write_text(module)
    with pytest.raises(UsageError) as caught:
        load_rule_sets([write({**RULE, "column": "fractal"})])
    assert str(caught.value).startswith(f"metrics: plug-in 'fractal' (fractals:metric) cannot be imported: {why}")
