"""A process that appends: `python writer.py ADDRESS NAME N`; it says so after each run, and ends after N."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from history.verdicts import make_verdict

from dqwatch.history.appending import append
from dqwatch.history.store import open_history

VARIABLES = 40
TIMES = 25


def main(address: str, name: str, n: int) -> None:
    times = [f"2020-03-{day + 1:02d}T00:00:00" for day in range(TIMES)]
    p = {time: {f"v{k}": 0.5 for k in range(VARIABLES)} for time in times}
    verdict = make_verdict("fail", verb="drift", name=name, p=p, p_cycle=dict.fromkeys(times, 0.5))
    for k in range(n):
        history = open_history(address, create=True)
        append(history, verdict)
        history.close()
        sys.stdout.write(f"{k}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
