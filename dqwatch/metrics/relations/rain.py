"""Parts of precipitation, and accumulations along a forecast."""

from __future__ import annotations

import numpy as np

from dqwatch.metrics.relations.order import judge_packed, never_above
from dqwatch.metrics.relations.relation import NOTHING, PREVIOUS, Context, Fields, Judgement, Violations

DEPTH = 1e-5
"""m: a hundredth of a millimetre."""
RATE = 1e-6
"""kg m-2 s-1: DEPTH in about 3 h."""


def depth_below(first: str, second: str) -> Judgement:
    """The function of `first <= second`, both depths of water [m]."""
    return never_above(first, second, DEPTH)


def rate_below(first: str, second: str) -> Judgement:
    """The function of `first <= second`, both rates [kg m-2 s-1]."""
    return never_above(first, second, RATE)


def parts_make_total(fields: Fields, context: Context) -> Violations:
    """`cp + lsp = tp` [m], or `cprate + lsprate = tprate` [kg m-2 s-1]."""
    depths = "tp" in fields
    names, allowed = (("cp", "lsp", "tp"), DEPTH) if depths else (("cprate", "lsprate", "tprate"), RATE)
    convective, large_scale, total = (fields[name] for name in names)
    return judge_packed(np.abs(convective + large_scale - total), allowed, fields, context, names)


def never_decreases(name: str, tolerance: float) -> Judgement:
    """The function of a relation that says that an accumulation since the start of a forecast does not decrease.

    It compares `name` with `name@previous`, the field of the lead time before. Nothing is checked at the start, nor
    if the step is longer than the lead time or not positive: then the field before is of another forecast.
    """
    before = name + PREVIOUS

    def departure(fields: Fields, context: Context) -> Violations:
        step, lead = context.step_h, context.lead_h
        if lead == 0 or (step is not None and (step <= 0 or (lead is not None and step > lead))):
            return NOTHING
        return judge_packed(fields[before] - fields[name], tolerance, fields, context, (before, name))

    return departure


def starts_at_zero(name: str, tolerance: float) -> Judgement:
    """The function of a relation that says that an accumulation is 0 at the start of the forecast.

    Nothing is checked at other lead times.
    """

    def departure(fields: Fields, context: Context) -> Violations:
        if context.lead_h != 0:
            return NOTHING
        return judge_packed(np.abs(fields[name]), tolerance, fields, context, (name,))

    return departure
