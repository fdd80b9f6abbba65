"""The file of variables: complete for AIFS and CMIP, sourced, unambiguous; what is wrong with a file is named."""

from __future__ import annotations

import json
import math
import re
from itertools import combinations, pairwise
from pathlib import Path

import jsonschema
import pytest
import yaml
from conftest import ROOT

from dqwatch import units
from dqwatch.catalogue import Catalogue, Entry, load_catalogue
from dqwatch.errors import RuleFileError

FILE = ROOT / "rules" / "variables.yaml"
CATALOGUE = load_catalogue()
ENTRIES = list(CATALOGUE.entries.values())

AIFS_LEVELS = (50, 100, 150, 200, 250, 300, 400, 500, 600, 700, 850, 925, 1000)
AIFS_SURFACE = [
    "10u", "10v", "2d", "2t", "msl", "skt", "sp", "tcw", "swvl1", "swvl2", "stl1", "stl2", "lsm", "sdor", "slor",
    "z", "insolation", "cos_latitude", "sin_latitude", "cos_longitude", "sin_longitude", "cos_julian_day",
    "sin_julian_day", "cos_local_time", "sin_local_time", "tp", "cp", "sf", "tcc", "hcc", "lcc", "mcc", "ro",
    "ssrd", "strd", "100u", "100v",
]  # fmt: skip
AIFS_GRIB2 = [
    "vsw", "sot", "rowe", "fscov", "sd", "swvl3", "swvl4", "stl3", "stl4",
]  # fmt: skip
CMIP = [
    "tas", "tasmin", "tasmax", "pr", "prc", "prsn", "psl", "ps", "ta", "ua", "va", "hus", "hur", "huss", "hurs",
    "zg", "wap", "rsds", "rlds", "rsus", "rlus", "rsdt", "rsut", "rlut", "tos", "siconc", "sfcWind", "uas", "vas",
    "mrsos", "mrso", "orog", "sftlf", "clt", "hfls", "hfss", "evspsbl", "prw", "ts", "snw", "snd", "thetao", "so",
    "zos", "uo", "vo", "mrro", "tauu", "tauv", "o3",
]  # fmt: skip


def entry(param: str) -> Entry:
    return CATALOGUE.entries[param]


