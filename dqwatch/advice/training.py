"""What a training configuration of anemoi says of the loss: weights, level scaling, normalisers, roles, learning rate.

Five generations differ in where that stands; `LAYOUTS` names them as `--target` does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dqwatch.advice.documents import Document, dig
from dqwatch.advice.keys import PRESSURE, Key, find_key, find_old_key
from dqwatch.errors import UsageError
from dqwatch.sources.anemoi_metadata import read_span

LAYOUTS = ("head", "aifs2", "0.5", "aifs1", "0.3")
"""From the newest to the oldest; `aifs1` is anemoi-training 0.4."""
OLD = {"aifs1": "variable_loss_scaling", "0.3": "loss_scaling"}
METHODS = ("mean-std", "std", "min-max", "max", "none")
_GENERAL = "GeneralVariableLossScaler"
_LEVELS = ("ReluVariableLevelScaler", "LinearVariableLevelScaler", "PolynomialVariableLevelScaler")
_OLD_LEVELS = ("ReluPressureLevelScaler", "LinearPressureLevelScaler", "PolynomialPressureLevelScaler")
_TENDENCY = {"StdevTendencyScaler": 1, "VarTendencyScaler": 2}
_NOT_BY_VARIABLE = ("NoVariableLevelScaler", "NoTendencyScaler")


class LevelScaling(NamedTuple):
    """A factor that goes with the level."""

    form: str
    """'Relu', 'Linear' or 'Polynomial'."""
    intercept: float
    slope: float
    group: str

    def factor(self, key: Key) -> float:
        """That of a variable; 1 outside the group and without a level."""
        if key.group != self.group or key.level is None:
            return 1.0
        if self.form == "Relu":
            return max(self.intercept, self.slope * key.level)
        if self.form == "Linear":
            return self.slope * key.level + self.intercept
        return (self.slope * key.level) ** 2 + self.intercept


class Normalisers(NamedTuple):
    """How values are scaled before the loss sees them."""

    default: str
    methods: Mapping[str, str]
    """Variable -> one of `METHODS`."""
    remap: Mapping[str, str]
    """Variable -> the one whose statistics it is scaled by."""

    def method(self, name: str) -> str:
        """That of a variable."""
        return self.methods.get(name, self.default)


class Training(NamedTuple):
    """What a configuration says."""

    layout: str
    dataset: str
    weights: Mapping[str, float]
    """Key -> weight; in old layouts `pl.t`, `sfc.2t`."""
    default: float
    weighted: bool
    """Whether the loss uses the weights at all."""
    levels: LevelScaling | None
    tendency_power: int
    """Power of (standard deviation / that of the tendency) by which prognostic variables are scaled too."""
    normalisers: Normalisers
    groups: Mapping[str, Any]
    forcing: frozenset[str] | None
    """None where the configuration does not say."""
    diagnostic: frozenset[str]
    timestep: int | None
    """Seconds."""
    learning_rate: float | None
    """Local: of one model instance."""
    metadata: Mapping[str, Any]
    notes: tuple[str, ...]

    def key(self, name: str, metadata: Mapping[str, Any]) -> Key:
        """How a variable is found."""
        if self.layout in OLD:
            return find_old_key(name)
        return find_key(name, metadata or self.metadata.get(name) or {}, self.groups)

    def lookup(self, key: Key) -> str:
        """By what its weight is looked up."""
        return f"{key.group}.{key.param}" if self.layout in OLD else key.param

    def weight(self, key: Key) -> float:
        """Its weight, without any level scaling."""
        return self.weights.get(self.lookup(key), self.default) if self.weighted else 1.0

    def level_factor(self, key: Key) -> float:
        """Its level scaling; up to 0.4 only parameters that have a weight of their own were scaled by level."""
        if self.levels is None or (self.layout in OLD and self.lookup(key) not in self.weights):
            return 1.0
        return self.levels.factor(key)


def read_training(document: Document, dataset: str | None = None) -> Training:
    """What a configuration says of the loss.

    Parameters
    ----------
    document : Document
    dataset : str, optional
        Name of the data set, where the configuration has several.

    Raises
    ------
    UsageError
        If it has no loss weights, or they are no numbers.
    """
    training, where = dig(document.config, "training"), " and ".join(document.names)
    layout, name, scalers = _find_layout(training, dataset, where)
    notes = list(document.notes)
    weights, default = _old_weights(training, layout, where) if layout in OLD else _weights(scalers, where)
    active, told = _active(training, layout, name, scalers)
    if not told:
        notes.append("the configuration does not say which scalers the loss uses: taken are weights and level scaling")
    levels, power, more = _factors(training, layout, scalers, active)
    data = dig(document.config, "data", "datasets", name) or dig(document.config, "data") or {}
    normalisers = _normalisers(data, notes)
    forcing = data.get("forcing") if isinstance(data, Mapping) else None
    return Training(
        layout=layout,
        dataset=name,
        weights=weights,
        default=default,
        weighted="general_variable" in active,
        levels=levels,
        tendency_power=power,
        normalisers=normalisers,
        groups=_groups(training, name),
        forcing=None if forcing is None else frozenset(map(str, forcing)),
        diagnostic=frozenset(map(str, data.get("diagnostic") or ())),
        timestep=_timestep(document.config),
        learning_rate=_learning_rate(training),
        metadata=document.metadata,
        notes=(*notes, *more),
    )


def _find_layout(training: Any, dataset: str | None, where: str) -> tuple[str, str, Mapping[str, Any]]:
    """Which generation it is, the name of the data set, and its scalers."""
    many = dig(training, "scalers", "datasets")
    if isinstance(many, Mapping) and many:
        name = dataset or ("data" if "data" in many else str(next(iter(many))))
        if name not in many:
            raise UsageError(
                f"{where}: no data set '{name}' in training.scalers.datasets; there are: {', '.join(many)}"
            )
        return "head", name, many[name]
    for layout, path in (("0.5", ("scalers", "builders")), ("aifs2", ("scalers",))):
        found = dig(training, *path)
        if isinstance(found, Mapping) and found:
            return layout, "data", found
    for layout, key in OLD.items():
        if isinstance(dig(training, key), Mapping):
            return layout, "data", {}
    raise UsageError(
        f"{where}: no loss weights: neither training.scalers nor training.variable_loss_scaling nor "
        "training.loss_scaling; give the configuration as Hydra composes it, its group files, or a checkpoint"
    )


def _class_of(scaler: Any) -> str:
    return str(dig(scaler, "_target_") or "").rpartition(".")[2]


def _weights(scalers: Mapping[str, Any], where: str) -> tuple[dict[str, float], float]:
    """Those of the general scaler, whatever it is called."""
    found = scalers.get("general_variable")
    if found is None:
        found = next((s for s in scalers.values() if _class_of(s) == _GENERAL), None)
    weights = dig(found, "weights")
    if not isinstance(weights, Mapping):
        raise UsageError(f"{where}: no weights in the scaler general_variable; there are: {', '.join(scalers)}")
    known = {str(k): _number(v, f"{where}: weight of '{k}'") for k, v in weights.items()}
    return known, known.pop("default", 1.0)


def _old_weights(training: Any, layout: str, where: str) -> tuple[dict[str, float], float]:
    given = dig(training, OLD[layout])
    known = {}
    for group in ("pl", "sfc"):
        for key, value in (given.get(group) or {}).items():
            known[f"{group}.{key}"] = _number(value, f"{where}: weight of '{group}.{key}'")
    return known, _number(given.get("default", 1.0), f"{where}: default weight")


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise UsageError(f"{what}: got {value!r}; a weight is a number from 0 on")
    return float(value)


def _active(training: Any, layout: str, name: str, scalers: Mapping[str, Any]) -> tuple[set[str], bool]:
    """The scalers that the loss uses, and whether the configuration says so; what is called otherwise is renamed."""
    loss = dig(training, "training_loss", "datasets", name) or dig(training, "training_loss")
    listed = dig(loss, "scalers") or dig(loss, "scalars")
    if listed is None and isinstance(dig(loss, "losses"), Sequence):
        listed = [one for part in loss["losses"] for one in dig(part, "scalers") or ()]
    if layout in OLD:
        told = isinstance(listed, Sequence)
        used = not told or "variable" in listed or "*" in listed
        return ({"general_variable"} if used else set()) | set(listed or ()), told
    if not isinstance(listed, Sequence):
        return {"general_variable", "pressure_level"}, False
    chosen = set(scalers) if "*" in listed else {str(n) for n in listed if not str(n).startswith("!")}
    chosen -= {str(n)[1:] for n in listed if str(n).startswith("!")}
    general = {n for n in chosen if n in scalers and _class_of(scalers[n]) == _GENERAL}
    return chosen | ({"general_variable"} if general else set()), True


def _factors(
    training: Any, layout: str, scalers: Mapping[str, Any], active: set[str]
) -> tuple[LevelScaling | None, int, list[str]]:
    """Level scaling, power of the tendency scaling, and what could not be taken account of."""
    levels, power, notes = None, 0, []
    parts: list[Any] = [scaler for n, scaler in scalers.items() if n in active]
    if layout in OLD:
        added = dig(training, "additional_scalars")
        extra = added if isinstance(added, Sequence) else ()
        parts = [dig(training, "pressure_level_scaler"), *(s for s in extra if dig(s, "name") in active | {None})]
    for scaler in parts:
        name = _class_of(scaler)
        if name in _LEVELS or name in _OLD_LEVELS:
            form = name.removesuffix("VariableLevelScaler").removesuffix("PressureLevelScaler")
            intercept = float(scaler.get("y_intercept", scaler.get("minimum", 0.0)))
            group = str(scaler.get("group") or scaler.get("scaling_group") or "pl")
            levels = LevelScaling(form, intercept, float(scaler.get("slope", 0.0)), group)
        elif name in _TENDENCY:
            power = _TENDENCY[name]
        elif name == "VariableMaskingLossScaler":
            notes.append(f"{name}: masked variables are counted as if they were not")
        elif ("Variable" in name or "Tendency" in name) and name not in (_GENERAL, *_NOT_BY_VARIABLE):
            notes.append(f"{name}: a scaler that dqwatch does not know is left out")
    return levels, power, notes


def _normalisers(data: Any, notes: list[str]) -> Normalisers:
    """The normaliser of each variable; mean-std where nothing is said."""
    config = dig(data, "processors", "normalizer", "config")
    if not isinstance(config, Mapping):
        config = dig(data, "normalizer")
    if not isinstance(config, Mapping):
        notes.append("the configuration names no normaliser: taken is mean-std for every variable")
        config = {}
    methods: dict[str, str] = {}
    for method in METHODS:
        listed = config.get(method)
        methods |= dict.fromkeys(map(str, listed if isinstance(listed, Sequence) else ()), method)
    default = str(config.get("default", "mean-std"))
    wrong = {default} - set(METHODS)
    if wrong:
        raise UsageError(f"normaliser: default is '{default}'; anemoi knows {', '.join(METHODS)}")
    remap = config.get("remap")
    borrowed = {str(k): str(v) for k, v in remap.items()} if isinstance(remap, Mapping) else {}
    return Normalisers(default, methods, borrowed)


def _groups(training: Any, name: str) -> Mapping[str, Any]:
    found = dig(training, "variable_groups", "datasets", name) or dig(training, "variable_groups")
    return found if isinstance(found, Mapping) and found else {"default": "sfc", "pl": list(PRESSURE)}


def _timestep(config: Mapping[str, Any]) -> int | None:
    for path in (("task", "timestep"), ("data", "timestep"), ("data", "frequency")):
        found = read_span(dig(config, *path))
        if found:
            return found
    return None


def _learning_rate(training: Any) -> float | None:
    for path in (("optimization", "lr"), ("lr", "rate")):
        found = dig(training, *path)
        if isinstance(found, int | float) and not isinstance(found, bool) and found > 0:
            return float(found)
    return None
