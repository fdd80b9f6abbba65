"""Keys of a configuration that weigh no variable: which are slips, and which are of variables that the data lack."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dqwatch.advice.keys import split_name
from dqwatch.advice.shares import find_keys
from dqwatch.advice.training import OLD, Training
from dqwatch.catalogue import load_catalogue
from dqwatch.errors import UsageError
from dqwatch.types import Source


class Unmatched(NamedTuple):
    """A key that training would ignore."""

    key: str
    slip: str
    """What is wrong with it, in a clause; '' where the data merely lack what it weighs."""


def find_unmatched(source: Source, training: Training) -> list[Unmatched]:
    """The keys of a configuration that are looked up for no predicted variable, in order.

    A configuration may weigh variables that a data set does not have, as those that come with anemoi-training do, or
    that are forcings there. A key that nobody knows, or that means a variable which is looked up by another key, is a
    slip.

    Parameters
    ----------
    source : Source
    training : Training

    Returns
    -------
    list of Unmatched
    """
    keys = find_keys(source, training)
    names = {k: k.partition(".")[2] if training.layout in OLD else k for k in training.weights}
    return [Unmatched(key, _slip(names[key], source, keys)) for key in sorted(names.keys() - set(keys.values()))]


def refuse_slips(found: Sequence[Unmatched], source: Source, where: str) -> None:
    """Refuse keys that are slips.

    Raises
    ------
    UsageError
        If there is one; the message names it, the configuration, and what it may mean.
    """
    slips = [one for one in found if one.slip]
    if not slips:
        return
    more = f" (and {len(slips) - 1} more: {', '.join(one.key for one in slips[1:5])})" if len(slips) > 1 else ""
    raise UsageError(
        f"{where}: loss weight '{slips[0].key}' is for no predicted variable of {source.name}, training would ignore "
        f"it: {slips[0].slip}{more}; correct it, take it out, or let it pass by --allow-unmatched"
    )


def _slip(name: str, source: Source, keys: Mapping[str, str]) -> str:
    """What is wrong with a name; '' for a forcing, and for what is known but not in the data."""
    if name in keys:
        return f"this variable is looked up by '{keys[name]}'"
    if name in {v.source_name for v in source.variables}:
        return ""
    stem = split_name(name)[0]
    catalogue = load_catalogue()
    entry = catalogue.find(name) or catalogue.find(stem)
    params = {} if entry is None else {v.source_name: v.param == entry.param for v in source.variables}
    for own, key in keys.items():
        if split_name(own)[0] == stem or params.get(own):
            return f"the data have '{own}', which is looked up by '{key}'"
    if entry is not None:
        return ""
    last = {key.rpartition(".")[2]: key for key in keys.values()}
    near = [last[one] for one in difflib.get_close_matches(name, list(last), n=3)]
    return "no variable is called so" + (f"; near are {', '.join(near)}" if near else "")
