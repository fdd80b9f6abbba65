"""The numbers of a pair of fields, against numpy in float64 on the fields written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics.grid_cases import limited, reduced, regular, scattered, smooth, with_gaps
from metrics.test_interpolation import values_of
from scipy.ndimage import binary_dilation

from dqwatch.metrics import kernel_pairs as kernel
from dqwatch.metrics.interpolation import vectors
from dqwatch.metrics.likeness import COLUMNS, SERIES, Comparer
from dqwatch.metrics.overlay import Overlay, is_same, lay_over
from dqwatch.sources.grids import regular_grid
from dqwatch.types import Grid
from dqwatch.units import Conversion

SAME_UNITS = Conversion(1.0)


def compare(
    overlay: Overlay, data: np.ndarray, reference: np.ndarray, units: Conversion = SAME_UNITS
) -> dict[str, float]:
    row = np.full(len(COLUMNS) + len(SERIES), 7.0)
    comparer = Comparer(overlay)
    comparer.prepare()
    comparer.compare(data, reference, units, row)
    return dict(zip((*COLUMNS, *SERIES), row.tolist(), strict=True))


def finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)].astype(np.float64)


def expected(data: np.ndarray, read: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """Moments over the places where both have a value."""
    there = np.isfinite(data) & np.isfinite(read)
    a, b, w = data[there].astype(np.float64), read[there], weights[there] / weights[there].sum()
    mean_a, mean_b = (w * a).sum(), (w * b).sum()
    std = np.sqrt((w * (b - mean_b) ** 2).sum())
    covariance = (w * (a - mean_a) * (b - mean_b)).sum()
    return {
        "n_valid": there.sum(),
        "common_mean": mean_a,
        "common_reference_mean": mean_b,
        "reference_std": std,
        "rms": np.sqrt((w * (a - b) ** 2).sum()),
        "rms_relative": np.sqrt((w * (a - b) ** 2).sum()) / std,
        "correlation": covariance / std / np.sqrt((w * (a - mean_a) ** 2).sum()),
    }


def weights_of(grid: Grid) -> np.ndarray:
    return grid.area_weights if grid.area_weights is not None else np.ones(grid.n_cells)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("grid", [regular(), limited(), reduced(), scattered()], ids=lambda g: g.name)
def test_on_the_same_cells(grid: Grid, dtype: type) -> None:
    overlay = lay_over(grid, grid)
    assert (overlay.relation, overlay.overlap, overlay.n_places) == ("same", 1.0, grid.n_cells)
    data = with_gaps(smooth(grid, 1, dtype=dtype), 1)
    reference = with_gaps((smooth(grid, 1) + 0.2 * smooth(grid, 2)).astype(dtype), 2)
    found = compare(overlay, data, reference)
    there = np.isfinite(data), np.isfinite(reference)
    clean = np.where(there[1], reference.astype(np.float64), np.nan)
    moments = expected(np.where(there[0], data, np.nan), clean, weights_of(grid))
    own, other = finite(data), finite(reference)
    moments |= {
        "n_places": grid.n_cells,
        "min": own.min(),
        "max": own.max(),
        "mean": own.mean(),
        "reference_min": other.min(),
        "reference_max": other.max(),
        "reference_mean": other.mean(),
        "mask_agreement": (there[0] == there[1]).mean(),
        "mean_difference": (moments["common_mean"] - moments["common_reference_mean"]) / moments["reference_std"],
        "range_excess": max(other.min() - own.min(), own.max() - other.max(), 0) / (other.max() - other.min()),
    }
    assert {k: found[k] for k in moments} == pytest.approx(moments, rel=1e-6, nan_ok=True)
    if grid.area_weights is not None:
        w = grid.area_weights[there[0]]
        assert found["wmean"] == pytest.approx((w * own).sum() / w.sum(), rel=1e-9)


@pytest.mark.parametrize(
    ("data", "reference"),
    [
        (regular(), reduced()),
        (reduced(), regular()),
        (scattered(), regular()),
        (regular(), limited()),
        (limited(), reduced()),
    ],
    ids=lambda g: g.name,
)
def test_between_cells(data: Grid, reference: Grid) -> None:
    """The reading itself is tested in test_interpolation; here what is made of it."""
    overlay = lay_over(data, reference)
    assert overlay.relation == "between"
    inside = np.arange(data.n_cells) if overlay.cells is None else overlay.cells
    assert overlay.overlap == pytest.approx(weights_of(data)[inside].sum() / weights_of(data).sum())
    assert (overlay.overlap < 0.2) == (reference.name == "limited")
    field, other = smooth(data, dtype=np.float64), with_gaps(smooth(reference, dtype=np.float64), 4, 0.02)
    read = values_of(overlay.reading, np.where(np.isfinite(other), other, np.nan))
    found = compare(overlay, field, other)
    moments = expected(field[inside], read, weights_of(data)[inside])
    assert {k: found[k] for k in moments} == pytest.approx(moments, rel=1e-9)
    assert found["n_places"] == inside.size
    inner = field[inside]
    least, most = finite(other).min(), finite(other).max()
    assert found["range_excess"] == pytest.approx(max(least - inner.min(), inner.max() - most, 0) / (most - least))
    assert found["mask_agreement"] == 1.0  # what lies beside a gap may be missing or not


def test_fields_of_one_kind_agree_on_different_grids() -> None:
    """Random harmonics to degree 12 with the same coefficients on both grids."""
    fine = regular_grid(np.linspace(89, -89, 90), np.arange(0, 360, 2.0), "fine")
    for data, reference in ((fine, reduced()), (reduced(), fine), (fine, scattered(4000))):
        found = compare(lay_over(data, reference), *(_waves(g) for g in (data, reference)))
        assert found["correlation"] > 0.995
        assert abs(found["mean_difference"]) < 2e-3
        assert found["rms_relative"] < 0.1
        assert found["range_excess"] < 0.02


def _waves(grid: Grid) -> np.ndarray:
    """A smooth function of the place alone."""
    x, y, z = vectors(grid.latitudes, grid.longitudes).T
    return (280 + 10 * np.sin(4 * x + 1) * np.cos(5 * y) + 7 * np.sin(6 * z + 3 * x)).astype(np.float32)


def test_finer_cells_are_averaged() -> None:
    """Stripes of one cell, +1 and -1 by turns, leave nothing but their mean in cells four times as wide."""
    fine = regular_grid(np.arange(-20, 20.1, 1.0), np.arange(0, 40, 1.0))
    coarse = regular_grid(np.arange(-15, 16, 4.0), np.arange(5.5, 35, 4.0))
    stripes = np.tile(np.where(np.arange(40) % 2, 1.0, -1.0), 41)
    overlay = lay_over(coarse, fine)
    found = compare(overlay, np.zeros(coarse.n_cells), 5 + stripes)
    assert abs(found["common_reference_mean"] - 5) < 0.02
    assert found["reference_std"] < 0.05
    assert found["reference_min"] == 4.0


def test_the_globe_is_averaged_whole_and_a_part_of_it_where_both_are() -> None:
    """North and south differ; the region lies in the north."""
    data, reference = regular(), reduced()
    field, other = (np.where(g.latitudes > 0, 300.0, 200.0) + smooth(g, 1) - 280 for g in (data, reference))
    found = compare(lay_over(data, reference), field, other)
    means = [(g.area_weights * f).sum() for g, f in ((data, field), (reference, other))]
    assert found["mean_difference"] * found["reference_std"] == pytest.approx(means[0] - means[1], rel=1e-6)
    part = compare(lay_over(data, limited()), field, np.where(limited().latitudes > 0, 300.0, 200.0))
    assert part["common_reference_mean"] == pytest.approx(300.0)
    assert part["reference_wmean"] == pytest.approx(300.0)
    assert part["wmean"] < 260
    gap = field.copy()
    gap[0] = np.nan
    holed = compare(lay_over(data, reference), gap, other)
    common = (holed["common_mean"] - holed["common_reference_mean"]) / holed["reference_std"]
    assert holed["mean_difference"] == pytest.approx(common)


@given(st.floats(0.01, 1000), st.floats(-500, 500), st.integers(0, 99))
def test_units_are_converted(factor: float, offset: float, seed: int) -> None:
    """The same field in other units is the same field."""
    grid = limited()
    field = smooth(grid, seed % 5, dtype=np.float64)
    found = compare(lay_over(grid, grid), field, (field - offset) / factor, Conversion(factor, offset))
    for name in ("mean", "wmean", "min", "max"):
        assert found[name] == pytest.approx(found[f"reference_{name}"], rel=1e-9, abs=1e-9)
    assert found["correlation"] == pytest.approx(1)
    assert abs(found["rms_relative"]) < 1e-9 * (1 + abs(offset))
    assert found["reference_std"] == pytest.approx(
        np.sqrt(expected(field, field, weights_of(grid))["reference_std"] ** 2)
    )


def test_energies_are_in_the_units_of_the_data() -> None:
    grid = regular()
    field = smooth(grid, 3, dtype=np.float64)
    found = compare(lay_over(grid, grid), field, field / 100, Conversion(100.0))
    assert found["energy_ratio_large"] == pytest.approx(1)
    assert found["energy_ratio_small"] == pytest.approx(1)


CASES: list[tuple[str, Any, Any, dict[str, float]]] = [
    ("all missing in the data", np.nan, 1.0, {"n_valid": 0, "mask_agreement": 0.0, "correlation": np.nan}),
    ("all missing in both", np.nan, np.nan, {"n_valid": 0, "mask_agreement": 1.0, "mean_difference": np.nan}),
    ("constant and equal", 5.0, 5.0, {"correlation": np.nan, "mean_difference": 0.0, "range_excess": 0.0, "rms": 0.0}),
    ("the reference varies, the data do not", 5.0, None, {"correlation": 0.0}),
    ("the data vary, the reference does not", None, 5.0, {"correlation": np.nan}),
]  # fmt: skip


@pytest.mark.parametrize(("data", "reference", "wanted"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_fields_without_variance_or_values(
    data: float | None, reference: float | None, wanted: dict[str, float]
) -> None:
    grid = regular()
    varied = smooth(grid, dtype=np.float64)
    fields = [varied if v is None else np.full(grid.n_cells, v) for v in (data, reference)]
    found = compare(lay_over(grid, grid), *fields)
    assert {k: found[k] for k in wanted} == pytest.approx(wanted, nan_ok=True)


def test_an_offset_to_a_constant_field_is_no_rounding() -> None:
    found = compare(lay_over(regular(), regular()), np.full(2664, 5.1), np.full(2664, 5.0))
    assert found["mean_difference"] > 1e4  # in units of the rounding of 5
    assert found["range_excess"] > 1e4
    tiny = compare(lay_over(regular(), regular()), np.full(2664, 5.0 + 1e-7), np.full(2664, 5.0))
    assert 0 < tiny["mean_difference"] < 0.1


@pytest.mark.parametrize("steps", [0, 1, 2, 4])
def test_by_how_many_cells_a_mask_has_grown(steps: int) -> None:
    """Dilation of a disc near the equator by whole cells: the corners of a square of n cells are 1.4 n away."""
    grid = regular()
    mask = ((grid.latitudes - 10) ** 2 + (grid.longitudes - 180) ** 2 < 30**2).reshape(grid.shape)
    grown = binary_dilation(mask, iterations=steps) if steps else mask
    field = smooth(grid, dtype=np.float64)
    found = compare(lay_over(grid, grid), np.where(grown.ravel(), np.nan, field), np.where(mask.ravel(), np.nan, field))
    assert found["nan_dilation"] == pytest.approx(steps, rel=0.03)
    assert found["mask_agreement"] == pytest.approx((grown == mask).mean())


def test_a_hole_that_grew_from_nothing_is_as_far_as_can_be() -> None:
    grid = regular()
    field = smooth(grid, dtype=np.float64)
    holed = field.copy()
    holed[1000] = np.nan
    assert compare(lay_over(grid, grid), holed, field)["nan_dilation"] == 180 / 5
    island = field.copy()
    island[grid.latitudes < -70] = np.nan
    assert compare(lay_over(grid, grid), np.where(np.isnan(island), np.nan, holed), island)["nan_dilation"] > 10
    assert compare(lay_over(grid, grid), field, holed)["nan_dilation"] == 0  # filled, not grown


def test_masks_seen_before_give_the_same_answer() -> None:
    """Growth is kept by the pattern of missing values, a limited number of them."""
    grid = regular()
    comparer = Comparer(lay_over(grid, grid))
    field, row = smooth(grid, dtype=np.float64), np.empty(len(COLUMNS) + len(SERIES))
    place = COLUMNS.index("nan_dilation")
    found: dict[int, list[float]] = {}
    for cell in [*range(300), *range(300)]:
        holed, masked = field.copy(), field.copy()
        holed[[cell, 0]] = masked[0] = np.nan
        comparer.compare(holed, masked, SAME_UNITS, row)
        found.setdefault(cell, []).append(float(row[place]))
    assert all(first == second for first, second in found.values())
    assert len({v for v, _ in found.values()}) > 10


def test_where_only_some_cells_are_missing_either_is_right() -> None:
    """A coast between the cells of a coarser reference: those places count neither for nor against."""
    data, reference = (
        regular_grid(np.arange(-20, 20.1, 1.0), np.arange(0, 41, 1.0)),
        regular_grid(np.arange(-20, 20.1, 4.0), np.arange(0, 41, 4.0)),
    )
    other = np.where(reference.longitudes >= 20, np.nan, 1.0 + reference.latitudes)
    overlay = lay_over(data, reference)
    for coast in (16.5, 18, 19.5):  # between the last cell with a value, 16, and the first without, 20
        found = compare(overlay, np.where(data.longitudes >= coast, np.nan, 1.0 + data.latitudes), other)
        assert found["mask_agreement"] == 1.0
        assert found["nan_dilation"] == 0.0
    wrong = compare(overlay, np.where(data.longitudes >= 12, np.nan, 1.0), other)
    assert wrong["mask_agreement"] < 0.95
    assert wrong["nan_dilation"] == pytest.approx((17 - 12) / 4, rel=1e-2)


def test_cells_without_places_are_compared_in_their_order() -> None:
    grid, bare = regular(), Grid("unknown", (2664,))
    field = smooth(grid, dtype=np.float64)
    for pair in ((bare, bare), (grid, bare), (bare, grid)):
        overlay = lay_over(*pair)
        assert (overlay.relation, overlay.n_places) == ("order", 2664)
        found = compare(overlay, field, field)
        assert found["correlation"] == pytest.approx(1)
        assert np.isnan(found["energy_ratio_small"])
    other = lay_over(grid, Grid("unknown", (2000,)))
    assert (other.relation, other.n_places, other.overlap) == ("none", 0, 0.0)
    assert compare(other, field, np.ones(2000))["n_valid"] == 0


def test_regions_apart_have_nothing_in_common() -> None:
    north, south = (regular_grid(lat + np.arange(0, 20, 2.0), np.arange(0, 60, 2.0)) for lat in (40, -60))
    overlay = lay_over(north, south)
    assert (overlay.relation, overlay.n_places, overlay.overlap) == ("none", 0, 0.0)
    found = compare(overlay, np.ones(north.n_cells), np.ones(south.n_cells))
    assert (found["n_places"], found["n_valid"]) == (0, 0)
    assert np.isnan(found["correlation"])
    assert np.isnan(found["mask_agreement"])


def test_what_are_the_same_cells() -> None:
    grid = regular()
    west = regular_grid(np.linspace(90, -90, 37), np.arange(72) * 5.0 - 360.0)
    assert is_same(grid, west)
    assert not is_same(grid, regular_grid(np.linspace(-90, 90, 37), np.arange(72) * 5.0))
    assert not is_same(grid, regular_grid(np.linspace(90, -90, 37), np.arange(72) * 5.0 + 2.5))
    assert not is_same(grid, limited())
    turned = lay_over(regular_grid(np.linspace(-90, 90, 37), np.arange(72) * 5.0), grid)
    field = smooth(grid, dtype=np.float64)
    found = compare(turned, field.reshape(37, 72)[::-1].ravel().copy(), field)
    assert turned.relation == "between"
    assert found["rms"] < 1e-9  # cells of the same places, in another order


@given(st.integers(0, 2**32 - 1))
def test_the_kernel_against_the_definition(seed: int) -> None:
    """Any pattern of states and missing values."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60))
    a, b = rng.normal(size=n), rng.normal(size=n)
    a[rng.random(n) < 0.3] = rng.choice([np.nan, np.inf])
    state = rng.choice([kernel.WHOLE, kernel.PART, kernel.MISSING, kernel.OUTSIDE], n).astype(np.uint8)
    b[state != kernel.WHOLE] = np.nan
    weights = rng.random(n) + 0.1
    found = np.empty(kernel.NUMBERS)
    kernel.compare(a, b, state, weights, found)
    clear = np.isin(state, (kernel.WHOLE, kernel.MISSING))
    assert found[kernel.N_CLEAR] == clear.sum()
    assert found[kernel.N_AGREE] == (np.isfinite(a) == (state == kernel.WHOLE))[clear].sum()
    assert found[kernel.N_LOST] == (~np.isfinite(a) & (state == kernel.WHOLE)).sum()
    there = np.isfinite(a) & (state == kernel.WHOLE)
    assert found[kernel.N_VALID] == there.sum()
    if there.sum() > 1:
        moments = expected(np.where(there, a, np.nan), b, weights)
        assert found[kernel.MEAN_A] == pytest.approx(moments["common_mean"])
        assert np.sqrt(found[kernel.VAR_B]) == pytest.approx(moments["reference_std"])
        assert np.sqrt(found[kernel.MEAN_SQUARE]) == pytest.approx(moments["rms"])
    elif not there.any():
        assert np.isnan(found[[kernel.MEAN_A, kernel.VAR_A, kernel.MEAN_SQUARE]]).all()
