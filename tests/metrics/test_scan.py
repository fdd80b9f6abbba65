"""The scan as a whole: rows, determinism, memory, errors."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from metrics.fake_source import DAY, HOUR, FakeSource, axis_of, grid_of

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError, UsageError
from dqwatch.metrics import Scan, scan
from dqwatch.tables import TABLES
from dqwatch.types import Block, Field, Variable

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def mixed_source(times_per_block: int = 1) -> FakeSource:
    """Known and unknown variables of both types, members, NaN, infinities, fills, an absent field, a missing date."""
    rng, n_times, n_cells = np.random.default_rng(11), 23, 5000
    temperature = rng.normal(280, 12, (n_times, n_cells)).astype(np.float32)
    temperature[4, 17], temperature[9, :3], temperature[3] = -9999, np.inf, np.nan
    rain = np.where(rng.random((n_times, n_cells)) < 0.5, 0, rng.gamma(0.3, 3e-3, (n_times, n_cells)))
    sst = rng.normal(290, 5, (n_times, n_cells))
    sst[:, ::3] = np.nan
    ensemble = list(rng.normal(0, 1, (n_times, 3, n_cells)).astype(np.float32))
    ensemble[5] = None
    declared = np.arange(n_times) == 3
    weights = rng.random(n_cells)
    return FakeSource(
        {
            Variable("2t", "2t", "2t", units="K"): temperature,
            Variable("tp", "tp", "tp", units="m", kind="accumulation", period=6): rain.astype(np.float32),
            Variable("sst", "sst", "sst", units="K"): sst,
            Variable("other", "other", "other", members=3): ensemble,
        },
        axis=axis_of(np.arange(n_times) * 6 * HOUR, declared_missing=declared),
        grid=grid_of(n_cells, area_weights=weights / weights.sum()),
        times_per_block=times_per_block,
    )


def assert_same(a: Scan, b: Scan) -> None:
    """The same bits."""
    for name, table in a.tables.items():
        pd.testing.assert_frame_equal(table, b.tables[name], check_exact=True)
    for name, histogram in a.histograms.items():
        assert histogram.bins == b.histograms[name].bins
        assert histogram.counts.tolist() == b.histograms[name].counts.tolist()
    assert a.bytes == b.bytes


@pytest.mark.parametrize("times_per_block", [1, 7, 100])
def test_any_number_of_workers_gives_the_same_bits(times_per_block: int) -> None:
    alone = scan(mixed_source(times_per_block), workers=1, now=NOW)
    for workers in (2, 5):
        assert_same(alone, scan(mixed_source(times_per_block), workers=workers, now=NOW))


def test_how_the_data_are_cut_into_blocks_leaves_the_fields_alone() -> None:
    one, other = (scan(mixed_source(n), now=NOW).tables for n in (1, 5))
    # bins of variables without a range come from the first, middle and last block: quantiles may differ by a bin
    rough = ["q01", "q50", "q99"]
    for name in ("fields", "times", "variables"):
        kept = [c for c in one[name].columns if c not in rough]
        pd.testing.assert_frame_equal(one[name][kept], other[name][kept], check_exact=True)


def test_every_field_has_a_row_in_order_of_time() -> None:
    source = mixed_source()
    fields = scan(source, now=NOW).tables["fields"]
    assert len(fields) == 23 * 6 - 3
    keys = [tuple(k) for k in fields[["time_index", "variable", "member"]].itertuples(index=False)]
    names = [("2t", 0), ("tp", 0), ("sst", 0), ("other", 0), ("other", 1), ("other", 2)]
    assert keys == [(t, v, m) for t in range(23) for v, m in names if not (v == "other" and t == 5)]
    assert fields["time"].tolist() == [source.times[0].labels[t] for t in fields["time_index"]]


def test_rows_hold_their_own_field() -> None:
    source = mixed_source()
    fields = scan(source, workers=2, now=NOW).tables["fields"]
    for row in fields.itertuples():
        v = next(i for i, x in enumerate(source.variables) if x.name == row.variable)
        values = np.atleast_2d(source.data[v][row.time_index])[row.member].astype(np.float64)
        finite = values[np.isfinite(values)]
        assert (row.n, row.n_nan, row.n_inf) == (values.size, np.isnan(values).sum(), np.isinf(values).sum())
        if finite.size:
            assert (row.min, row.max) == (finite.min(), finite.max())
            assert row.mean == pytest.approx(finite.mean(), rel=1e-11, abs=1e-13)
            assert row.std == pytest.approx(finite.std(), rel=1e-9)


def test_tables_are_as_their_schemas_say() -> None:
    tables = scan(mixed_source(), now=NOW).tables
    assert list(tables) == ["fields", "times", "variables", "grid", "source", "arrays"]
    for name, table in tables.items():
        assert list(table.columns) == [c.name for c in TABLES[name]]


def test_histograms_count_every_finite_value_of_dates_not_declared_missing() -> None:
    source = mixed_source()
    result = scan(source, now=NOW)
    for v, variable in enumerate(source.variables):
        kept = [f for t, f in enumerate(source.data[v]) if f is not None and t != 3]
        assert result.histograms[variable.name].counts.sum() == np.isfinite(np.stack(kept)).sum()


def test_bytes_and_workers_and_seconds() -> None:
    result = scan(mixed_source(), workers=3, now=NOW)
    assert result.bytes == 5000 * (23 * 4 + 23 * 4 + 23 * 8 + 22 * 3 * 4)
    assert result.workers == 3
    assert result.seconds > 0


def test_progress_counts_blocks() -> None:
    told: list[tuple[int, int]] = []
    scan(mixed_source(5), workers=2, progress=lambda done, total: told.append((done, total)), now=NOW)
    assert told == [(i, 5) for i in range(1, 6)]


def test_one_block_is_shared_by_the_workers() -> None:
    source = FakeSource({Variable(n, n, n, units="K"): np.full((1, 4), 280.0) for n in ("2t", "skt", "2d", "mx2t")})
    result = scan(source, workers=2, now=NOW)
    assert result.workers == 2
    assert sorted(b.variables for b in source.reads) == [(0, 1), (2, 3)]


def test_a_source_without_fields() -> None:
    result = scan(FakeSource({}), now=NOW)
    assert [len(result.tables[name]) for name in ("fields", "times", "variables")] == [0, 0, 0]
    assert result.bytes == 0


def test_every_field_absent() -> None:
    tables = scan(FakeSource({"x": [None, None]}), now=NOW).tables
    assert len(tables["fields"]) == 0
    assert tables["variables"]["n_absent"].tolist() == [2]
    assert np.isnan(tables["variables"]["mean"][0])
    assert tables["times"]["n_fields"].tolist() == [0, 0]


class Sampled(FakeSource):
    """Only the times that its axis asks for are in blocks."""

    def blocks(self) -> list[Block]:
        sampled = self.times[0].sampled
        assert sampled is not None
        return [block for block in super().blocks() if sampled[block.times[0]]]


def test_times_that_are_not_sampled_are_not_absent() -> None:
    times = axis_of(np.arange(9) * 6 * HOUR, sampled=np.arange(9) % 3 == 0)
    values = list(np.random.default_rng(0).normal(size=(9, 4)))
    values[3] = None
    tables = scan(Sampled({"x": values}, axis=times), now=NOW).tables
    assert tables["fields"]["time_index"].tolist() == [0, 6]
    assert tables["variables"]["n_absent"].tolist() == [1]
    assert tables["times"]["n_fields"].tolist() == [1, 0, 0, 0, 0, 0, 1, 0, 0]
    assert tables["times"]["missing_as_declared"].all()


class Broken(FakeSource):
    """Fails in one block."""

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        if 3 in block.times:
            raise ZeroDivisionError("chunk 0.3 is broken")
        yield from super().read(block, buffers)


def test_a_block_that_cannot_be_read_is_named() -> None:
    source = Broken({name: np.zeros((9, 4)) for name in ("2t", "msl", "10u", "10v")}, times_per_block=2, name="ic.zarr")
    expected = (
        r"ic.zarr: 2t, msl, 10u, ... \(4 variables\) at 1970-01-01T12:00:00 to 1970-01-01T18:00:00: "
        r"cannot be read: ZeroDivisionError: chunk 0.3 is broken$"
    )
    with pytest.raises(SourceError, match=expected):
        scan(source, workers=2, now=NOW)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((2, 5)), "a field of shape (5,) (C-contiguous: True); the grid has 4 cells"),
        (np.zeros((2, 4), np.int16), "a field of <i2 (4,); float32 or float64 (cell,)"),
        (np.zeros((2, 4), np.float16), "a field of <f2 (4,); float32 or float64 (cell,)"),
        (np.zeros((2, 4), ">f4"), "a field of >f4 (4,); float32 or float64 (cell,)"),
    ],
)
def test_a_field_that_breaks_the_promise_of_its_source(values: np.ndarray, message: str) -> None:
    source = FakeSource({Variable("2t", "2t", "2t", units="K"): values}, grid=grid_of(4))
    with pytest.raises(SourceError) as caught:
        scan(source, now=NOW)
    assert message in str(caught.value)


def test_no_workers() -> None:
    with pytest.raises(UsageError, match="workers: got 0"):
        scan(mixed_source(), workers=0)


class Views(FakeSource):
    """Yields views of one chunk and allocates nothing itself."""

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        for t in block.times:
            for v in block.variables:
                yield Field(t, v, 0, self.data[v][t])


def test_no_field_is_copied() -> None:
    n_cells = 500_000
    values = np.random.default_rng(0).normal(280, 10, (2, n_cells)).astype(np.float32)
    values[1, :9], values[1, 9], values[1, 10] = np.nan, -9999, np.inf  # with all second looks
    fields = [values[i % 2] for i in range(40)]
    grid = grid_of(n_cells, area_weights=np.full(n_cells, 1 / n_cells))
    source = Views({Variable("2t", "2t", "2t", units="K"): fields, "x": fields}, grid=grid)
    scan(source, workers=2, now=NOW)  # warm-up: kernels and pandas
    tracemalloc.start()
    try:
        scan(source, workers=2, now=NOW)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < values[0].nbytes / 2


def test_a_hundred_thousand_small_fields_cost_little_each() -> None:
    # Against a scan of as many values in a hundredth of the fields: what is left is the cost of a field.
    def seconds(n_fields: int, n_cells: int) -> float:
        values = np.random.default_rng(0).normal(280, 10, (n_fields, n_cells))
        source = Views({Variable("2t", "2t", "2t", units="K"): values}, times_per_block=100)
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            scan(source, workers=1, now=NOW)
            best = min(best, time.process_time() - began)
        return best

    each = (seconds(20_000, 8) - seconds(200, 800)) / 20_000
    assert each < 300e-6  # ten times the aim, for slow and busy machines


def test_days_may_be_longer_than_the_range_of_numpy() -> None:
    source = FakeSource({"x": np.zeros((3, 2))}, axis=axis_of(np.array([0, 1, 2]) * DAY * 365 * 400))
    assert len(scan(source, now=NOW).tables["times"]) == 3
