"""The sun against other formulas and the calendar; radiation against plain arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics.relations.scalar import check, lattice, relation, unpacked

from dqwatch.metrics.relations import Context
from dqwatch.metrics.relations.sun import find_sun, highest_elevation, mean_sunshine

SECONDS = st.integers(-631152000, 2524608000)  # 1950 to 2050


def seconds(text: str) -> float:
    return float(np.datetime64(text, "s").astype(np.int64))


def spencer(when: float) -> tuple[float, float]:
    """Declination and equation of time, degrees, by the Fourier series of Spencer (1971); good to 0.05 and 0.15."""
    stamp = np.datetime64(int(when), "s")
    year = stamp.astype("M8[Y]")
    length = ((year + np.timedelta64(1, "Y")).astype("M8[s]") - year.astype("M8[s]")) / np.timedelta64(1, "D")
    g = 2 * math.pi * float((stamp - year) / np.timedelta64(1, "D")) / length
    declination = (
        0.006918 - 0.399912 * math.cos(g) + 0.070257 * math.sin(g) - 0.006758 * math.cos(2 * g)
        + 0.000907 * math.sin(2 * g) - 0.002697 * math.cos(3 * g) + 0.00148 * math.sin(3 * g)
    )  # fmt: skip
    equation = (
        0.000075 + 0.001868 * math.cos(g) - 0.032077 * math.sin(g) - 0.014615 * math.cos(2 * g)
        - 0.04089 * math.sin(2 * g)
    )  # fmt: skip
    return math.degrees(declination), math.degrees(equation)


@given(SECONDS)
def test_the_sun_is_where_spencer_has_it(when: int) -> None:
    sun = find_sun(float(when))
    declination, equation = spencer(float(when))
    assert sun.latitude == pytest.approx(declination, abs=0.5)  # a leap year shifts the series by up to a day
    # At 12 h mean time less the equation of time the sun stands over Greenwich.
    hours = when / 3600 % 24
    east = 180 - 15 * hours - equation
    assert (sun.longitude - east + 180) % 360 - 180 == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize(
    ("when", "declination"),
    [  # equinoxes and solstices (UTC) as almanacs give them; obliquity 23.436 degrees
        ("2020-03-20T03:50", 0.0), ("2020-06-20T21:44", 23.436), ("2020-09-22T13:31", 0.0),
        ("2020-12-21T10:02", -23.436), ("1999-12-22T07:44", -23.438),
    ],
)  # fmt: skip
def test_the_sun_keeps_the_calendar(when: str, declination: float) -> None:
    assert find_sun(seconds(when)).latitude == pytest.approx(declination, abs=0.01)


def sine_of_elevation(when: float, latitude: float, longitude: float) -> float:
    """By Spencer's series and the formula of the nautical triangle."""
    declination, equation = spencer(when)
    angle = math.radians(15 * (when / 3600 % 24) + longitude + equation - 180)
    lat, dec = math.radians(latitude), math.radians(declination)
    return math.sin(lat) * math.sin(dec) + math.cos(lat) * math.cos(dec) * math.cos(angle)


PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 360))


@given(SECONDS, PLACES, st.sampled_from([0.0, 1.0, 3.0, 6.0, 12.0, 23.0, 24.0, 48.0]))
def test_highest_elevation_within_a_period(when: int, place: tuple[float, float], hours: float) -> None:
    context = Context(np.array([place[0]]), np.array([place[1]]), seconds=float(when))
    found = highest_elevation(context, hours)
    moments = np.linspace(when - 3600 * hours, when, 1 + 20 * math.ceil(hours))
    expected = max(sine_of_elevation(m, *place) for m in moments)
    assert found is not None
    assert found[0] == pytest.approx(expected, abs=0.02)


def test_nothing_is_said_of_unknown_places_and_times() -> None:
    lat, lon = np.zeros(2), np.zeros(2)
    assert highest_elevation(Context(lat, None, seconds=0.0), 1) is None
    assert highest_elevation(Context(None, lon, seconds=0.0), 1) is None
    assert highest_elevation(Context(lat, lon), 1) is None
    night = relation("night", "ssrd")
    assert night({"ssrd": np.ones(2)}, Context(lat, lon, period_h=1.0)).n_checked == 0
    assert night({"ssrd": np.ones(2)}, Context(lat, lon, seconds=0.0)).n_checked == 0
    assert night({"ssrd": np.ones(2)}, Context(lat, lon, seconds=0.0, step_h=1.0)).n_checked == 2


