"""The verb `weights` on a store of example weather: what is pointed out, what is written where, and wrong use."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from advice.cases import AIFS_1_0, AIFS_1_1, LAYOUTS, SCALERS, write
from jsonschema import Draft202012Validator

import dqwatch
from dqwatch import cli
from dqwatch.errors import UsageError
from dqwatch.expectations import load_rule_sets
from dqwatch.yaml_files import read_yaml
from examples.stores import write_store
from examples.weather import Weather

SOIL = {"swvl1", "swvl2"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "era5.zarr"
    weather = Weather(0, number=8)
    dates = np.datetime64("2004-03-01T00", "s") + np.arange(40) * np.timedelta64(6, "h")
    write_store(path, dates, [weather.states(dates)], weather.grid, description="ten days")
    return path


def failed(verdict: dqwatch.Verdict) -> dict[str, set[str | None]]:
    found: dict[str, set[str | None]] = {}
    for f in verdict.results:
        if f.status == "fail":
            found.setdefault(f.rule, set()).add(f.variable)
    return found


def test_aifs_1_0_is_pointed_out_and_1_1_is_not(store):
    old = dqwatch.weights(store, config=AIFS_1_0)
    assert failed(old) == {"weights.raw": SOIL, "weights.unnormalised": SOIL, "weights.key": {None}}
    assert (old.status, old.exit_code, old.verb) == ("warn", 0, "weights")
    new = dqwatch.weights(store, config=AIFS_1_1)
    assert failed(new) == {"weights.key": {None}}, "the store lacks some of the variables of AIFS"
    ratio = {v: t.tables["weights"].set_index("variable")["raw_share"] for v, t in (("old", old), ("new", new))}
    others = [n for n in ratio["old"].index if n not in SOIL]
    left = ratio["new"][others].sum() / ratio["old"][others].sum()
    assert ratio["old"]["swvl1"] / ratio["new"]["swvl1"] == pytest.approx(100 / left)
    assert dqwatch.weights(store, config=AIFS_1_0, fail_on="warning").exit_code == 1


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(["weights", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_command_tells_on_which_scale_it_shows(store, capsys):
    code, out, err = run(capsys, str(store), "--config", AIFS_1_0)
    assert code == 0
    (sentence,) = (line for line in err.splitlines() if line.startswith("swvl2 counts"))
    assert "it stands out by its weight alone, not in standard deviations nor in tendencies" in sentence
    assert sentence.endswith("and it is not normalised")
    assert "note: left out of the YAML, for they match no predicted variable: pl.w" in err
    assert err.splitlines()[-1].startswith("dqwatch WARN era5.zarr")
    assert "scanned" not in err
    assert "swvl2: 200" in out
    assert out.startswith("# Loss weights for anemoi-training 0.4")


def test_yaml_goes_to_a_file_and_the_document_holds_it(store, capsys, tmp_path):
    target = tmp_path / "weights.yaml"
    arguments = [str(store), "--config", AIFS_1_1, "--target", "head", "--json", "-", "--quiet"]
    code, out, err = run(capsys, *arguments, "-o", str(target))
    document = json.loads(out)
    schema = Path(dqwatch.__file__).parent / "reports" / "verdict.schema.json"
    Draft202012Validator(json.loads(schema.read_text())).validate(document)
    assert (code, document["verb"], len(err.splitlines())) == (0, "weights", 1)
    assert document["advice"]["target"] == "head"
    assert document["advice"]["layout"] == "aifs1"
    assert target.read_text() == document["advice"]["yaml"]
    content, _ = read_yaml(target)
    found = content["training"]["scalers"]["datasets"]["data"]["general_variable"]["weights"]
    assert found["swvl2"] == 2
    assert found["default"] == 1
    assert "w" not in found, "no variable of the data"
    capsys.readouterr()
    _, out, _ = run(capsys, *arguments)
    assert json.loads(out), "with JSON on stdout the YAML stands in it alone"


def test_group_files_together_make_a_configuration(store, tmp_path):
    scalers = write(tmp_path, "scalers.yaml", {"datasets": {"data": SCALERS}})
    data = write(tmp_path, "data.yaml", {"datasets": {"data": {"forcing": ["lsm", "z"]}}})
    verdict = dqwatch.weights(store, config=[scalers, data])
    assert {"lsm", "z"}.isdisjoint(verdict.tables["weights"]["variable"])
    assert verdict.advice is not None
    assert verdict.advice["target"] == "head"
    assert failed(verdict)["weights.raw"] == {"swvl1"}


def test_weights_that_the_loss_does_not_use_are_told(store, tmp_path):
    loss = {"datasets": {"data": {"scalers": ["node_weights"]}}}
    path = write(tmp_path, "c.yaml", {"training": LAYOUTS["head"] | {"training_loss": loss}})
    notes = dqwatch.weights(store, config=path).notes
    assert "the loss does not use these weights: its scalers do not name general_variable" in notes


def test_a_variable_that_dominates_on_the_other_scales_is_pointed_out(store, tmp_path):
    """Two metres temperature is not normalised: its variance, and that of its change, are hundreds of K^2."""
    data = {"forcing": ["lsm", "z"], "normalizer": {"none": ["2t"]}, "timestep": "6h"}
    weights = SCALERS["general_variable"] | {"weights": {"default": 1}}
    config = {"training": {"scalers": {"general_variable": weights}, "training_loss": {"scalers": ["*"]}}, "data": data}
    found = failed(dqwatch.weights(store, config=write(tmp_path, "c.yaml", config)))
    assert found == {"weights.sd": {"2t"}, "weights.tendency": {"2t"}}


def test_every_rule_is_tripped_here():
    (rules,) = load_rule_sets(["weights"])
    tripped = {"weights.raw", "weights.sd", "weights.tendency", "weights.unnormalised", "weights.key"}
    assert {rule.id for rule in rules.rules} == tripped


def test_wrong_use_is_one_line(store, capsys, tmp_path):
    code, _, err = run(capsys, str(store), "--config", write(tmp_path, "c.yaml", {"training": {"lr": {}}}))
    assert (code, len(err.splitlines())) == (2, 1)
    assert "no loss weights" in err
    code, _, err = run(capsys, str(store))
    assert code == 2
    assert "--config" in err
    code, _, err = run(capsys, str(store), "--config", AIFS_1_0, "--target", "2.0")
    assert code == 2
    assert "--target" in err
    code, _, err = run(capsys, str(store), "--config", AIFS_1_0, "-o", str(tmp_path))
    assert code == 2
    assert "is a folder" in err
    with pytest.raises(UsageError, match="target: got"):
        dqwatch.weights(store, config=AIFS_1_0, target="2.0")  # type: ignore[arg-type]


SLIPS = {
    "swlv1": r"no variable is called so; near are swvl1",
    "my_index": r"no variable is called so; correct it",
    "t_850": r"this variable is looked up by 't'",
    "t_70": r"the data have 't_850', which is looked up by 't'",
    "2m_temperature": r"the data have '2t', which is looked up by '2t'",
    "t2m": r"the data have '2t', which is looked up by '2t'",
}


def with_weights(folder: Path, weights: dict[str, float], layout: str = "head") -> str:
    """A configuration with some weights and forcings."""
    general = SCALERS["general_variable"] | {"weights": {"default": 1, **weights}}
    training = LAYOUTS[layout] | {"scalers": {"datasets": {"data": {"general_variable": general}}}}
    return write(folder, "mine.yaml", {"training": training, "data": {"forcing": ["lsm", "z"], "timestep": "6h"}})


@pytest.mark.parametrize("key", SLIPS)
def test_a_weight_for_what_is_no_variable_is_refused(store, capsys, tmp_path, key):
    config = with_weights(tmp_path, {"t": 6, key: 3})
    code, out, err = run(capsys, str(store), "--config", config)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    begin = f"mine.yaml: loss weight '{key}' is for no predicted variable of era5.zarr, training would ignore it: "
    assert begin in err
    assert re.search(SLIPS[key], err)
    assert err.rstrip().endswith("let it pass by --allow-unmatched")
    code, out, err = run(capsys, str(store), "--config", config, "--allow-unmatched")
    assert code == 0
    assert f"match no predicted variable: {key}" in err
    assert key not in read_yaml_text(out, tmp_path)


def read_yaml_text(text: str, folder: Path) -> dict:
    """The weights in a document for the newest layout."""
    (folder / "out.yaml").write_text(text)
    return read_yaml(folder / "out.yaml")[0]["training"]["scalers"]["datasets"]["data"]["general_variable"]["weights"]


def test_several_slips_are_counted_and_old_layouts_have_groups(store, tmp_path):
    with pytest.raises(UsageError, match=r"'swlv1' .* \(and 1 more: swlv2\)"):
        dqwatch.weights(store, config=with_weights(tmp_path, {"swlv1": 1, "swlv2": 2, "w": 0.001}))
    old = {"variable_loss_scaling": {"default": 1, "pl": {"2t": 4}, "sfc": {"swvl1": 1}}}
    config = write(tmp_path, "old.yaml", {"training": old, "data": {"forcing": ["lsm", "z"]}})
    with pytest.raises(UsageError, match=r"loss weight 'pl\.2t' .* looked up by 'sfc\.2t'"):
        dqwatch.weights(store, config=config)


def test_weights_of_variables_that_the_data_lack_pass(store, tmp_path):
    """Those that come with anemoi-training, those of AIFS, and those of forcings; the rule tells of them."""
    lacking = {"w": 0.001, "tcw": 1, "ssrd": 0.05, "100u": 0.1, "lsm": 2}
    verdict = dqwatch.weights(store, config=with_weights(tmp_path, {"t": 6, **lacking}))
    (finding,) = (f for f in verdict.results if f.rule == "weights.key")
    assert (finding.status, finding.n_failed) == ("fail", len(lacking))
