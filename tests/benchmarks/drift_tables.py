"""Tables of what drift_skill.py has measured, as lines and as Markdown."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dqwatch import __version__
from tests.benchmarks.drift_methods import Findings
from tests.benchmarks.drift_places import SHORT, families, table, told_costs, told_places

if TYPE_CHECKING:
    from tests.benchmarks.drift_skill import Outcome
    from tests.benchmarks.drift_spoiling import Fault

WAYS = {
    "state_alone": "the state by itself",
    "onset": "with the state before, which is clean",
    "lasting": "with the state before, which has the fault too",
    "background_onset": "the same two, and an independent background: onset",
    "background_lasting": "the same two, and an independent background: lasting",
}
TARGETS = {"onset": 0.68, "lasting": 0.55, "background_onset": 0.85, "background_lasting": 0.85}
"""Mean power at an empirical 1 %."""
CLEAN = {
    "state_alone": "by themselves",
    "onset": "with the state before",
    "background_onset": "with the state before and a background",
}
"""How clean cycles are scored."""
TIMES_PEER = 2.5
FAMILY_MARGIN = 0.05
FOUND = 0.9
WEAK = 0.5
_RESAMPLES = 2000


class Line(NamedTuple):
    """One line of the table."""

    text: str
    below: bool = False


def lines(outcome: Outcome, faults: Sequence[Fault]) -> list[Line]:
    """The table in short."""
    found = []
    for way, told in CLEAN.items():
        for level in (0.05, 0.01):
            rate, low, high = over_years(outcome.ours[way], f"p <= {level:g}")
            text = f"clean cycles {told:44} nominal {level:.0%}: {rate:.2%} ({low:.2%} to {high:.2%} over years)"
            found.append(Line(text, not 0.5 <= rate / level <= 2))
    for way, one in outcome.ours.items():
        power = mean_power(one, faults)
        target = TARGETS.get(way, 0.0)
        told = f"  (target {target:g})" if target else ""
        found.append(Line(f"{WAYS[way]:48} mean power at an empirical 1 %: {power:.3f}{told}", power < target))
    best = best_peer(outcome, faults)
    for name, one in outcome.shared.items():
        text = f"same cycles: {name:45} mean power {mean_power(one, faults):.3f}, AUROC {mean_auroc(one, faults):.3f}"
        below = bool(best) and name == "dqwatch, onset" and mean_power(one, faults) < TIMES_PEER * best[1]
        found.append(Line(text, below))
    for name, (clean, spoilt) in outcome.defaults.items():
        power = float(np.mean([spoilt[f.name].mean() for f in faults]))
        found.append(Line(f"by its own recipe: {name:45} false alarms {clean.mean():.1%}, power {power:.3f}"))
    for family, own in families(faults).items():
        cells = "  ".join(f"{way} {mean_power(outcome.ours[way], own):.2f}" for way in outcome.ours)
        loses = losses(outcome, own)
        found.append(Line(f"{family:16} {cells}{'  loses to ' + loses if loses else ''}", bool(loses)))
    return found + [Line(text) for text in outcome.failed]


def over_years(found: Findings, key: str) -> tuple[float, float, float]:
    """How often clean cycles alarm, and the interval of 95 % from years drawn again."""
    alarms, years = found.clean_alarms[key], np.unique(found.years, return_inverse=True)[1]
    counts = np.stack([np.bincount(years, alarms), np.bincount(years)], axis=1)
    drawn = counts[np.random.default_rng(0).integers(0, len(counts), (_RESAMPLES, len(counts)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return float(alarms.mean()), float(low), float(high)


def mean_power(found: Findings, faults: Iterable[Fault]) -> float:
    """Over faults, each alike."""
    return float(np.mean([found.power(f.name) for f in faults]))


def mean_auroc(found: Findings, faults: Iterable[Fault]) -> float:
    """The same of the area under the curve."""
    return float(np.mean([found.auroc(f.name) for f in faults]))


def mean_partial(found: Findings, faults: Iterable[Fault]) -> float:
    """The same up to 1 % of false alarms."""
    return float(np.mean([found.partial_auroc(f.name) for f in faults]))


def rivals(outcome: Outcome) -> dict[str, Findings]:
    """The peers that came through."""
    return {name: one for name, one in outcome.shared.items() if not name.startswith("dqwatch")}


def best_peer(outcome: Outcome, faults: Sequence[Fault]) -> tuple[str, float] | None:
    """The peer with the largest mean power, and that; None without any."""
    powers = {name: mean_power(one, faults) for name, one in rivals(outcome).items()}
    return max(powers.items(), key=lambda item: item[1]) if powers else None


def losses(outcome: Outcome, own: Sequence[Fault], way: str = "onset") -> str:
    """The peer that is better at these faults by more than the margin, if there is one."""
    best = best_peer(outcome, own)
    ours = mean_power(outcome.shared[f"dqwatch, {way}"], own) if f"dqwatch, {way}" in outcome.shared else 1.0
    return f"{best[0]} ({best[1]:.2f})" if best and best[1] > ours + FAMILY_MARGIN else ""


def smallest(found: Findings, own: Sequence[Fault]) -> str:
    """The first of faults in order of size from which on all are found; '-' if the largest is not."""
    size = "-"
    for fault in reversed(own):
        if found.power(fault.name) < FOUND:
            break
        size = fault.size or "found"
    return size


def markdown(outcome: Outcome, faults: Sequence[Fault], real: str) -> str:
    """The whole of it, with a part on real series."""
    parts = [
        _head(outcome, faults),
        _false_alarms(outcome),
        real,
        _summary(outcome, faults),
        _peers(outcome, faults),
        _families(outcome, faults),
        told_places(outcome, faults),
        told_costs(outcome),
        _sizes(outcome, faults),
        _weak(outcome, faults),
        _every(outcome, faults),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _head(outcome: Outcome, faults: Sequence[Fault]) -> str:
    from tests.benchmarks.__main__ import cpu_name

    years = np.unique(outcome.ours["onset"].years)
    n_years, seeds = years.size, ", ".join(str(seed) for seed in np.unique(years // 10_000))
    cycles = next(iter(outcome.ours["onset"].faults.values())).size
    return f"""# What drift detection finds, and what it does not

