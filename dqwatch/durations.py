"""Lengths of time as people type them: 30d, 72h, 8w."""

from __future__ import annotations

import re
from datetime import timedelta

from dqwatch.errors import UsageError

_HOURS = {"h": 1, "d": 24, "w": 168}


def parse(text: str, option: str) -> timedelta:
    """A length of time: a number and h, d or w (hours, days, weeks).

    Raises
    ------
    UsageError
        If it is anything else, or not positive; the message names `option`.
    """
    match = re.fullmatch(r"(\d{1,7})([hdw])", text.strip())
    if match is None or not int(match[1]):
        raise UsageError(f"{option}: got '{text}'; give a number with h, d or w (hours, days, weeks), such as 30d")
    return timedelta(hours=int(match[1]) * _HOURS[match[2]])
