"""The tables of a history, in the form of the newest version of its schema.

A change to what stands here is a new version: raise `VERSION`, and write the step to it in `migrations.STEPS`.
All times are UTC, without a time zone.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

VERSION = 2
"""Of the schema."""
metadata = MetaData()

schema = Table("dqwatch_schema", metadata, Column("version", Integer, nullable=False))
"""One row."""

runs = Table(
    "dqwatch_runs",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("recorded_at", DateTime, nullable=False),
    Column("verb", String, nullable=False),
    Column("status", String, nullable=False),
    Column("exit_code", SmallInteger, nullable=False),
    Column("series", String, nullable=False),  # the labels as JSON, keys sorted: runs of one kind have the same
    Column("name", Text, nullable=False),  # of the first input
    Column("inputs", Text, nullable=False),  # JSON
    Column("baseline", Text),  # name of the data that it was made of
    Column("rules", Text, nullable=False),  # names of the rule sets, joined by commas
    Column("fail_on", String, nullable=False),
    Column("sampled", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("n_rules", Integer, nullable=False),
    Column("n_pass", Integer, nullable=False),
    Column("n_warn", Integer, nullable=False),
    Column("n_fail", Integer, nullable=False),
    Column("n_error", Integer, nullable=False),
    Column("n_no_data", Integer, nullable=False),
    Column("n_waived", Integer, nullable=False),
    Column("total_s", Double),
    Column("scan_bytes", BigInteger),
    Column("peak_memory_mb", Double),
    Column("version", String, nullable=False),  # of dqwatch
    Column("json_path", Text),  # where --json and --html wrote, absolute
    Column("html_path", Text),
    Column("host", String),  # name of the machine that ran it; NULL of runs recorded before version 2
    Index("dqwatch_runs_recorded_at", "recorded_at"),
    Index("dqwatch_runs_series", "verb", "series"),
    sqlite_autoincrement=True,  # numbers of runs that were removed are not given again
)


def _rows(name: str, *columns: Column) -> Table:
    """A table of what belongs to a run, in the order of the verdict."""
    key = (Column("run_id", BigInteger, primary_key=True, autoincrement=False),)
    position = Column("position", Integer, primary_key=True, autoincrement=False)
    return Table(f"dqwatch_{name}", metadata, *key, position, *columns, sqlite_with_rowid=False)


def _cycle() -> tuple[Column, ...]:
    return (
        Column("time", String, nullable=False),  # as the verdict labels it
        Column("valid_at", DateTime),  # the same; NULL where its calendar has dates that others lack
        Column("member", Integer, nullable=False),
    )


labels = _rows("labels", Column("key", String, nullable=False), Column("value", Text, nullable=False))

findings = _rows(
    "findings",
    Column("rule", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("status", String, nullable=False),
    Column("table_name", String, nullable=False),
    Column("column_name", String),
    Column("variable", String),
    Column("level", Double),
    Column("time", String),
    Column("observed", Text),  # JSON
    Column("expected", Text, nullable=False),
    Column("n_checked", BigInteger, nullable=False),
    Column("n_failed", BigInteger, nullable=False),
    Column("first_failures", Text, nullable=False),  # JSON, at most 20
    Column("hint", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("waiver", Text),  # JSON
)
"""What did not simply pass, worst first; without what was skipped."""

cycles = _rows(
    "cycles",
    *_cycle(),
    Column("p_cycle", Double),
    Column("null_size", Integer, nullable=False),
    Column("null_years", Integer, nullable=False),
    Column("n_variables", Integer, nullable=False),
    Column("n_named", Integer, nullable=False),
    Column("variables", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

drift = _rows(
    "drift",
    *_cycle(),
    Column("variable", String, nullable=False),
    Column("param", String, nullable=False),
    Column("level", Double),
    Column("p_value", Double),
    Column("q_value", Double),
    Column("departure", Double),
    Column("leading_score", String, nullable=False),
    Column("score", Double),
    Column("usual_score", Double),
    Column("region", String, nullable=False),
    Column("named", Boolean, nullable=False),
    Column("alarmed", Boolean, nullable=False),
    Column("n_exact", Integer, nullable=False),
    Column("exact", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

slow = _rows(
    "slow",
    Column("variable", String, nullable=False),
    Column("param", String, nullable=False),
    Column("level", Double),
    Column("p_year", Double),
    Column("departure", Double),
    Column("source", String, nullable=False),
    Column("region", String, nullable=False),
    Column("detector", String, nullable=False),
    Column("direction", String, nullable=False),
    Column("onset", String, nullable=False),
    Column("reached", String, nullable=False),
    Column("alarmed", Boolean, nullable=False),
    Column("null_years", Integer, nullable=False),
)

scorecard = _rows(
    "scorecard",
    *_cycle(),
    Column("variable", String, nullable=False),
    Column("param", String, nullable=False),
    Column("level", Double),
    Column("region", String, nullable=False),
    Column("mean", Double),
    Column("rms", Double),
    Column("named", Boolean, nullable=False),
)
"""By region, of a worst cycle that alarms."""

areas = _rows(
    "areas",
    *_cycle(),
    Column("variable", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("area", Integer, nullable=False),
    Column("south", Double),
    Column("north", Double),
    Column("west", Double),
    Column("east", Double),
    Column("mean", Double),
    Column("rms", Double),
)
"""Where it departs most, of the variables that are named: at most 400 areas of each."""

PARTS = (labels, findings, cycles, drift, slow, scorecard, areas)
"""What belongs to a run."""
