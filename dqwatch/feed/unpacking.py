"""Chunks decoded where they are wanted: pieces by a decoder, and rearranged to fields by tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dqwatch.errors import SourceError
from dqwatch.feed.decoders import Decoder
from dqwatch.feed.devices import load_torch
from dqwatch.feed.packing import ALIGNMENT, PackedChunk, PackedDate
from dqwatch.feed.pieces import Pieces
from dqwatch.sources.zarr_codecs import DecodeError
from dqwatch.storage import ChunkKind


class Arrived(NamedTuple):
    """A date in a host buffer, and where it belongs in a batch."""

    place: tuple[int, int]
    again: tuple[tuple[int, int], ...]
    """Where else it belongs."""
    date: PackedDate


class _Job(NamedTuple):
    """A chunk to be decoded."""

    chunk: PackedChunk
    pieces: Pieces
    origin: int
    """Of its date in the buffer of compressed bytes."""
    target: int
    """Of its pieces in the buffer of decoded bytes."""
    place: tuple[int, int]


class Unpacker:
    """Makes batches on a device of dates in host buffers; used by one thread, on the stream that is current.

    Parameters
    ----------
    decoder : Decoder
    kind : ChunkKind
    device : torch.device or str
    """

    def __init__(self, decoder: Decoder, kind: ChunkKind, device: Any) -> None:
        self._torch = load_torch("decoder")
        self._decoder, self._kind, self._device = decoder, kind, device
        self._dtype = getattr(self._torch, str(kind.dtype))
        self._packed = self._plain = self._torch.empty(0, dtype=self._torch.uint8, device=device)

    def unpack(self, host: Any, arrived: Sequence[Arrived], target: Any) -> None:
        """Carry dates to the device, decode them there and put their fields in place.

        Parameters
        ----------
        host : torch.Tensor uint8 (sample, step, byte)
        arrived : sequence of Arrived
        target : torch.Tensor float32 (sample, step, variable, member, cell)
            What is not stored becomes NaN.

        Raises
        ------
        SourceError
            If a chunk cannot be decoded; names array and key.
        """
        jobs = self._carry(host, arrived)
        try:
            self._decode(jobs)
        except DecodeError:
            self._find_culprit(jobs)
            raise
        for one in arrived:
            self._begin(one, target)
        for job in jobs:
            self._place(job.chunk, self._values(job), target[job.place])
        for one in arrived:
            for place in one.again:
                target[place] = target[one.place]

    def _carry(self, host: Any, arrived: Sequence[Arrived]) -> list[_Job]:
        """Compressed bytes to the device; what is to be decoded there."""
        jobs, filled, room = [], 0, 0
        sizes = [-(-one.date.nbytes // ALIGNMENT) * ALIGNMENT for one in arrived]
        self._packed = self._roomy(self._packed, sum(sizes))
        for one, size in zip(arrived, sizes, strict=True):
            used = one.date.nbytes
            self._packed[filled : filled + used].copy_(host[one.place][:used], non_blocking=True)
            for chunk in one.date.chunks:
                if chunk.pieces is not None:
                    jobs.append(_Job(chunk, chunk.pieces, filled, room, one.place))
                    room += int(_strides(chunk.pieces).sum())
            filled += size
        self._plain = self._roomy(self._plain, room)
        return jobs

    def _roomy(self, held: Any, needed: int) -> Any:
        """The same buffer if it is large enough."""
        return held if len(held) >= needed else self._torch.empty(needed, dtype=held.dtype, device=self._device)

    def _decode(self, jobs: Sequence[_Job]) -> None:
        """Every piece to its place among the decoded bytes: all of one algorithm at once."""
        tables: dict[str, list[np.ndarray]] = {}
        for job in jobs:
            pieces, steps = job.pieces, _strides(job.pieces)
            ends = np.cumsum(steps)
            columns = (job.origin + pieces.offsets, pieces.sizes, job.target + ends - steps, pieces.lengths)
            table = np.stack(columns, axis=1)
            for origin, size, place, _ in table[pieces.plain].tolist():
                self._plain[place : place + size] = self._packed[origin : origin + size]
            if not pieces.plain.all():
                tables.setdefault(pieces.algorithm, []).append(table[~pieces.plain])
        for algorithm, parts in tables.items():
            whole = np.concatenate(parts)
            self._decoder.decode(algorithm, self._packed, whole[:, :2], self._plain, whole[:, 2:])

    def _find_culprit(self, jobs: Sequence[_Job]) -> None:
        """Decode one chunk after the other, so that the broken one is named."""
        for job in jobs:
            try:
                self._decode([job])
            except DecodeError as error:
                raise SourceError(f"{job.chunk.where}: {error}") from error

    def _values(self, job: _Job) -> Any:
        """The chunk (time, variable, member, cell), rearranged as it was before it was compressed."""
        pieces = job.pieces
        step = int(-(-pieces.length // ALIGNMENT) * ALIGNMENT)
        count, middle = pieces.blocks * pieces.streams, job.target + pieces.blocks * pieces.streams * step
        blocks = self._plain[job.target : middle].view(count, step)[:, : pieces.length]
        found = restore(blocks.reshape(pieces.blocks, pieces.streams * pieces.length), pieces).reshape(-1)
        if pieces.rest:
            last = restore(self._plain[middle : middle + pieces.rest][None], pieces)
            found = self._torch.cat([found, last.reshape(-1)])
        nbytes = math.prod(self._kind.shape) * self._kind.dtype.itemsize
        if not found.is_contiguous() or found.storage_offset() % self._kind.dtype.itemsize:
            found = found.clone()
        return found[:nbytes].view(self._dtype).view(self._kind.shape)

    def _begin(self, one: Arrived, target: Any) -> None:
        """What chunks that are absent read as; NaN for what no chunk holds."""
        if not one.date.chunks:
            target[one.place] = float("nan")
        for chunk in one.date.chunks:
            if chunk.pieces is None:
                values = self._torch.full(
                    self._kind.shape, self._kind.fill_value, dtype=self._torch.float64, device=self._device
                )
                self._place(chunk, values, target[one.place])

    def _place(self, chunk: PackedChunk, values: Any, target: Any) -> None:
        """The fields of a chunk to where they belong in (variable, member, cell)."""
        torch, members = self._torch, chunk.members
        fields = values[chunk.time, :, : members.stop - members.start]
        fields = fields[:, :, self._index(chunk.inside)]
        if fields.dtype not in (torch.float16, torch.float32, torch.float64):
            fields = fields.double()
        rows, places = self._index(chunk.rows), self._index(chunk.places)
        chosen = target[:, members]
        if isinstance(chunk.cells, slice):
            chosen[places, :, chunk.cells] = fields[rows].float()
        else:
            inner = torch.arange(members.stop - members.start, device=self._device)
            chosen[places[:, None, None], inner[:, None], self._index(chunk.cells)] = fields[rows].float()

    def _index(self, index: slice | np.ndarray) -> Any:
        """An index for tensors of the device."""
        return index if isinstance(index, slice) else self._torch.from_numpy(index).to(self._device)


def _strides(pieces: Pieces) -> np.ndarray:
    """Bytes that each decoded piece takes among the others, int64 (piece,)."""
    return -(-pieces.lengths // ALIGNMENT) * ALIGNMENT


def restore(blocks: Any, pieces: Pieces) -> Any:
    """Blocks as they were before they were rearranged for compression.

    Parameters
    ----------
    blocks : torch.Tensor uint8 (block, byte)
    pieces : Pieces

    Returns
    -------
    torch.Tensor uint8 (block, byte)

    References
    ----------
    The layouts are those of c-blosc 1.21 (`shuffle-generic.h`, `bitshuffle-generic.c`): byte k of all values together,
    or bit k of all values together, lowest first, where their number is a multiple of 8. Bytes beyond the last whole
    value stay where they are.
    """
    width = pieces.itemsize
    n, count = len(blocks), blocks.shape[1] // width
    if not pieces.shuffle or count == 0 or (pieces.shuffle == "bits" and count % 8):
        return blocks
    body, tail = blocks[:, : count * width], blocks[:, count * width :]
    if pieces.shuffle == "bits":
        planes = _join_bits(body.reshape(n, width, 8, count // 8))
    else:
        planes = body.reshape(n, width, count)
    values = planes.transpose(1, 2).reshape(n, count * width)
    return load_torch("decoder").cat([values, tail], dim=1) if tail.shape[1] else values


def _join_bits(planes: Any) -> Any:
    """Bits (block, byte of a value, bit, eight values) as bytes (block, byte of a value, value)."""
    torch = load_torch("decoder")
    n, width, _, eighth = planes.shape
    shifts = torch.arange(8, dtype=torch.uint8, device=planes.device)
    found = torch.zeros((n, width, eighth, 8), dtype=torch.uint8, device=planes.device)
    for bit in range(8):
        found |= ((planes[:, :, bit, :, None] >> shifts) & 1) << bit
    return found.reshape(n, width, eighth * 8)
