"""A forecast in which every relation holds, what spoils it, and what a scan then says of it."""

from __future__ import annotations

from functools import cache

import corrupt
import numpy as np
from metrics.fake_source import FakeSource, axis_of
from metrics.relations.clean import SECONDS, clean_context, clean_state

from dqwatch.catalogue import load_catalogue
from dqwatch.expectations import load_rule_sets
from dqwatch.metrics import scan
from dqwatch.metrics.relations import PREVIOUS, RELATIONS
from dqwatch.types import Grid, Variable

LEADS = (0, 6, 12)
ACCUMULATED = {
    "tp", "cp", "lsp", "sf", "ro", "sro", "ssro", "ssrd", "ssr", "strd", "str", "tisr", "tsr", "ttr", "fdir",
}  # fmt: skip
OVER_PERIOD = {"mn2t": "minimum", "mx2t": "maximum", "10fg": "maximum", "rlut": "mean"}
UNUSED = ("_850", "_700", "_300", "_250", "_200", "_150", "_100", "_50")
"""Levels left out for speed."""
CASES = {
    "accum": "tp", "accum_start": "tp", "cp_le_tp": "cp tp", "rain_parts": "cp lsp tp", "night": "avg_sdswrf",
    "radiation_olr": "ttr", "wind": "10si 10u 10v", "wind_mean": "10si 10u 10v", "gust": "10fg 10u 10v",
    "hydrostatic": "t_500", "levels_height": "z_1000 z_925", "levels_theta": "t_500 t_400",
}  # fmt: skip
"""Variables that a corrupter is given where those of its relation are not meant all."""
ALSO = {
    "td_le_t": {"humidity"}, "sp_orography": {"humidity"}, "snow_warm": {"snow_density"},
    "hydrostatic": {"levels_theta"}, "wind_mean": {"wind"}, "cp_le_tp": {"rain_parts", "accum_start"},
    "sf_le_tp": {"accum_start"},
    "accum": {"rain_parts"}, "accum_start": {"rain_parts"},
    "night": {"radiation_top"}, "levels_theta": {"hydrostatic"},
}  # fmt: skip
"""What else a corrupter must trip, because the same field stands in another relation."""
LIMITS = {rule.where["relation"]: rule.arguments["max_value"] for rule in load_rule_sets(["relations"])[0].rules}


@cache
def make(_: int = 0) -> dict[str, np.ndarray]:
    """Every variable at three lead times, float64 (time, cell)."""
    states = []
    for lead in LEADS:
        context = clean_context(seconds=SECONDS + 3600 * lead, lead_h=float(lead), period_h=float(lead))
        state = clean_state(context)
        for name in ("tp", "cp", "lsp", "sf", "ro", "sro", "ssro"):
            state[name] = state[name] * lead / LEADS[-1]
        six_hours = clean_state(clean_context(seconds=SECONDS + 3600 * lead))
        states.append(state | {name: six_hours[name] for name in state if name.startswith("avg_")})
    names = [n for n in states[0] if PREVIOUS not in n and not n.endswith(UNUSED)]
    return {name: np.stack([state[name] for state in states]) for name in names}


def variable(name: str) -> Variable:
    param, _, level = name.partition("_")
    on_level = level.isdigit()
    param = param if on_level else name
    kind = (
        "accumulation"
        if name in ACCUMULATED
        else "mean"
        if name.startswith("avg") or name.endswith("prate")
        else "instant"
    )
    kind = OVER_PERIOD.get(name, kind)
    return Variable(
        name, param, param, level=float(level) if on_level else None, level_type="pl" if on_level else "sfc",
        units=load_catalogue().entries[param].units, kind=kind, period=None if kind == "instant" else 6.0,
    )  # fmt: skip


def failed(fields: dict[str, np.ndarray]) -> set[str]:
    """The rules of relations that are violated in more cells than they allow."""
    context = clean_context()
    grid = Grid("regular", (36, 72), context.latitudes, context.longitudes, context.area_weights, "exact")
    leads = np.array(LEADS) * 3600
    axis = axis_of(int(SECONDS) + leads, lead_seconds=leads)
    source = FakeSource(
        {variable(name): values.astype(np.float32) for name, values in fields.items()}, axis=axis, grid=grid
    )
    table = scan(source, wanted={"relations": ["share"]}, workers=1).tables["relations"]
    worst = table.groupby("relation")["share"].max()
    assert set(worst.index) == LIMITS.keys()
    assert set(worst.index[worst.isna()]) == {"warmth_phase"}, "three times within 12 hours tell nothing of a day"
    return {f"rel.{name}" for name, share in worst.items() if share > LIMITS[name]}


def spoil(fields: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """The forecast with one thing wrong."""
    relation = next(r for r in RELATIONS if r.id == name)
    names = CASES[name].split() if name in CASES else (*relation.variables, *relation.optional)
    own = {n: fields[n] for n in names}
    if name == "accum":
        spoilt = corrupt.accum({"tp": own["tp"][2], "tp" + PREVIOUS: own["tp"][1]})
        return {**fields, "tp": np.stack([*own["tp"][:2], spoilt["tp"]])}
    if name == "accum_start":
        spoilt = corrupt.accum_start({"tp": own["tp"][2]})
        return {**fields, "tp": np.stack([spoilt["tp"], *own["tp"][1:]])}
    return {**fields, **corrupt.CORRUPTERS[name](own)}
