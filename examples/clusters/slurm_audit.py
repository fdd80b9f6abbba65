"""Audit a large data set on a SLURM cluster: pip install 'dqwatch[dask]' dask-jobqueue, then

    python examples/clusters/slurm_audit.py /data/o96.zarr --jobs 8 --queue compute --json verdict.json

Each job is a node with one process per core. The jobs open the data at the same path and send back a few numbers of
each field. Jobs that end early are replaced; finished pieces are kept in `<data>.pieces` in the current folder, so that
the same command goes on after an interruption. Exit codes are those of `dqwatch audit`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dask_jobqueue import SLURMCluster

from dqwatch.cli import main as dqwatch


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Further options are handed to dqwatch audit.")
    parser.add_argument("data")
    parser.add_argument("--jobs", type=int, default=4, help="nodes")
    parser.add_argument("--cores", type=int, default=64, help="of a node")
    parser.add_argument("--memory", default="128GB", help="of a node")
    parser.add_argument("--queue", default=None)
    parser.add_argument("--account", default=None)
    parser.add_argument("--walltime", default="04:00:00")
    chosen, others = parser.parse_known_args(words)
    with SLURMCluster(
        queue=chosen.queue,
        account=chosen.account,
        cores=chosen.cores,
        processes=chosen.cores,
        memory=chosen.memory,
        walltime=chosen.walltime,
        # A job leaves before SLURM kills it, and another takes its place.
        worker_extra_args=["--lifetime", "230m", "--lifetime-stagger", "5m"],
    ) as cluster:
        cluster.adapt(minimum_jobs=1, maximum_jobs=chosen.jobs)
        pieces = f"{Path(chosen.data).name}.pieces"
        line = ["audit", chosen.data, "--scheduler", cluster.scheduler_address, "--resume", pieces]
        return dqwatch([*line, *others])


if __name__ == "__main__":
    sys.exit(main())
