"""What a run of the command line writes: files as asked for, and JSON to a file or stdout."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dqwatch.terminal import say

if TYPE_CHECKING:
    from dqwatch.types import Verdict


class Outputs(NamedTuple):
    """What is to be written, and how much is to be said."""

    json: str | None
    html: str | None
    layout: str | None
    junit: str | None
    tables: str | None
    data_docs: str | None
    quiet: bool
    verbose: bool
    prometheus: str | None = None

    def check(self) -> None:
        """Complain of an output that cannot be written before any data are read.

        Raises
        ------
        UsageError
            If a file or folder cannot be made, Parquet is asked for and pyarrow is not installed, or there is a layout
            but no page.
        RuleFileError
            If there is no such layout, or it is wrong.
        """
        if self.layout:
            self._check_layout(self.layout)
        if not (self.json or self.html or self.junit or self.tables or self.data_docs or self.prometheus):
            return
        from dqwatch.reports import files

        if self.json and self.json != "-":
            files.check_file(self.json, "--json")
        if self.html:
            files.check_file(self.html, "--html")
        if self.junit:
            files.check_file(self.junit, "--junit")
        if self.prometheus:
            files.check_file(self.prometheus, "--prometheus")
        if self.tables:
            from dqwatch.tables import write_parquet

            files.check_folder(self.tables, "--tables")
            write_parquet({}, self.tables)
        if self.data_docs:
            files.check_folder(self.data_docs, "--data-docs")

    def _check_layout(self, layout: str) -> None:
        from dqwatch.errors import UsageError
        from dqwatch.reports.html import check_layout

        if not self.html:
            raise UsageError("--layout: says how the page of --html is laid out; give --html too")
        check_layout(layout)

    def write(self, verdict: Verdict) -> None:
        """Write page, JUnit, tables and Data Docs; a run that ended in an error has neither of the last two."""
        from dqwatch.reports.files import write_text

        if self.html:
            write_text(self.html, verdict.to_html(self.layout))
        if self.junit:
            write_text(self.junit, verdict.to_junit())
        if self.prometheus:
            from dqwatch.reports import prometheus

            write_text(self.prometheus, prometheus.render(verdict))
        if self.tables and verdict.tables:
            from dqwatch.tables import write_parquet

            write_parquet(verdict.tables, self.tables)
        if self.data_docs:
            self._write_data_docs(verdict, self.data_docs)

    @staticmethod
    def _write_data_docs(verdict: Verdict, folder: str) -> None:
        if verdict.error:  # lest the pages of an earlier run be taken for those of this one
            Path(folder, "index.html").unlink(missing_ok=True)
            return
        from dqwatch.expectations.data_docs import write_data_docs

        names = ", ".join(str(i["name"]) for i in verdict.inputs)
        write_data_docs(verdict.answers, folder, f"{verdict.verb} {names}")

    def write_json(self, verdict: Verdict) -> None:
        """Write the JSON document: last, so that once it is there the others are."""
        if self.json:
            self.write_document(verdict.to_json())

    def write_document(self, text: str) -> None:
        """Write a JSON document where one is asked for."""
        from dqwatch.reports.files import write_text

        if self.json and self.json != "-":
            write_text(self.json, text)
        elif self.json:
            say(text, sys.stdout)
