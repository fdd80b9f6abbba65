"""Net against downward, direct against global radiation, the sign of what leaves, and darkness."""

from __future__ import annotations

import math

import numpy as np

from dqwatch.metrics.relations.order import judge_packed, never_above
from dqwatch.metrics.relations.relation import NOTHING, Context, Fields, Judgement, Violations
from dqwatch.metrics.relations.sun import highest_elevation

FLUX = 1.0
"""W m-2."""
ENERGY = 3600.0 * FLUX
"""J m-2 per hour of the period."""
DARK = math.sin(math.radians(-6.0))
"""Sine of the elevation below which it is dark: the end of civil twilight."""


def energy_below(first: str, second: str) -> Judgement:
    """The function of `first <= second`, both accumulations [J m-2]."""
    return never_above(first, second, ENERGY, per_hour=True)


def flux_below(first: str, second: str) -> Judgement:
    """The function of `first <= second`, both rates [W m-2]."""
    return never_above(first, second, FLUX)


def leaves_upward(fields: Fields, context: Context) -> Violations:
    """Net thermal radiation at the top `ttr` [J m-2, downward positive] <= 0, or `rlut` [W m-2, outgoing] >= 0."""
    if "ttr" in fields:
        return judge_packed(fields["ttr"], ENERGY * (context.period_h or 1.0), fields, context, ("ttr",))
    return judge_packed(-fields["rlut"], FLUX, fields, context, ("rlut",))


def dark_at_night(name: str, *, is_rate: bool) -> Judgement:
    """The function of: no radiation from the sun where it is dark.

    Checked are the cells where the sun stays more than 6 degrees below the horizon during the whole period (the step,
    if the period is unknown); nothing where neither, or the time or place, is known.

    Parameters
    ----------
    name : str
        Of the radiation, an accumulation [J m-2] or a rate [W m-2].
    is_rate : bool
    """

    def departure(fields: Fields, context: Context) -> Violations:
        hours = context.period_h if context.period_h is not None else context.step_h
        elevation = None if hours is None else highest_elevation(context, hours)
        if elevation is None:
            return NOTHING
        dark = np.where(elevation < DARK, fields[name], np.nan)
        allowed = FLUX if is_rate else ENERGY * (hours or 1.0)
        return judge_packed(dark, allowed, fields, context, (name,))

    return departure
