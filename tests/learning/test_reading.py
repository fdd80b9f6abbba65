"""Loss series from CSV, Parquet and the folders of MLflow, long and wide; what is wrong with them is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dqwatch.errors import SourceError, SourceNotFoundError, UsageError
from dqwatch.learning.reading import from_table, read_series

WIDE = pd.DataFrame({"step": [2, 1, 3], "2t": [0.5, 0.6, 0.4], "tp": [np.nan, 0.2, 0.1], "source": ["b", "a", "b"]})


def test_wide_and_long_tables_are_the_same_series(tmp_path: Path) -> None:
    dates = ["2001-01-02T06 2001-01-01", "", "2003-03-03"]
    wide = WIDE.assign(dates=dates)
    long = wide.melt(["step", "source", "dates"], var_name="variable", value_name="loss")
    wide.to_csv(tmp_path / "wide.csv", index=False)
    long.to_csv(tmp_path / "long.csv", index=False)
    long.to_parquet(tmp_path / "long.parquet")
    for name in ("wide.csv", "long.csv", "long.parquet"):
        series = read_series(str(tmp_path / name))
        assert series.variables == ("2t", "tp")
        np.testing.assert_array_equal(series.steps, [1, 2, 3])
        np.testing.assert_array_equal(series.losses, [[0.6, 0.2], [0.5, np.nan], [0.4, 0.1]])
        assert series.bad.tolist() == [[False, False], [False, True], [False, False]]
        assert series.sources == ("a", "b", "b")
        assert series.dates[1] == (np.datetime64("2001-01-02T06", "s"), np.datetime64("2001-01-01", "s"))
        assert series.dates[0] == ()


def test_a_variable_that_is_written_seldom_has_no_bad_losses() -> None:
    table = pd.DataFrame({"step": range(10), "train": np.ones(10), "val": [1.0, *[np.nan] * 8, 2.0]})
    assert not from_table(table, "t").bad.any()
    assert from_table(table.assign(val=[np.inf, *[np.nan] * 9]), "t").bad.sum() == 1


def test_after_a_restart_the_last_losses_count() -> None:
    table = pd.DataFrame({"step": [1, 2, 3, 2, 3], "2t": [5.0, 4, 3, 2, 1]})
    series = from_table(table, "t")
    np.testing.assert_array_equal(series.losses[:, 0], [5, 2, 1])
    assert "2 steps are there more than once" in series.notes[0]
    long = table.melt("step", var_name="variable", value_name="loss")
    np.testing.assert_array_equal(from_table(long, "t").losses[:, 0], [5, 2, 1])


def mlflow_run(folder: Path, metrics: dict[str, list[tuple[int, float]]]) -> Path:
    """The file store of MLflow, as its documentation lays it out: a line is milliseconds, value, step."""
    for name, values in metrics.items():
        path = folder / "metrics" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{1700000000000 + step} {value} {step}\n" for step, value in values))
    return folder


ANEMOI = {
    "train_mse_loss_step": [(0, 1.0), (50, 0.9)],
    "val_mse_metric/data/all/1": [(100, 0.7)],
    "val_mse_metric/data/2t/1": [(100, 0.5), (200, 0.4)],
    "val_mse_metric/data/tp/1": [(100, 0.3), (200, float("nan"))],
    "val_mse_metric/data/2t/2": [(100, 0.8)],
    "system/gpu": [(0, 3.0)],
}


def test_a_run_of_mlflow_is_read_by_what_names_differ_in(tmp_path: Path) -> None:
    run = mlflow_run(tmp_path / "run", ANEMOI)
    series = read_series(str(run))
    assert series.variables == ("2t", "tp")
    np.testing.assert_array_equal(series.steps, [100, 200])
    np.testing.assert_array_equal(series.losses, [[0.5, 0.3], [0.4, np.nan]])
    assert series.bad.tolist() == [[False, False], [False, True]]
    second = read_series(str(run / "metrics"), metric="val_mse_metric/data/*/2")
    assert (second.variables, second.losses.tolist()) == (("2t",), [[0.8]])


def test_wrong_input_is_told(tmp_path: Path) -> None:
    run = mlflow_run(tmp_path / "run", {"loss": [(0, 1.0)], "lr": [(0, 0.1)]})
    with pytest.raises(UsageError, match="which metrics are the losses"):
        read_series(str(run))
    with pytest.raises(UsageError, match="give one \\* where the variable stands"):
        read_series(str(run), metric="loss")
    with pytest.raises(UsageError, match="fits none of the metrics of run: loss, lr"):
        read_series(str(run), metric="val/*")
    (run / "metrics" / "loss").write_text("1700000000000 much 3\n")
    with pytest.raises(SourceError, match="loss:1: got '1700000000000 much 3'"):
        read_series(str(run), metric="*")
    with pytest.raises(SourceError, match="it has no folder 'metrics'"):
        read_series(str(tmp_path))
    with pytest.raises(SourceNotFoundError):
        read_series(str(tmp_path / "nix.csv"))
    (tmp_path / "a.csv").write_text("step,2t\n1,much\n")
    with pytest.raises(SourceError, match="column '2t' holds what is no number"):
        read_series(str(tmp_path / "a.csv"))
    with pytest.raises(UsageError, match="is a table"):
        read_series(str(tmp_path / "a.csv"), metric="*")
    with pytest.raises(SourceError, match="column 'dates': got 'monday'"):
        from_table(WIDE.assign(dates="monday"), "t")
    with pytest.raises(SourceError, match="rows without a number"):
        from_table(WIDE.assign(step=[1, np.nan, 2]), "t")
