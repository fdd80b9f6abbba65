"""Zarr stores behind URLs give the bits of local ones; only what is certainly not there reads as missing."""

from __future__ import annotations

import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from sources.anemoi_files import NAMES, fields_of, weather
from sources.remote_servers import put
from sources.zarr_files import DIRECT, FORMATS, OLD_ZARR, make_anemoi, make_array, make_group

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError, UnsupportedDataError
from dqwatch.sources import file_systems, open_source, remote
from dqwatch.sources.zarr_store import ZarrArray, open_arrays, open_group
from dqwatch.types import Source

pytestmark = pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3")


OTHERS: dict[str, dict[str, Any]] = {
    "bz2": {"compressor": numcodecs.BZ2(1)},
    "filter": {"filters": [numcodecs.Delta("<f4")], "compressor": None},
    "columns": {"order": "F", "compressor": None},
}


def make_store(path, kind: str, zarr_format: int):
    """A small data set of three times in the layout of anemoi or of xarray, one of its chunks missing."""
    values = weather(3, 7)
    if kind == "anemoi":
        make_anemoi(path, values, NAMES, zarr_format=zarr_format)
        chunk = "data/1.0.0.0" if zarr_format == 2 else "data/c/1/0/0/0"
    else:
        group = make_group(path, zarr_format)
        inner = group.create_group("more")
        time = np.arange(3) * 6
        make_array(group, "time", time, (3,), dims=("time",), attrs={"units": "hours since 2020-01-01"})
        make_array(group, "lat", np.linspace(60, -60, 8), (8,), dims=("lat",), attrs={"units": "degrees_north"})
        make_array(group, "lon", np.arange(26.0), (26,), dims=("lon",), attrs={"units": "degrees_east"})
        shape, dims = (3, 8, 26), ("time", "lat", "lon")
        fill = {"fill_value": np.nan, "attrs": {"units": "K"}}
        make_array(group, "t2m", values[:, 0, 0].reshape(shape), (1, 4, 26), dims=dims, **fill)
        make_array(inner, "d2m", values[:, 1, 0].reshape(shape), (2, 8, 26), dims=dims, **fill)
        chunk = "t2m/1.1.0" if zarr_format == 2 else "t2m/c/1/1/0"
    (path / chunk).unlink()
    return path


