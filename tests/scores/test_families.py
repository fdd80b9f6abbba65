"""Every score against its formula in float64, over fields with and without missing values."""

from __future__ import annotations

import numpy as np
import pytest

from dqwatch.buffers import Buffers
from dqwatch.errors import UsageError
from dqwatch.metrics.geometry import geometry_of
from dqwatch.metrics.texture import texture
from dqwatch.scores import KINDS, Family, list_scores, load_families, score_family
from dqwatch.scores import family as family_module
from dqwatch.scores.areas import lay_areas
from dqwatch.scores.view import Expected, Place, ScoreView, log, mean_over_areas, score_field
from dqwatch.types import Grid

N_LAT, N_LON = 18, 36
LAT = np.repeat((np.arange(N_LAT) + 0.5) * 10 - 90, N_LON)
LON = np.tile(np.arange(N_LON) * 10.0, N_LAT)
WEIGHTS = np.cos(np.radians(LAT)) / np.cos(np.radians(LAT)).sum()
GRID = Grid("regular", (N_LAT, N_LON), LAT, LON, WEIGHTS)
PLACE = Place(geometry_of(GRID), lay_areas(GRID, 40), WEIGHTS)
TOLERANCE = 2e-5
"""z is float32."""


def make_view(seed: int, *, missing: int = 0, kind: str = "state") -> tuple[ScoreView, np.ndarray, np.ndarray]:
    """A view, its z in float64, and where that is known."""
    rng = np.random.default_rng(seed)
    mean = (280 + 30 * np.cos(np.radians(LAT)) + 2 * np.sin(np.radians(2 * LON))).astype(np.float32)
    sd = rng.uniform(1, 3, LAT.size).astype(np.float32)
    values = (mean + sd * rng.standard_normal(LAT.size)).astype(np.float32)
    values[rng.permutation(LAT.size)[:missing]] = np.nan
    areas = PLACE.areas.size
    expected = Expected(mean, sd, np.full(areas, 295.0), np.linspace(1, 5, areas))
    z = (values.astype(np.float64) - mean) / sd
    return ScoreView(values, kind, expected, PLACE, Buffers()), z, np.isfinite(z)


def scores_of(view: ScoreView) -> dict[str, float]:
    families = load_families()
    of_fields = [f for f in families if not f.areas]
    names = [s.name for s in list_scores(of_fields, [view.kind])]
    return dict(zip(names, score_field(view, families), strict=True))


@pytest.fixture(params=[(1, 0), (2, 60), (3, 600)], ids=["whole", "some missing", "most missing"])
def case(request: pytest.FixtureRequest) -> tuple[ScoreView, np.ndarray, np.ndarray]:
    return make_view(request.param[0], missing=request.param[1])


def test_moments_and_tails(case: tuple[ScoreView, np.ndarray, np.ndarray]) -> None:
    view, z, known = case
    found = scores_of(view)
    w, x = WEIGHTS[known], z[known]
    assert found["mean"] == pytest.approx(np.average(x, weights=w), abs=TOLERANCE)
    assert found["ms"] == pytest.approx(np.log(np.average(x**2, weights=w)), abs=TOLERANCE)
    assert found["peak"] == pytest.approx(np.log(np.sort(np.abs(x))[-8:].mean()), abs=TOLERANCE)
    assert found["low_tail"] == pytest.approx(x.min(), abs=TOLERANCE)
    assert found["high_tail"] == pytest.approx(x.max(), abs=TOLERANCE)


def test_roughness_is_that_of_eastern_neighbours_around_the_globe(
    case: tuple[ScoreView, np.ndarray, np.ndarray],
) -> None:
    view, z, known = case
    steps = np.roll(z.reshape(N_LAT, N_LON), -1, axis=1).ravel() - z
    pairs = np.isfinite(steps)
    expected = np.average(steps[pairs] ** 2, weights=WEIGHTS[pairs]) / np.average(z[known] ** 2, weights=WEIGHTS[known])
    assert scores_of(view)["roughness"] == pytest.approx(np.log(expected), abs=TOLERANCE)


