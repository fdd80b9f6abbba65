"""A process that appends: `python writer.py ADDRESS NAME N [stay]`; it says so after each run, and ends after N.

With `stay` it appends one more, and stays in the midst of it: when some rows of the run are written, and more are to
come, it says `inside`, and waits to be killed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from history.verdicts import make_verdict

from dqwatch.history import appending
from dqwatch.history.rows import part_rows
from dqwatch.history.store import open_history

VARIABLES = 40
TIMES = 25


def main(address: str, name: str, n: int, then: str = "") -> None:
    times = [f"2020-03-{day + 1:02d}T00:00:00" for day in range(TIMES)]
    p = {time: {f"v{k}": 0.5 for k in range(VARIABLES)} for time in times}
    verdict = make_verdict("fail", verb="drift", name=name, p=p, p_cycle=dict.fromkeys(times, 0.5))
    for k in range(n):
        history = open_history(address, create=True)
        appending.append(history, verdict)
        history.close()
        say(k)
    if then == "stay":
        appending.part_rows = stay_inside  # type: ignore[assignment]
        appending.append(open_history(address, create=True), verdict)


def stay_inside(verdict: Any) -> Iterator[Any]:
    """The rows of a run, table by table, but after those of the drift none come."""
    for table, rows in part_rows(verdict):
        yield table, rows
        if table.name == "dqwatch_drift":
            say("inside")
            time.sleep(600)


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
