"""Wind speed against its components, and gusts against the wind."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dqwatch.metrics.relations.order import judge_packed
from dqwatch.metrics.relations.relation import Context, Fields, Violations, judge, pool

RELATIVE = 1e-3
LEAST = 0.01
"""m s-1."""
GUST = 0.5
"""m s-1."""


def speed_is_that_of_components(fields: Fields, context: Context) -> Violations:
    """Speed = sqrt(u^2 + v^2) [m s-1]: of `10si`, `100si` and of `ws` on any levels."""
    return pool(_judge(np.abs(s - c), s, c, names, fields, context) for s, c, names in _speeds(fields))


def speed_not_below_components(fields: Fields, context: Context) -> Violations:
    """Speed >= sqrt(u^2 + v^2) [m s-1], which holds of means too: the mean of speeds exceeds the speed of the mean."""
    return pool(_judge(c - s, s, c, names, fields, context) for s, c, names in _speeds(fields))


def gust_not_below_wind(fields: Fields, context: Context) -> Violations:
    """Gust `10fg` or `i10fg` >= the speed of `10u` and `10v` [m s-1]."""
    gust = fields["i10fg"] if "i10fg" in fields else fields["10fg"]
    return judge(np.hypot(fields["10u"], fields["10v"]) - gust, GUST)


def _speeds(fields: Fields) -> Iterator[tuple[np.ndarray, np.ndarray, tuple[str, ...]]]:
    """Speeds as given, those of the components, and the names of all three."""
    triples = [(f"{height}si", f"{height}u", f"{height}v") for height in ("10", "100")]
    triples += [(name, f"u{name[2:]}", f"v{name[2:]}") for name in fields if name.startswith("ws_")]
    for names in triples:
        if names[0] in fields:
            speed, u, v = (fields[name] for name in names)
            yield speed, np.hypot(u, v), names


def _judge(
    departure: np.ndarray,
    speed: np.ndarray,
    of_components: np.ndarray,
    names: tuple[str, ...],
    fields: Fields,
    context: Context,
) -> Violations:
    tolerance = LEAST + RELATIVE * np.maximum(speed, of_components)
    return judge_packed(departure, tolerance, fields, context, names)
