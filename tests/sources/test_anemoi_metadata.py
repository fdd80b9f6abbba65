"""Variables and lengths of time from the attributes of an anemoi data set."""

from __future__ import annotations

import pytest

from dqwatch.sources.anemoi_metadata import make_variables, read_span


@pytest.mark.parametrize(
    ("attrs", "expected"),
    [
        ({"allow_nans": True}, [True, True]),
        ({"allow_nans": False}, [False, False]),
        ({"allow_nans": ["msl"]}, [False, True]),
        ({"variables_with_nans": ["2t"]}, [True, False]),
        ({"allow_nans": True, "variables_with_nans": ["2t"]}, [True, False]),
        ({}, [None, None]),
    ],
)
def test_where_nan_is_allowed(attrs, expected):
    assert [v.nan_allowed for v in make_variables(["2t", "msl"], attrs, 1)] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("t_850", ("t_850", "t", 850, "pl")),
        ("q_50", ("q_50", "q", 50, "pl")),
        ("10u", ("10u", "10u", None, None)),
        ("swvl2", ("swvl2", "swvl2", None, None)),
        ("unheard_7", ("unheard_7", "unheard", 7, None)),
        ("cos_latitude", ("cos_latitude", "cos_latitude", None, None)),
    ],
)
def test_names_without_metadata(name, expected):
    (variable,) = make_variables([name], {}, 1)
    assert (variable.name, variable.param, variable.level, variable.level_type) == expected


def test_names_of_their_own_get_those_of_the_catalogue():
    metadata = {
        "t2m": {"mars": {"param": "2t", "levtype": "sfc"}},
        "temp850": {"mars": {"param": "t", "levtype": "pl", "levelist": 850}},
    }
    first, second = make_variables(["t2m", "temp850"], {"variables_metadata": metadata}, 1)
    assert (first.name, first.source_name) == ("2t", "t2m")
    assert (second.name, second.source_name, second.level) == ("t_850", "temp850", 850)


def test_two_names_of_one_quantity_stay_apart():
    metadata = {"t2m": {"mars": {"param": "2t", "levtype": "sfc"}}}
    both = make_variables(["2t", "t2m"], {"variables_metadata": metadata}, 1)
    assert [v.name for v in both] == ["2t", "t2m"]
    assert [v.param for v in both] == ["2t", "2t"]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"process": "accumulation", "period": ["0h", "6h"]}, ("accumulation", 6)),
        ({"process": "accumulation", "period": [0, 24]}, ("accumulation", 24)),
        ({"process": "average", "period": ["1d", "2d"]}, ("mean", 24)),
        ({"process": "maximum", "period": ["3h", "3h"]}, ("maximum", None)),
        ({"process": "minimum"}, ("minimum", None)),
        ({"process": "accumulation", "period": "6h"}, ("accumulation", None)),
        ({"process": 3, "period": None}, ("instant", None)),
        ({"constant_in_time": True}, ("constant", None)),
    ],
)
def test_processing(metadata, expected):
    (variable,) = make_variables(["tp"], {"variables_metadata": {"tp": metadata}}, 1)
    assert (variable.kind, variable.period) == expected


def test_constant_fields_count_where_there_are_no_metadata():
    kinds = [v.kind for v in make_variables(["z", "2t"], {"constant_fields": ["z"]}, 1)]
    assert kinds == ["constant", "instant"]
    metadata = {"z": {"mars": {"param": "z", "levtype": "sfc"}}}
    (z,) = make_variables(["z"], {"constant_fields": ["z"], "variables_metadata": metadata}, 1)
    assert z.kind == "instant"


@pytest.mark.parametrize(
    "metadata",
    [
        3,
        [],
        {"2t": 3},
        {"2t": {"mars": 3, "units": 4, "process": [], "period": {}}},
        {"2t": {"mars": {"param": "2t", "levtype": 4, "levelist": "high"}}},
        {"2t": {"mars": {"param": 167}}},
    ],
)
def test_odd_metadata_do_no_harm(metadata):
    (variable,) = make_variables(["2t"], {"variables_metadata": metadata, "allow_nans": 3, "constant_fields": 3}, 1)
    assert (variable.name, variable.param, variable.level) == ("2t", "2t", None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6h", 21600),
        (6, 21600),
        ("6", 21600),
        ("1d", 86400),
        ("30m", 1800),
        ("10s", 10),
        ("2w", 1209600),
        ("PT6H", 21600),
        ("P1DT12H", 129600),
        ("6:00:00", 21600),
        ("1 day, 0:00:00", 86400),
        (1.5, 5400),
        ("monthly", None),
        ("", None),
        ("P", None),
        (None, None),
        (True, None),
        ([6], None),
        ("6 parsecs", None),
    ],
)
def test_lengths_of_time(text, seconds):
    assert read_span(text) == seconds
