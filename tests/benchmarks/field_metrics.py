"""Metrics of one field of 542,080 float32 cells on one thread, against the statistics of the kernel.

Rows of a reduced grid as long as N320's; the same number of cells in no rows for the last lines.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dqwatch.metrics.cell_counts import count_below, count_stuck
from dqwatch.metrics.duplicates import count_duplicates
from dqwatch.metrics.geometry import geometry_of
from dqwatch.metrics.halo import compare_masks, count_mask_edge
from dqwatch.metrics.isolation import find_isolated_rain, find_spikes, rain_limits
from dqwatch.metrics.neighbour_metrics import neighbour_metrics
from dqwatch.metrics.patches import count_lost_blocks
from dqwatch.metrics.precision import precision
from dqwatch.metrics.seams import seam_ratio, tile_ratio
from dqwatch.metrics.spectrum import spectrum_slope
from dqwatch.metrics.texture import texture
from dqwatch.sources.grids import unstructured_grid
from dqwatch.types import Grid
from tests.benchmarks import Row, rates
from tests.benchmarks.kernel import N_CELLS, run_kernel

STATISTICS = "statistics of the kernel"
TILE = (4096,)


def reduced_grid() -> Grid:
    """640 Gaussian rows, symmetric about the equator, of even numbers of cells from 18 to 1280."""
    nodes = np.polynomial.legendre.leggauss(640)[0]
    cosines = np.sqrt(1 - nodes[:320] ** 2)
    low, high = 1.0, 3.0
    for _ in range(50):
        middle = (low + high) / 2
        lengths = np.clip((640 * middle * cosines).astype(int) * 2, 18, 1280)
        low, high = (middle, high) if 2 * lengths.sum() < N_CELLS else (low, middle)
    lengths = np.clip((640 * low * cosines).astype(int) * 2, 18, 1280)
    short = np.flatnonzero((lengths > 18) & (lengths < 1278))[: (N_CELLS - 2 * lengths.sum()) // 4]
    lengths[short] += 2
    both = np.concatenate([lengths, lengths[::-1]])
    latitudes = np.degrees(np.arcsin(nodes[::-1]))
    return unstructured_grid(np.repeat(latitudes, both), np.concatenate([np.arange(n) * (360 / n) for n in both]))


def spiral_grid() -> Grid:
    """As many cells of even density, stored in strips of longitude."""
    i = np.arange(N_CELLS) + 0.5
    latitudes, longitudes = np.degrees(np.arcsin(1 - 2 * i / N_CELLS)), np.degrees(np.pi * (1 + 5**0.5) * i) % 360
    order = np.lexsort((latitudes, longitudes // 3))
    shape, weights = (N_CELLS,), np.full(N_CELLS, 1 / N_CELLS)
    return Grid("unstructured", shape, latitudes[order], longitudes[order], weights)


def waves(grid: Grid) -> np.ndarray:
    """Plane waves of red spectrum through the sphere, float32 (cell,), about 280 K."""
    assert grid.latitudes is not None
    assert grid.longitudes is not None
    phi, lam = np.radians(grid.latitudes), np.radians(grid.longitudes)
    places = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
    rng = np.random.default_rng(0)
    total = np.zeros(grid.n_cells)
    for degree in range(1, 300, 3):
        direction = rng.normal(size=3)
        phase = degree * (direction / np.linalg.norm(direction)) @ places
        total += degree**-1.5 * np.cos(phase + rng.uniform(0, 2 * np.pi))
    return (280 + 15 * total).astype(np.float32)


def works(grid: Grid) -> dict[str, Callable[[], object]]:
    """Each metric of a field on a grid."""
    field, geometry = waves(grid), geometry_of(grid)
    mean, least, most, std = (float(x) for x in (field.mean(), field.min(), field.max(), field.std()))
    rain = np.clip(field - 285, 0, None) * np.float32(1e-3)
    limits = rain_limits("m", 6)
    assert limits is not None
    land = field > np.quantile(field, 0.65)
    ends = {"least": least, "most": most}
    return {
        "count_below": lambda: count_below(field),
        "count_stuck": lambda: count_stuck(field, rain, **ends),
        "neighbour_metrics": lambda: neighbour_metrics(field, geometry, mean=mean, **ends),
        "texture": lambda: texture(field, geometry, std=std),
        "find_isolated_rain": lambda: find_isolated_rain(rain, geometry, limits),
        "find_spikes": lambda: find_spikes(field, geometry),
        "count_mask_edge, 35 % missing": lambda: count_mask_edge(land, geometry),
        "compare_masks, equal": lambda: compare_masks(land, land, geometry),
        "spectrum_slope": lambda: spectrum_slope(field, geometry),
        "seam_ratio": lambda: seam_ratio(field, geometry),
        "tile_ratio": lambda: tile_ratio(field, geometry, TILE),
        "count_duplicates": lambda: count_duplicates(field, geometry),
        "count_lost_blocks": lambda: count_lost_blocks(land, geometry.shape, TILE),
        "precision": lambda: precision(field),
    }


GRAPH = ("neighbour_metrics", "texture", "find_isolated_rain", "find_spikes", "count_mask_edge, 35 % missing")


def measure() -> list[Row]:
    """Every metric where there are rows; those that differ where there are none."""
    rows, spiral = reduced_grid(), works(spiral_grid())
    field = waves(rows)[None]
    every = {STATISTICS: run_kernel(field, None, np.empty(0)), **works(rows)}
    every |= {f"{name}, no rows": spiral[name] for name in GRAPH}
    found = dict(zip(every, rates(field.nbytes, list(every.values())), strict=True))
    base = found[STATISTICS].per_cpu
    lines = [Row(name, rate, rate.per_cpu / base, STATISTICS) for name, rate in found.items() if name != STATISTICS]
    return [Row(STATISTICS, found[STATISTICS]), *lines]
