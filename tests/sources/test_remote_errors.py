"""What goes wrong with URLs is one line that names the URL and the reason; nothing is fetched unless asked."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap

import fsspec
import pytest
from sources.anemoi_files import NAMES, weather
from sources.remote_servers import put
from sources.zarr_files import make_anemoi

from dqwatch.errors import MissingExtraError, SourceError, SourceNotFoundError, UnsupportedDataError
from dqwatch.sources import file_systems, open_source, remote, urls


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(remote, "PAUSES_S", ())


def complaint(url: str, kind: type[Exception] = SourceError) -> str:
    with pytest.raises(kind) as caught:
        open_source(url)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.fixture
def dead_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


@pytest.mark.parametrize("name", ["x.nc", "x.zarr", "x.grib2", "x/"])
def test_nothing_there(share, http, s3, memory, name):
    for base in (http.url, s3, memory):
        text = complaint(f"{base}/none/{name}", SourceNotFoundError)
        assert text == f"{base}/none/{name}: there is no such file, and no Zarr store with this address"


def test_a_server_that_is_not_there(dead_port, s3_user):
    url = f"http://127.0.0.1:{dead_port}/x.nc"
    assert complaint(url).startswith(f"{url}: the server cannot be reached: ")
    s3_user.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{dead_port}")
    s3_user.setenv("AWS_MAX_ATTEMPTS", "1")
    assert complaint("s3://bucket/x.nc").startswith("s3://bucket/x.nc: the server cannot be reached: ")


def test_a_name_that_is_no_server(monkeypatch):
    def nobody(*_args, **_options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    fsspec.get_filesystem_class("https").clear_instance_cache()
    text = complaint("https://no.such.server/x.zarr")
    assert text.startswith("https://no.such.server/x.zarr/.z")
    assert "the server cannot be reached: " in text


def test_a_silent_server(http, tmp_path, monkeypatch):
    monkeypatch.setattr(file_systems, "SILENCE_S", 0.2)
    (tmp_path / "x.nc").write_bytes(b"CDF")
    http.silent.add("x.nc")
    assert complaint(f"{http.url}/x.nc").startswith(f"{http.url}/x.nc: the server does not answer in time (")


@pytest.mark.parametrize("status", [401, 403, 407])
@pytest.mark.parametrize("name", ["x.nc", "x.zarr"])
def test_denied_over_http(http, status, name):
    http.failing[""] = status
    text = complaint(f"{http.url}/{name}")
    assert text.startswith(f"{http.url}/{name}")
    assert f": access denied (HTTP {status} " in text
    assert 'FSSPEC_HTTP=\'{"headers": ' in text


@pytest.mark.parametrize("status", [500, 502, 429, 418])
def test_errors_of_the_server(http, status):
    http.failing[""] = status
    assert f"x.zarr/.zgroup: cannot be read: HTTP {status}" in complaint(f"{http.url}/x.zarr")
    assert f"x.nc: cannot be read: HTTP {status}" in complaint(f"{http.url}/x.nc")


def test_headers_of_the_users_own(http, tmp_path, monkeypatch):
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES)
    monkeypatch.setitem(fsspec.config.conf, "http", {"headers": {"Authorization": "Bearer me"}})
    open_source(f"{http.url}/s.zarr")
    assert {r.authorization for r in http.log} == {"Bearer me"}


def test_wrong_options_of_the_users_own(monkeypatch):
    monkeypatch.setitem(fsspec.config.conf, "s3", {"use_ssl": "no", "config_kwargs": 3})
    text = complaint("s3://bucket/x.nc")
    assert text.startswith("s3://bucket/x.nc: ")


def test_no_such_bucket(s3):
    assert complaint("s3://no-such-bucket/x.zarr").endswith(": there is no such bucket")
    assert complaint("s3://no-such-bucket/x.nc").endswith(": there is no such bucket")


def test_no_credentials(s3_user, s3_port):
    s3_user.delenv("AWS_ACCESS_KEY_ID")
    s3_user.delenv("AWS_SECRET_ACCESS_KEY")
    s3_user.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3_port}")
    text = complaint("s3://bucket/x.nc")
    assert text.startswith("s3://bucket/x.nc: no credentials (Unable to locate credentials); set AWS_ACCESS_KEY_ID ")
    assert "FSSPEC_S3='{\"anon\": true}'" in text


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "ExpiredToken"])
def test_bad_credentials(http, s3_user, code):
    s3_user.setenv("AWS_ENDPOINT_URL", http.url)
    http.failing[""] = 403
    http.s3_codes[403] = code
    text = complaint("s3://bucket/x.zarr")
    assert text.startswith(f"s3://bucket/x.zarr/.zgroup: access denied ({code}); set AWS_ACCESS_KEY_ID ")


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (403, "AccessDenied"), (404, "NoSuchBucket")])
@pytest.mark.parametrize("cached", [False, True])
def test_an_error_of_s3_is_no_missing_chunk(http, s3_user, tmp_path, status, code, cached):
    """A plain server is an S3 server that cannot list."""
    from sources.anemoi_files import fields_of

    make_anemoi(tmp_path / "bucket" / "s.zarr", weather(), NAMES)
    s3_user.setenv("AWS_ENDPOINT_URL", http.url)
    s3_user.setenv("AWS_MAX_ATTEMPTS", "1")
    http.failing = {"/bucket": 403}
    http.s3_codes = {403: "AccessDenied", 404: "NoSuchKey"}
    source = open_source("s3://bucket/s.zarr", **({"cache": tmp_path / "cache"} if cached else {}))
    http.failing["data/1.0.0.0"] = status
    http.s3_codes[status] = code
    with pytest.raises(SourceError, match=r"^s3://bucket/s\.zarr/data/1\.0\.0\.0: "):
        fields_of(source)
    assert {a.objects for a in source.arrays()} == {None}


def test_a_public_bucket(s3, s3_user, tmp_path, monkeypatch):
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES)
    url = put(tmp_path / "s.zarr", f"{s3}/s.zarr")
    fs = fsspec.filesystem("s3")
    for path in (s3, *fs.find(s3)):
        fs.chmod(path, acl="public-read")
    s3_user.delenv("AWS_ACCESS_KEY_ID")
    s3_user.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setitem(fsspec.config.conf, "s3", {"anon": True})
    assert len(open_source(url).variables) == len(NAMES)


def test_unknown_protocols():
    text = complaint("gopher://somewhere/x.nc", UnsupportedDataError)
    assert text.startswith(
        "gopher://somewhere/x.nc: unknown protocol 'gopher'; there are file, http, https, memory, s3, "
    )
    assert "chained URLs" in complaint("simplecache::https://somewhere/x.nc", UnsupportedDataError)


@pytest.mark.parametrize(("url", "package"), [("https://host/x.nc", "aiohttp"), ("s3://bucket/x.zarr", "s3fs")])
def test_a_missing_extra_is_named(monkeypatch, url, package):
    monkeypatch.setitem(sys.modules, package, None)
    for module in ("fsspec.implementations.http", "s3fs", "s3fs.core"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, url.split(":")[0], raising=False)
    text = complaint(url, MissingExtraError)
    assert text == f"{url}: reading {url.split(':')[0]} needs {package}: pip install 'dqwatch[url]'"


def test_other_packages_are_named_too(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    text = complaint("gs://bucket/x.zarr", MissingExtraError)
    assert text.startswith("gs://bucket/x.zarr: reading gs needs a package: ")
    assert "gcsfs" in text


def test_secrets_stay_out_of_messages_and_names(http, tmp_path):
    text = complaint(f"http://me:secret@127.0.0.1:{http.server_port}/x.nc?token=hidden", SourceNotFoundError)
    assert text.startswith(f"http://127.0.0.1:{http.server_port}/x.nc?...: ")
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES)
    source = open_source(f"{http.url}/s.zarr?token=hidden")
    assert source.name == "s.zarr"
    assert {r.query for r in http.log if "data/" in r.path} == {"token=hidden"}


@pytest.mark.parametrize(
    ("data", "is_one", "name"),
    [
        ("https://host/a/b.zarr/", True, "b.zarr"),
        ("s3://bucket/a%20b.nc", True, "a b.nc"),
        ("HTTP://host/b.nc?x=1/2", True, "b.nc"),
        ("memory://b.nc", True, "b.nc"),
        ("zip::s3://bucket/x", True, "x"),
        ("a:b.nc", False, "a:b.nc"),
        ("./x.zarr", False, "x.zarr"),
        (3, False, None),
    ],
)
def test_what_is_a_url(data, is_one, name):
    assert urls.is_url(data) == is_one
    if name:
        assert urls.short_name(data) == name


def test_a_local_path_loads_nothing_of_the_network(tmp_path):
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES)
    code = """
        import sys
        import dqwatch
        from dqwatch.buffers import Buffers

        source = dqwatch.open_source(sys.argv[1], cache=sys.argv[2])
        assert [f for b in source.blocks() for f in source.read(b, Buffers())] and source.arrays()
        print({"aiohttp", "s3fs", "botocore", "dqwatch.sources.remote"} & set(sys.modules))
    """
    words = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "s.zarr"), str(tmp_path / "cache")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
    assert not (tmp_path / "cache").exists()
