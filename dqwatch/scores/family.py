"""What a family of scores is: one function of a view of a field, told by a decorator which scores it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from dqwatch import registry
from dqwatch.errors import UsageError

if TYPE_CHECKING:
    from dqwatch.scores.relations import AreaView
    from dqwatch.scores.view import ScoreView

STATE, STEP, BACKGROUND = "state", "step", "background"
KINDS = (STATE, STEP, BACKGROUND)
"""What is scored: the field, its change since the field before, its departure from a background."""
_PREFIX = {STATE: "", STEP: "step_", BACKGROUND: "background_"}


class Score(NamedTuple):
    """One column of the ledger."""

    name: str
    kind: str
    exact: bool = False
    """Looked at for values beyond all of training only, never ranked: shares and counts that are mostly constant."""
    slack: float = 3.0
    """What an exact check allows beyond training where training does not vary, in the unit of the score."""


@dataclass(frozen=True)
class Family:
    """A function of a view, and the names of the scores that it gives."""

    function: Callable[[Any], Sequence[float]]
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    exact: bool
    slack: float
    areas: bool = False
    """Whether it looks at means over areas, of all variables of a cycle, not at a field."""

    def __call__(self, view: ScoreView) -> Sequence[float]:
        """The scores; NaN where there is nothing to tell."""
        return self.function(view)

    def of_areas(self, view: AreaView) -> Sequence[float]:
        """The same of a family that looks at areas."""
        return self.function(view)

    def scores(self, kind: str) -> list[Score]:
        """The scores of one kind."""
        return [Score(_PREFIX[kind] + name, kind, self.exact, self.slack) for name in self.names]


def score_family(
    *names: str, kinds: Sequence[str] = (STATE,), exact: bool = False, slack: float = 3.0
) -> Callable[[Callable[[ScoreView], Sequence[float]]], Family]:
    """Make a family of scores of a function `f(view) -> one float per name`.

    Parameters
    ----------
    *names : str
        Of the scores of a state; those of a change or departure get a prefix (`step_`, `background_`).
    kinds : sequence of {'state', 'step', 'background'}
        What it can be applied to.
    exact : bool
        Whether scores are only compared with the extremes of training.
    slack : float
        What such a comparison allows besides.

    Raises
    ------
    ValueError
        If a kind is none of the three, or no name is given.
    """
    if not names or set(kinds) - set(KINDS):
        raise ValueError(f"a family of scores needs names and kinds of {', '.join(KINDS)}; got {names}, {kinds}")
    return lambda function: Family(function, names, tuple(kinds), exact, slack)


def area_family(*names: str) -> Callable[[Callable[[AreaView], Sequence[float]]], Family]:
    """Make a family of scores of a function of the areas of a state (`dqwatch.scores.relations.AreaView`)."""
    return lambda function: Family(function, names, (STATE,), False, 3.0, areas=True)


def load_families() -> list[Family]:
    """The registered families, in order of their names.

    Raises
    ------
    UsageError
        If what is registered is none, or two families give a score of one name.
    """
    found: list[Family] = []
    for name in sorted(registry.names("scores")):
        family = registry.load("scores", name)
        if not isinstance(family, Family):
            raise UsageError(f"score '{name}' is a {type(family).__name__}; make it with dqwatch.scores.score_family")
        taken = {n for f in found for n in f.names} & set(family.names)
        if taken:
            raise UsageError(f"score '{name}' gives {', '.join(sorted(taken))}, which another family gives already")
        found.append(family)
    return found


def area_columns(families: Sequence[Family]) -> list[int]:
    """Where the scores of families that look at areas stand among those of `list_scores` of all kinds."""
    names = {s.name for f in families if f.areas for s in f.scores(STATE)}
    return [i for i, s in enumerate(list_scores(families, KINDS)) if s.name in names]


def list_scores(families: Sequence[Family], kinds: Sequence[str]) -> tuple[Score, ...]:
    """All scores of some kinds, in the order in which `dqwatch.scores.score_field` gives them."""
    return tuple(s for kind in kinds for f in families if kind in f.kinds for s in f.scores(kind))
