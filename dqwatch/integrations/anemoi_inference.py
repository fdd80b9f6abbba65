"""The gate in anemoi-inference: a pre-processor `dqwatch_gate` and a runner `dqwatch`, found by entry point."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from anemoi.inference.checkpoint import Checkpoint
from anemoi.inference.processor import Processor
from anemoi.inference.runner import Runner
from anemoi.inference.runners import runner_registry

from dqwatch.errors import DqwatchError, GateClosedError, UsageError
from dqwatch.integrations.gatekeeper import Gatekeeper, make_gatekeeper
from dqwatch.integrations.states import Model, Namer, as_tensors, describe_model, label

LOG = logging.getLogger("dqwatch")
_FILLING = "no_missing_values"
_PRE_PROCESSOR = "dqwatch_gate"
_RUNNER = "dqwatch"
_judged: WeakKeyDictionary[Any, set[Any]] = WeakKeyDictionary()
"""Runner -> data sets and dates of the states of it that a pre-processor has judged, whichever of its inputs asked."""


class Gate(Processor):
    """Pre-processor `dqwatch_gate`: judges the first state of a run as its input has read it.

    It stands at the top level of a configuration, or below one input, before anything that changes the fields. Later
    calls of the same run (for forcings, and at every step) cost nothing. What it does not see: the input `dataset`,
    which has no pre-processors, and forcings that are read from elsewhere; the runner `dqwatch` sees both.

    Parameters
    ----------
    context : anemoi.inference Context
    metadata : anemoi.inference Metadata, optional
        Older releases give none.
    namer : mapping, optional
        `{rules: [...]}` as the inputs of anemoi-inference take it, where theirs is not the default one.
    **settings
        As `dqwatch.integrations.gatekeeper.Gatekeeper` takes them.

    Raises
    ------
    GateClosedError
        If a setting is wrong.
    """

    def __init__(self, context: Any, metadata: Any = None, *, namer: Any = None, **settings: Any) -> None:
        # Not what the base class does, whose arguments differ between releases.
        self.context, self.metadata = context, metadata
        self._model = describe_model(metadata)
        self.dataset_name = self._model.name
        with _stopping(_PRE_PROCESSOR):
            self._keeper = make_gatekeeper(_PRE_PROCESSOR, settings, _count_datasets(context))
        self._namer = _make_namer(namer, self._model)
        _warn_of_filling(context, before=_PRE_PROCESSOR)

    def process(self, state: dict[str, Any]) -> dict[str, Any]:
        """Judge a state if it is the first of its run; the state itself, as it is.

        Raises
        ------
        GateClosedError
            If the gate is closed and the action is to stop, or the state cannot be judged.
        """
        seen = _judged.setdefault(self.context, set())
        run = (self.dataset_name, getattr(self.context, "reference_date", None))
        if run not in seen:
            with _stopping(_PRE_PROCESSOR):
                _judge(self._keeper, state, self._model, self._namer)
            seen.add(run)
        return state


class _Gated:
    """What a runner does besides: it judges its input states before it runs."""

    def __init__(self, config: Any, *, options: Mapping[str, Any] | None = None, **settings: Any) -> None:
        super().__init__(config, **(options or {}))  # type: ignore[call-arg]
        self._models = [describe_model(metadata) for metadata in _metadata_of(self)]
        if not getattr(self, "is_master", True):
            settings["report"] = None  # of several processes, which all judge, one writes
        with _stopping(_RUNNER):
            self._keepers = {model.name: _keep(settings, model, len(self._models)) for model in self._models}
        _warn_of_filling(self)

    def run(self, *, input_states: dict[str, Any], **given: Any) -> Any:
        """Run from states that pass the gate.

        Raises
        ------
        GateClosedError
            If the gate is closed and the action is to stop: at the call, before the first step is asked for.
        """
        alone = "fields" in input_states  # as `SimpleRunner` allows
        with _stopping(_RUNNER):
            for model in self._models:
                _judge(self._keepers[model.name], input_states if alone else input_states[model.name], model, None)
        return super().run(input_states=input_states, **given)  # type: ignore[misc]


class GatedRunner(_Gated, Runner):
    """Runner `dqwatch`: another runner, whose input states are judged before it runs.

    Every way into a run passes here, whatever the inputs are, and all variables are there together. Missing values may
    have been filled before, by the pre-processor `no_missing_values`: a warning says so. As the `base_runner` of the
    runner `parallel`, whose further settings it takes, it judges in every process.

    Parameters
    ----------
    config : anemoi.inference RunConfiguration
    runner : str or mapping
        The runner that does the work, as the configuration would name it; by default that of the checkpoint's task.
    **settings
        As `dqwatch.integrations.gatekeeper.Gatekeeper` takes them; `baseline` may be a mapping of data set to path.

    Raises
    ------
    GateClosedError
        If a setting is wrong.
    """

    def __new__(cls, config: Any, *, runner: Any = "auto", **settings: Any) -> Any:
        """A gated runner of the class that is asked for."""
        if cls is not GatedRunner:  # a class that others have made of it
            return super().__new__(cls)
        with _stopping(_RUNNER):
            base, options = _find_runner(config, runner)
        return type(f"Gated{base.__name__}", (_Gated, base), {})(config, options=options, **settings)


def _find_runner(config: Any, given: Any) -> tuple[type[Any], Mapping[str, Any]]:
    """The class of a runner and its options, as a configuration names it."""
    name, options = (given, {}) if isinstance(given, str) else next(iter(given.items()))
    if name == "auto":
        checkpoint = Checkpoint(config.checkpoint, patch_metadata=config.patch_metadata)
        name = getattr(checkpoint, "task", None) or "forecaster"
        if name == "forecaster" and runner_registry.lookup(name, return_none=True) is None:
            name = "default"  # of older releases
    found = runner_registry.lookup(name, return_none=True)
    if str(name).replace("_", "-") == "parallel":
        raise UsageError(
            "runner: got 'parallel'; write it the other way round, {parallel: {base_runner: dqwatch, ...}}"
        )
    if not (isinstance(found, type) and issubclass(found, Runner)) or issubclass(found, GatedRunner):
        raise UsageError(f"runner: got '{name}', no runner that can be gated; give one like forecaster")
    return found, options or {}


def _keep(settings: Mapping[str, Any], model: Model, n_datasets: int) -> Gatekeeper:
    """The gatekeeper of one data set; a baseline may be given for each."""
    baseline = settings.get("baseline")
    if isinstance(baseline, Mapping):
        settings = {**settings, "baseline": baseline.get(model.name)}
    return make_gatekeeper(_RUNNER, settings, n_datasets)


def _judge(keeper: Gatekeeper, state: Mapping[str, Any], model: Model, namer: Namer | None) -> None:
    date = state.get("date")
    when = date.strftime("%Y%m%dT%H%M") if date is not None else "undated"
    name = label(state, model)
    keeper.judge(lambda: as_tensors(state, model, namer), name, dataset=model.name, date=when)


def _metadata_of(runner: Any) -> list[Any]:
    """Of each data set that the model takes; older releases know one only."""
    several = getattr(runner.checkpoint, "multi_dataset_metadata", None)
    return [getattr(runner.checkpoint, "_metadata", None)] if several is None else list(several.values())


def _count_datasets(context: Any) -> int:
    return len(getattr(getattr(context, "checkpoint", None), "multi_dataset_metadata", None) or (1,))


def _make_namer(given: Any, model: Model) -> Namer | None:
    if given is None:
        return None
    from anemoi.inference.inputs.ekd import RulesNamer

    return RulesNamer(given["rules"], model.namer)


def _warn_of_filling(context: Any, before: str | None = None) -> None:
    """Say that missing values are filled before the gate could see them, where a configuration does that."""
    config = getattr(context, "config", None)
    names = [_name(given) for given in getattr(config, "pre_processors", None) or ()]
    if before in names:
        names = names[: names.index(before)]
    if _FILLING in names:
        LOG.warning(
            "dqwatch: pre-processor '%s' fills missing values before they are looked for; put %s before it",
            _FILLING,
            _PRE_PROCESSOR,
        )


def _name(given: Any) -> str:
    """What a processor of a configuration is called."""
    return str(given if isinstance(given, str) else next(iter(given), "")).replace("-", "_")


@contextmanager
def _stopping(where: str) -> Iterator[None]:
    """Let an error of dqwatch stop the program as a closed gate does: with its line, and no traceback."""
    try:
        yield
    except GateClosedError:
        raise
    except DqwatchError as error:
        text = str(error)
        raise GateClosedError(text if text.startswith(where) else f"{where}: {text}") from error