def test_the_schema_validates_the_file() -> None:
    schema = json.loads((ROOT / "rules" / "variables.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(FILE.read_text()), schema)


def test_the_schema_and_the_loader_know_the_same_keys() -> None:
    schema = json.loads((ROOT / "rules" / "variables.schema.json").read_text())
    assert {*schema["$defs"]["entry"]["properties"], "param"} == set(Entry.__dataclass_fields__)


@pytest.mark.parametrize("name", [*AIFS_SURFACE, *AIFS_GRIB2, "q", "t", "u", "v", "w", "z"])
def test_every_aifs_variable_has_a_range_and_its_source(name: str) -> None:
    found = CATALOGUE.identify(name, naming="ecmwf")
    assert found is not None
    assert found.range_source
    assert all(math.isfinite(v) for v in found.range)


@pytest.mark.parametrize("param", ["q", "t", "u", "v", "w", "z"])
@pytest.mark.parametrize("level", AIFS_LEVELS)
def test_every_aifs_level_has_limits_within_the_widest(param: str, level: int) -> None:
    limits, widest = entry(param).limits(level, "pl"), entry(param).limits()
    assert widest.lo <= limits.lo < limits.hi <= widest.hi
    assert any(b.lo <= level <= b.hi for b in entry(param).levels if b.type == "pl")


@pytest.mark.parametrize("name", CMIP)
def test_every_usual_cmip_name_is_known(name: str) -> None:
    level_type = {"thetao": "depth", "so": "depth", "vo": "depth", "o3": "pl"}.get(name)
    found = CATALOGUE.identify(name, level_type=level_type, units={"ts": "K", "vo": "m s-1"}.get(name))
    assert found is not None
    assert found.param != "vo"


def test_a_name_in_two_entries_is_told_apart_by_units_or_place() -> None:
    for name, entries in CATALOGUE._names.items():
        for a, b in combinations(entries, 2):
            places = {"level", "depth"} == {a.vertical, b.vertical} or {"level", "surface"} == {a.vertical, b.vertical}
            assert not units.convertible(a.units, b.units) or places, f"{name}: {a.param} or {b.param}?"


def test_canonical_names_are_unique_and_figures_ordered() -> None:
    keys = re.findall(r'^  "?(\w+)"?:', FILE.read_text(), re.MULTILINE)
    assert len(keys) == len(set(keys)) == len(ENTRIES) > 150
    for e in ENTRIES:
        ranges = [e.range, *(b.range for b in e.levels)]
        assert all(lo < hi for lo, hi in ranges)
        assert all(e.range[0] <= lo and hi <= e.range[1] for lo, hi in ranges), f"{e.param}: a band beyond the range"
        for inner in (e.usual, e.mean):
            assert inner is None or (e.range[0] <= inner[0] < inner[1] <= e.range[1]), e.param
        assert e.usual is None or e.usual_source
        assert len(e.aliases) == len(set(e.aliases))
        assert e.param not in e.aliases
        assert (e.growth is not None) == (e.kind == "accumulation"), e.param


def test_bands_cover_every_pressure_from_the_top_to_below_the_sea() -> None:
    for e in ENTRIES:
        bands = sorted((b.lo, b.hi) for b in e.levels if b.type == "pl")
        if bands:
            assert bands[0][0] == 0
            assert bands[-1][1] >= 1100
            assert all(a[1] >= b[0] for a, b in pairwise(bands)), f"{e.param}: a gap between bands"


GOOD = "version: 1\nvariables:\n  a:\n    name: A\n    units: K\n    range: [0, 1]\n    range_source: me\n"
BAD = [
    ("", "version"),
    ("version: 2\nvariables: {}\n", "version"),
    ("variables: [", "YAML"),
    (GOOD + "    rnage: [0, 1]\n", "'a': unknown key 'rnage'; an entry takes name, units"),
    (GOOD.replace("    range_source: me\n", ""), "'a': key 'range_source' is missing"),
    (GOOD.replace("[0, 1]", "[1, 0]"), "'a': key 'range': got [1, 0]; allowed: low below high"),
    (GOOD.replace("[0, 1]", "[0, x]"), "allowed: a number"),
    (GOOD.replace("[0, 1]", "3"), "allowed: [low, high]"),
    (GOOD.replace("units: K", "units: none"), "allowed: units"),
    (GOOD + "    kind: monthly\n", "'a': key 'kind': got 'monthly'; allowed: instant, accumulation"),
    (GOOD + "    mask: [land]\n", "'a': key 'mask'"),
    (GOOD + "    usual: [0, 1]\n", "'usual_source' is missing"),
    (GOOD + "    growth: 2\n", "'a': key 'growth': got 2; allowed"),
    (GOOD + "    aliases: [no]\n", "'a': key 'aliases': got [False]"),
    (GOOD + "    weak: [b]\n", "'b' is no name of this entry"),
    (GOOD + "    levels: [{max: 3}]\n", "'a': key 'levels'"),
    (GOOD + "    levels: {max: 3}\n", "allowed: a list"),
    (GOOD + "    equivalents: [{units: m}]\n", "'a': key 'equivalents'"),
    (GOOD + "    equivalents: [{units: m, factor: -1}]\n", "allowed: above 0"),
    (GOOD + "    confusions: [m]\n", "'m' does not convert to 'K'"),
    (GOOD + "    name: B\n", "given twice"),
    (GOOD + "  b: 3\n", "'b': got 3"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_wrong_file_is_named_with_variable_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(RuleFileError) as caught:
        load_catalogue(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_catalogue_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace("[0, 1]", "[null, 1e-4]"))
    own = load_catalogue(path)
    assert isinstance(own, Catalogue)
    assert own.entries["a"].limits() == (-math.inf, 1e-4, -math.inf, math.inf)
    with pytest.raises(RuleFileError, match=r"absent\.yaml"):
        load_catalogue(tmp_path / "absent.yaml")
