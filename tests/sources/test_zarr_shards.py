"""Shards: chunks inside a chunk object, found through its index. Only format 3 has them, which zarr 2 cannot read."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import zarr
from sources.zarr_files import OLD_ZARR, make_array, make_group

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources.zarr_store import open_arrays, open_group

if not OLD_ZARR:
    from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ShardingCodec, ZstdCodec

    CODECS = {
        "none": None,
        "blosc": BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"),
        "zstd": ZstdCodec(level=1),
        "gzip": GzipCodec(level=1),
    }
    VALUES = np.round(280 + np.cumsum(np.random.default_rng(2).normal(size=(7, 9, 11)), axis=-1), 1).astype("f4")
    SELECTIONS = [
        (slice(None),) * 3,
        (3, slice(None), slice(None)),
        (slice(1, 7, 2), 4, slice(2, 9)),
        (6, 8, slice(9, 11)),
    ]

    def open_one(path):
        return open_arrays(open_group(path))["x"]

    @pytest.mark.parametrize("codec", CODECS)
    @pytest.mark.parametrize("location", ["start", "end"])
    def test_shards_give_the_bits_that_zarr_gives(tmp_path, codec, location):
        path = tmp_path / "s.zarr"
        given = CODECS[codec]
        sharding = ShardingCodec(
            chunk_shape=(1, 3, 11), codecs=[BytesCodec(), *([given] if given else [])], index_location=location
        )
        make_array(
            make_group(path, 3), "x", VALUES, (4, 6, 11), serializer=sharding, compressor=None, fill_value=np.nan
        )
        # The inner chunk of (5, 3..5) is all fill, so the shard leaves it out; the last shard is gone altogether.
        reference = zarr.open_group(str(path), mode="r+")["x"]
        reference[5, 3:6] = np.nan
        (path / "x" / "c" / "1" / "1" / "0").unlink()
        array = open_one(path)
        assert array.layout.direct
        assert (array.chunks, array.describe().shards) == ((1, 3, 11), (4, 6, 11))
        assert (array.describe().objects, array.describe().expected_objects) == (3, 4)
        assert array.describe().codec.startswith("sharded: ")
        for selection in SELECTIONS:
            np.testing.assert_array_equal(array.read(selection, None, Buffers()), reference[selection])
        assert np.isnan(array.read((5, slice(3, 6), slice(None)), None, Buffers())).all()

    def test_shards_of_another_inner_chain_are_read_by_zarr(tmp_path):
        path = tmp_path / "s.zarr"
        sharding = ShardingCodec(chunk_shape=(1, 3, 11), codecs=[BytesCodec(), ZstdCodec(), Crc32cCodec()])
        make_array(make_group(path, 3), "x", VALUES, (4, 6, 11), serializer=sharding, compressor=None)
        array = open_one(path)
        assert not array.layout.direct
        np.testing.assert_array_equal(array.read((slice(None),) * 3, None, Buffers()), VALUES)

    def test_a_spoilt_shard_is_named(tmp_path):
        path = tmp_path / "s.zarr"
        make_array(make_group(path, 3), "x", VALUES, (1, 3, 11), shards=(4, 6, 11), compressor=None)
        file = path / "x" / "c" / "0" / "1" / "0"
        whole = file.read_bytes()
        for size in (0, 5, 100, len(whole) - 1):
            file.write_bytes(whole[:size])
            with pytest.raises(SourceError, match=r"array 'x', chunk c/0/1/0, inner chunk \(\d, 2, 0\): "):
                open_one(path).read((slice(None),) * 3, None, Buffers())
        spoilt = bytearray(whole)
        spoilt[-10] ^= 1
        file.write_bytes(spoilt)
        with pytest.raises(SourceError, match="checksum of the shard's index"):
            open_one(path).read((slice(None),) * 3, None, Buffers())

    def test_a_field_of_a_sharded_blosc_chunk(tmp_path):
        values = np.round(np.cumsum(np.random.default_rng(2).normal(size=(4, 6, 1, 30_000)), axis=-1), 1)
        path = tmp_path / "s.zarr"
        given = {"shards": (2, 6, 1, 30_000), "compressor": CODECS["blosc"]}
        make_array(make_group(path, 3), "x", values, (1, 6, 1, 30_000), **given)
        array = open_one(path)
        for time, variable in itertools.product(range(4), range(6)):
            got = array.read((time, variable, 0, slice(None)), None, Buffers())
            np.testing.assert_array_equal(got, values[time, variable, 0])
