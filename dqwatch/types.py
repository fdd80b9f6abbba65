"""The few types that travel between the rooms: what a source is made of, what a rule says, what a verdict holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from dqwatch import registry
from dqwatch.storage import StoredArray as StoredArray  # noqa: PLC0414 (one of these types; said so for mypy)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from dqwatch.buffers import Buffers

Severity = Literal["critical", "warning", "info"]
Status = Literal["pass", "fail", "error", "no_data", "skipped", "waived"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")

NOT_A_TIME = -(2**63)
"""The value of `TimeAxis.seconds` where a time is missing or cannot be decoded."""


@dataclass(frozen=True)
class Variable:
    """One variable on one level: `t` at 850 hPa is a variable named `t_850`.

    `name` is canonical where the catalogue knows the quantity (ECMWF short name, level suffix), else the source's own;
    it is unique in its source.
    """

    name: str
    param: str
    source_name: str
    level: float | None = None
    level_type: str | None = None
    """'pl' (hPa), 'ml', 'hl' (m above ground), 'soil', 'depth' (m of sea), 'sfc', or the source's own word."""
    level_units: str | None = None
    """Units in which the source gives the level, where it gives any."""
    units: str | None = None
    """As the source declares them."""
    kind: str = "instant"
    """'instant', 'accumulation', 'mean', 'minimum', 'maximum' or 'constant'."""
    period: float | None = None
    """Hours over which an accumulation, mean or extreme runs."""
    nan_allowed: bool | None = None
    """What the source itself declares; None where it declares nothing."""
    times: int = 0
    """Index into `Source.times`."""
    grid: int = 0
    """Index into `Source.grids`."""
    members: int = 1
    raw_fills: tuple[float, ...] = ()
    """What well-known fill values of packed integers, which the source does not declare, become when decoded."""
    attributes: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, eq=False)
class TimeAxis:
    """The times of some variables of a source, in stored order, in any CF calendar."""

    name: str
    labels: Sequence[str]
    """ISO 8601 without zone (UTC), `2020-03-01T06:00:00`; the raw value as text where undecodable; '' if static.
    Forecasts append the lead time: `2020-03-01T06:00:00+024h` is valid at that time, 24 h after its start."""
    seconds: np.ndarray
    """int64 (time,), valid time in seconds since 1970-01-01 in `calendar`; NOT_A_TIME where undecodable."""
    calendar: str = "proleptic_gregorian"
    kind: Literal["time", "index", "static"] = "time"
    """'index': an axis that is not time (months of a climatology); 'static': no such axis, one field."""
    lead_seconds: np.ndarray | None = None
    """int64 (time,), valid time minus start of the forecast."""
    declared_missing: np.ndarray | None = None
    """bool (time,), True where the source itself declares the date missing."""
    frequency: int | None = None
    """Declared step in seconds."""
    hours: tuple[int, ...] | None = None
    """Declared hours of the day."""
    every: int | None = None
    """Declared seconds after which `hours` come again; None: each day."""
    declared_range: tuple[int, int] | None = None
    """Declared first and last time (seconds, as above)."""
    problem: str | None = None
    """Why times could not be decoded: one clause for the user; None if all is well."""
    sampled: np.ndarray | None = None
    """bool (time,), True where the user wants fields to be looked at (`every`); None: everywhere."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_sampled(self) -> int:
        """Number of times whose fields are to be looked at."""
        return len(self) if self.sampled is None else int(self.sampled.sum())


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells on the sphere, in stored order."""

    kind: str
    """'regular', 'reduced_gaussian', 'curvilinear', 'unstructured', 'profile' (no horizontal axes) or 'unknown'."""
    shape: tuple[int, ...]
    """As stored: (latitude, longitude), (y, x) or (cell,); the product is the number of cells."""
    latitudes: np.ndarray | None = None
    """float64 (cell,), degrees north; None where the source has none."""
    longitudes: np.ndarray | None = None
    """float64 (cell,), degrees east, in the source's own convention."""
    area_weights: np.ndarray | None = None
    """float64 (cell,), sum 1; None where they cannot be had."""
    weights_origin: str = "none"
    """How the weights were made, or why there are none."""
    name: str = "grid"
    problem: str = ""
    """What contradicts itself in the source's description of the grid: one clause; '' if nothing does."""

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        n = 1
        for length in self.shape:
            n *= length
        return n