def test_blocks(case: tuple[ScoreView, np.ndarray, np.ndarray]) -> None:
    view, z, known = case
    departures, squares = [], []
    for a in range(PLACE.areas.size):
        inside = known & (PLACE.areas.of_cell == a)
        if inside.any():
            mean = np.average(view.values[inside].astype(np.float64), weights=WEIGHTS[inside])
            departures.append(abs(mean - view.expected.area_mean[a]) / view.expected.area_sd[a])
            squares.append(np.average(z[inside] ** 2, weights=WEIGHTS[inside]))
    found = scores_of(view)
    assert found["scan"] == pytest.approx(np.sort(departures)[-4:].mean(), abs=TOLERANCE)
    assert found["block_ms"] == pytest.approx(np.log(np.sort(squares)[-4:].mean()), abs=TOLERANCE)


def test_pattern_is_the_correlation_with_the_expected_mean(case: tuple[ScoreView, np.ndarray, np.ndarray]) -> None:
    view, _, known = case
    x, y, w = view.values[known].astype(np.float64), view.expected.mean[known].astype(np.float64), WEIGHTS[known]
    x, y = x - np.average(x, weights=w), y - np.average(y, weights=w)
    correlation = (w * x * y).sum() / np.sqrt((w * x * x).sum() * (w * y * y).sum())
    assert scores_of(view)["pattern"] == pytest.approx(np.arctanh(correlation), abs=1e-4)