Written by `python -m tests.benchmarks.drift_skill --markdown docs/drift_skill.md` (after `make peers`) on
{cpu_name()}, {os.cpu_count()} cores, Python {platform.python_version()}, at commit {commit()}; do not edit.

{len(faults)} faults of {len(families(faults))} families, all in `tests/benchmarks/drift_faults.py`, which was fixed
before anything was scored on it. The weather is synthetic (`examples/weather.py`, 1,600 cells, 16 variables), of
seeds that no detector was developed on ({seeds}): for each a baseline of 20 years (1,461 pairs of states 6 hours
apart), then 8 clean years ({outcome.ours["onset"].clean.size:,} clean cycles of {n_years} years in all). Every fault is
planted in {cycles} of these cycles. *Onset*: the state before is
clean. *Lasting*: it has the fault too. Rules of `gate` other than those of drift (NaN, units, bounds, relations) are
not counted here, for anybody; they find some of what is weak below. At an *empirical 1 %* the threshold is what 1 % of
the clean cycles exceed."""


def commit() -> str:
    """The version of the code, by its history where that is there."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or f"of dqwatch {__version__}"


def _false_alarms(outcome: Outcome) -> str:
    rows = []
    for way, label in CLEAN.items():
        for key in outcome.ours[way].clean_alarms:
            rate, low, high = over_years(outcome.ours[way], key)
            level = float(key.rpartition(" ")[2])
            rows.append([label, f"{level:.1%}", f"{rate:.2%}", f"{low:.2%} to {high:.2%}", f"{rate / level:.2f}"])
    head = ["scored", "nominal", "achieved", "95 % over years", "achieved / nominal"]
    return "## False alarms on clean cycles\n\n" + table(head, rows)


def _summary(outcome: Outcome, faults: Sequence[Fault]) -> str:
    rows = []
    for way, one in outcome.ours.items():
        powers = np.array([one.power(f.name) for f in faults])
        right = [one.right[f.name][one.faults[f.name] > one.threshold] for f in faults]
        nominal = [
            f"{np.mean([one.fault_alarms[k][f.name].mean() for f in faults]):.2f}" for k in ("p <= 0.01", "p <= 0.001")
        ]
        rows.append(
            [
                WAYS[way],
                f"**{powers.mean():.2f}**",
                *nominal,
                f"{(powers >= FOUND).sum()}",
                f"{mean_auroc(one, faults):.3f}",
                f"{mean_partial(one, faults):.3f}",
                f"{np.concatenate(right).mean():.0%}",
            ]
        )
    head = [
        "dqwatch",
        "mean power at an empirical 1 %",
        "at p <= .01",
        "at p <= .001",
        f"faults with power >= {FOUND:g}",
    ]
    return "## Power of dqwatch\n\n" + table(
        [*head, "mean AUROC", "mean AUROC up to 1 %", "first variable named is a spoilt one"], rows
    )


