"""Data Docs of a run: pages for each table, nothing fetched from elsewhere, older pages left alone."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from expectations.sound_tables import make_all

from dqwatch.expectations import evaluate, load_rule_sets
from dqwatch.expectations.data_docs import _make_local, write_data_docs


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tables = make_all(["2t", "t_850"])
    tables["fields"].loc[1, "n_inf"] = 5
    tables["fields"].loc[0, "declared_missing"] = True
    folder = tmp_path_factory.mktemp("docs") / "new"
    answers = evaluate(load_rule_sets(["missing"]), tables).answers
    assert len({table for table, _ in answers}) < len(answers), "some tables are looked at in parts"
    assert write_data_docs(answers, folder, "audit a b.zarr") == folder / "index.html"
    return folder


def text(page: Path) -> str:
    inside = re.sub(r"<(script|style)\b.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", inside).split())


def test_each_table_has_a_page_of_results_and_one_of_what_is_expected(docs: Path) -> None:
    rules = [rule for s in load_rule_sets(["missing"]) for rule in s.rules if not rule.id.startswith("zarr.")]
    asked = {rule.table for rule in rules} & set(make_all(["2t"]))
    validations = {page.stem: page for page in (docs / "validations").rglob("*.html")}
    assert set(validations) == asked == {page.stem for page in (docs / "expectations").glob("*.html")}
    index = text(docs / "index.html")
    assert all(table in index for table in asked)
    assert "audit a b.zarr" in index
    fields = text(validations["fields"])
    assert "Status: Failed" in fields
    assert "Status: Succeeded" in text(validations["variables"])
    assert "1 unexpected values found" in fields
    n_rules = sum(rule.table == "fields" for s in load_rule_sets(["missing"]) for rule in s.rules)
    found = re.search(
        r"Evaluated Expectations (\d+) Successful Expectations (\d+) Unsuccessful Expectations (\d+)", fields
    )
    assert found
    assert int(found[1]) == int(found[2]) + int(found[3]) <= n_rules
    assert int(found[3]) == 1


def test_what_to_do_stands_on_the_page_of_what_is_expected(docs: Path) -> None:
    (rule,) = (rule for s in load_rule_sets(["missing"]) for rule in s.rules if rule.id == "inf")
    assert rule.title in text(docs / "expectations" / "fields.html")


def test_nothing_is_fetched_from_other_machines(docs: Path) -> None:
    pages = list(docs.rglob("*.html"))
    assert pages
    for page in pages:
        assert not re.findall(
            r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=[\"']?(?:https?:)?//[^>]*>", page.read_text()
        )


def test_local_files_that_a_page_names_are_there(docs: Path) -> None:
    for page in docs.rglob("*.html"):
        for name in re.findall(r"<(?:script|link|img)\b[^>]*(?:src|href)=\"([^\":?#]+)", page.read_text()):
            assert (page.parent / name).exists(), f"{page.name} names {name}"
    linked = re.findall(r"<a href=\"([^\"]+)", (docs / "index.html").read_text())
    assert linked
    assert all((docs / unquote(name)).is_file() for name in linked)


def test_only_pages_are_left_and_a_second_run_adds_to_them(docs: Path) -> None:
    def listed() -> set[str]:
        return {str(p.relative_to(docs)) for p in docs.rglob("*") if p.is_file()}

    before = listed()
    assert not [name for name in before if Path(name).name.startswith(".")]
    tables = make_all(["2t"])
    write_data_docs(evaluate(load_rule_sets(["missing"]), tables).answers, docs, "gate b.zarr")
    assert before < listed()
    assert "gate b.zarr" in text(docs / "index.html")
    assert "audit a b.zarr" not in text(docs / "index.html")


def test_without_answers_there_is_an_empty_index(tmp_path: Path) -> None:
    tables: dict[str, pd.DataFrame] = {}
    evaluation = evaluate(load_rule_sets(["missing"]), tables)
    assert evaluation.answers == ()
    assert write_data_docs(evaluation.answers, tmp_path, "x").exists()


def test_what_is_external_is_cut_and_the_rest_is_kept() -> None:
    page = (
        '<head><script src="https://a/b.js"></script><link rel="x" href="http://c"><link href="d.css">'
        '</head><script>inline()</script><img src="e.png"><a href="https://f">f</a><img\n src="https://g">'
    )
    made = _make_local(page)
    assert made.count("https:") == 1
    assert made.count("http:") == 0
    for kept in ('<link href="d.css">', "<script>inline()</script>", '<img src="e.png">', '<a href="https://f">f</a>'):
        assert kept in made
    assert "<style>" in made