@given(st.floats(-1.5707, 1.5707), st.floats(-12, 12), st.floats(0.05, 23.5), st.floats(-0.4091, 0.4091))
def test_mean_sunshine_is_the_mean(latitude: float, angle: float, hours: float, declination: float) -> None:
    found = mean_sunshine(np.array([latitude]), np.array([angle]), hours, declination)[0]
    h = angle - math.radians(15 * hours) * (np.arange(20000) + 0.5) / 20000
    cosine = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(declination) * np.cos(h)
    assert found == pytest.approx(np.clip(cosine, 0, None).mean(), abs=1e-6)


def test_sunshine_of_an_instant() -> None:
    noon, midnight = mean_sunshine(np.array([0.5, 0.5]), np.array([0.0, math.pi]), 0.0, 0.2)
    assert noon == pytest.approx(math.cos(0.3))
    assert midnight == 0


ENERGY = lattice(-(2**14), 2**17, 2.0**6)
FLUX = lattice(-4, 40, 1 / 8)
PAIRS = [
    ("radiation_net", "ssr", "ssrd"), ("radiation_net", "tsr", "tisr"), ("radiation_net", "str", "strd"),
    ("radiation_direct", "fdir", "ssrd"), ("radiation_top", "ssrd", "tisr"),
]  # fmt: skip
RATES = [
    ("radiation_net", "avg_snswrf", "avg_sdswrf"), ("radiation_net", "avg_tnswrf", "avg_tdswrf"),
    ("radiation_net", "avg_snlwrf", "avg_sdlwrf"), ("radiation_top", "avg_sdswrf", "avg_tdswrf"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "first", "second"), [*PAIRS, *RATES])
@given(data=st.data(), hours=st.sampled_from([None, 1.0, 6.0]))
def test_one_is_never_above_the_other(
    name: str, first: str, second: str, data: st.DataObject, hours: float | None
) -> None:
    rate = first.startswith("avg")
    fields = {n: data.draw(FLUX if rate else ENERGY) for n in (first, second)}
    found = relation(name, first, second)(fields, Context(period_h=hours, packing=unpacked(first, second)))
    tolerance = 1.0 if rate else 3600 * (hours or 1)  # W m-2, J m-2
    check(found, fields, lambda **cell: cell[f"_{first}"] - cell[f"_{second}"], tolerance)


@given(ENERGY)
def test_what_leaves_has_a_sign(energy: np.ndarray) -> None:
    context = Context(period_h=6.0, packing=unpacked("ttr", "rlut"))
    check(relation("radiation_olr", "ttr")({"ttr": energy}, context), {"e": energy}, lambda _e: _e, 21600.0)
    check(relation("radiation_olr", "rlut")({"rlut": energy}, context), {"e": energy}, lambda _e: -_e, 1.0)


@pytest.mark.parametrize(("name", "hours", "tolerance"), [("ssrd", 6.0, 21600.0), ("avg_sdswrf", 3.0, 1.0)])
@given(data=st.data(), when=SECONDS)
def test_night_is_dark(name: str, hours: float, tolerance: float, data: st.DataObject, when: int) -> None:
    n = 12
    latitudes, longitudes = (
        np.array(data.draw(st.lists(st.floats(*r), min_size=n, max_size=n))) for r in ((-90, 90), (-180, 360))
    )
    values = data.draw(lattice(-8, 8, 1 / 8, n)) * tolerance / 2
    context = Context(latitudes, longitudes, seconds=float(when), period_h=hours, packing=unpacked(name))
    found = relation("night", name)({name: values}, context)
    moments = np.linspace(when - 3600 * hours, when, 121)
    sines = np.array([max(sine_of_elevation(m, *p) for m in moments) for p in zip(latitudes, longitudes, strict=True)])
    dark = math.sin(math.radians(-6))
    certain = np.abs(sines - dark) > 0.02  # cells that both formulas see alike
    if certain.all():
        sure = np.where(sines < dark, values, np.nan)
        check(found, {"v": sure}, lambda _v: _v, tolerance)
    assert found.n_checked >= np.count_nonzero((sines < dark) & certain & np.isfinite(values))
    assert found.n_checked <= np.count_nonzero(((sines < dark) | ~certain) & np.isfinite(values))


def test_the_memo_serves_every_time_of_a_grid() -> None:
    rng = np.random.default_rng(0)
    lat, lon = rng.uniform(-90, 90, 50), rng.uniform(0, 360, 50)
    memo: dict[str, object] = {}
    for when in ("2020-01-01T00", "2020-06-01T06"):
        kept = highest_elevation(Context(lat, lon, seconds=seconds(when), memo=memo), 6)
        np.testing.assert_array_equal(kept, highest_elevation(Context(lat, lon, seconds=seconds(when)), 6))
    assert memo