def _peers(outcome: Outcome, faults: Sequence[Fault]) -> str:
    rows = []
    for name, one in outcome.shared.items():
        powers = np.array([one.power(f.name) for f in faults])
        rows.append([name, f"{powers.mean():.2f}", f"{(powers >= FOUND).sum()}", f"{mean_auroc(one, faults):.3f}"])
        rows[-1].append(f"{mean_partial(one, faults):.3f}")
    any_one = next(iter(outcome.shared.values()))
    text = f"""## Against other tools

Everybody on the same {any_one.clean.size} clean and {next(iter(any_one.faults.values())).size} spoilt cycles of each
fault, at an empirical 1 %. A statistic of another tool is taken against training of the same month, scaled variable by
variable by what it is on other training cycles (middle, and 99 % quantile), and the largest of a cycle counts: so their
statistics are compared with ours, not their thresholds. They see the state alone; none of them uses a state before.
MMD and LSDD are of windows of 8 cycles, all spoilt or all clean and as far apart as the spoilt ones, by the 24 leading
components of training; the domain classifier is of the means over 48 blocks of every third spoilt cycle. Both are one
number a window or cycle, and are taken as they are.

"""
    text += table(["", "mean power", f"faults with power >= {FOUND:g}", "mean AUROC", "mean AUROC up to 1 %"], rows)
    if outcome.defaults:
        listed = [
            [name, f"{clean.mean():.1%}", f"{np.mean([spoilt[f.name].mean() for f in faults]):.2f}"]
            for name, (clean, spoilt) in outcome.defaults.items()
        ]
        text += "\n\nBy their own recipes (reference: training of the whole year):\n\n"
        text += table(["", "false alarms", "mean power"], listed)
    return text + "".join(f"\n\nNot measured: {one}" for one in outcome.failed)


def _families(outcome: Outcome, faults: Sequence[Fault]) -> str:
    names = list(outcome.shared)
    rows = []
    for family, own in families(faults).items():
        cells = [f"{mean_power(outcome.shared[name], own):.2f}" for name in names]
        rows.append([family, str(len(own)), *cells, losses(outcome, own)])
    head = ["family", "faults", *names, "a peer is better than onset by more than .05"]
    return "## By family, on the same cycles\n\n" + table(head, rows)


def _sizes(outcome: Outcome, faults: Sequence[Fault]) -> str:
    groups: dict[tuple[str, str], list[Fault]] = {}
    for fault in faults:
        group = fault.size.rpartition(" sd ")[2] if fault.family == "local soil" else fault.size.partition(" ")[0]
        key = group if fault.family in {"local soil", "regridding"} else ""
        groups.setdefault((fault.family, f"{fault.where} {key}".strip()), []).append(fault)
    rows = [
        [family, where, ", ".join(filter(None, (f.size for f in own))), *(smallest(outcome.ours[w], own) for w in WAYS)]
        for (family, where), own in groups.items()
    ]
    head = ["family", "where", "sizes", *SHORT.values()]
    return f"## The smallest size from which on power is {FOUND:g} or more\n\n" + table(head, rows)


def _weak(outcome: Outcome, faults: Sequence[Fault]) -> str:
    text = f"## Weak spots\n\nPower below {WEAK:g} at an empirical 1 %.\n"
    for way in ("onset", "lasting", "background_lasting"):
        powers = {f.name.strip(): outcome.ours[way].power(f.name) for f in faults}
        weak = sorted((p, name) for name, p in powers.items() if p < WEAK)
        text += f"\n{WAYS[way]} ({len(weak)}): " + "; ".join(f"{name} {p:.2f}" for p, name in weak) + ".\n"
    return text.rstrip()


def _every(outcome: Outcome, faults: Sequence[Fault]) -> str:
    rows = []
    for fault in faults:
        best = best_peer(outcome, [fault])
        peer = f"{best[1]:.2f} {best[0]}" if best and best[1] > 0 else ("0.00" if best else "")
        powers = [f"{outcome.ours[way].power(fault.name):.2f}" for way in WAYS]
        rows.append([fault.name.strip(), *powers, f"{outcome.ours['onset'].auroc(fault.name):.2f}", peer])
    head = ["fault", *SHORT.values(), "AUROC at onset", "best of the others"]
    return "## Every fault\n\n" + table(head, rows)