def consolidate(path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(str(path))


def check_same(found: Source, wanted: Source, *, listed: bool = True) -> None:
    """Everything that a source says and reads."""
    assert (found.kind, found.name, found.identity) == (wanted.kind, wanted.name, wanted.identity)
    assert (found.variables, found.notes) == (wanted.variables, wanted.notes)
    assert dict(found.attributes) == dict(wanted.attributes)
    assert [a.labels for a in found.times] == [a.labels for a in wanted.times]
    for a, b in zip(found.grids, wanted.grids, strict=True):
        np.testing.assert_array_equal(a.latitudes, b.latitudes)
        np.testing.assert_array_equal(a.area_weights, b.area_weights)
    ours, theirs = fields_of(found), fields_of(wanted)
    assert ours.keys() == theirs.keys()
    for key, values in theirs.items():
        assert ours[key].tobytes() == values.tobytes()
    for a, b in zip(found.arrays(), wanted.arrays(), strict=True):
        assert a == (b if listed else type(b)(**{**vars(b), "objects": None, "stored_bytes": None}))


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("kind", ["anemoi", "xarray"])
@pytest.mark.parametrize("consolidated", [True, False])
def test_a_remote_store_is_what_it_is_here(share, request, tmp_path, kind, zarr_format, consolidated):
    path = make_store(tmp_path / "a store.zarr", kind, zarr_format)
    is_http = "http" in request.node.callspec.id
    if consolidated:
        consolidate(path)
    elif is_http and kind == "xarray":
        with pytest.raises(SourceError, match=r"a store\.zarr: Zarr without consolidated metadata, and the server"):
            open_source(share(path))
        request.getfixturevalue("http").index = True
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        with_cache = open_source(share(path), **({"cache": cache} if cache else {}))
        check_same(with_cache, open_source(path), listed=not is_http)


CODECS = [c for c in DIRECT if c[1] in ("none", "blosc lz4 shuffle", "zstd", "gzip")]


@pytest.mark.parametrize(
    ("zarr_format", "codec"), [(f, c) for f, _, c in CODECS], ids=[f"{f} {n}" for f, n, _ in CODECS]
)
def test_codecs_read_whole_and_in_part(http, tmp_path, zarr_format, codec):
    values = np.cumsum(np.random.default_rng(1).normal(size=(2, 300, 500)), axis=2).astype("f4")
    make_array(make_group(tmp_path / "s.zarr", zarr_format), "x", values, (1, 300, 500), compressor=codec)
    consolidate(tmp_path / "s.zarr")
    array = remote_array(f"{http.url}/s.zarr")
    for part in ((slice(None),) * 3, (1, slice(3, 5), slice(None)), (0, 299, slice(7, 499)), (1, 0, 0)):
        assert array.read(part, None, Buffers()).tobytes() == values[part].tobytes()


def remote_array(url: str, name: str = "x") -> ZarrArray:
    group = open_group(url)
    assert group is not None
    return open_arrays(group)[name]


@pytest.mark.parametrize("options", OTHERS.values(), ids=OTHERS)
def test_what_only_zarr_can_decode(share, tmp_path, options):
    values = np.cumsum(np.ones((4, 60), "f4"), axis=1)
    path = tmp_path / "s.zarr"
    make_array(make_group(path), "x", values, (2, 20), fill_value=-1, **options)
    consolidate(path)
    (path / "x" / "1.1").unlink()
    values[2:, 20:40] = -1
    array = remote_array(share(path))
    assert array.layout is not None
    assert not array.layout.direct
    np.testing.assert_array_equal(array.read((slice(None), slice(None)), None, Buffers()), values)


if not OLD_ZARR:

    @pytest.mark.parametrize("at", ["start", "end"])
    def test_shards(share, tmp_path, at):
        from zarr.codecs import BytesCodec, ShardingCodec, ZstdCodec

        values = np.cumsum(np.random.default_rng(2).normal(size=(6, 8, 40000)), axis=2).astype("f4")
        values[:2, :4] = np.nan
        chain = [BytesCodec(), ZstdCodec(level=1)]
        sharding = ShardingCodec(chunk_shape=(2, 4, 40000), codecs=chain, index_location=at)
        options = {"serializer": sharding, "compressor": None, "fill_value": np.nan}
        make_array(make_group(tmp_path / "s.zarr", 3), "x", values, (4, 8, 40000), **options)
        consolidate(tmp_path / "s.zarr")
        url = share(tmp_path / "s.zarr")
        for cache in (None, tmp_path / "cache", tmp_path / "cache"):
            array = open_arrays(open_group(url, cache))["x"]
            assert array.layout.direct
            assert array.layout.shards == (4, 8, 40000)
            for part in ((slice(None),) * 3, (3, slice(2, 5), slice(None)), (5, 7, slice(3, 4))):
                assert array.read(part, None, Buffers()).tobytes() == values[part].tobytes()


def test_stale_consolidated_metadata_are_but_a_list(http, memory, tmp_path):
    path = make_store(tmp_path / "s.zarr", "xarray", FORMATS[-1])
    consolidate(path)
    group = zarr.open_group(str(path), mode="r+", **({} if OLD_ZARR else {"use_consolidated": False}))
    group["t2m"].resize((5, 8, 26)) if not OLD_ZARR else group["t2m"].resize(5, 8, 26)
    make_array(group, "later", np.zeros(26, "f4"), (26,), dims=("lon",))
    over_http = open_arrays(open_group(f"{http.url}/s.zarr"))
    assert over_http["t2m"].shape == (5, 8, 26)
    assert "later" not in over_http
    assert "later" in open_arrays(open_group(put(path, f"{memory}/s.zarr")))


def test_consolidated_metadata_stand_in_for_documents_that_are_not_there(http, tmp_path):
    path = make_store(tmp_path / "s.zarr", "anemoi", 2)
    consolidate(path)
    for document in (*path.glob("*/.zattrs"), *path.glob("*/.zarray")):
        document.unlink()
    wanted = make_store(tmp_path / "other" / "s.zarr", "anemoi", 2)
    check_same(open_source(f"{http.url}/s.zarr"), open_source(wanted), listed=False)


STATUS = {500: "HTTP 500", 403: r"access denied \(HTTP 403", 503: "HTTP 503", 400: "HTTP 400", 410: "HTTP 410"}


@pytest.mark.parametrize("status", STATUS)
@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("direct", [False, True])
def test_an_error_of_the_server_is_no_missing_chunk(http, tmp_path, monkeypatch, status, cached, direct):
    monkeypatch.setattr(remote, "PAUSES_S", (0.0,))
    options = {} if direct else OTHERS["columns"]
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES, data_options=options)
    source = open_source(f"{http.url}/s.zarr", **({"cache": tmp_path / "cache"} if cached else {}))
    http.failing["data/1.0.0.0"] = status
    with pytest.raises(SourceError, match=rf"^{http.url}/s\.zarr/data/1\.0\.0\.0: .*{STATUS[status]}"):
        fields_of(source)
    http.failing.clear()
    assert fields_of(open_source(f"{http.url}/s.zarr")).keys() == set(np.ndindex(5, 7, 1))


