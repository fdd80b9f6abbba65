"""How fast a model can be fed: what is measured, and what is said of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from metrics.fake_source import FakeSource
from sources.zarr_files import make_anemoi

import dqwatch
from dqwatch.buffers import Buffers
from dqwatch.errors import UsageError
from dqwatch.feed.devices import Device
from dqwatch.feed.feed import Feed
from dqwatch.metrics import feed_speeds
from dqwatch.metrics.feeding import CAUSES, Copies, Feeding, Limits, Speed, judge_step, name_bottleneck, suggest
from dqwatch.reports.feeding import feeding
from dqwatch.types import Block, Field

SAMPLE = 1_000_000


def speed(samples: float, **rest: Any) -> Speed:
    given = {"workers": 4, "batch": 1, "bytes": samples * SAMPLE, "busy": 3.9, "idle": 0.1, "slowest": 1 / samples}
    return Speed(samples=samples, **{**given, **rest})


FAST = Copies(memory=1e10, device=None, cores=4)
CASES = {
    "decoding": (speed(1000), speed(900), speed(1000), FAST, False),
    "caches": (speed(1000), speed(300), speed(1000), FAST, False),
    "storage": (speed(300, idle=2.0), speed(300), speed(1000), FAST, False),
    "overhead": (speed(1000, idle=2.0), speed(900), speed(1000), FAST, False),
    "memory": (speed(9000), speed(900), speed(1000), FAST, False),
    "device": (speed(1000), speed(900), speed(1000), Copies(1e10, 1.1e9, 4), False),
    "decoder": (speed(1000, idle=2.0), speed(900), speed(1000), Copies(1e10, 1.1e9, 4), False),
}


@pytest.mark.parametrize("cause", CASES)
def test_what_limits_is_named(cause: str) -> None:
    best, first, again, copies, remote = CASES[cause]
    decoder = "nvcomp" if cause == "decoder" else "host"
    assert name_bottleneck(best, first, again, copies, [best], remote=remote, decoder=decoder) == cause


def test_from_elsewhere_idle_cores_wait_for_storage() -> None:
    best, first, again, copies, _ = CASES["overhead"]
    assert name_bottleneck(best, first, again, copies, [best], remote=True) == "storage"


def test_where_idle_cores_are_unknown_those_that_are_not_busy_count() -> None:
    best = speed(300, idle=None, busy=0.5)
    assert name_bottleneck(best, speed(300), speed(1000), FAST, [best], remote=False) == "storage"
    best = speed(1000, idle=None)
    assert name_bottleneck(best, speed(900), speed(1000), FAST, [best], remote=False) == "decoding"


def test_every_cause_has_its_words_and_its_remedy() -> None:
    assert set(CASES) == set(CAUSES)
    limits = Limits(1, 10**12, SAMPLE, 4)
    for cause in CASES:
        *_, remedy = suggest([speed(100)], cause, judge_step(0.01, 4, [speed(100)]), limits)
        assert "or let a step take 0.04 s" in remedy


def test_a_step_that_starves_and_one_that_does_not() -> None:
    speeds = [speed(30, workers=1), speed(55, workers=2), speed(100, slowest=0.5)]
    step = judge_step(0.1, 4, speeds)  # 40 samples a second, with a fifth to spare 48
    assert (step.needs, step.share, step.workers) == (40.0, 2.5, 2)
    assert step.depth == 16  # the longest wait, four times as long for four samples: 20 steps, no more than 16 are held
    assert judge_step(4.0, 4, speeds).depth == 3
    starving = judge_step(0.02, 4, speeds)
    assert (starving.needs, starving.share, starving.workers) == (200.0, 0.5, None)
    just = judge_step(0.0401, 4, speeds)
    assert just.share > 1
    assert just.workers is None


def test_suggestions_follow_what_was_measured() -> None:
    speeds = [speed(97, workers=2, batch=2), speed(100, batch=4)]
    told = list(suggest(speeds, "decoding", None, Limits(10, 10**8, 10**7, 4)))
    assert told[0] == "workers=2, depth=3 for dqwatch.Feed; for a DataLoader num_workers=2, prefetch_factor=2"
    assert told[1] == "batches of 2 are as fast as any measured"
    assert told[2].startswith("3 batches of 4 take a large part of the host's memory") or "4 take" in told[2]
    assert told[3].startswith("a chunk holds 10 dates")


def test_what_batches_take_of_either_memory_is_told() -> None:
    given = {"window": 3, "first": speed(90), "again": speed(100), "speeds": (speed(100),), "copies": FAST, "depth": 3}
    given |= {"cause": "decoding", "step": None, "suggestions": (), "seconds": 4.0}
    limits = Limits(1, 12 * 10**6, 10**6, 5, 14 * 10**6)
    lines = list(feeding(Feeding(limits=limits, **given)))
    assert "3 batches of 5 in memory take 15 MB, 125.0% of the host's 12 MB: they do not fit" in lines
    assert "3 batches of 5 on the device take 15 MB, 107.1% of what is free there, 14 MB: they do not fit" in lines
    lines = list(feeding(Feeding(limits=replace(limits, device_memory=10**9, memory=None), decoder="nvcomp", **given)))
    assert "3 batches of 5 in memory take 15 MB" in lines
    assert "5 batches of 5 on the device take 25 MB, 2.5% of what is free there, 1 GB: they fit" in lines
    assert "decoded on the device, by nvcomp" in lines
    assert any("device's memory: take smaller" in line for line in suggest([speed(1)], "decoding", None, limits))


def test_a_decoder_is_measured_with_the_device_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def fed(source: Any, *, device: Any, decoder: str, **rest: Any) -> Any:
        asked.append((str(device), decoder))
        return Feed(source, device="numpy", **rest)

    monkeypatch.setattr(feed_speeds, "SECONDS", 0.02)
    monkeypatch.setattr(feed_speeds, "Feed", lambda source, **rest: fed(source, **{"decoder": "host", **rest}))
    monkeypatch.setattr(feed_speeds, "device_memory", lambda device: 10**9)
    monkeypatch.setattr(feed_speeds, "_copy_to", lambda device: 1e9)
    source = FakeSource({"x": np.ones((20, 50), np.float32)})
    found = feed_speeds.measure_feeding(source, device=Device("cuda", 1), decoder="nvcomp")
    assert {("cuda:1", "nvcomp")} == set(asked) - {("numpy", "host")}
    assert (found.decoder, found.limits.device_memory) == ("nvcomp", 10**9)


class Slow(FakeSource):
    """Takes 5 ms for a date."""

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        time.sleep(0.005 * len(block.times))
        yield from super().read(block, buffers)


def test_rates_are_those_of_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_speeds, "SECONDS", 0.1)
    monkeypatch.setattr(feed_speeds, "_COPY_BYTES", 1 << 20)
    monkeypatch.setattr(feed_speeds, "default_workers", lambda: 2)
    source = Slow({"x": np.ones((40, 100), np.float32)})
    found = feed_speeds.measure_feeding(source, batch=8, step_time=10.0)
    assert found.window == 3
    assert found.limits.sample_bytes == 3 * 100 * 4
    assert {(s.workers, s.batch) for s in found.speeds} == {(1, 8), (2, 8), (2, 1), (2, 2), (2, 4)}
    for one in (*found.speeds, found.first, found.again):
        assert one.samples <= 1.3 * one.workers / (3 * 0.005) * 3  # dates that a batch has twice are read once
        assert one.bytes == pytest.approx(one.samples * 1200)
        assert one.slowest > 0
    assert found.best.samples == max(s.samples for s in found.speeds)
    assert found.copies.memory > 1e8
    assert found.copies.device is None
    assert found.step is not None
    assert found.step.share > 1


def test_short_data_are_fed_date_by_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_speeds, "SECONDS", 0.02)
    monkeypatch.setattr(feed_speeds, "_COPY_BYTES", 1 << 20)
    found = feed_speeds.measure_feeding(FakeSource({"x": np.ones((2, 50), np.float32)}))
    assert found.window == 1
    assert {s.batch for s in found.speeds} == {1, 2}
    assert "a sample is 1 date, 200 B as float32" in next(feeding(found))


def test_the_page_tells_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dqwatch.reports import inspection

    monkeypatch.setattr(feed_speeds, "SECONDS", 0.02)
    monkeypatch.setattr(feed_speeds, "_COPY_BYTES", 1 << 20)
    values = np.ones((12, 2, 1, 208), np.float32)
    make_anemoi(tmp_path / "a.zarr", values, ["2t", "msl"], chunks=(6, 2, 1, 208))
    text = inspection.render(dqwatch.inspect(tmp_path / "a.zarr", feed=True, step_time=1e-9))
    assert "what limits it: " in text
    assert (
        "a step of 1e-09 s with batches of 1 takes 1,000,000,000.0 samples/s: the model would wait, there is 0%" in text
    )
    assert "a chunk holds 6 dates" in text
    assert "Feeding" not in inspection.render(dqwatch.inspect(tmp_path / "a.zarr"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"step_time": 1.0}, "step_time: only feeding is measured with it; give --feed too"),
        ({"device": "cuda"}, "device: only feeding is measured with it; give --feed too"),
        ({"decoder": "nvcomp"}, "decoder: only feeding is measured with it; give --feed too"),
        (
            {"feed": True, "decoder": "nvcomp"},
            "decoder: 'nvcomp' decodes on a CUDA device, got device 'cpu'; give device cuda",
        ),
        ({"feed": True, "step_time": 0.0}, "step_time: got 0.0; give the seconds of a step, above 0"),
        ({"feed": True, "device": "gpu"}, "device: got 'gpu'; give cpu, torch:cpu, cuda or cuda:N"),
    ],
)
def test_wrong_requests_are_told_before_anything_is_opened(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}$"):
        dqwatch.inspect("no-such.zarr", **arguments)
