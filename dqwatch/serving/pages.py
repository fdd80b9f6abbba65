"""The pages of a history: each a function of the query, which gives HTML."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from html import escape
from urllib.parse import urlencode

from dqwatch.errors import UsageError
from dqwatch.history import reading
from dqwatch.history.store import History
from dqwatch.reports import html, html_history, html_history_figures, html_maps, html_variable
from dqwatch.reports.findings import short_time
from dqwatch.reports.html_page import figure_block, page
from dqwatch.serving.recorded import read_verdict
from dqwatch.types import VERBS

Query = Mapping[str, str]
_RUNS = 100
"""On a page."""
_LATEST = 20
"""Runs in which areas of a variable are looked for."""


@dataclass(frozen=True)
class Site:
    """A history that is served.

    Attributes
    ----------
    history : History
    address : str
        As it was given; not shown.
    """

    history: History
    address: str

    def answer(self, path: str, query: Query) -> str | None:
        """The page at a path; None if there is none.

        Raises
        ------
        UsageError
            If the query is wrong.
        HistoryError
            If the history cannot be read.
        """
        parts = path.strip("/").split("/")
        if parts[0] == "run" and len(parts) == 2:
            return self._run(parts[1])
        found = _ROUTES.get(path)
        return None if found is None else found(self, query)

    def runs(self, query: Query) -> str:
        """All runs, newest first; or those of a verb and label."""
        wanted = self._wanted(query)
        number = _whole(query.get("page", "1"), "page")
        rows = reading.read_runs(self.history, wanted, limit=number * _RUNS + 1)
        shown = rows.iloc[(number - 1) * _RUNS : number * _RUNS]
        head = ("Recorded, UTC", "Run", "Verb", "Input", "Labels", "Failed", "Warnings", "Worst")
        worst = {
            n: self._worst_rule(n) for n, status in zip(shown["id"], shown["status"], strict=True) if status != "pass"
        }
        cells = [
            (
                f"{row.recorded_at:%Y-%m-%d %H:%M}", _Link(f"/run/{row.id}", _status(str(row.status))), row.verb,
                row.name, _labels(row.series), f"{row.n_fail:,}", f"{row.n_warn:,}", worst.get(row.id, ""),
            )
            for row in shown.itertuples()
        ]  # fmt: skip
        more = _turn(query, number, len(rows) > number * _RUNS)
        body = f"<h1>Runs of {escape(self.history.name)}</h1>{self._filters(query)}{_table('runs', head, cells)}{more}"
        return self._page("runs", body)

    def variables(self, query: Query) -> str:
        """All variables that were held against training, those that alarmed most first."""
        rows = reading.list_variables(self.history, self._wanted(query))
        rows = rows.sort_values(["n_alarmed", "n_rare", "variable"], ascending=[False, False, True], kind="stable")
        cells = [
            (_Link(f"/variable?{urlencode({**query, 'name': row.variable})}", row.variable), f"{row.n:,}",
             f"{row.n_rare:,}", f"{0.01 * row.n:,.1f}", f"{row.n_alarmed:,}")
            for row in rows.itertuples()
        ]  # fmt: skip
        head = ("Variable", "Cycles", "With p of 0.01 or less", "By chance", "In cycles that alarm")
        body = f"<h1>Variables</h1>{self._filters(query)}{_table('variables', head, cells)}"
        return self._page("variables", body)

    def variable(self, query: Query) -> str:
        """One variable over time, and where it last departed."""
        name = query.get("name", "")
        rows = reading.read_drift(self.history, self._wanted(query), variables=[name])
        figure = html_variable.variable_figure(rows)
        drawn = "<p>It was not held against training.</p>"
        if figure is not None:
            drawn = f"<div id='series'>{figure_block(figure, 560, f'p and departure of {name}')}</div>"
        alarms = rows[rows["alarmed"]].iloc[::-1]
        cells = [
            (short_time(row.time), _Link(f"/run/{row.run_id}", f"run {row.run_id}"), f"{row.p_value:.2g}", row.region,
             row.leading_score, _labels(row.series))
            for row in alarms.iloc[:_RUNS].itertuples()
        ]  # fmt: skip
        head = ("Cycle", "Run", "p", "Where", "What tells", "Labels")
        alarmed = (
            f"<h2>Cycles in which it alarmed: {len(alarms):,}</h2>{_table('alarms', head, cells)}{_cut(len(alarms))}"
            if cells
            else ""
        )
        body = f"<h1>{escape(name)}</h1>{self._filters(query)}{drawn}{self._map(name, alarms['run_id'])}{alarmed}"
        return self._page("variables", body)

    def cycles(self, query: Query) -> str:
        """All cycles over time, and those that alarmed."""
        rows = reading.read_cycles(self.history, self._wanted(query))
        figures = (
            ("cycles", html_history_figures.p_of_cycles(rows)),
            ("budget", html_history_figures.alarm_budget(rows)),
        )
        drawn = "".join(
            f"<div id='{name}'>{figure_block(one, html_history_figures.height_of(one), name)}</div>"
            for name, one in figures
            if one is not None
        )
        low = rows[rows["p_cycle"] <= 0.01].iloc[::-1]
        cells = [
            (short_time(row.time), _Link(f"/run/{row.run_id}", f"run {row.run_id}"), f"{row.p_cycle:.2g}",
             row.variables, _labels(row.series))
            for row in low.iloc[:_RUNS].itertuples()
        ]  # fmt: skip
        head = ("Cycle", "Run", "p", "What it is about", "Labels")
        table = _table("alarms", head, cells) + _cut(len(low))
        told = f"<h2>Cycles with p of 0.01 or less: {len(low):,} of {len(rows):,}</h2>{table}"
        return self._page("cycles", f"<h1>Cycles</h1>{self._filters(query)}{drawn}{told}")

    def report(self, query: Query) -> str:
        """The report of a period, as `dqwatch report` makes it."""
        from dqwatch.history_verbs import report

        since = query.get("since", "30d")
        labels = self._wanted(query).labels
        found = report(self.address, since=since, verb=query.get("verb") or None, labels=labels)
        linked = [{**one, "html": f"/run/{one['run']}", "host": None} for one in found.failed]
        _, body = html_history.render_parts(replace(found, failed=linked))
        periods = " ".join(
            f'<a href="/report?{escape(urlencode({**query, "since": age}))}">{age}</a>' for age in ("7d", "30d", "365d")
        )
        return self._page("report", f"<p>Period: {periods}</p>{self._filters(query)}{body}")

    def _run(self, number: str) -> str | None:
        verdict = read_verdict(self.history, _whole(number, "run"))
        if verdict is None:
            return None
        row = reading.read_run(self.history, int(number)).iloc[0]
        title, body = html.render_parts(verdict, "verdict")
        on = f"{row['host']}:" if row["host"] else ""
        paths = "".join(f"<li>{escape(on + path)}</li>" for path in (row["html_path"], row["json_path"]) if path)
        where = f"<h2>Where it was written</h2><ul>{paths}</ul>" if paths else ""
        told = f"Run {number}, recorded {row['recorded_at']:%Y-%m-%d %H:%M} UTC. {_labels(row['series'])}"
        return self._page("runs", f"<p class='soft'>{escape(told)}</p>{body}{where}", title)

    def _map(self, name: str, runs: Iterable[int]) -> str:
        """Where a variable departed in the newest run that recorded its areas."""
        for run in list(dict.fromkeys(runs))[:_LATEST]:
            areas = reading.read_areas(self.history, int(run))
            figure = html_maps.departure_maps({"areas": areas[areas["variable"] == name]}, 1)
            if figure is not None:
                when = escape(short_time(str(areas["time"].iloc[0])))
                return f"<h2>Where it departed, {when}</h2><div id='map'>{figure_block(figure, 470, name)}</div>"
        return ""

    def _worst_rule(self, run: int) -> str:
        found = reading.read_findings(self.history, run)
        return "" if found.empty else " ".join(filter(None, (found["rule"].iloc[0], found["variable"].iloc[0])))

    def _wanted(self, query: Query) -> reading.Wanted:
        verb = query.get("verb") or None
        if verb is not None and verb not in VERBS:
            raise UsageError(f"verb: got '{verb}'; give one of {', '.join(VERBS)}")
        key, equals, value = query.get("label", "").partition("=")
        return reading.Wanted(verb=verb, labels={key: value} if equals else {})

    def _filters(self, query: Query) -> str:
        """A form to choose runs by verb and label."""
        labels = [f"{key}={value}" for key, values in reading.list_labels(self.history).items() for value in values]
        kept = "".join(
            f'<input type="hidden" name="{escape(key)}" value="{escape(value)}">'
            for key, value in query.items()
            if key in ("name", "since")
        )
        choices = _choice("verb", VERBS, query.get("verb", "")) + _choice("label", labels, query.get("label", ""))
        return f'<form class="legend" method="get">{kept}{choices}<button>Show</button></form>'

    def _page(self, here: str, body: str, title: str = "") -> str:
        links = " · ".join(
            f'<a href="/{name}"{" aria-current=page" if name == here else ""}>{name.capitalize()}</a>'
            for name in ("runs", "cycles", "variables", "report")
        )
        top = f'<nav><b>dqwatch</b> <span class="soft">{escape(self.history.name)}</span> {links}</nav>'
        return page(title or f"dqwatch {here}", f"{top}\n{body}", served=True)


_ROUTES: dict[str, Callable[[Site, Query], str]] = {
    "/": Site.runs,
    "/runs": Site.runs,
    "/cycles": Site.cycles,
    "/variables": Site.variables,
    "/variable": Site.variable,
    "/report": Site.report,
}


class _Link:
    """A cell that leads somewhere; its text is escaped here."""

    def __init__(self, path: str, text: str) -> None:
        self.html = f'<a href="{escape(path)}">{escape(text)}</a>'


def _table(name: str, head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    titles = "".join(f"<th>{escape(word)}</th>" for word in head)
    body = "".join(
        f"<tr>{''.join(f'<td{_css(k)}>{_cell(cell)}</td>' for k, cell in enumerate(row))}</tr>" for row in rows
    )
    nothing = "" if body else "<p>None.</p>"
    return f'<div class="scroll"><table id="{name}"><tr>{titles}</tr>{body}</table></div>{nothing}'


def _cut(total: int) -> str:
    """How many older rows a table leaves out."""
    return f"<p class='soft'>{total - _RUNS:,} older ones are left out.</p>" if total > _RUNS else ""


def _css(position: int) -> str:
    """The first two cells, a time and a link, stay on one line."""
    return " class='when'" if position <= 1 else ""


def _cell(cell: object) -> str:
    return cell.html if isinstance(cell, _Link) else escape(str(cell))


def _status(status: str) -> str:
    words = {"pass": "✓ pass", "warn": "✓ warn", "fail": "✕ fail", "error": "! error", "no_data": "? no data"}
    return words.get(status, status)


def _labels(series: str) -> str:
    return " ".join(f"{key}={value}" for key, value in json.loads(series).items())


def _choice(name: str, values: Iterable[str], chosen: str) -> str:
    options = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(value)}</option>'
        for value in values
    )
    return f'<label>{name} <select name="{name}"><option value="">all</option>{options}</select></label>'


def _turn(query: Query, number: int, more: bool) -> str:
    """Links to the pages before and after."""
    places = ([("newer", number - 1)] if number > 1 else []) + ([("older", number + 1)] if more else [])
    links = (f'<a href="/runs?{escape(urlencode({**query, "page": place}))}">{text}</a>' for text, place in places)
    return f"<p>{' · '.join(links)}</p>"


def _whole(text: str, name: str) -> int:
    """A number from 1 on.

    Raises
    ------
    UsageError
        If it is none.
    """
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= 10**9 and len(text) <= 10):
        raise UsageError(f"{name}: got '{text}'; give a whole number from 1 on")
    return int(text)
