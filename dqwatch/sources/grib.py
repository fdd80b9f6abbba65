"""GRIB files as a source: every field of every message is placed by name, level, time and member."""

from __future__ import annotations

import glob
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError, SourceNotFoundError
from dqwatch.sources.grib_grids import CellOrder, make_grid
from dqwatch.sources.grib_messages import Files, Library, Message, walk
from dqwatch.sources.grib_names import base_name, make_variable, name_messages
from dqwatch.sources.grib_sections import FIRST_WITHIN, first_message
from dqwatch.sources.left_out import LeftOut
from dqwatch.sources.splits import repeated_of
from dqwatch.sources.urls import is_url
from dqwatch.types import Block, Field, Grid, StoredArray, TimeAxis, Variable

_SPECTRAL = ("sh", "rotated_sh", "stretched_sh", "stretched_rotated_sh")
_SPHERICAL = "spherical harmonics, which have no cells"
_FIELDS_PER_BLOCK = 8
"""Small, so that one state of a hundred fields keeps all workers busy."""

Moment = tuple[int, int]
"""Valid time and lead time of a field, seconds."""


def open_grib(data: Any, *, cache: str | os.PathLike[str] | None = None, **_options: Any) -> MessageSource | None:
    """GRIB files as a source; None if `data` are no GRIB files. Remote ones are fetched whole.

    Parameters
    ----------
    data : path, glob pattern, URL, or sequence of paths or of URLs
    cache : path, optional
        Folder in which what is fetched from a URL is kept.

    Raises
    ------
    SourceNotFoundError
        If a file of a sequence does not exist.
    SourceError
        If a message cannot be decoded.
    MissingExtraError
        If eccodes is not installed.
    """
    urls = [data] if isinstance(data, str) else list(data) if isinstance(data, Sequence) else []
    if urls and all(is_url(url) for url in urls):
        return _open_urls(urls, cache)
    paths = _paths(data)
    if not paths or not all(_is_grib(p) for p in paths):
        return None
    return _open_files(paths, lambda: None)


def _open_urls(urls: Sequence[str], cache: str | os.PathLike[str] | None) -> MessageSource | None:
    from dqwatch.sources.remote_files import Fetched

    fetched = Fetched(urls, cache)
    try:
        if all(_is_grib(path) for path in fetched.paths):
            return _open_files(fetched.paths, fetched.close)
    except BaseException as error:
        fetched.close()
        if isinstance(error, SourceError):
            raise fetched.complain(error) from error
        raise
    fetched.close()
    return None


def _open_files(paths: Sequence[str], also_close: Callable[[], None]) -> MessageSource:
    messages = [m for path in paths for m in walk(path)]
    name = Path(paths[0]).name if len(paths) == 1 else f"{Path(paths[0]).name} (+{len(paths) - 1})"
    attributes = {"files": len(paths), "messages": len(messages)}
    return MessageSource(name, "grib", messages, Files(paths), attributes, also_close)


def _paths(data: Any) -> list[str]:
    if isinstance(data, str | os.PathLike):
        text = os.fspath(data)
        if Path(text).is_file():
            return [text]
        return sorted(p for p in glob.glob(text, recursive=True) if Path(p).is_file())
    if isinstance(data, Sequence) and data and all(isinstance(p, str | os.PathLike) for p in data):
        for path in data:
            if not Path(path).exists():
                raise SourceNotFoundError(f"{path}: no such file")
        return [os.fspath(p) for p in data if Path(p).is_file()]
    return []


def _is_grib(path: str) -> bool:
    with open(path, "rb") as stream:
        return first_message(stream.read(FIRST_WITHIN)) is not None


