"""Total cloud cover against that of the layers."""

from __future__ import annotations

from functools import reduce

import numpy as np

from dqwatch.metrics.relations.order import judge_packed
from dqwatch.metrics.relations.relation import NOTHING, Context, Fields, Violations

COVER = 0.01
LAYERS = ("lcc", "mcc", "hcc")


def layers_bound_total(fields: Fields, context: Context) -> Violations:
    """The largest of `lcc`, `mcc`, `hcc` <= `tcc` <= their sum, at most 1 [fractions].

    The upper bound is checked only where all three layers are there.
    """
    total = fields["tcc"]
    names = [name for name in LAYERS if name in fields]
    if not names:
        return NOTHING
    layers = [fields[name] for name in names]
    departure = reduce(np.maximum, layers) - total
    if len(layers) == len(LAYERS):
        departure = np.maximum(departure, total - np.minimum(1, sum(layers)))
    return judge_packed(departure, COVER, fields, context, ("tcc", *names))
