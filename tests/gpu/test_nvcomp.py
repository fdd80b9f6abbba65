"""Chunks decoded by nvCOMP on a CUDA device: the bits of the host's reading."""

from __future__ import annotations

import gc
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from device.test_decoding import CODECS, LAYOUTS, store, values_of

import dqwatch
from dqwatch.errors import SourceError

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
    pytest.mark.skipif(
        importlib.util.find_spec("nvidia") is None or importlib.util.find_spec("nvidia.nvcomp") is None,
        reason="nvCOMP is not installed",
    ),
]


def assert_decoded_alike(path: Path, **arguments: Any) -> None:
    with (
        dqwatch.Feed(path, device="cuda", decoder="nvcomp", **arguments) as feed,
        dqwatch.Feed(path, device="numpy", **arguments) as other,
    ):
        for found, expected in zip(feed, other, strict=True):
            values = found.values.cpu().numpy()
            np.testing.assert_array_equal(values.view(np.uint32), expected.values.view(np.uint32))


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_every_codec(tmp_path: Path, codec: Any) -> None:
    store(tmp_path / "a.zarr", codec)
    assert_decoded_alike(tmp_path / "a.zarr", batch=2, window=2, shuffle=1)


@pytest.mark.parametrize("chunks", LAYOUTS, ids=str)
def test_every_layout(tmp_path: Path, chunks: tuple[int, ...]) -> None:
    store(tmp_path / "a.zarr", CODECS["blosc zstd"], values=np.repeat(values_of(), 3, axis=2), chunks=chunks)
    assert_decoded_alike(tmp_path / "a.zarr", batch=3, variables=["tp", "2t"])
    assert_decoded_alike(tmp_path / "a.zarr", points=[3999, 5, 5, 1700])


def test_nothing_stays_after_a_broken_chunk(tmp_path: Path) -> None:
    store(tmp_path / "a.zarr", CODECS["zstd"])
    chunk = tmp_path / "a.zarr" / "data" / "3.0.0.0"
    content = bytearray(chunk.read_bytes())
    content[40:400] = bytes(360)
    chunk.write_bytes(bytes(content))
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    feed = dqwatch.Feed(tmp_path / "a.zarr", device="cuda", decoder="nvcomp")
    with pytest.raises(SourceError, match=r"chunk 3\.0\.0\.0"):
        for _ in feed:
            pass
    feed.close()
    gc.collect()
    assert torch.cuda.memory_allocated() == before
