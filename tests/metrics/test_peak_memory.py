"""What an audit is said to take before it starts, against what it took."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from metrics.fake_source import FakeSource, grid_of
from sources.zarr_files import make_array, make_group

from dqwatch.metrics import kernel_layout as layout
from dqwatch.metrics.one_pass import Pass
from dqwatch.metrics.peak_memory import START, estimate
from dqwatch.sources import open_source
from dqwatch.sources.selection import narrow
from dqwatch.types import Variable

CELLS, NAMES = 250_000, ["2t", "2d", "msl", "10u", "10v", "tp", "cp", "skt"] + [f"t_{p}" for p in range(100, 900, 100)]
AUDIT = """
import json, sys, warnings
warnings.simplefilter("ignore")
import dqwatch
verdict = dqwatch.audit(sys.argv[1], workers=int(sys.argv[2]), end=sys.argv[3])
print(json.dumps(verdict.timing["peak_memory_mb"]))
"""


def fields(n_times: int, per_block: int = 1, cells: int = 1000) -> FakeSource:
    named = {Variable(n, n, n, units="K"): np.zeros((n_times, cells), np.float32) for n in ("2t", "2d", "odd")}
    return FakeSource(named, grid=grid_of(cells), times_per_block=per_block)


def test_the_formula() -> None:
    plain = estimate(fields(50), workers=3)
    row = 8 * (len(layout.INTS) + len(layout.FLOATS) + len(layout.HASHES)) + 1
    assert plain.start == START
    assert plain.blocks == 3 * 2 * 3 * 4000  # workers, decoded and encoded, variables, a field
    assert plain.fields == 3 * 10 * 8 * 1000  # scratch
    assert plain.grids == 150 * 1000
    assert plain.rows == 4 * row * 3 * 50
    assert plain.total == sum(plain[1:])
    more = estimate(fields(50), workers=3, wanted={"fields": ["change"], "relations": ["share"]})
    assert more.fields == plain.fields + 3 * 3 * 4000 + 4 * 2 * 4000  # the fields before; 2t and 2d wait
    assert more.rows == plain.rows + 4 * 8 * 3 * 3 * 50  # the metric of changes has three columns
    assert "with 3 workers: 400 MB to start with" in more.in_words()


@pytest.mark.parametrize(("times", "per_block"), [(50, 1), (5000, 1), (50, 5)])
def test_what_counts_is_the_block_and_not_the_number_of_times(times: int, per_block: int) -> None:
    found, alike = estimate(fields(times, per_block), workers=1), estimate(fields(50), workers=1)
    assert found.blocks == per_block * alike.blocks
    assert (found.fields, found.grids) == (alike.fields, alike.grids)
    assert found.rows == alike.rows * times // 50


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six dates of 16 fields of 1 MB in a chunk, on a grid of rows."""
    path = tmp_path_factory.mktemp("peak") / "data.zarr"
    rng, n_times = np.random.default_rng(0), 6
    group = make_group(path)
    values = rng.normal(280, 5, (n_times, len(NAMES), 1, CELLS)).astype(np.float32)
    make_array(group, "data", values, (1, *values.shape[1:]), dims=("time", "variable", "ensemble", "cell"))
    dates = np.datetime64("2020-01-01T00", "s") + np.arange(n_times) * np.timedelta64(6, "h")
    rows, columns = 500, CELLS // 500
    latitudes = np.repeat(90 - (np.arange(rows) + 0.5) * 180 / rows, columns)
    longitudes = np.tile(np.arange(columns) * 360 / columns, rows)
    for name, one in (("dates", dates), ("latitudes", latitudes), ("longitudes", longitudes)):
        make_array(group, name, one, one.shape)
    ends = {"start_date": str(dates[0]), "end_date": str(dates[-1]), "frequency": "6h", "missing_dates": []}
    group.attrs.update({"variables": NAMES, **ends})
    return path


@pytest.mark.parametrize("wanted", [{}, {"fields": ["change"]}], ids=["plain", "changes"])
def test_no_field_costs_fresh_memory_after_the_first_date(store: Path, wanted: dict[str, list[str]]) -> None:
    """By page faults: memory that is handed out anew has to be mapped in, page by page."""
    source = open_source(store)

    def faults(n_times: int) -> int:
        part = narrow(source, end=f"2020-01-0{1 + (n_times - 1) // 4}T{(n_times - 1) % 4 * 6:02}")
        own = Pass(part, wanted=wanted)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        own.run_threads(1, None)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults(6)
    each = (min(faults(6) for _ in range(3)) - min(faults(2) for _ in range(3))) / 4  # of a date, beyond the first two
    pages = 4 * CELLS / resource.getpagesize()
    # Blosc takes scratch of one block (a quarter of these small fields) for each, other threads and collected garbage
    # cost some; fresh memory for every field would cost all of their pages.
    assert each < len(NAMES) / 2 * pages, f"{each:.0f} page faults a date of {len(NAMES)} fields of {pages:.0f} pages"


def test_a_process_is_not_told_what_the_one_that_started_it_took() -> None:
    held = np.ones(60_000_000)  # 480 MB
    code = "from dqwatch.conclusion import _peak_memory_mb; print(_peak_memory_mb())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert 5 < float(done.stdout) < 300 < held.nbytes / 1e6


def measured(store: Path, workers: int, end: str) -> float:
    command = [sys.executable, "-c", AUDIT, str(store), str(workers), end]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    return 1e6 * float(json.loads(done.stdout.splitlines()[-1]))


def test_an_audit_stays_below_and_more_dates_take_no_more(store: Path) -> None:
    import dqwatch

    said = dqwatch.inspect(str(store)).audit
    assert said is not None
    measured(store, said.workers, "2020-01-01T00")  # where kernels are not yet compiled, compilers take the most
    short, long = (measured(store, said.workers, end) for end in ("2020-01-01T06", "2020-01-02T06"))
    assert 0.6 * said.total < long < 1.05 * said.total
    assert long - short < 0.5 * 4 * len(NAMES) * CELLS * said.workers  # less than a half of a date for each worker
