"""The verb `weights`: the loss-share audit of a training configuration, and what to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from dqwatch.conclusion import Clock, FailOn, check_request, describe_input, load_rules
from dqwatch.errors import UsageError
from dqwatch.holding import open_baseline
from dqwatch.part import Part
from dqwatch.types import Source, Verdict

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from dqwatch.advice.mismatch import Mismatch
    from dqwatch.advice.shares import Weighed
    from dqwatch.advice.training import Training
    from dqwatch.baselines.baseline import Baseline
    from dqwatch.expectations import Evaluation

Target = Literal["head", "aifs2", "0.5", "aifs1", "0.3"]
_SIX_HOURS = 21600


def weights(
    data: Any,
    *,
    config: str | Sequence[str],
    target: Target | None = None,
    dataset: str | None = None,
    incoming: Any = None,
    baseline: Any = None,
    rescale: bool = False,
    allow_unmatched: bool = False,
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
    incoming : path, glob pattern, sequence of paths, or object, optional
        Another source, 20 cycles or more, that the model is to start from or to be fine-tuned on. Weights of what stays
        away from training further than a step can teach are lowered, and a learning rate is suggested.
    baseline : path or Baseline, optional
        What `dqwatch.baseline` made of the training data; needed with `incoming`.
    rescale : bool
        Multiply all suggested weights so that the loss of persistence stays as large; this raises the others.
    allow_unmatched : bool
        Let weights pass whose keys are slips: known to nobody, or for variables that are looked up by other keys. Those
        of variables that the data lack, or have as forcings, always pass; rule `weights.key` tells of all.
    rules : str or sequence of str
        As for `audit`; the rules of `weights` by default.
    fail_on, select, cache, workers, progress
        As for `audit`.

    Returns
    -------
    Verdict
        Tables `weights` (every variable on three scales side by side) and `weight_keys`; `advice` holds the weights as
        YAML for anemoi-training; with `incoming` also the evidence for each change, and what to try for fine-tuning.

    Raises
    ------
    UsageError
        If the configuration has no loss weights, does not fit the data, or weighs what is no variable of them.
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
    from dqwatch.advice.unmatched import find_unmatched, refuse_slips

    rule_sets = load_rules(rules, {})
    document = read_documents([config] if isinstance(config, str) else list(config))
    training = read_training(document, dataset)
    known, evidence = _check(baseline, incoming, rescale), None
    with closing(sources.open_source(data, **Part(select, None, None, 1, cache)._asdict())) as source:
        if not allow_unmatched:
            refuse_slips(find_unmatched(source, training), source, " and ".join(document.names))
        clock.opened()
        step = training.timestep or _step_of(source)
        statistics, told = read_statistics(source, step, workers=workers, progress=progress)
        weighed, more = weigh(source, statistics, training)
        if known is not None:
            evidence = find_evidence(incoming, source, known, cache=cache, workers=workers, progress=progress)
    advice, columns, left = advise(weighed, training, target or training.layout, evidence, rescaled=rescale)
    clock.read()
    made = {
        "weights": tables.frame("weights", {**share_columns(weighed), **columns}),
        "weight_keys": tables.frame("weight_keys", key_columns(weighed, training)),
        **(evidence.tables if evidence else {}),
    }
    found = _judge(expectations.evaluate(rule_sets, made), fail_on)
    return Verdict(
        **found,
        verb="weights",
        inputs=(describe_input(source), *([dict(evidence.input)] if evidence else [])),
        rule_sets=rule_sets,
        timing=clock.timing(scan_bytes=0, workers=workers or 1),
        tables=made,
        sampled=Part(select, None, None, 1).in_words(),
        notes=(*source.notes, *training.notes, *told, *more, *(evidence.notes if evidence else ()), *left),
        baseline=dict(known.record) if known else None,
        drift=evidence.drift if evidence else None,
        advice=advice,
    )


def _judge(evaluation: Evaluation, fail_on: FailOn) -> dict[str, Any]:
    """What a verdict says of the rules."""
    from dqwatch.expectations.verdicts import summarise
    from dqwatch.reports.findings import order

    status, exit_code, summary = summarise(evaluation.results, fail_on)
    results = tuple(order(evaluation.results))
    told = {"status": status, "exit_code": exit_code, "summary": summary, "results": results}
    return {**told, "answers": evaluation.answers, "fail_on": fail_on}


class Evidence(NamedTuple):
    """What a source shows when it is held against training."""

    input: Mapping[str, str]
    mismatches: Mapping[str, Mismatch]
    p_values: Mapping[str, float]
    q_values: Mapping[str, float]
    seconds: np.ndarray
    tables: Mapping[str, pd.DataFrame]
    drift: Mapping[str, Any] | None
    notes: tuple[str, ...]


def find_evidence(
    incoming: Any, training: Source, known: Baseline, *, cache: str | None, workers: int | None, progress: Any
) -> Evidence:
    """Hold a source against a baseline, and its persistent departures against those of training years."""
    import numpy as np

    from dqwatch import sources
    from dqwatch.advice.mismatch import measure
    from dqwatch.advice.suggestion import combine
    from dqwatch.departures.judging import judge
    from dqwatch.departures.naming import adjust

    with closing(sources.open_source(incoming, cache=cache)) as source:
        mismatches, seconds = measure(source, training, known, workers=workers, progress=progress)
        found = judge(source, known, workers=workers, progress=progress)
    p = {str(name): combine(rows["p_value"].tolist()) for name, rows in found.tables["drift"].groupby("variable")}
    q = adjust(np.array(list(p.values())))
    q_values = dict(zip(p, q.tolist(), strict=True))
    described = describe_input(source, role="incoming")
    return Evidence(described, mismatches, p, q_values, seconds, found.tables, found.drift, found.notes)


def advise(
    weighed: Sequence[Weighed], training: Training, target: str, evidence: Evidence | None, *, rescaled: bool
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """What goes into the document under `advice`, the optional columns of the table `weights`, and notes."""
    from dqwatch.advice import fine_tuning, layouts, suggestion

    wanted, more, rate = [w.weight for w in weighed], 1.0, None
    suggestions = []
    if evidence is not None:
        suggestions = suggestion.suggest(weighed, evidence.mismatches, evidence.p_values, evidence.q_values)
        wanted = [w.weight * s.factor for w, s in zip(weighed, suggestions, strict=True)]
        more = suggestion.rescale(weighed, wanted) if rescaled else 1.0
        wanted = [value * more for value in wanted]
        rate = fine_tuning.advise(weighed, evidence.mismatches, evidence.seconds, training.learning_rate)
    names = {w.variable.source_name: layouts.target_key(w, target, training) for w in weighed}
    written = layouts.assign(weighed, wanted, target, training)
    layouts.check_keys(written, names)
    remarks = [*(s.reason for s in suggestions if s.factor < 1), *layouts.tell_rate(rate, target)]
    text = layouts.write_yaml(written, training.default * more, target, dataset=training.dataset, remarks=remarks)
    advice: dict[str, Any] = {"layout": training.layout, "target": target, "yaml": text}
    columns: dict[str, Any] = {}
    if evidence is not None:
        new = [written.get(names[w.variable.source_name], training.default * more) for w in weighed]
        columns = suggestion.suggestion_columns(weighed, suggestions, new)
        advice |= {"variables": suggestion.as_records(weighed, suggestions, new), "rescaled_by": more}
        advice["fine_tuning"] = rate
    return advice, columns, _notes(weighed, training)


def _notes(weighed: Sequence[Weighed], training: Training) -> list[str]:
    ignored = sorted(set(training.weights) - {w.lookup for w in weighed})
    notes = [f"left out of the YAML, for they match no predicted variable: {', '.join(ignored)}"] if ignored else []
    if not training.weighted:
        notes.append("the loss does not use these weights: its scalers do not name general_variable")
    return notes


def _check(baseline: Any, incoming: Any, rescaled: bool) -> Baseline | None:
    """The baseline, where a source is to be held against it; the two come together."""
    if incoming is None and baseline is None and not rescaled:
        return None
    if incoming is None or baseline is None:
        lacking = "incoming" if incoming is None else "baseline"
        raise UsageError(f"{lacking}: not given; suggestions take another source and a baseline: give both")
    from dqwatch.baselines.stored import StoredBaseline

    known = open_baseline(baseline)
    if isinstance(known, StoredBaseline):
        raise UsageError(
            f"baseline: that of {known.name} has stored statistics alone; suggestions need one that was learnt from "
            "fields: make it by 'dqwatch baseline DATA -o BASELINE'"
        )
    return known


def _step_of(source: Source) -> int:
    """Seconds between two times of the data; six hours where they do not say."""
    return next((axis.frequency for axis in source.times if axis.frequency), _SIX_HOURS)
