"""Temperature, dew point and humidity near the surface."""

from __future__ import annotations

import numpy as np

from dqwatch.metrics.relations.humidity import pressure_over_ice, pressure_over_water, vapour_pressure
from dqwatch.metrics.relations.order import judge_packed, never_above
from dqwatch.metrics.relations.relation import NOTHING, Context, Fields, Violations, judge

DEWPOINT_EXCESS = 0.1
"""K."""
ORDER = 0.1
"""K."""
HUMIDITY = 5.0
"""Percentage points."""

dewpoint_below_temperature = never_above("2d", "2t", DEWPOINT_EXCESS)


def ordered_extremes(fields: Fields, context: Context) -> Violations:
    """Minimum <= temperature <= maximum at 2 m: those two or three of `mn2t`, `2t` and `mx2t` that are there [K]."""
    names = [name for name in ("mn2t", "2t", "mx2t") if name in fields]
    if len(names) < 2:
        return NOTHING
    departure = fields[names[0]] - fields[names[1]]
    if len(names) == 3:
        departure = np.maximum(departure, fields["2t"] - fields["mx2t"])
    return judge_packed(departure, ORDER, fields, context, tuple(names))


def humidity_agrees(fields: Fields, context: Context) -> Violations:
    """Relative humidity `2r` [%] against `2t` [K] with the dew point `2d` [K], or with `2sh` [kg kg-1] and `sp` [Pa].

    Models refer it to water or to ice below freezing: it may lie anywhere between the two.
    """
    temperature, told = fields["2t"], fields["2r"]
    vapour = pressure_over_water(fields["2d"]) if "2d" in fields else vapour_pressure(fields["2sh"], fields["sp"])
    over_water = 100 * vapour / pressure_over_water(temperature)
    over_ice = np.where(temperature < 273.16, 100 * vapour / pressure_over_ice(temperature), over_water)
    return judge(np.maximum(over_water - told, told - over_ice), HUMIDITY)
