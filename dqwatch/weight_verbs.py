"""The verb `weights`: the loss-share audit of a training configuration, and what to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal

from dqwatch.conclusion import Clock, FailOn, check_request, describe_input, load_rules
from dqwatch.part import Part
from dqwatch.types import Source, Verdict

if TYPE_CHECKING:
    from dqwatch.advice.shares import Weighed
    from dqwatch.advice.training import Training

Target = Literal["head", "aifs2", "0.5", "aifs1", "0.3"]
_SIX_HOURS = 21600


def weights(
    data: Any,
    *,
    config: str | Sequence[str],
    target: Target | None = None,
    dataset: str | None = None,
    rules: str | Sequence[str] = ("weights",),
    fail_on: FailOn = "critical",
    select: str | Sequence[str] | None = None,
    cache: str | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Weigh the loss weights of a training configuration by the statistics of the data that it trains on.

    Parameters
    ----------
    data : path, glob pattern, sequence of paths, or object
        The training data, as for `audit`. Statistics that an anemoi store carries are used as they are; what it lacks
        is measured on some of its fields.
    config : path or sequence of paths
        Training configuration of anemoi: YAML as Hydra composes it, group files of it (`training/default.yaml`,
        `data/zarr.yaml`), or a checkpoint, of which only the metadata are read. Of what several say, the last counts.
    target : {'head', 'aifs2', '0.5', 'aifs1', '0.3'}, optional
        Generation of anemoi-training to write the weights for; that of the configuration by default.
    dataset : str, optional
        Name of the data set in the configuration, where it has several.
    rules : str or sequence of str
        As for `audit`; the rules of `weights` by default.
    fail_on, select, cache, workers, progress
        As for `audit`.

    Returns
    -------
    Verdict
        Tables `weights` (every variable on three scales side by side) and `weight_keys`; `advice` holds the weights as
        YAML for anemoi-training.

    Raises
    ------
    UsageError
        If the configuration has no loss weights, or does not fit the data.
    SourceError
        If the data cannot be read.
    """
    clock = Clock()
    check_request(fail_on, workers, 1)
    from dqwatch import expectations, sources, tables
    from dqwatch.advice.documents import read_documents
    from dqwatch.advice.shares import key_columns, share_columns, weigh
    from dqwatch.advice.statistics import read_statistics
    from dqwatch.advice.training import read_training
    from dqwatch.expectations.verdicts import summarise

    rule_sets = load_rules(rules, {})
    files = [config] if isinstance(config, str) else list(config)
    training = read_training(read_documents(files), dataset)
    with closing(sources.open_source(data, **Part(select, None, None, 1, cache)._asdict())) as source:
        clock.opened()
        step = training.timestep or _step_of(source)
        statistics, told = read_statistics(source, step, workers=workers, progress=progress)
        weighed, more = weigh(source, statistics, training)
    clock.read()
    made = {
        "weights": tables.frame("weights", share_columns(weighed)),
        "weight_keys": tables.frame("weight_keys", key_columns(weighed, training)),
    }
    evaluation = expectations.evaluate(rule_sets, made)
    status, exit_code, summary = summarise(evaluation.results, fail_on)
    advice, left = _advise(weighed, training, target, files)
    return Verdict(
        verb="weights",
        status=status,
        exit_code=exit_code,
        inputs=(describe_input(source),),
        rule_sets=rule_sets,
        results=_ordered(evaluation.results),
        summary=summary,
        timing=clock.timing(scan_bytes=0, workers=workers or 1),
        tables=made,
        sampled=Part(select, None, None, 1).in_words(),
        notes=(*source.notes, *training.notes, *told, *more, *left),
        advice=advice,
        answers=evaluation.answers,
        fail_on=fail_on,
    )


def _advise(
    weighed: Sequence[Weighed], training: Training, target: str | None, files: Sequence[str]
) -> tuple[Mapping[str, Any], list[str]]:
    """What goes into the document under `advice`, and notes."""
    from dqwatch.advice.layouts import assign, check_keys, target_key, write_yaml

    chosen = target or training.layout
    keys = {w.variable.source_name: target_key(w, chosen, training) for w in weighed}
    wanted = assign(weighed, [w.weight for w in weighed], chosen, training)
    check_keys(wanted, keys)
    text = write_yaml(wanted, training.default, chosen, dataset=training.dataset)
    ignored = sorted(set(training.weights) - {w.lookup for w in weighed})
    notes = [f"left out of the YAML, for they match no predicted variable: {', '.join(ignored)}"] if ignored else []
    if not training.weighted:
        notes.append("the loss does not use these weights: its scalers do not name general_variable")
    return {"layout": training.layout, "target": chosen, "yaml": text}, notes


def _ordered(results: Sequence[Any]) -> tuple[Any, ...]:
    from dqwatch.reports.findings import order

    return tuple(order(results))


def _step_of(source: Source) -> int:
    """Seconds between two times of the data; six hours where they do not say."""
    return next((axis.frequency for axis in source.times if axis.frequency), _SIX_HOURS)
