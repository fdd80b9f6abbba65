"""The bytes of GRIB messages: a GRIB 2 message may hold several fields, each is made a message of its own here.

GFS packs wind pairs so: the sections 2 to 7, 3 to 7 or 4 to 7 repeat within one message.
"""

from __future__ import annotations

import os
import re
import struct
from typing import NamedTuple

_SAME_BITMAP = 254
"""Code table 6.0: the bitmap is the one defined before in the same message."""


FIRST_WITHIN = 4096
"""Bytes: headers of bulletins may stand before the first message."""
_MESSAGE = re.compile(rb"GRIB...[\x01\x02]", re.DOTALL)


def first_message(start: bytes) -> int | None:
    """Where in the first bytes of a file a message of edition 1 or 2 begins; None if nowhere."""
    found = _MESSAGE.search(start[:FIRST_WITHIN])
    return None if found is None else found.start()


class Part(NamedTuple):
    """Where the bytes of one field lie: whole sections of a file, to be put together again."""

    path: str
    edition: int
    offset: int
    length: int
    sections: tuple[tuple[int, int], ...] = ()
    """(offset, length) of the sections of this field; () if the message holds one field only."""

    @property
    def stored_bytes(self) -> int:
        """Bytes of its own: data section and what describes it; sections shared with other fields are not counted."""
        own = [length for _, length in self.sections[-4:]]
        return sum(own) if own else self.length


def section_groups(descriptor: int, part: Part) -> list[tuple[tuple[int, int], ...]]:
    """The sections (offset, length) that each field of a GRIB 2 message consists of."""
    position, stop = part.offset + 16, part.offset + part.length - 4
    current: dict[int, tuple[int, int]] = {}
    bitmap = (0, 0)
    groups = []
    while position < stop:
        length, number, indicator = struct.unpack(">IBB", os.pread(descriptor, 6, position))
        if length < 5:
            break
        current = {k: v for k, v in current.items() if k < number}
        current[number] = (position, length)
        if number == 6 and indicator == _SAME_BITMAP:
            current[6] = bitmap
        elif number == 6:
            bitmap = current[6]
        elif number == 7:
            groups.append(tuple(current[k] for k in sorted(current)))
        position += length
    return groups


def part_bytes(descriptor: int, part: Part) -> bytes:
    """The message of one field: indicator section with the new length, its own sections, end section."""
    if not part.sections:
        return os.pread(descriptor, part.length, part.offset)
    head = os.pread(descriptor, 8, part.offset)
    body = b"".join(os.pread(descriptor, length, offset) for offset, length in part.sections)
    return head + struct.pack(">Q", 16 + len(body) + 4) + body + b"7777"
