"""Scores of fields that are in memory already, or on a device: a training batch, the state of an inference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dqwatch.errors import UsageError
from dqwatch.holding import open_baseline

if TYPE_CHECKING:
    import pandas as pd

    from dqwatch.baselines.baseline import Baseline
    from dqwatch.departures.scoring import Cycle
    from dqwatch.departures.watching import Pace


class Scores(NamedTuple):
    """What is found of some fields.

    Attributes
    ----------
    drift : pd.DataFrame
        A row for each time, member and variable: p_value, q_value, score and what leads it, region.
    cycles : pd.DataFrame
        A row for each time and member: p_cycle over all variables, variables named.
    """

    drift: pd.DataFrame
    cycles: pd.DataFrame


def score(
    values: Any,
    baseline: Any,
    *,
    times: Any,
    variables: Sequence[str] | None = None,
    previous: Any = None,
    previous_times: Any = None,
    background: Any = None,
    device: Any = None,
) -> Scores:
    """Hold fields that are in memory, or on a device, against training, without moving them.

    Parameters
    ----------
    values : array or torch.Tensor
        (variable, cell), (time, variable, cell), (time, variable, member, cell), or what `dqwatch.Feed` gives,
        (sample, step, variable, member, cell); in the units and on the grid of the baseline.
    baseline : path or Baseline
        What `dqwatch.baseline` made of the training data.
    times : datetime, datetime64, ISO text or seconds since 1970 (UTC), or nested sequences of them
        When the fields are valid; `Batch.labels` of a feed.
    variables : sequence of str, optional
        Names, as the baseline has them; those of the baseline in its order by default. Others are not scored.
    previous : array or tensor, optional
        Fields one step before, laid out as `values`; by default those of `values` that are valid then.
    previous_times : as `times`, optional
        Of `previous`; one step of the baseline before `times` by default.
    background : array or tensor, optional
        Other estimates of the same fields, laid out as `values`.
    device : str or torch.device, optional
        'cuda', 'cuda:N' or 'torch:cpu': score by tensors there; 'cpu': by compiled kernels. By default tensors on a
        CUDA device are scored there, everything else by compiled kernels.

    Returns
    -------
    Scores

    Raises
    ------
    UsageError
        If shapes, times, names or the device do not fit.
    """
    from dqwatch.departures.tensors import place_of, score_stack, stack_fields

    known = _full(baseline)
    fields = stack_fields(values, times, variables, known, "values")
    before = None
    if previous is not None:
        then = fields.seconds - known.step if previous_times is None else previous_times
        before = stack_fields(previous, then, variables, known, "previous")
    beside = None
    if background is not None:
        known.check_background("background")
        beside = stack_fields(background, times, variables, known, "background")
    place = place_of(values, device)
    return judge_scored(score_stack(fields, known, previous=before, background=beside, device=place), known)


def judge_scored(cycles: Sequence[Cycle], known: Baseline) -> Scores:
    """P-values and what they rest on, of cycles that were scored."""
    from dqwatch.departures.judging import judge_cycles
    from dqwatch.departures.tensors import variables_of

    _, made = judge_cycles(cycles, known, dict(enumerate(variables_of(known.variables))), {})
    return Scores(made["drift"], made["cycles"])


def _full(baseline: Any) -> Baseline:
    from dqwatch.baselines.baseline import Baseline

    known = open_baseline(baseline)
    if not isinstance(known, Baseline):
        raise UsageError(
            "baseline: fields in memory are scored against what 'dqwatch baseline' learnt from fields only"
        )
    return known


class Watch:
    """Passes batches on as they come, and scores dates of them beside, within a share of the time.

    One date at a time is scored, of another sample in each batch, whenever scoring has taken less than `share` of the
    time since the first batch. So a training loop sees every batch, and how many dates are scored depends on how fast
    the machine scores.

    Parameters
    ----------
    batches : iterable of Batch
        A `dqwatch.Feed`, or whatever gives objects with `values` (sample, step, variable, member, cell) and `labels`.
    baseline : path or Baseline
        What `dqwatch.baseline` made of the training data.
    variables : sequence of str, optional
        Names of the variables of a batch; those of the feed by default.
    share : float
        Of the time that scoring may take, above 0 and up to 1; 1 scores a date of every batch.
    device : str or torch.device, optional
        As for `dqwatch.score`.
    most : int
        Scored dates to keep: the latest.

    Raises
    ------
    UsageError
        If an argument is wrong; while iterating, if a batch does not fit the baseline.
    """

    def __init__(
        self,
        batches: Iterable[Any],
        baseline: Any,
        *,
        variables: Sequence[str] | None = None,
        share: float = 0.05,
        device: Any = None,
        most: int = 500,
    ) -> None:
        from dqwatch.departures.watching import Pace

        if not 0 < share <= 1:
            raise UsageError(f"share: got {share}; give a part of the time, above 0 and up to 1")
        self._batches, self._known, self._device = batches, _full(baseline), device
        self._variables = variables if variables is not None else getattr(batches, "variables", None)
        self.pace: Pace = Pace(share, most)
        """What was scored: `n_batches`, `n_scored`, `overhead` (seconds of scoring over seconds in all)."""

    def __iter__(self) -> Iterator[Any]:
        """The batches, each after one of its dates was scored, or none."""
        for batch in self._batches:
            if self.pace.begin():
                self.pace.end(self._score(batch))
            yield batch

    def _score(self, batch: Any) -> list[Cycle]:
        """One date of a batch, with the one before it where that is a step earlier."""
        from dqwatch.departures.tensors import place_of, score_stack, stack_fields

        samples, steps = batch.values.shape[:2]
        sample = self.pace.n_batches % samples
        part, labels = batch.values[sample : sample + 1, max(0, steps - 2) :], batch.labels[sample][max(0, steps - 2) :]
        fields = stack_fields(part, labels, self._variables, self._known, "batch")
        last = fields._replace(values=fields.values[-1:], seconds=fields.seconds[-1:])
        place = place_of(batch.values, self._device)
        return score_stack(last, self._known, previous=fields, background=None, device=place)

    def scores(self) -> Scores:
        """What was found of the dates scored so far, the latest `most` of them."""
        return judge_scored(list(self.pace.kept), self._known)
