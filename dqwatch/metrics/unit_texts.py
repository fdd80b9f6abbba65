"""Units that are given as text, as CF and the tables of GRIB really do, and units that nobody understands."""

from __future__ import annotations

import re

from dqwatch.units import comparable, normalise

_AS_TEXT = re.compile(
    r"\(?-1 to 1\)?|dBZ?|lg\(re .*\)|CCITT ?IA5|tenths|\w+ of (mercury|Hg)|0/1|YYYY.*|Bites .*|.* per time step"
    r"|.*\*100 \+ number of stations",
    re.IGNORECASE,
)
"""What CF, GRIB tables and climate models give for units and no library converts: text, logarithms, parts, dates."""
_COUNTED = re.compile(r"\b(numbers?|persons?|bites?|count|particles?|grains?|stations|vol)\b|#", re.IGNORECASE)
_OF_CARBON = re.compile(r"\b(k?g|mol|[mun]mol)_?(C|N|P|CO2|CH4)\b")


def understood(units: str | None) -> bool:
    """Whether units are known ones, or text in use for units; True where none are given."""
    one = normalise(units)
    if not one or one == "1" or _AS_TEXT.fullmatch(" ".join(str(units).split())):
        return True
    return comparable(_OF_CARBON.sub(r"\1", _COUNTED.sub("1", str(units))), "m")
