"""The hash of a field by operations on tensors: the same bits as `kernel_hash` gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqwatch.feed.devices import load_torch
from dqwatch.metrics import kernel_layout as layout
from dqwatch.metrics.kernel_hash import hash_keys

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_LOW_WORD = 0xFFFFFFFF


class Keys:
    """The keys of the hash on a device."""

    def __init__(self, device: Any) -> None:
        torch = load_torch()
        self.words = torch.from_numpy(hash_keys().view(np.int32)).to(device)
        """As 32 bits, (2 BLOCK,)."""
        both = torch.from_numpy(hash_keys().astype(np.int64)).to(device)
        self.left, self.right = both[: layout.BLOCK], both[layout.BLOCK :]


def hash_flags(flags: Any, keys: Keys) -> np.ndarray:
    """Hash of where flags are set, uint64 (field,); of NaN, the same for float32 and float64 fields."""
    return mix(hash_blocks(flags.to(load_torch().int32), 1, keys).cpu().numpy(), flags.shape[1])


def hash_blocks(words: Any, per_value: int, keys: Keys) -> Any:
    """The sums of each block's keyed words, int64 (field, block): `kernel_hash.mix` without its last step."""
    torch = load_torch()
    length = layout.BLOCK * per_value
    whole = words.shape[1] // length
    found = []
    if whole:
        found.append(_hash_one(words[:, : whole * length].reshape(len(words), whole, length), keys))
    if words.shape[1] > whole * length:
        found.append(_hash_one(words[:, None, whole * length :], keys))
    return torch.cat(found, 1)


def _hash_one(words: Any, keys: Keys) -> Any:
    """Of blocks of one length (field, block, word); sums wrap around, as those of the kernel do."""
    half = words.shape[2] // 2
    u = (words[..., :half].long() + keys.left[:half]) & _LOW_WORD
    v = (words[..., half : 2 * half].long() + keys.right[:half]) & _LOW_WORD
    h = (u * v).sum(2) + (u << 32).sum(2) + v.sum(2)
    if words.shape[2] % 2:
        last = (words[..., -1].long() + keys.left[half]) & _LOW_WORD
        h = h + last * (keys.right[half] | 1)
    return h


def mix(blocks: np.ndarray, n: int) -> np.ndarray:
    """The hashes of fields of `n` values from the sums of their blocks, uint64 (field,); see `kernel_hash`."""
    state = np.zeros(len(blocks), np.uint64)
    for column in np.ascontiguousarray(blocks.T).view(np.uint64):
        state = (state ^ column) * _MULTIPLIER
        state ^= state >> np.uint64(29)
    h = (state ^ np.uint64(n)) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(29)
    return np.where(h == 0, np.uint64(1), h)
