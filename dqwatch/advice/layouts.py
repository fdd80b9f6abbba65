"""Loss weights as an override for anemoi-training, for each of its generations."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dqwatch.advice.keys import find_key, find_old_key, split_name
from dqwatch.advice.shares import Weighed
from dqwatch.advice.training import LAYOUTS, OLD, Training
from dqwatch.errors import UsageError
from dqwatch.yaml_files import to_yaml

_PATHS: dict[str, tuple[str, ...]] = {
    "head": ("training", "scalers", "datasets", "{dataset}", "general_variable", "weights"),
    "aifs2": ("training", "scalers", "general_variable", "weights"),
    "0.5": ("training", "scalers", "builders", "general_variable", "weights"),
    "aifs1": ("training", "variable_loss_scaling"),
    "0.3": ("training", "loss_scaling"),
}
RELEASES = {
    "head": "anemoi-training whose data sets have names",
    "aifs2": "anemoi-training as AIFS 2.0 uses it",
    "0.5": "anemoi-training 0.5",
    "aifs1": "anemoi-training 0.4, as AIFS Single 1.x uses it",
    "0.3": "anemoi-training up to 0.3",
}
_ALIKE = 1e-9
"""Relative difference below which two weights are the same."""


def target_key(one: Weighed, target: str, training: Training) -> str:
    """By what a variable is looked up in a generation; `pl.t`, `sfc.2t` in old ones."""
    name = one.variable.source_name
    if target in OLD:
        old = find_old_key(name)
        return f"{old.group}.{old.param}"
    metadata = one.variable.attributes or training.metadata.get(name) or {}
    return find_key(name, metadata, {} if training.layout in OLD else training.groups).param


def assign(weighed: Sequence[Weighed], wanted: Sequence[float], target: str, training: Training) -> dict[str, float]:
    """A weight for each key that must be written.

    Parameters
    ----------
    weighed : sequence of Weighed
    wanted : sequence of float
        The weight that each variable is to have; where several share a key (the levels of a parameter), the key gets
        their mean, each counted by its part of the loss.
    target : str
        Of `LAYOUTS`.
    training : Training

    Returns
    -------
    dict of key to weight
        Keys with a weight of their own now, and those whose weight is to change.

    Raises
    ------
    UsageError
        If variables share a key there which have different weights now.
    """
    groups: dict[str, list[int]] = {}
    for i, one in enumerate(weighed):
        groups.setdefault(target_key(one, target, training), []).append(i)
    found = {}
    for key, members in groups.items():
        now = [weighed[i].weight for i in members]
        if max(now) - min(now) > _ALIKE * max(now):
            names = ", ".join(f"{weighed[i].variable.source_name} {weighed[i].weight:g}" for i in members[:4])
            raise UsageError(f"target {target}: '{key}' is one key there, but has several weights now: {names}")
        counted = np.array([weighed[i].loss_weight for i in members])
        counted = counted if counted.sum() > 0 else np.ones(len(members))
        new = float(np.average([wanted[i] for i in members], weights=counted))
        own = any(weighed[i].lookup in training.weights for i in members)
        if own or abs(new - now[0]) > _ALIKE * now[0]:
            found[key] = new
    return found


def check_keys(keys: Iterable[str], names: Mapping[str, str]) -> None:
    """Refuse keys that training would ignore, or stop at.

    Parameters
    ----------
    keys : iterable of str
        Of the weights to be written.
    names : mapping
        Name of each predicted variable -> the key that it is looked up by.

    Raises
    ------
    UsageError
        If a key matches no variable; with a level or a group that does not belong there it is named.
    """
    reached = set(names.values())
    for key in keys:
        if key == "default" or key in reached:
            continue
        if key in names:
            raise UsageError(f"loss weight '{key}': training looks this variable up by '{names[key]}'; weigh that key")
        stem = split_name(key)[0]
        near = sorted(k for k in reached if stem in (k, k.rpartition(".")[2]))
        hint = f"; there is '{near[0]}'" if near else ""
        raise UsageError(f"loss weight '{key}': matches no variable of the data, and training would ignore it{hint}")


def write_yaml(
    weights: Mapping[str, float], default: float, target: str, *, dataset: str, remarks: Sequence[str] = ()
) -> str:
    """An override document with loss weights.

    Parameters
    ----------
    weights : mapping of key to weight
        As `assign` makes it; checked by `check_keys`.
    default : float
        Weight of all others.
    target : str
        Of `LAYOUTS`.
    dataset : str
        Name of the data set, for the layouts that have one.
    remarks : sequence of str
        Lines for its head.

    Raises
    ------
    UsageError
        If there is no such target.
    """
    if target not in LAYOUTS:
        raise UsageError(f"target: got '{target}'; give one of {', '.join(LAYOUTS)}")
    content: dict[str, Any] = {"default": _plain(default)}
    for key, weight in weights.items():
        group, _, name = key.partition(".") if target in OLD else ("", "", key)
        (content.setdefault(group, {}) if group else content)[name] = _plain(weight)
    for key in reversed(_PATHS[target]):
        content = {key.format(dataset=dataset): content}
    head = [
        f"Loss weights for {RELEASES[target]};",
        "a file beside your configuration, named in its defaults.",
        *remarks,
    ]
    lines = [line for remark in head for line in textwrap.wrap(remark, 118)]
    return "".join(f"# {line}\n" for line in lines) + to_yaml(content)


def tell_rate(found: Mapping[str, Any] | None, target: str) -> list[str]:
    """Lines on fine-tuning: a heuristic, to be tried, never set."""
    if found is None:
        return []
    key = "training.optimization.lr" if target == "head" else "training.lr.rate"
    sweep = ", ".join(f"{rate:.2g}" for rate in found["sweep"])
    return [
        f"Fine-tuning on this source (heuristic): {found['mixing']};",
        f"then try {key} = {sweep}; {found['stop']}.",
    ]


def _plain(weight: float) -> int | float:
    """A weight as people write it, with six digits."""
    short = float(f"{weight:.6g}")
    return int(short) if short == int(short) else short
