"""The Grafana dashboards: their queries run on a real PostgreSQL and a real Prometheus, their metrics are those
that are exposed."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from history.prometheus_server import scraping
from history.test_digesting import fill
from history.verdicts import make_verdict
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

import dqwatch
from dqwatch.history.store import open_history
from dqwatch.reports import history_prometheus, prometheus
from dqwatch.resources import folder

BOARDS = {
    name: json.loads((folder("dashboards") / f"grafana_{name}.json").read_text())
    for name in ("postgresql", "prometheus")
}
FROM, TO = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
MACRO = re.compile(r"\$__(\w+)\(([^)]*)\)")
"""As the data source of Grafana finds macros: no brackets inside."""


def targets(board: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(panel["title"], target) for panel in board["panels"] for target in panel["targets"]]


def expand(query: str, values: dict[str, list[str]]) -> str:
    """A query as Grafana sends it to PostgreSQL."""

    def macro(match: re.Match[str]) -> str:
        name, words = match[1], [word.strip() for word in match[2].split(",")]
        if name == "timeFilter":
            return f"{words[0]} BETWEEN '{FROM:%Y-%m-%dT%H:%M:%SZ}' AND '{TO:%Y-%m-%dT%H:%M:%SZ}'"
        assert (name, words[1]) == ("timeGroup", "'1d'")
        return f"floor(extract(epoch from {words[0]})/86400)*86400"

    for name, chosen in values.items():
        quoted = ",".join("'" + value.replace("'", "''") + "'" for value in chosen)
        query = query.replace("${" + name + ":sqlstring}", quoted)
    expanded = MACRO.sub(macro, query)
    assert "$" not in expanded
    return expanded


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_places_of_their_own_and_a_source_that_is_chosen(name: str) -> None:
    board = BOARDS[name]
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["title"]
        assert panel["description"]
        assert {json.dumps(target["datasource"]) for target in panel["targets"]} == {json.dumps(panel["datasource"])}
        assert panel["datasource"]["uid"] == "${datasource}"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert board["templating"]["list"][0]["type"] == "datasource"


def test_every_query_runs_on_postgresql(postgres: str) -> None:
    fill(postgres)
    history = open_history(postgres)
    board = BOARDS["postgresql"]
    values: dict[str, list[str]] = {}
    with history.reading() as connection:
        for variable in board["templating"]["list"][1:]:
            values[variable["name"]] = list(connection.scalars(text(variable["query"].replace(":", r"\:"))))
        assert values["series"] == ['{"cycle": "48r1"}', '{"cycle": "49r1"}']
        assert len(values["variable"]) == 10
        for title, target in targets(board):
            result = connection.exec_driver_sql(expand(target["rawSql"], values).replace("%", "%%"))
            rows = result.mappings().all()
            assert rows, title
            if target["format"] == "time_series":
                assert {"time", "metric"} < set(rows[0]), title
                (value,) = set(rows[0]) - {"time", "metric"}
                assert all(float(row[value]) >= 0 for row in rows), title
                assert [row["time"] for row in rows] == sorted(row["time"] for row in rows), title
        (row,) = connection.exec_driver_sql(expand(dict(targets(board))["What drifted"]["rawSql"], values)).mappings()
        assert (row["alarms"], row["region"], row["least_p"]) == (30, "40N-60N 0E-30E", 0.001)
    history.close()


@pytest.fixture
def exposed(tmp_path: Path) -> list[str]:
    """The metrics of a gate that failed, and those of a report."""
    at = "2026-10-01T00:00:00"
    verdict = make_verdict("fail", p={at: {"2t": 0.001}}, p_cycle={at: 0.0005}, labels={"cycle": "49r1"})
    address = str(tmp_path / "h.db")
    for days in range(40):
        later = f"{FROM + timedelta(days=days):%Y-%m-%dT%H:%M:%S}"
        dqwatch.record(make_verdict("fail", p={later: {"2t": 0.001}}, p_cycle={later: 0.0005}), address)
    return [prometheus.render(verdict), history_prometheus.render(dqwatch.report(address))]


def test_every_metric_and_label_is_exposed(exposed: list[str]) -> None:
    known: dict[str, set[str]] = {}
    for family in (f for part in exposed for f in text_string_to_metric_families(part)):
        known[family.name] = set(family.samples[0].labels)
    used = set()
    for title, target in targets(BOARDS["prometheus"]):
        (name,) = set(re.findall(r"dqwatch_\w+", target["expr"]))
        labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"])) | set(re.findall(r"(\w+)=~", target["expr"]))
        assert name in known, title
        assert labels <= known[name], title
        used.add(name)
    assert "label_values(dqwatch_exit_code, verb)" in json.dumps(BOARDS["prometheus"]["templating"])
    assert len(used) > 10


@pytest.mark.slow
@pytest.mark.prometheus
def test_every_query_runs_on_prometheus(exposed: list[str], server_program: str, tmp_path: Path) -> None:
    board = BOARDS["prometheus"]
    # each text ends by a line that says so; a scrape has it once
    lines = "\n".join(part.replace("# EOF\n", "") for part in exposed)
    with scraping(server_program, lines, tmp_path) as server:
        (variable,) = board["templating"]["list"][1:]
        metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"]).groups()  # type: ignore[union-attr]
        verbs = server.ask(f"label/{label}/values", **{"match[]": metric})
        assert verbs == ["gate"]
        found = {}
        for title, target in targets(board):
            for chosen in (variable["allValue"], "|".join(verbs)):
                query = target["expr"].replace("$verb", chosen)
                assert "$" not in query
                if target["range"]:
                    end = time.time()
                    given = {"query": query, "start": end - 30, "end": end, "step": 1}
                    result = server.ask("query_range", **given)["result"]
                else:
                    result = server.ask("query", query=query)["result"]
                assert result, title
                for one in result:
                    assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= set(one["metric"]), title
                found[title] = result
        assert [one["value"][1] for one in found["Last verdict"]] == ["1"]
        assert {one["metric"]["variable"] for one in found["p of variables"]} == {"2t"}
        assert float(found["p of the worst cycle"][0]["values"][-1][1]) == 0.0005
        assert 0 <= float(found["Since the last run"][0]["value"][1]) < 600