def test_shifts_are_those_that_were_made() -> None:
    """A field that is the expected mean read from half a cell to the west lies half a cell too far east."""

    def pattern(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
        return np.sin(np.radians(lon)) * np.cos(np.radians(lat)) * 20 + 5 * np.sin(np.radians(2 * lat))

    areas = PLACE.areas.size
    ones = np.ones(LAT.size, np.float32)
    expected = Expected(pattern(LAT, LON).astype(np.float32), ones, np.zeros(areas), np.ones(areas))
    for values, name, shift in (
        (pattern(LAT, LON - 5), "shift_east", 0.5),
        (pattern(LAT - 2, LON), "shift_north", 0.2),
    ):
        view = ScoreView(values.astype(np.float32), "state", expected, PLACE, Buffers())
        assert abs(scores_of(view)[name]) == pytest.approx(shift, abs=0.02)


def test_texture_is_that_of_the_field_itself(case: tuple[ScoreView, np.ndarray, np.ndarray]) -> None:
    view, _, known = case
    found = scores_of(view)
    expected = texture(view.values, PLACE.geometry, std=float(view.values[known].astype(np.float64).std()))
    assert [found[f"texture_{k}"] for k in range(1, 5)] == pytest.approx(expected.ratios, abs=1e-6, nan_ok=True)
    assert [found[f"texture_peak_{k}"] for k in range(1, 5)] == pytest.approx(expected.peaks, abs=1e-6, nan_ok=True)


def test_points_are_shares_of_equal_values() -> None:
    view, _, _ = make_view(5)
    view.values[: N_LON // 2] = 200.0
    found = scores_of(view)
    n = LAT.size
    assert found["at_minimum"] == pytest.approx(np.log(18 / n + 1e-4))
    assert found["at_maximum"] == pytest.approx(np.log(1 / n + 1e-4))
    assert found["equal_beside"] == pytest.approx(np.log(17 / n + 1e-4))


def test_masses_are_ranked_where_points_are_not() -> None:
    view, _, _ = make_view(5)
    view.values[: N_LON // 2] = 200.0
    found = scores_of(view)
    for ranked, exact in (
        ("minimum_mass", "at_minimum"),
        ("maximum_mass", "at_maximum"),
        ("equal_mass", "equal_beside"),
    ):
        assert found[ranked] == found[exact]
    exact = {s.name: s.exact for s in list_scores(load_families(), KINDS)}
    assert (exact["at_minimum"], exact["minimum_mass"]) == (True, False)


@pytest.mark.parametrize("kind", ["step", "background"])
def test_textures_of_differences_are_those_of_what_is_not_expected(kind: str) -> None:
    view, _, _ = make_view(12, kind=kind)
    anomaly = (view.values.astype(np.float64) - view.expected.mean).reshape(N_LAT, N_LON)
    energies = [anomaly.var()] + [np.mean(np.diff(anomaly, k, axis=1) ** 2) for k in (1, 2)]
    found = scores_of(view)
    for k in (1, 2):
        assert found[f"{kind}_difference_texture_{k}"] == pytest.approx(np.log(energies[k] / energies[k - 1]), abs=1e-4)
        peak = np.sort((np.diff(anomaly, k, axis=1) ** 2).ravel())[-8:].mean()
        assert found[f"{kind}_difference_peak_{k}"] == pytest.approx(np.log(peak / energies[k]), abs=1e-4)


def test_a_field_without_values_has_no_score_but_that_of_its_mask() -> None:
    view, _, _ = make_view(6, missing=LAT.size)
    found = scores_of(view)
    assert found.pop("missing") == pytest.approx(np.log(1 + LAT.size))
    assert found.pop("appeared") == 0.0
    assert np.isnan(list(found.values())).all()


def test_a_stuck_field_scores_low_not_infinitely() -> None:
    view, _, _ = make_view(7, kind="step")
    view.values[:] = view.expected.mean
    found = scores_of(view)
    assert found["step_ms"] == log(0.0) == pytest.approx(np.log(1e-12))
    assert np.isnan(found["step_roughness"])


def test_means_over_areas_leave_missing_values_out() -> None:
    view, _, known = make_view(8, missing=200)
    found = mean_over_areas(view.values, PLACE)
    for a in range(PLACE.areas.size):
        inside = known & (PLACE.areas.of_cell == a)
        assert inside.any()
        assert found[a] == pytest.approx(np.average(view.values[inside].astype(np.float64), weights=WEIGHTS[inside]))


def test_names_of_scores_are_unique_and_changes_have_a_prefix() -> None:
    scores = list_scores(load_families(), KINDS)
    names = [s.name for s in scores]
    assert len(set(names)) == len(names)
    assert {"mean", "step_mean", "background_mean"} <= set(names)
    assert all(s.kind == "state" or s.name.startswith(f"{s.kind}_") for s in scores)


def test_what_is_no_family_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family_module.registry, "names", lambda group: ["a"])
    monkeypatch.setattr(family_module.registry, "load", lambda group, name: len)
    with pytest.raises(UsageError, match="score 'a' is a builtin_function_or_method"):
        load_families()
    twice = Family(lambda view: (0.0,), ("mean",), ("state",), False, 3.0)
    monkeypatch.setattr(family_module.registry, "names", lambda group: ["a", "b"])
    monkeypatch.setattr(family_module.registry, "load", lambda group, name: twice)
    with pytest.raises(UsageError, match="score 'b' gives mean, which another family gives already"):
        load_families()


def test_a_family_must_say_what_it_gives() -> None:
    with pytest.raises(ValueError, match="needs names and kinds"):
        score_family()
    short = score_family("a", "b")(lambda view: (1.0,))
    with pytest.raises(ValueError, match="gave 1 scores"):
        score_field(make_view(9)[0], [short])


def test_tails_of_many_cells_are_the_elements_of_a_sorted_field() -> None:
    """Of 50,000 cells the 50th from each end, where values bunch beyond the first bound and where none does."""
    n = 50_000
    grid = Grid("unknown", (n,))
    place = Place(geometry_of(grid), lay_areas(grid, 10), np.full(n, 1 / n))
    for scale in (0.1, 1.0, 30.0):
        values = (scale * np.random.default_rng(9).standard_normal(n)).astype(np.float32)
        values[::7] = np.nan
        expected = Expected(np.zeros(n, np.float32), np.ones(n, np.float32), np.zeros(10), np.ones(10))
        found = scores_of(ScoreView(values, "state", expected, place, Buffers()))
        ordered = np.sort(values[np.isfinite(values)])
        assert found["low_tail"] == ordered[int(0.001 * (ordered.size - 1))]
        assert found["high_tail"] == ordered[-1 - int(0.001 * (ordered.size - 1))]