class Block(NamedTuple):
    """What is decoded together: some times of some variables. A source must honour any subset of a block of its own."""

    times: tuple[int, ...]
    """Indices into the time axis that all `variables` share."""
    variables: tuple[int, ...]
    """Indices into `Source.variables`."""


class Field(NamedTuple):
    """One horizontal field, (cell,) float32 or float64, C-contiguous, native byte order, NaN where missing.

    `values` may be a view into a buffer that the next field overwrites.
    """

    time: int
    variable: int
    member: int
    values: np.ndarray


@runtime_checkable
class Source(Protocol):
    """Data opened as fields. `read` may be called by several threads at once, each with buffers of its own.

    A source may also have `left_out`, see `dqwatch.sources.left_out`: data that cannot be made fields of.
    """

    name: str
    """Short, for people: the last part of the path."""
    kind: str
    """Name of the reader."""
    identity: str
    """What the data are, for records: uuid or a digest of the metadata."""
    variables: tuple[Variable, ...]
    times: tuple[TimeAxis, ...]
    grids: tuple[Grid, ...]
    attributes: Mapping[str, Any]
    """Attributes of the whole data set as its format has them."""
    notes: tuple[str, ...]
    """What was left out and why, one clause each (a string variable, a time-less table); shown to the user."""

    def arrays(self) -> list[StoredArray]:
        """The arrays as they lie in storage; may list the store."""

    def blocks(self) -> Sequence[Block]:
        """All fields, each in exactly one block, in order of time."""

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        """The fields of a block (or of a part of one of `blocks()`), each (time, variable, member) once.

        A pair of time and variable for which nothing is stored yields no field.
        """

    def close(self) -> None:
        """Let go of files; harmless when called twice."""


@runtime_checkable
class DecodesInto(Protocol):
    """A source that can decode straight into memory that somebody else has."""

    def read_into(self, block: Block, out: np.ndarray, buffers: Buffers) -> bool:
        """The fields of a block into `out`, (time, variable, member, cell) in the order of the block, C-contiguous.

        False, with `out` in any state, where that cannot be done: `Source.read` then gives the fields.
        """


