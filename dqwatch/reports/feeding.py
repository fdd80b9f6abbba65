"""How fast a model can be fed, for people."""

from __future__ import annotations

from collections.abc import Iterator

from dqwatch.metrics.feeding import CAUSES, DECODING, ON_DEVICE, Feeding, Limits, Speed, Step
from dqwatch.reports.lines import size, table


def feeding(found: Feeding | None) -> Iterator[str]:
    """What was measured, what limits it, and what would help; nothing where it was not asked."""
    if found is None:
        return
    limits = found.limits
    yield (
        f"a sample is {found.window} date{'s' * (found.window > 1)}, {size(limits.sample_bytes)} as float32; shuffled; "
        f"measured for {found.seconds:.0f} s"
    )
    rows: list[tuple[str, ...]] = [("workers", "batch", "samples/s", "data/s", "busy cores", "longest wait", "")]
    rows += [_row(speed, "" if speed is not found.best else "the best") for speed in found.speeds]
    rows += [_row(found.first, "read for the first time"), _row(found.again, "the same again")]
    yield from table(rows, left=0)
    if found.decoder != "host":
        yield f"decoded on the device, by {found.decoder}"
    yield f"memory to memory: {size(found.copies.memory)}/s (one thread)"
    if found.copies.device is not None:
        yield f"to the device: {size(found.copies.device)}/s"
    on_device = ON_DEVICE + (DECODING if found.decoder != "host" else 0)
    yield _fit(found.depth, limits, "in memory", limits.memory, "the host's")
    if limits.device_memory is not None:
        yield _fit(on_device, limits, "on the device", limits.device_memory, "what is free there,")
    yield f"what limits it: {CAUSES[found.cause]}"
    if found.step is not None:
        yield _step(found.step)
    for suggestion in found.suggestions:
        yield f"suggestion: {suggestion}"


def _fit(batches: int, limits: Limits, where: str, there: int | None, whose: str) -> str:
    """What some batches take, and whether there is so much."""
    needed = batches * limits.batch_bytes
    known = "" if there is None else f", {needed / there:.1%} of {whose} {size(there)}: "
    fits = "" if there is None else "they fit" if needed <= there else "they do not fit"
    return f"{batches} batches of {limits.batch} {where} take {size(needed)}{known}{fits}"


def _row(speed: Speed, remark: str) -> tuple[str, ...]:
    waited = f"{speed.slowest:.2g} s" if speed.slowest >= 1 else f"{1000 * speed.slowest:.0f} ms"
    rate = f"{speed.samples:,.1f}"
    return (str(speed.workers), str(speed.batch), rate, f"{size(speed.bytes)}/s", f"{speed.busy:.1f}", waited, remark)


def _step(step: Step) -> str:
    asked = f"a step of {step.seconds:g} s with batches of {step.batch} takes {step.needs:,.1f} samples/s: "
    if step.share < 1:
        return asked + f"the model would wait, there is {step.share:.0%} of that"
    if step.workers is None:
        return asked + "the model would not wait, but all cores just give it"
    return asked + f"the model would not wait, from {step.workers} worker{'s' * (step.workers != 1)} on"