class MessageSource:
    """Fields that come one by one, each with headers of its own, sorted into variables, times and members.

    See `dqwatch.types.Source`.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        messages: Sequence[Message],
        library: Library,
        attributes: Mapping[str, Any],
        also_close: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.identity = _identity(messages)
        self.attributes = attributes
        self._library = library
        self._also_close = also_close
        spectral = [m for m in messages if m.grid_type in _SPECTRAL]
        named, repeats = name_messages([m for m in messages if m.grid_type not in _SPECTRAL], library.digest)
        self._place(named)
        notes = [f"{g.name}: {g.problem}" for g in self.grids if g.problem]
        if spectral:
            notes.append(_spectral_note(spectral))
        self.left_out = tuple(LeftOut(n, _SPHERICAL) for n in sorted({base_name(m) for m in spectral}))
        if repeats:
            notes.append(f"{repeats} messages repeat the variable, level, time and member of another; all are checked")
        self.notes = tuple(notes)

    def _place(self, named: Mapping[str, list[Message]]) -> None:
        keys = sorted({m.grid_key for ms in named.values() for m in ms})
        first = {m.grid_key: m for ms in reversed(list(named.values())) for m in reversed(ms)}
        names = [f"grid{k + 1}" if len(keys) > 1 else "grid" for k in range(len(keys))]
        made = [
            make_grid(first[key], self._library.geometry(first[key]), n) for key, n in zip(keys, names, strict=True)
        ]
        self.grids: tuple[Grid, ...] = tuple(grid for grid, _ in made)
        self._orders: tuple[CellOrder, ...] = tuple(order for _, order in made)
        moments = {name: _moments(ms) for name, ms in named.items()}
        first_ones = {name: ms for name, ms in moments.items() if repeated_of(name) is None}
        axes = _share_axes(first_ones, {name: ms[0].step_type != "instant" for name, ms in named.items()})
        axes |= {name: axes[repeated_of(name) or name] for name in moments}
        distinct = list(dict.fromkeys(axes.values()))
        self.times: tuple[TimeAxis, ...] = tuple(_axis(axis, k, len(distinct)) for k, axis in enumerate(distinct))
        variables: list[Variable] = []
        self._messages: dict[tuple[int, int], list[tuple[int, Message]]] = defaultdict(list)
        for v, (name, ms) in enumerate(named.items()):
            axis = distinct.index(axes[name])
            members = sorted({m.number for m in named[repeated_of(name) or name]})
            variables.append(make_variable(name, ms, times=axis, grid=keys.index(ms[0].grid_key), members=len(members)))
            where = {moment: t for t, moment in enumerate(axes[name])}
            for m in ms:
                self._messages[where[_moment(m)], v].append((members.index(m.number), m))
        self.variables = tuple(variables)
        self._stored = named

    def arrays(self) -> list[StoredArray]:
        """One entry per variable: GRIB has no arrays, but each variable's messages have a packing and a size."""
        return [self._describe(v) for v in self.variables]

    def _describe(self, variable: Variable) -> StoredArray:
        messages = self._stored[variable.name]
        packings = Counter(f"{m.packing}, {m.bits} bits" for m in messages)
        return StoredArray(
            name=variable.name,
            dims=("message", "cell"),
            shape=(len(messages), messages[0].n_points),
            dtype="float64",
            chunks=(1, messages[0].n_points),
            codec="; ".join(sorted(packings)),
            stored_bytes=sum(m.part.stored_bytes for m in messages),
        )

    def blocks(self) -> Sequence[Block]:
        """A few variables of one time at once."""
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for time, v in sorted(self._messages):
            groups[self.variables[v].times, time].append(v)
        return [
            Block((time,), tuple(variables[k : k + _FIELDS_PER_BLOCK]))
            for (_, time), variables in sorted(groups.items())
            for k in range(0, len(variables), _FIELDS_PER_BLOCK)
        ]

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        """The fields of a block; a time and variable without a message yield none."""
        for time in block.times:
            for v in block.variables:
                order = self._orders[self.variables[v].grid]
                for member, message in self._messages.get((time, v), ()):
                    values = self._library.values(message)
                    yield Field(time, v, member, order.apply(values, buffers))

    def close(self) -> None:
        """Let go of the files."""
        self._library.close()
        self._also_close()


def _identity(messages: Sequence[Message]) -> str:
    digest = hashlib.sha256()
    for m in messages:
        digest.update(repr(m._replace(part=(m.part.edition, m.part.length))).encode())  # type: ignore[arg-type]
    return digest.hexdigest()


def _spectral_note(messages: Sequence[Message]) -> str:
    names = ", ".join(sorted({m.short_name for m in messages}))
    return f"{len(messages)} messages hold {_SPHERICAL} ({names}): not checked; transform them to a grid first"


def _moment(message: Message) -> Moment:
    return message.start + message.lead, message.lead


def _moments(messages: Sequence[Message]) -> tuple[Moment, ...]:
    return tuple(sorted({_moment(m) for m in messages}))


def _share_axes(
    moments: Mapping[str, tuple[Moment, ...]], over_period: Mapping[str, bool]
) -> dict[str, tuple[Moment, ...]]:
    """The axis of each variable: the fullest of which it has at least half, so that a hole in it shows; else its own.

    Accumulations, means and extremes have nothing to say at lead time 0: an axis that differs from theirs only there is
    not held against them.
    """
    candidates = sorted(set(moments.values()), key=lambda axis: (-len(axis), axis))
    axes = {}
    for name, own in moments.items():
        held = set(own)
        axes[name] = own
        for axis in candidates:
            promised = set(axis)
            absent = promised - held
            if held <= promised and 2 * len(held) >= len(promised):
                if not (over_period[name] and absent and all(lead == 0 for _, lead in absent)):
                    axes[name] = axis
                break
    return axes


def _axis(moments: Sequence[Moment], k: int, n: int) -> TimeAxis:
    valid = np.array([m[0] for m in moments], np.int64)
    lead = np.array([m[1] for m in moments], np.int64)
    labels = np.datetime_as_string(valid.astype("datetime64[s]"), unit="s").tolist()
    if lead.any():
        labels = [f"{label}+{_lead_text(int(s))}" for label, s in zip(labels, lead, strict=True)]
    return TimeAxis(
        name="time" if n == 1 else f"time{k + 1}",
        labels=labels,
        seconds=valid,
        lead_seconds=lead if lead.any() else None,
    )


def _lead_text(seconds: int) -> str:
    return f"{seconds // 3600:03d}h" if seconds % 3600 == 0 else f"{seconds // 60:03d}m"
