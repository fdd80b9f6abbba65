"""Configurations from files of every kind."""

from __future__ import annotations

import json
import zipfile

import pytest
from advice.cases import GROUPED, LAYOUTS, SCALERS, write

from dqwatch.advice.documents import dig, merge, read_documents
from dqwatch.errors import RuleFileError, SourceError, UsageError


def test_mappings_are_merged_and_all_else_is_replaced():
    base = {"a": {"x": 1, "y": [1, 2]}, "b": 3}
    assert merge(base, {"a": {"y": [9], "z": 4}, "b": {"c": 5}}) == {"a": {"x": 1, "y": [9], "z": 4}, "b": {"c": 5}}
    assert base == {"a": {"x": 1, "y": [1, 2]}, "b": 3}, "the first is left as it was"


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({"training": {"lr": {"rate": 1e-4}}}, ("training", "lr", "rate")),
        ({"loss_scaling": GROUPED}, ("training", "loss_scaling", "pl", "t")),
        ({"variable_loss_scaling": GROUPED}, ("training", "variable_loss_scaling", "sfc", "2t")),
        (SCALERS, ("training", "scalers", "general_variable", "weights", "t")),
        ({"datasets": {"data": SCALERS}}, ("training", "scalers", "datasets", "data", "pressure_level")),
        ({"normalizer": {"default": "std"}, "forcing": ["lsm"]}, ("data", "normalizer", "default")),
        ({"datasets": {"data": {"forcing": ["lsm"]}}}, ("data", "datasets", "data", "forcing")),
    ],
)
def test_group_files_find_their_place(tmp_path, content, path):
    document = read_documents([write(tmp_path, "group.yaml", content)])
    assert dig(document.config, *path) is not None
    assert document.notes == ()


def test_the_last_file_counts_and_references_are_followed(tmp_path):
    one = write(tmp_path, "a.yaml", {"training": LAYOUTS["aifs1"], "data": {"timestep": "6h"}})
    other = write(
        tmp_path,
        "b.yaml",
        {"normalizer": {"none": ["swvl1"]}, "processors": {"normalizer": {"config": "${data.normalizer}"}}},
    )
    last = write(tmp_path, "c.yaml", {"training": {"variable_loss_scaling": {"sfc": {"swvl1": 1}}}})
    config = read_documents([one, other, last]).config
    assert dig(config, "data", "processors", "normalizer", "config", "none") == ["swvl1"]
    assert dig(config, "data", "timestep") == "6h"
    assert config["training"]["variable_loss_scaling"]["sfc"] == {"2t": 0.5, "swvl1": 1}


def test_a_list_of_defaults_is_not_followed_silently(tmp_path):
    path = write(tmp_path, "config.yaml", {"defaults": [{"training": "single"}, "_self_"], "training": {"lr": {}}})
    assert read_documents([path]).notes == ("config.yaml: its list of defaults is not followed (single)",)


@pytest.mark.parametrize("name", ["anemoi.json", "ai-models.json"])
def test_a_checkpoint_gives_its_metadata_and_nothing_is_unpickled(tmp_path, name):
    path = tmp_path / "model.ckpt"
    described = {"swvl1": {"mars": {"param": "swvl1"}}}
    content = {"config": {"training": LAYOUTS["head"]}, "dataset": {"data": {"variables_metadata": described}}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b"\x80\x02cos\nsystem\n.")
        archive.writestr(f"model/anemoi-metadata/{name}", json.dumps(content))
    document = read_documents([str(path)])
    assert dig(document.config, "training", "optimization", "lr") == 0.625e-4
    assert document.metadata == described
    plain = tmp_path / "metadata.json"
    plain.write_text(json.dumps({**content, "dataset": {"variables_metadata": described}}))
    assert read_documents([str(plain)]).metadata == described


def test_what_is_no_configuration_is_refused_in_one_line(tmp_path):
    with pytest.raises(RuleFileError, match="there is no such file"):
        read_documents([str(tmp_path / "none.yaml")])
    with pytest.raises(UsageError, match="expected a mapping"):
        read_documents([write(tmp_path, "list.yaml", [1])])
    with pytest.raises(UsageError, match=r"neither 'training' nor 'data' \(but colour\)"):
        read_documents([write(tmp_path, "other.yaml", {"colour": "red"})])
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    with pytest.raises(UsageError, match="is not JSON"):
        read_documents([str(bad)])
    with zipfile.ZipFile(tmp_path / "weights.pt", "w") as archive:
        archive.writestr("model/data.pkl", b"")
    with pytest.raises(UsageError, match="without anemoi's metadata"):
        read_documents([str(tmp_path / "weights.pt")])
    with zipfile.ZipFile(tmp_path / "broken.ckpt", "w") as archive:
        archive.writestr("model/anemoi.json", "{")
    with pytest.raises(SourceError, match="cannot be read"):
        read_documents([str(tmp_path / "broken.ckpt")])
