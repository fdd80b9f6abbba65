"""Synthetic losses of a training, by variable, to try `dqwatch losses` on.

    python examples/loss_series.py OUT.csv [--date 2007-03-14T06] [--seed 0]

writes losses of 2,000 steps with a spike in that of swvl1, one sample of which is of that date. What a
loss is like here: it falls by a power of the steps, at a pace of the variable's own, hard batches raise all variables,
and each has noise of its own, which may be heavy-tailed or remember.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import pandas as pd

NAMES = (
    "2t",
    "10u",
    "10v",
    "msl",
    "tp",
    "swvl1",
    "swvl2",
    "t_850",
    "t_500",
    "z_500",
    "q_850",
    "u_850",
    "v_850",
    "w_850",
)
NOISE = ("normal", "heavy", "remembering")
SPIKE_DATE = np.datetime64("2007-03-14T06", "s")


def make_losses(
    seed: int, *, n: int = 2000, n_variables: int = 12, noise: str = "normal", size: float = 0.1
) -> tuple[list[str], np.ndarray]:
    """Names, and losses float64 (step, variable)."""
    rng = np.random.default_rng(seed)
    names = [NAMES[k] if k < len(NAMES) else f"x_{k}" for k in range(n_variables)]
    begun = 50 + np.arange(n)[:, None]
    pace = rng.normal(0.25, 0.06, n_variables)
    own = rng.normal(size=(n, n_variables))
    if noise == "heavy":
        own = rng.standard_t(4, size=own.shape)
    elif noise == "remembering":
        for k in range(1, n):
            own[k] = 0.6 * own[k - 1] + 0.8 * own[k]
    common = 0.5 * size * rng.normal(size=(n, 1))
    return names, np.exp(rng.normal(0, 1, n_variables) - pace * np.log(begun) + size * own + common)


def make_dates(seed: int, n: int, *, batch: int = 2) -> list[tuple[np.datetime64, ...]]:
    """Dates of the samples of each step, drawn at random from ten years, as training shuffles them."""
    rng = np.random.default_rng(seed + 1_000_000)
    hours = rng.permutation(n * batch) * (87_600 // (n * batch) // 6 * 6 or 6)
    dates = np.datetime64("2001-01-01T00", "s") + hours.reshape(n, batch) * np.timedelta64(3600, "s")
    return [tuple(row) for row in dates]


def make_table(
    seed: int, *, n: int = 2000, n_variables: int = 12, noise: str = "normal", size: float = 0.1
) -> pd.DataFrame:
    """A wide table of clean losses, as a training writes it: step, dates of the samples, a column for each variable."""
    names, losses = make_losses(seed, n=n, n_variables=n_variables, noise=noise, size=size)
    dates = [" ".join(map(str, row)) for row in make_dates(seed, n)]
    return pd.DataFrame({"step": np.arange(n), "dates": dates, **dict(zip(names, losses.T, strict=True))})


def main(arguments: list[str] | None = None) -> int:
    """Write a table of losses with a spike, whose samples are of a date that is given."""
    parser = argparse.ArgumentParser(description="Make a series of losses by variable to try 'dqwatch losses' on.")
    parser.add_argument("out", metavar="OUT.csv")
    parser.add_argument("--date", default=str(SPIKE_DATE), help=f"of a sample of the spike (default {SPIKE_DATE})")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    table = make_table(options.seed)
    table.loc[1500, "swvl1"] *= 4
    table.loc[1500, "dates"] = f"{table['dates'][1500].split()[0]} {options.date}"
    table.to_csv(options.out, index=False, float_format="%.6g")
    return 0


if __name__ == "__main__":
    sys.exit(main())
