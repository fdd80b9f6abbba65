"""Keys as anemoi-training looks them up; tests/anemoi/test_training.py compares with the package itself."""

from __future__ import annotations

import pytest
from advice.cases import mars

from dqwatch.advice.keys import find_key, find_old_key, split_name
from dqwatch.errors import UsageError

GROUPS = {"default": "sfc", "pl": ["t", "z", "q"]}


@pytest.mark.parametrize(
    ("name", "metadata", "expected"),
    [
        ("t2m", mars("2t", "sfc"), ("2t", None, "sfc")),  # a surface variable without a level
        ("vsw_1", mars("vsw", "sol", 1), ("vsw", 1.0, "sfc")),  # a level of another kind
        ("t_850", mars("t", "pl", 850), ("t", 850.0, "pl")),
        ("t_850", mars("130", "pl", ["850"]), ("130", 850.0, "sfc")),
        ("t_850", mars("130", "pl"), ("t", 850.0, "pl")),  # a level is lacking: the name counts
        ("2t_2", mars("x", "sfc", 2), ("2t", 2.0, "sfc")),  # a surface with a level: the name counts
        ("swvl1", {}, ("swvl1", None, "sfc")),
        ("swvl_1", {}, ("swvl", 1.0, "sfc")),
        ("cos_latitude", {"computed_forcing": True}, ("cos_latitude", None, "sfc")),
    ],
)
def test_keys(name, metadata, expected):
    assert tuple(find_key(name, metadata, GROUPS)) == expected


def test_groups_by_kind_of_level():
    groups = {"default": "sfc", "pl": {"is_pressure_level": True, "param": ["t"]}}
    assert find_key("t_850", mars("t", "pl", 850), groups).group == "pl"
    assert find_key("z_850", mars("z", "pl", 850), groups).group == "sfc"
    assert find_key("t_3", mars("t", "ml", 3), groups).group == "sfc"
    with pytest.raises(UsageError, match="'t' has no metadata"):
        find_key("t_850", {}, groups)
    with pytest.raises(UsageError, match="asks for 'is_accumulation'"):
        find_key("t_850", mars("t", "pl", 850), {"pl": {"is_accumulation": True}})


def test_names_with_and_without_a_level():
    assert split_name("q_1000") == ("q", 1000)
    assert split_name("sin_mwd") == ("sin_mwd", None)
    assert split_name("swvl1") == ("swvl1", None)
    assert tuple(find_old_key("t_850")) == ("t", 850.0, "pl")
    assert tuple(find_old_key("a_b_7")) == ("a", 7.0, "pl"), "up to 0.4: what stands before the first underscore"
    assert tuple(find_old_key("2t")) == ("2t", None, "sfc")