@dataclass(frozen=True)
class Rule:
    """One expectation on a column of a table, with a severity and a hint."""

    id: str
    table: str
    column: str | None
    expectation: str
    """Great Expectations' snake name, `expect_column_values_to_be_between`."""
    arguments: Mapping[str, Any]
    severity: Severity
    title: str
    hint: str
    why: str = ""
    source: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)
    """Rows it applies to: column -> the value, the list of values, or the range `{min, max}` that the row must have."""
    per: str | None = None
    """Column whose values the result is told apart by (`variable`); None gives one result for the table."""
    missing: Literal["fail", "ignore"] = "fail"
    """What a missing value in the column is: a failure, or a row not to be looked at."""
    if_empty: Literal["no_data", "skipped"] | None = None
    """Status where there is no row to look at, or, if missing values are ignored, no value; None: `skipped` if what
    `where` asks for is absent, else `no_data`."""
    show: tuple[str, ...] = ()
    """Further columns to show with the rows that fail."""
    by_variable: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Variable -> arguments of its own; then rows of other variables are not looked at. Empty: one limit for all."""
    file: str = ""


@dataclass(frozen=True)
class RuleSet:
    """A rule file as loaded, with whatever it includes."""

    name: str
    path: str
    sha256: str
    description: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Finding:
    """The result of one rule for one variable (or for a whole table)."""

    rule: str
    severity: Severity
    status: Status
    table: str
    column: str | None = None
    variable: str | None = None
    level: float | None = None
    time: str | None = None
    observed: Any = None
    expected: str = ""
    n_checked: int = 0
    n_failed: int = 0
    first_failures: tuple[Mapping[str, Any], ...] = ()
    hint: str = ""
    title: str = ""
    waiver: Mapping[str, str] | None = None
    """`owner`, `reason` and `expires` of what it is waived by; None unless the status is `waived`."""


@dataclass(frozen=True, eq=False)
class FieldMap:
    """A field that something is wrong with, as means over boxes of latitude and longitude, for pictures."""

    variable: str
    time: str
    units: str
    """Those of the data; '' if they declare none."""
    latitudes: np.ndarray
    """float64 (row,), ascending."""
    longitudes: np.ndarray
    """float64 (column,), ascending."""
    values: np.ndarray
    """float64 (row, column), NaN where no value is."""
    bad: str
    """'missing', 'infinite', 'impossible', 'unusual', 'isolated': what some cells are; '' if it is not about cells."""
    n_bad: int
    bad_latitudes: np.ndarray
    """float64: where such cells lie; of many, some, evenly spread over the stored order."""
    bad_longitudes: np.ndarray


VERBS = ("audit", "gate", "drift", "weights", "losses")
"""Those that end in a verdict."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a verb concludes: status, findings and the tables they rest on."""

    verb: str
    status: Literal["pass", "warn", "fail", "error", "no_data"]
    exit_code: int
    inputs: tuple[Mapping[str, Any], ...]
    rule_sets: tuple[RuleSet, ...]
    results: tuple[Finding, ...]
    """One per rule and variable; `findings` shows those that did not simply pass."""
    summary: Mapping[str, int]
    timing: Mapping[str, float | int]
    tables: Mapping[str, pd.DataFrame]
    sampled: str = ""
    """'' for a full pass; else what part of the data was looked at."""
    notes: tuple[str, ...] = ()
    error: str = ""
    """Why nothing could be concluded (status 'error', no results), as one line; '' if the verb ran to its end."""
    baseline: Mapping[str, Any] | None = None
    drift: Mapping[str, Any] | None = None
    advice: Mapping[str, Any] | None = None
    answers: tuple[tuple[str, Any], ...] = ()
    """What Great Expectations answered, by table, for its Data Docs."""
    fail_on: str = "critical"
    """The least severity that closes the gate, or 'never'."""
    waivers: Mapping[str, str] | None = None
    """`path` and `sha256` of the file of waivers; None without one."""
    grids: tuple[Grid, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    """What the user calls this run, key -> value: runs with the same labels are of one series."""
    maps: tuple[FieldMap, ...] = ()
    """Of the first fields that close the gate or are warned of."""

    @property
    def ok(self) -> bool:
        """Whether the exit code is 0."""
        return self.exit_code == 0

    @cached_property
    def findings(self) -> pd.DataFrame:
        """All results but `pass` and `skipped`, worst first, one row each, columns as the fields of `Finding`."""
        import dataclasses

        import pandas as pd

        columns = [f.name for f in dataclasses.fields(Finding)]
        rows = [vars(f) for f in self.results if f.status not in ("pass", "skipped")]
        return pd.DataFrame(rows, columns=columns)

    def to_json(self) -> str:
        """The verdict as the JSON document that `--json` writes."""
        return str(registry.load("reports", "json")(self))

    def to_junit(self) -> str:
        """The verdict as the JUnit XML that `--junit` writes."""
        return str(registry.load("reports", "junit")(self))

    def to_html(self, layout: str | None = None) -> str:
        """The verdict as one self-contained HTML page, laid out as a layout of `dashboards/` or a file says."""
        render = registry.load("reports", "html")
        return str(render(self) if layout is None else render(self, layout))