@pytest.mark.parametrize("answer", [500, 403, 0])
def test_a_document_that_the_server_does_not_give(http, tmp_path, monkeypatch, answer):
    monkeypatch.setattr(remote, "PAUSES_S", (0.0,))
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES)
    for document in ("s.zarr/.zattrs", "data/.zattrs", "data/.zarray"):
        http.failing = {document: answer}
        with pytest.raises(SourceError, match=rf"{document}: "):
            open_source(f"{http.url}/s.zarr")


def test_a_store_in_a_place_that_may_not_be_listed(http, tmp_path):
    """As buckets do: what is not there is denied too."""
    path = make_store(tmp_path / "s.zarr", "anemoi", 2)
    consolidate(path)
    http.failing = {f"s.zarr/{name}": 403 for name in (".zarray", "zarr.json")}
    check_same(open_source(f"{http.url}/s.zarr"), open_source(path), listed=False)
    http.failing = {"s.zarr/.zattrs": 403}
    with pytest.raises(SourceError, match=r"s\.zarr/\.zattrs: access denied"):
        open_source(f"{http.url}/s.zarr")


def test_chunks_cut_on_their_way_and_silence(http, tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "PAUSES_S", ())
    monkeypatch.setattr(file_systems, "SILENCE_S", 0.3)
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES)
    source = open_source(f"{http.url}/s.zarr")
    http.cut.add("data/2.0.0.0")
    with pytest.raises(SourceError, match=r"data/2\.0\.0\.0: the connection broke: "):
        fields_of(source)
    http.cut.clear()
    http.silent.add("data/2.0.0.0")
    with pytest.raises(SourceError, match=r"data/2\.0\.0\.0: the server does not answer in time"):
        fields_of(source)


def test_what_passes_is_asked_again(http, tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "PAUSES_S", (0.0, 0.0))
    values = weather()
    make_anemoi(tmp_path / "s.zarr", values, NAMES)
    source = open_source(f"{http.url}/s.zarr")
    http.failing = {"data/1.0.0.0": [503, 429], "data/3.0.0.0": [0]}
    http.log.clear()
    found = fields_of(source)
    for key, field in found.items():
        np.testing.assert_array_equal(field, values[key])
    assert len(http.bodies("data/1.0.0.0")) == 3
    assert len(http.bodies("data/3.0.0.0")) == 2
    assert len(http.bodies("data/2.0.0.0")) == 1


