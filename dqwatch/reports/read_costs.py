"""What reading costs, now and with other chunks, for people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from dqwatch.metrics.inspection import Inspection, Option, ReadCost
from dqwatch.metrics.rechunking import MOST_OBJECTS, SMALLEST, Candidate
from dqwatch.reports.findings import clean, short_time
from dqwatch.reports.lines import Verbatim, factor, size, table, times


def reading(reads: Sequence[ReadCost]) -> Iterator[str]:
    """What each pattern costs with the present layout."""
    rows = [("pattern", "wanted", "decoded", "amplified", "chunks", "fetched", "what")]
    for read in reads:
        a, p = read.access, read.pattern
        fetched = "" if read.stored_bytes is None else f"{'' if read.stored_exact else '~'}{size(read.stored_bytes)}"
        about = "" if a.exact else "~"
        what = p.meaning or p.text
        if any(read.period):
            what += f": {' to '.join(dict.fromkeys(short_time(clean(t)) for t in read.period))}"
        decoded = f"{about}{size(a.decoded_bytes)}"
        rows.append(
            (clean(p.name), size(a.wanted_bytes), decoded, factor(a.amplification), f"{a.chunks:,}", fetched, what)
        )
    yield "bytes decoded for each byte wanted: a chunk (a page of a file without chunks, a message) is taken whole"
    yield from table(rows)
    if any(r.stored_bytes is not None and not r.stored_exact for r in reads):
        yield "~ from the mean size of a chunk, or in whole pages"


def other_chunks(inspection: Inspection) -> Iterator[str]:
    """What other layouts would bring, and the command for one of them."""
    if inspection.main is None or inspection.as_stored is None or not inspection.as_stored.accesses:
        return
    if not inspection.options:
        yield "nothing to be gained: the chunks suit these patterns, or the array is small and best read whole"
        return
    names = list(inspection.as_stored.accesses)
    rows = [("", "chunks", "size", "number", *(clean(n) for n in names), "")]
    rows.append(_option_row(inspection.as_stored, "as stored", names))
    rows += [_option_row(o.candidate, f"best for {title_of(o, names)}", names) for o in inspection.options]
    dims = clean(", ".join(inspection.main.dims))
    yield f"{clean(inspection.main.stored.name)} ({dims}): bytes decoded for each byte wanted / chunks"
    yield from table(rows)
    if inspection.main.geometry.chunks is not None:
        yield "the order of the dimensions changes nothing: chunks are decoded whole"
    if inspection.main.geometry.shards is None and inspection.bytes > MOST_OBJECTS * SMALLEST:
        yield f"not more than {MOST_OBJECTS:,} chunks are proposed; many small ones want shards (Zarr format 3)"
    chosen = recommended(inspection)
    if not chosen.command.text:
        yield clean(chosen.command.remark)
        return
    yield (
        f"the command for 'best for {title_of(chosen, names)}' "
        f"(it writes beside the original; {clean(chosen.command.remark)}):"
    )
    yield from map(Verbatim, ("", *chosen.command.text.splitlines()))


def recommended(inspection: Inspection) -> Option:
    """The option whose command is shown: for the user's own pattern, else the one that suits all patterns best."""
    own = [r.pattern.name for r in inspection.reads if r.pattern.strict]
    for name in [*own, "all"]:
        for option in inspection.options:
            if name in option.candidate.best_for:
                return option
    return min(inspection.options, key=lambda o: math.prod(a.decoded_bytes for a in o.candidate.accesses.values()))


def title_of(option: Option, names: Sequence[str]) -> str:
    """The patterns, of those named, that an option is the best for."""
    best = option.candidate.best_for
    if "all" in best:
        return "all together"
    return "any of them" if set(best) == set(names) else ", ".join(clean(b) for b in best)


def _option_row(candidate: Candidate, title: str, names: Sequence[str]) -> tuple[str, ...]:
    accesses: Mapping[str, str] = {
        n: f"{factor(a.amplification)} / {a.chunks:,}" for n, a in candidate.accesses.items()
    }
    geometry = candidate.geometry
    shape = f"none: {', '.join(candidate.dims)}" if geometry.chunks is None else times(geometry.chunks)
    chunk = "" if geometry.chunks is None else size(geometry.chunk_bytes)
    number = "" if geometry.chunks is None else f"{geometry.n_chunks:,}"
    return (title, shape, chunk, number, *(accesses.get(n, "") for n in names), "")
