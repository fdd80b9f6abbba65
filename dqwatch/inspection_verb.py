"""The verb `inspect`: know a data set before anything is asked of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from dqwatch.errors import NothingThereError, UsageError

if TYPE_CHECKING:
    from dqwatch.metrics.inspection import Inspection


def inspect(
    data: Any,
    *,
    pattern: str | Sequence[str] | None = None,
    batch: int = 1,
    feed: bool = False,
    step_time: float | None = None,
    device: Any = "cpu",
    decoder: str = "host",
    cache: str | None = None,
) -> Inspection:
    """Know a data set: sizes, layout, periods, holes, and what reading it costs; only a few fields are read.

    Parameters
    ----------
    data : path, glob pattern, sequence of paths, xarray.Dataset, ...
        As for `audit`.
    pattern : str or sequence of str, optional
        Ways of reading of your own, weighed beside those of the field: `time=28,cell=10%,variable=2t+msl`. A dimension
        that is not named is taken whole. Times: `28`, `10%`, `4x7`, `12h`, `180d`; cells: `100`, `10%` (at random),
        `5x9` (five places, nine neighbours each), `region`; variables: `5` or names; members: `1`.
    batch : int
        Samples of a batch, each of two input steps and a target.
    feed : bool
        Measure for some seconds how fast batches of shuffled samples can be had here, by numbers of workers and sizes
        of a batch, and what limits them.
    step_time : float, optional
        Seconds that a model takes for a step with such a batch: would it wait for data? Only with `feed`.
    device : str or torch.device
        With `feed`, also measure the copy to this CUDA device.
    decoder : str
        With `feed`, who decodes: 'host', or 'nvcomp' on the device, as for `Feed`.
    cache : str, optional
        As for `audit`.

    Returns
    -------
    Inspection

    Raises
    ------
    UsageError
        If `pattern`, `batch`, `step_time`, `device` or `decoder` is wrong.
    SourceError
        If the data cannot be read.
    NothingThereError
        If they hold no variables.
    """
    from dqwatch import expectations, sources
    from dqwatch.metrics.inspection import check_request, inspect_source
    from dqwatch.metrics.peak_memory import estimate

    patterns = check_request(pattern, batch)
    _check_feed(feed, step_time, device, decoder)
    with closing(sources.open_source(data, cache=cache)) as source:
        if not source.variables:
            why = "; ".join(source.notes) or "it holds no variables"
            raise NothingThereError(f"{source.name}: nothing to inspect: {why}")
        rule_sets = expectations.load_rule_sets(("audit",))
        wanted, params = expectations.columns_needed(rule_sets), expectations.params_needed(rule_sets)
        audit = estimate(source, wanted=wanted, params=params)
        found = inspect_source(source, data, patterns=patterns, batch=batch, audit=audit)
        if not feed:
            return found
        from dqwatch.feed.devices import computing_device
        from dqwatch.metrics.feed_speeds import measure_feeding

        place = computing_device(device)
        far = _is_remote(data)
        measured = measure_feeding(source, batch=batch, step_time=step_time, device=place, remote=far, decoder=decoder)
        return dataclasses.replace(found, feeding=measured, seconds=found.seconds + measured.seconds)


def _is_remote(data: Any) -> bool:
    """Whether one of the paths is a URL."""
    from dqwatch.sources.urls import is_url

    paths = [data] if isinstance(data, str) else data if isinstance(data, Sequence) else []
    return any(isinstance(path, str) and is_url(path) for path in paths)


def _check_feed(feed: bool, step_time: float | None, device: Any, decoder: str) -> None:
    """Refuse what only a measurement of feeding can have, before any data are opened."""
    from dqwatch.feed.decoders import check_decoder
    from dqwatch.feed.devices import Device, computing_device

    asked = {"step_time": step_time is not None, "device": str(device) != "cpu", "decoder": decoder != "host"}
    if not feed and any(asked.values()):
        name = next(name for name, given in asked.items() if given)
        raise UsageError(f"{name}: only feeding is measured with it; give --feed too")
    if step_time is not None and not 0 < step_time < float("inf"):
        raise UsageError(f"step_time: got {step_time}; give the seconds of a step, above 0")
    check_decoder(decoder, computing_device(device) or Device("cpu"))
