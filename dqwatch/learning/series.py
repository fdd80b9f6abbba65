"""A series of losses by variable, as every reader gives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dqwatch.errors import NothingThereError


class Series(NamedTuple):
    """Losses of n steps and v variables, steps ascending, each once."""

    steps: np.ndarray
    """int64 (n,)."""
    variables: tuple[str, ...]
    losses: np.ndarray
    """float64 (n, v); NaN where a variable has no loss at a step, or a bad one."""
    bad: np.ndarray
    """bool (n, v): where the loss is NaN or infinite, other than absent."""
    dates: tuple[tuple[np.datetime64, ...], ...]
    """Dates of the samples of each step, datetime64[s]; empty where they are not known."""
    sources: tuple[str, ...]
    """Where the samples of each step are from; '' where that is not known."""
    notes: tuple[str, ...] = ()

    def values(self) -> np.ndarray:
        """What is judged, float64 (n, v): the logarithm of a variable's losses; the losses where one is not above 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            positive = ~(self.losses <= 0).any(axis=0)
            return np.where(positive, np.log(np.where(positive, self.losses, 1.0)), self.losses)


def arrange(
    steps: np.ndarray,
    variables: Sequence[str],
    losses: np.ndarray,
    bad: np.ndarray,
    dates: Sequence[tuple[np.datetime64, ...]],
    sources: Sequence[str],
    name: str,
) -> Series:
    """Steps in order, each once: of a step that is there twice, as after a restart, the last counts.

    Raises
    ------
    NothingThereError
        If there is no step or no variable.
    """
    if not steps.size or not len(variables):
        raise NothingThereError(f"{name}: no losses: {steps.size} steps of {len(variables)} variables")
    order = np.argsort(steps, kind="stable")
    last = np.append(np.diff(steps[order]) > 0, True)
    kept = order[last]
    twice = steps.size - kept.size
    notes = (f"{twice} steps are there more than once, as after a restart: the last of each counts",) if twice else ()
    finite = np.where(np.isfinite(losses), losses, np.nan)
    return Series(
        steps[kept].astype(np.int64),
        tuple(variables),
        finite[kept],
        bad[kept],
        tuple(dates[i] for i in kept),
        tuple(sources[i] for i in kept),
        notes,
    )
