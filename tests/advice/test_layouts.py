"""Weights as YAML for every generation of anemoi-training: read back they are the same weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from advice.cases import LAYOUTS, mars, training, variable_source

from dqwatch.advice.documents import read_documents
from dqwatch.advice.layouts import assign, check_keys, target_key, write_yaml
from dqwatch.advice.shares import Weighed, weigh
from dqwatch.advice.statistics import Statistics
from dqwatch.advice.training import Training, read_training
from dqwatch.errors import UsageError

NAMES = ["t_850", "t_500", "z_500", "2t", "swvl1", "msl"]
DESCRIBED = {"t2m": mars("2t", "sfc"), "vsw_1": mars("vsw", "sol", 1), "vsw_2": mars("vsw", "sol", 2)}


def weighed_by(found: Training, names: list[str] = NAMES, **metadata: dict) -> list[Weighed]:
    known = [Statistics(0.0, 1.0, 0.0, 1.0, 0.5)] * len(names)
    return weigh(variable_source(names, metadata), known, found)[0]


@pytest.mark.parametrize("target", LAYOUTS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_is_written_as_any_other(layout: str, target: str, tmp_path: Path):
    now = training(layout)
    weighed = weighed_by(now)
    wanted = assign(weighed, [w.weight for w in weighed], target, now)
    check_keys(wanted, {w.variable.source_name: target_key(w, target, now) for w in weighed})
    path = tmp_path / "weights.yaml"
    path.write_text(write_yaml(wanted, now.default, target, dataset="data", remarks=["a remark"]))
    assert "# a remark\n" in path.read_text()
    again = read_training(read_documents([str(path)]))
    assert again.layout == target
    assert [again.weight(again.key(n, {})) for n in NAMES] == [6, 6, 12, 0.5, 100, 1]


def test_levels_share_a_key_which_gets_their_mean_by_part_of_the_loss():
    now = training("head")
    weighed = weighed_by(now)
    wanted = [3.0, 6.0, 12.0, 0.5, 10.0, 1.0]
    found = assign(weighed, wanted, "head", now)
    # t_850 counts 6 x .85, t_500 6 x .5
    assert found == pytest.approx({"t": (3 * 0.85 + 6 * 0.5) / 1.35, "z": 12, "2t": 0.5, "swvl1": 10})


def test_a_variable_without_a_weight_of_its_own_gets_one_when_it_is_to_change():
    now = training("head")
    found = assign(weighed_by(now), [6, 6, 12, 0.5, 100, 0.25], "head", now)
    assert found["msl"] == 0.25


def test_a_key_for_several_weights_is_refused():
    now = training("aifs1", variable_loss_scaling={"default": 1, "sfc": {"2t": 2, "t2m": 3}})
    weighed = weighed_by(now, ["2t", "t2m"], t2m=mars("2t", "sfc"))
    with pytest.raises(UsageError, match="'2t' is one key there, but has several weights now: 2t 2, t2m 3"):
        assign(weighed, [2, 3], "head", now)


def test_keys_are_those_that_training_looks_up():
    now = training("head")
    weighed = weighed_by(now, ["t2m", "vsw_1", "vsw_2"], **DESCRIBED)
    names = {w.variable.source_name: target_key(w, "head", now) for w in weighed}
    assert names == {"t2m": "2t", "vsw_1": "vsw", "vsw_2": "vsw"}
    assert [target_key(w, "aifs1", now) for w in weighed] == ["sfc.t2m", "pl.vsw", "pl.vsw"]
    check_keys(["default", "2t", "vsw"], names)
    with pytest.raises(UsageError, match="'vsw_1': training looks this variable up by 'vsw'; weigh that key"):
        check_keys(["vsw_1"], names)
    with pytest.raises(UsageError, match=r"'vsw_7': matches no variable of the data.*there is 'vsw'"):
        check_keys(["vsw_7"], names)
    with pytest.raises(UsageError, match="'swlv1': matches no variable"):
        check_keys(["swlv1"], names)


def test_an_unknown_target_is_refused():
    with pytest.raises(UsageError, match=r"target: got '2\.0'; give one of head, aifs2, 0\.5, aifs1, 0\.3"):
        write_yaml({}, 1.0, "2.0", dataset="data")
