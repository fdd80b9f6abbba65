"""Metrics of a verdict, as the parsers of Prometheus and of OpenMetrics read them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from history.verdicts import FAILED, WAIVED, make_verdict
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from dqwatch.reports.openmetrics import Gauge, expose
from dqwatch.reports.prometheus import render

Parser = Callable[[str], Any]
PARSERS: list[Parser] = [parse_openmetrics, parse_prometheus]
TIME = "2020-03-01T06:00:00"


def read(text: str, parse: Parser) -> dict[tuple, float]:
    """Samples by name and labels; every family must be a gauge."""
    found = {}
    for family in parse(text):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


@pytest.mark.parametrize("parse", PARSERS)
def test_the_numbers_of_a_verdict_are_exposed(parse: Parser) -> None:
    other = dataclasses.replace(FAILED, variable='a"b\\c\nd', n_failed=5)
    verdict = make_verdict("fail", results=[FAILED, other, WAIVED], labels={"cycle": "49r1", "verb": "x"},
                           p={TIME: {"2t": 0.001, "tp": 0.4}}, p_cycle={TIME: 0.0005})  # fmt: skip
    found = read(render(verdict, now=1583042400.5), parse)
    common = (("label_cycle", "49r1"), ("label_verb", "x"))

    def value(name: str, **labels: str) -> float:
        return found[(name, *sorted([*common, ("verb", "gate"), *labels.items()]))]

    assert value("dqwatch_exit_code") == 1
    assert [value("dqwatch_status", status=s) for s in ("pass", "warn", "fail", "error", "no_data")] == [0, 0, 1, 0, 0]
    assert (value("dqwatch_results", result="pass"), value("dqwatch_results", result="fail")) == (2, 1)
    assert value("dqwatch_finished_timestamp_seconds") == 1583042400.5
    assert value("dqwatch_duration_seconds") == 1.5
    assert value("dqwatch_peak_memory_bytes") == 1e8
    assert value("dqwatch_cycle_p_value") == 0.0005
    assert value("dqwatch_variable_p_value", variable="tp") == 0.4
    assert [value("dqwatch_variable_named", variable=v) for v in ("2t", "tp")] == [1, 0]
    failure = {"rule": "nan.none", "severity": "critical", "result": "fail"}
    assert value("dqwatch_finding_failures", variable="t_850", **failure) == 2
    assert value("dqwatch_finding_failures", variable='a"b\\c\nd', **failure) == 5
    assert not [key for key in found if "units.ok" in str(key)]


@pytest.mark.parametrize("parse", PARSERS)
def test_a_run_that_failed_has_its_code(parse: Parser) -> None:
    verdict = dataclasses.replace(make_verdict("error"), summary={}, timing={}, results=(), error="gone")
    found = read(render(verdict), parse)
    assert found[("dqwatch_exit_code", ("verb", "gate"))] == 3
    assert not [key for key in found if key[0] in ("dqwatch_duration_seconds", "dqwatch_results")]


@given(st.dictionaries(st.sampled_from("abc"), st.text(st.characters(codec="utf-8"))), st.floats())
def test_any_label_and_number_can_be_read_back(labels: dict[str, str], value: float) -> None:
    text = expose([Gauge("x", "A gauge.", [(labels, value)]), Gauge("y", "Nothing.", [({}, None)])], {"z": "1"})
    ((key, got),) = read(text, parse_openmetrics).items()
    assert key == ("x", *sorted([("z", "1"), *labels.items()]))
    assert got == value or (got != got and value != value)
    assert text.endswith("\n# EOF")