def test_a_few_variables_of_large_chunks_are_fetched_alone(http, tmp_path, monkeypatch):
    monkeypatch.setattr(numcodecs.blosc, "use_threads", False)  # threads write their blocks in any order
    values = np.random.default_rng(3).normal(size=(2, 60, 1, 30000)).astype("f4")
    names = [f"v{i}" for i in range(60)]
    make_anemoi(tmp_path / "s.zarr", values, names, data_options={"compressor": DIRECT[1][2]})
    size = (tmp_path / "s.zarr" / "data" / "0.0.0.0").stat().st_size  # noqa: S104 (a key)
    source = open_source(f"{http.url}/s.zarr", select="v7,v8,v30")
    http.log.clear()
    for key, field in fields_of(source).items():
        np.testing.assert_array_equal(field, values[key[0], [7, 8, 30][key[1]], 0])
    asked = http.bodies()
    assert all(r.range for r in asked)
    ends = [[int(n) for n in r.range.removeprefix("bytes=").split("-")] for r in asked]
    assert sum(b - a + 1 for a, b in ends) < 0.4 * 2 * size


def test_chunks_are_fetched_whole_where_the_server_knows_no_ranges(http, tmp_path):
    values = np.random.default_rng(3).normal(size=(2, 20, 1, 3000)).astype("f4")
    make_anemoi(tmp_path / "s.zarr", values, [f"v{i}" for i in range(20)])
    http.ranges = False
    found = fields_of(open_source(f"{http.url}/s.zarr", select="v7"))
    np.testing.assert_array_equal(found[1, 0, 0], values[1, 7, 0])


def test_workers_fetch_at_once(http, tmp_path):
    from dqwatch import metrics

    values = np.random.default_rng(3).normal(size=(24, 4, 1, 208)).astype("f4")
    make_anemoi(tmp_path / "s.zarr", values, ["2t", "t_850", "t_500", "tp"])
    wanted = metrics.scan(open_source(tmp_path / "s.zarr")).tables["fields"]
    source = open_source(f"{http.url}/s.zarr")
    http.delay, http.busiest = 0.05, 0
    found = metrics.scan(source, workers=6).tables["fields"]
    assert http.busiest >= 4
    assert found.equals(wanted)


@pytest.mark.parametrize("kind", ["anemoi", "xarray"])
def test_threads_share_a_source(http, tmp_path, kind):
    path = make_store(tmp_path / "s.zarr", kind, 2)
    consolidate(path)
    source, wanted = open_source(f"{http.url}/s.zarr", cache=tmp_path / "cache"), fields_of(open_source(path))
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: fields_of(source), range(8)):
            assert all(found[key].tobytes() == values.tobytes() for key, values in wanted.items())


def test_what_is_no_group(http, tmp_path):
    make_array(make_group(tmp_path / "s.zarr", 2), "x", np.zeros(4, "f4"), (4,))
    with pytest.raises(UnsupportedDataError, match=r"s\.zarr/x: a single Zarr array"):
        open_source(f"{http.url}/s.zarr/x")
    (tmp_path / "s.zarr" / ".zgroup").write_text("{")
    with pytest.raises(SourceError, match=r"s\.zarr/\.zgroup: cannot be opened as a Zarr group"):
        open_source(f"{http.url}/s.zarr")
    (tmp_path / "s.zarr" / ".zgroup").write_text(json.dumps({"zarr_format": 2}))
    (tmp_path / "s.zarr" / "x" / ".zarray").write_text("{")
    http.index = True
    with pytest.raises(SourceError, match=r"s\.zarr"):
        open_source(f"{http.url}/s.zarr")
