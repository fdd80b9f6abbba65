"""Servers for the tests of URLs; `remote_servers` says what they can do."""

from __future__ import annotations

import itertools
import logging

import fsspec
import pytest
from sources.remote_servers import data_server


@pytest.fixture
def http(tmp_path, monkeypatch):
    """A server of HTTP for the files of `tmp_path`."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with data_server(tmp_path) as server:
        yield server


@pytest.fixture(scope="session")
def s3_port():
    """The port of an S3 server."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


_numbers = itertools.count()


@pytest.fixture
def s3_user(monkeypatch):
    """Somebody whose credentials and server are set as they are for s3fs and everything else that uses boto."""
    import s3fs

    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "none",
        "AWS_SHARED_CREDENTIALS_FILE": "none",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    s3fs.S3FileSystem.clear_instance_cache()
    yield monkeypatch
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def s3(s3_port, s3_user):
    """The URL of an empty bucket."""
    s3_user.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3_port}")
    bucket = f"bucket{next(_numbers)}"
    fsspec.filesystem("s3").mkdir(bucket)
    return f"s3://{bucket}"


@pytest.fixture
def memory():
    """The URL of an empty folder in memory."""
    fs = fsspec.filesystem("memory")
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]
    yield "memory://data"
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]


@pytest.fixture(params=["http", "s3", "memory"])
def share(request, tmp_path):
    """A function that makes a path under `tmp_path` available at a URL, which it returns."""
    from sources.remote_servers import put

    base = request.getfixturevalue(request.param)

    def shared(path):
        if request.param == "http":
            return f"{base.url}/{path.relative_to(tmp_path)}"
        return put(path, f"{base}/{path.name}")

    return shared
