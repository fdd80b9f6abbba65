"""Data Docs, the pages of Great Expectations, of a run: written without a network, and looked at without one."""

from __future__ import annotations

import html
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dqwatch.expectations.engine import load_gx, make_context

_EXTERNAL = re.compile(
    r"<script\b[^>]*\bsrc=\"https?:[^>]*>\s*</script>|<(?:link|img)\b[^>]*\b(?:href|src)=\"(?:https?:|[^\"]*favicon)[^>]*>",
    re.IGNORECASE | re.DOTALL,
)
"""Style, scripts and pictures that Data Docs fetch from other machines: one of the pictures counts its readers. And an
icon that they name and do not have."""
_STYLE = (
    "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:75rem;margin:0 auto;padding:1rem}"
    "table{border-collapse:collapse}td,th{border-bottom:1px solid #ccc;padding:.25rem .6rem;text-align:left;"
    "vertical-align:top}ul{padding-left:1.2rem}.modal{display:none}</style></head>"
)


def write_data_docs(answers: Iterable[tuple[str, Any]], folder: str | os.PathLike[str], name: str) -> Path:
    """Write Data Docs of what Great Expectations answered.

    Parameters
    ----------
    answers : iterable of (str, ExpectationSuiteValidationResult)
        As `Evaluation.answers` has them; those of one table become one page.
    folder : path
        Made if need be. Pages of other runs that are there stay; `index.html` lists those of this one.
    name : str
        Of the run.

    Returns
    -------
    Path
        The page to begin with.
    """
    run_name = re.sub(r"[^\w.\-]+", "_", name)
    tables: dict[str, list[Any]] = {}
    for table, answer in answers:
        tables.setdefault(table, []).append(answer)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".docs.") as made:
        _build(tables, made, run_name)
        made_index = Path(made, "index.html")
        pages = [path for path in sorted(Path(made).rglob("*.html")) if path != made_index]
        made_index.write_text(_index(name, [path.relative_to(made).as_posix() for path in pages]), encoding="utf-8")
        for path in (*pages, made_index):  # the index once all else is there
            if path != made_index:
                path.write_text(_make_local(path.read_text(encoding="utf-8")), encoding="utf-8")
            place = target / path.relative_to(made)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, place)
    return target / "index.html"


def _build(tables: dict[str, list[Any]], folder: str, run_name: str) -> None:
    """The pages as Great Expectations makes them: for each table what is expected, and what came of it."""
    gx = load_gx()
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types import resource_identifiers as identifiers

    site = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(Path(folder).resolve())},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    context = make_context(data_docs_sites={"dqwatch": site})
    run = RunIdentifier(run_name=run_name, run_time=datetime.now(UTC))
    for table, answers in tables.items():
        merged = _merge(answers, table, run)
        expected = [result.expectation_config.to_domain_obj() for result in merged.results]
        context.suites.add(gx.ExpectationSuite(name=table, expectations=expected))
        suite = identifiers.ExpectationSuiteIdentifier(table)
        key = identifiers.ValidationResultIdentifier(suite, run, batch_identifier=table)
        context.validation_results_store.set(key, merged)
    context.build_data_docs(site_names=["dqwatch"])


def _merge(answers: Sequence[Any], table: str, run: Any) -> Any:
    """What was answered on the parts of a table, as one answer."""
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult

    results = [result for answer in answers for result in answer.results]
    n_good = sum(bool(result.success) for result in results)
    return ExpectationSuiteValidationResult(
        success=n_good == len(results),
        results=results,
        suite_name=table,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": n_good,
            "unsuccessful_expectations": len(results) - n_good,
            "success_percent": 100.0 * n_good / len(results) if results else None,
        },
        meta={**answers[0].meta, "run_id": run},
    )


def _index(name: str, pages: Sequence[str]) -> str:
    """Our own index: theirs is filled by scripts from other machines.

    Parameters
    ----------
    name : str
        Of the run.
    pages : sequence of str
        Paths: the folder of each is `validations` or `expectations`, its name that of a table.
    """
    lines = {
        "validations": "What came of it",
        "expectations": "What is expected",
    }
    found = {folder: [page for page in pages if page.startswith(f"{folder}/")] for folder in lines}
    lists = "".join(
        f"<h2>{title}</h2><ul>"
        + "".join(f'<li><a href="{quote(page)}">{html.escape(Path(page).stem)}</a></li>' for page in found[folder])
        + "</ul>"
        for folder, title in lines.items()
    )
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(name)}</title>'
    )
    return f'<!doctype html><html lang="en"><head>{head}{_STYLE}<body><h1>{html.escape(name)}</h1>{lists}</body></html>'


def _make_local(page: str) -> str:
    """A page that asks nothing of other machines."""
    return _EXTERNAL.sub("", page).replace("</head>", _STYLE, 1)
