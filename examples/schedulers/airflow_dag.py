"""Airflow: gate each cycle, then run the model; report once a month. Needs apache-airflow 2.9 or later.

A closed gate (exit code 1) fails at once, because trying again changes nothing; what else fails, such as a state that
has not arrived yet (3), is tried again. Where things lie is set in settings.sh.
"""

from __future__ import annotations

import os
import subprocess
from datetime import datetime, timedelta

from airflow.decorators import dag, task
from airflow.exceptions import AirflowException, AirflowFailException

PLACE = os.environ.get("DQWATCH_PLACE", "/opt/weather")
CYCLE = "{{ data_interval_end.strftime('%Y-%m-%dT%H') }}"
REPORT = (
    "dqwatch report --since 31d --compare cycle --html $VERDICTS/month.html --prometheus $METRICS/dqwatch_report.prom"
)


def run(command: str, *words: str) -> None:
    """Run a line of bash after the settings; its log is that of the task."""
    line = ["bash", "-c", f'source "$0/settings.sh" && {command}', PLACE, *words]
    code = subprocess.run(line, check=False).returncode
    if code == 1:
        raise AirflowFailException("exit code 1: see the last line of the log")
    if code:
        raise AirflowException(f"exit code {code}")


@dag(schedule="20 0,6,12,18 * * *", start_date=datetime(2026, 11, 1), catchup=False, max_active_runs=1)
def weather():
    """Each cycle: the model starts only from a state that the gate lets pass."""

    @task(retries=3, retry_delay=timedelta(minutes=10))
    def gate(cycle: str) -> None:
        run('RUN_MODEL=true SETTINGS=none "$0/gate_cycle.sh" "$1"', cycle)

    @task
    def model(cycle: str) -> None:
        run('"$RUN_MODEL" "$STATES/$1.zarr"', cycle)

    gate(CYCLE) >> model(CYCLE)


@dag(schedule="30 7 1 * *", start_date=datetime(2026, 11, 1), catchup=False)
def weather_report():
    """Each month: what the history tells."""

    @task
    def report() -> None:
        run(REPORT)

    report()


weather()
weather_report()
