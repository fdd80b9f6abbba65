"""The loss-share audit: how much of the loss is whose, on three scales side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dqwatch.advice.statistics import Statistics
from dqwatch.advice.training import Training
from dqwatch.errors import UsageError
from dqwatch.types import Source, Variable

SCALES = ("raw", "sd", "tendency")


class Weighed(NamedTuple):
    """One variable that the loss is made of."""

    number: int
    """Index into `source.variables`."""
    variable: Variable
    role: str
    """'prognostic' or 'diagnostic'."""
    lookup: str
    """The key that its weight is looked up by."""
    weight: float
    factor: float
    """Level scaling times tendency scaling."""
    normaliser: str
    scale: float
    """What errors are divided by."""
    statistics: Statistics

    @property
    def loss_weight(self) -> float:
        """Of the squared error of the normalised variable."""
        return self.weight * self.factor

    def part(self, scale: str) -> float:
        """Its part of the loss, before it is made a share: with errors of 1 after normalisation, of one standard
        deviation, or of one standard deviation of the tendency.
        """
        if scale == "raw":
            return self.loss_weight
        error = self.statistics.stdev if scale == "sd" else self.statistics.tendency
        return self.loss_weight * (error / self.scale) ** 2 if self.scale else math.nan


def weigh(source: Source, statistics: Sequence[Statistics], training: Training) -> tuple[list[Weighed], list[str]]:
    """The variables that the loss is made of, in the order of the source.

    Returns
    -------
    list of Weighed
    notes : list of str

    Raises
    ------
    UsageError
        If none is left, or a normaliser borrows the statistics of a variable that is not there.
    """
    names = {v.source_name: i for i, v in enumerate(source.variables)}
    forcing, notes = _forcing(source, training)
    found = []
    for number, variable in enumerate(source.variables):
        name = variable.source_name
        if name in forcing:
            continue
        key = training.key(name, variable.attributes)
        borrowed = training.normalisers.remap.get(name, name)
        if borrowed not in names:
            raise UsageError(f"normaliser: remap of '{name}' to '{borrowed}', which {source.name} does not have")
        role = "diagnostic" if name in training.diagnostic else "prognostic"
        own = statistics[number]
        power = training.tendency_power if role == "prognostic" and own.tendency else 0
        found.append(
            Weighed(
                number,
                variable,
                role,
                training.lookup(key),
                training.weight(key),
                training.level_factor(key) * ((own.stdev / own.tendency) ** power if power else 1.0),
                training.normalisers.method(name),
                _scale(training.normalisers.method(name), statistics[names[borrowed]]),
                own,
            )
        )
    if not found:
        raise UsageError(f"{source.name}: no variable that the loss is made of; every one of them is a forcing")
    return found, notes


def find_keys(source: Source, training: Training) -> dict[str, str]:
    """The key that the weight of each predicted variable is looked up by, by its name in the source."""
    forcing, _ = _forcing(source, training)
    predicted = [v for v in source.variables if v.source_name not in forcing]
    return {v.source_name: training.lookup(training.key(v.source_name, v.attributes)) for v in predicted}


def _forcing(source: Source, training: Training) -> tuple[frozenset[str], list[str]]:
    """Names of what is not predicted."""
    if training.forcing is not None:
        return training.forcing, []
    found = frozenset(
        v.source_name for v in source.variables if v.kind == "constant" or v.attributes.get("computed_forcing") is True
    )
    return found, ["the configuration does not name its forcings: taken are the variables that are constant in time"]


def _scale(method: str, of: Statistics) -> float:
    if method in ("mean-std", "std"):
        return of.stdev
    if method == "min-max":
        return of.maximum - of.minimum
    return of.maximum if method == "max" else 1.0


def share_columns(weighed: Sequence[Weighed]) -> dict[str, list[Any]]:
    """The columns of the table `weights`.

    A ratio is the part of a variable over that of the median variable on the same scale: with shares of the whole, two
    weights that are far too large would hide one another.
    """
    made: dict[str, list[Any]] = {
        "variable": [w.variable.name for w in weighed],
        "source_name": [w.variable.source_name for w in weighed],
        "role": [w.role for w in weighed],
        "key": [w.lookup for w in weighed],
        "weight": [w.weight for w in weighed],
        "factor": [w.factor for w in weighed],
        "loss_weight": [w.loss_weight for w in weighed],
        "normaliser": [w.normaliser for w in weighed],
        "scale": [w.scale for w in weighed],
        "stdev": [w.statistics.stdev for w in weighed],
        "tendency": [w.statistics.tendency for w in weighed],
    }
    for scale in SCALES:
        parts = np.array([w.part(scale) for w in weighed])
        made[f"{scale}_share"] = _over(parts, float(np.nansum(parts)))
        made[f"{scale}_ratio"] = _over(parts, _median(parts))
    return made


def _over(parts: np.ndarray, whole: float) -> list[float]:
    return (parts / whole).tolist() if whole > 0 else [math.nan] * parts.size


def _median(parts: np.ndarray) -> float:
    """Of those above 0; NaN without any."""
    known = parts[np.isfinite(parts) & (parts > 0)]
    return float(np.median(known)) if known.size else math.nan


def key_columns(weighed: Sequence[Weighed], training: Training) -> dict[str, list[Any]]:
    """The columns of the table `weight_keys`: what the configuration weighs, and how many variables that reaches."""
    reached = [w.lookup for w in weighed]
    keys = list(training.weights)
    return {
        "key": keys,
        "weight": [training.weights[key] for key in keys],
        "n_variables": [reached.count(key) for key in keys],
    }
