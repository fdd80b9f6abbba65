"""Numbers as text that Prometheus reads, in its own format 0.0.4 and as OpenMetrics 1.0 at once: gauges only."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class Gauge(NamedTuple):
    """A metric: its samples are (labels, value); of samples with the same labels the last counts."""

    name: str
    help: str
    samples: Iterable[tuple[Mapping[str, str], float | None]]


def expose(gauges: Iterable[Gauge], common: Mapping[str, str]) -> str:
    """The text, which ends as OpenMetrics wants it; what has no sample, and samples without a value, are left out.

    Parameters
    ----------
    gauges : iterable of Gauge
    common : mapping of str to str
        Labels of every sample.
    """
    lines = []
    for gauge in gauges:
        told = {_labels({**common, **labels}): value for labels, value in gauge.samples if value is not None}
        if told:
            lines += [f"# HELP {gauge.name} {gauge.help}", f"# TYPE {gauge.name} gauge"]
            lines += [f"{gauge.name}{labels} {_number(value)}" for labels, value in told.items()]
    return "\n".join([*lines, "# EOF"])


def user_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The user's own labels, under names that none of ours has."""
    return {f"label_{key}": value for key, value in labels.items() if _NAME.fullmatch(key)}


def _labels(labels: Mapping[str, str]) -> str:
    parts = [f'{key}="{_escaped(value)}"' for key, value in labels.items()]
    return "{" + ",".join(parts) + "}" if parts else ""


def _escaped(value: str) -> str:
    value = value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value))
