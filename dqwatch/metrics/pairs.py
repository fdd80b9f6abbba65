"""The table `pairs`: the fields of a data set held against those of the one that it was made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dqwatch.catalogue import Catalogue, load_catalogue
from dqwatch.errors import SourceError
from dqwatch.feed import Worker, run
from dqwatch.feed.workers import Progress
from dqwatch.metrics.known import know
from dqwatch.metrics.likeness import COLUMNS, SERIES, Comparer
from dqwatch.metrics.overlay import lay_over
from dqwatch.metrics.pair_reading import DATA, REFERENCE, Chosen, Common, Meeting, Unit
from dqwatch.metrics.pair_rows import PairRows, pairs_table
from dqwatch.metrics.pairing import match_variables
from dqwatch.metrics.scout import name_block
from dqwatch.types import Field, Source

if TYPE_CHECKING:
    import pandas as pd


def compare(
    source: Source,
    reference: Source,
    *,
    complete: bool = True,
    catalogue: Catalogue | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Hold every field of a source against the same field of a reference, in one pass over both.

    Where the grids differ, the reference is read at the cells of the data (`dqwatch.metrics.overlay`). The table is the
    same for any number of workers.

    Parameters
    ----------
    source : Source
        The data. Only its sampled times are compared.
    reference : Source
        What the data claim to be made from.
    complete : bool
        Whether variables of the reference that the data lack get a row; not where only some were asked for.
    catalogue : Catalogue, optional
        What is known of variables; the shipped one by default.
    workers : int, optional
        Threads; one per core that this process may use by default.
    progress : callable, optional
        `progress(done, total)` in blocks.

    Returns
    -------
    pd.DataFrame
        The table `pairs`.

    Raises
    ------
    SourceError
        If a block of either cannot be read; the message names it.
    UsageError
        If `workers` is below 1.
    """
    catalogue = catalogue or load_catalogue()
    known, known_reference = know(source, catalogue), know(reference, catalogue)
    matches = match_variables(source, reference, known, known_reference)
    rows = PairRows(source, reference, matches, len(COLUMNS) + len(SERIES))
    comparers = _comparers(source, reference, rows)
    commons = [Common(m.variables, rows.common_times(i)) for i, m in enumerate(matches)]
    meeting = Meeting((source, reference), commons)
    work = _work(meeting, (source, reference), rows, comparers)
    run(
        meeting.units,
        work,
        workers=workers,
        describe=lambda unit: name_block(*meeting.describe(unit)),
        progress=progress,
    )
    overlays = {key: comparer.overlay for key, comparer in comparers.items()}
    return pairs_table(rows, overlays, known, complete=complete)


def _comparers(source: Source, reference: Source, rows: PairRows) -> dict[tuple[int, int], Comparer]:
    """One for each pair of grids that variables to be compared lie on."""
    found: dict[tuple[int, int], Comparer] = {}
    for match in rows.matches:
        key = source.variables[match.data].grid, reference.variables[match.reference].grid
        if key not in found:
            found[key] = Comparer(lay_over(source.grids[key[0]], reference.grids[key[1]]))
            found[key].prepare()
    return found


def _work(
    meeting: Meeting,
    sources: tuple[Source, Source],
    rows: PairRows,
    comparers: dict[tuple[int, int], Comparer],
) -> Callable[[Unit, Worker], None]:
    """The work of one thread on a unit: hold the fields of the leader, compare those of the follower as they pass."""

    def work(unit: Unit, worker: Worker) -> None:
        chosen = meeting.chosen(unit)
        held: dict[tuple[int, int, int], np.ndarray] = {}
        partners = _partners(chosen, rows, meeting)
        for block in meeting.to_hold(chosen):
            for field in sources[meeting.leader].read(block, worker.buffers):
                worker.checkpoint()
                _check(field, sources[meeting.leader])
                held[field.variable, field.time, field.member] = field.values.copy()
        for block in meeting.to_stream(chosen):
            for field in sources[meeting.follower].read(block, worker.buffers):
                worker.checkpoint()
                _check(field, sources[meeting.follower])
                for number, place, time in partners.get((field.variable, field.time), ()):
                    variable = rows.matches[number].variables[meeting.leader]
                    _meet(rows, comparers, meeting, number, place, field, held.get((variable, time, field.member)))
        _mark_held(rows, chosen, meeting, held)

    return work


Partners = dict[tuple[int, int], list[tuple[int, int, int]]]


def _partners(chosen: Sequence[Chosen], rows: PairRows, meeting: Meeting) -> Partners:
    """(variable, time) of the follower -> index of the match, place among its common times, time of the leader."""
    found: Partners = {}
    for number, places in chosen:
        match, times = rows.matches[number], rows.common_times(number)
        for place in places.tolist():
            key = match.variables[meeting.follower], int(times[meeting.follower][place])
            found.setdefault(key, []).append((number, place, int(times[meeting.leader][place])))
    return found


def _meet(
    rows: PairRows,
    comparers: dict[tuple[int, int], Comparer],
    meeting: Meeting,
    number: int,
    place: int,
    field: Field,
    held: np.ndarray | None,
) -> None:
    """Fill the row of a field of the follower and that of the leader; None: the leader has none there."""
    row = rows.of(number, place, field.member)
    if row is None:
        return
    rows.there[meeting.follower][row] = True
    if held is None:
        return
    own, other = (held, field.values) if meeting.leader == DATA else (field.values, held)
    match = rows.matches[number]
    comparer = comparers[rows.grids(number)]
    rows.placings[row] = comparer.compare(own, other, match.units, rows.numbers[row])


def _mark_held(
    rows: PairRows, chosen: Sequence[Chosen], meeting: Meeting, held: dict[tuple[int, int, int], np.ndarray]
) -> None:
    """Note which fields of the leader were there."""
    for number, places in chosen:
        variable, times = rows.matches[number].variables[meeting.leader], rows.common_times(number)[meeting.leader]
        for place in places.tolist():
            for member in range(rows.members(number)):
                if (variable, int(times[place]), member) in held:
                    rows.there[meeting.leader][rows.of(number, place, member)] = True


def _check(field: Field, source: Source) -> None:
    variable = source.variables[field.variable]
    n_cells = source.grids[variable.grid].n_cells
    if field.values.size != n_cells:
        raise SourceError(
            f"variable '{variable.name}': a field of {field.values.size} values; the grid has {n_cells} cells"
        )


__all__ = ["DATA", "REFERENCE", "compare"]
