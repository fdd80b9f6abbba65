"""The command on data behind URLs: with a cache the second run fetches no chunk, and errors are a line and a code."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sources.remote_servers import data_server
from sources.zarr_files import make_anemoi

import dqwatch
from dqwatch.cli import main

NAMES = ["2t", "t_850", "msl", "tp"]


@pytest.fixture
def http(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    values = np.random.default_rng(1).normal(280, 5, (4, 4, 1, 208)).astype("f4")
    values[:, 2], values[:, 3] = values[:, 2] * 300, abs(values[:, 3] - 280) / 1e3
    make_anemoi(tmp_path / "s.zarr", values, NAMES)
    with data_server(tmp_path) as server:
        yield server


def chunks(http) -> int:
    return len([r for r in http.bodies() if "/data/" in r.path and r.path[-1].isdigit()])


def skipped(document) -> set[str]:
    return {f["rule"] for f in document["findings"] if f["status"] == "skipped"}


@pytest.mark.parametrize("verb", ["audit", "gate", "inspect"])
def test_a_verb_with_a_cache(http, tmp_path, capfd, verb):
    words = [verb, f"{http.url}/s.zarr", "--json", str(tmp_path / "out.json"), "--cache", str(tmp_path / "cache")]
    local = [verb, str(tmp_path / "s.zarr"), "--json", str(tmp_path / "local.json")]
    codes, fetched = [], []
    for _ in range(2):
        http.log.clear()
        codes.append(main(words))
        fetched.append(chunks(http))
    assert fetched[1] == 0 < fetched[0]
    assert codes == [main(local)] * 2
    found, wanted = (json.loads((tmp_path / name).read_text()) for name in ("out.json", "local.json"))
    if verb == "inspect":
        assert found["inspection"]["variables"] == wanted["inspection"]["variables"]
    else:  # HTTP lists no objects: rules on them cannot be judged
        more = skipped(found) - skipped(wanted)
        assert more == ({"chunk.count", "zarr.missing_chunks", "zarr.empty_chunks"} if verb == "audit" else set())
        assert wanted["summary"].pop("pass") - found["summary"].pop("pass") == len(more)
        assert wanted["summary"].pop("rules") - found["summary"].pop("rules") == len(more)
        assert (found["summary"], found["inputs"]) == (wanted["summary"], wanted["inputs"])
        looked_at = [[f for f in v["findings"] if f["status"] != "skipped"] for v in (found, wanted)]
        assert looked_at[0] == looked_at[1] != []


def test_from_python(http, tmp_path):
    for _ in range(2):
        http.log.clear()
        verdict = dqwatch.audit(f"{http.url}/s.zarr", against=f"{http.url}/s.zarr", cache=tmp_path / "cache")
        assert set(verdict.tables["fields"]["variable"]) == set(NAMES)
    assert chunks(http) == 0
    http.log.clear()
    dqwatch.gate(f"{http.url}/s.zarr")
    assert chunks(http) >= 4


def test_errors_are_a_line_and_a_code(http, tmp_path, capfd):
    (tmp_path / "file").touch()
    for words, code, text in (
        ([f"{http.url}/none.zarr"], 3, "none.zarr: there is no such file, and no Zarr store with this address"),
        (["gopher://host/x"], 2, "unknown protocol 'gopher'"),
        ([f"{http.url}/s.zarr", "--cache", str(tmp_path / "file")], 2, "file: cannot be used: "),
    ):
        assert main(["gate", *words]) == code
        lines = capfd.readouterr().err.splitlines()
        assert len(lines) == 1
        assert text in lines[0]


def test_secrets_in_urls_are_not_repeated(http, tmp_path, capfd):
    url = f"{http.url}/none.nc?token=secret"
    assert main(["gate", url, "--json", str(tmp_path / "out.json")]) == 3
    assert "secret" not in capfd.readouterr().err + (tmp_path / "out.json").read_text()


def test_a_pattern_over_http_is_refused_in_one_line(capfd):
    assert main(["audit", "http://127.0.0.1:9/a/*.nc?key=1"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err == (
        "dqwatch: http://127.0.0.1:9/a/*.nc?...: over HTTP files cannot be listed, '*' means nothing; give each URL\n"
    )
