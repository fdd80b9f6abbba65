"""Great Expectations is kept quiet, offline and out of the home."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

MANNERS = """
    import os, socket, sys, warnings
    def refuse(*args, **kwargs):
        os.write(3, b"network\\n")
        raise OSError("no network here")
    socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refuse
    socket.getaddrinfo = socket.create_connection = refuse
    sys.path.insert(0, sys.argv[1])
    import sound_tables
    from dqwatch.expectations import evaluate, lint, load_rule_sets, preload
    from dqwatch import resources
    filters = list(warnings.filters)
    preload()
    assert warnings.filters == filters, warnings.filters
    tables = sound_tables.make_all(["2t", "t_850"])
    tables["fields"].loc[1, "n_inf"] = 5
    results = evaluate(load_rule_sets(["audit"]), tables).results
    tripped = [f for f in results if f.status not in ("pass", "skipped")]
    assert [f.rule for f in tripped] == ["inf"], tripped
    assert lint(str(resources.folder("rules") / "audit.yaml")) == []
    from dqwatch.expectations.data_docs import write_data_docs
    from dqwatch.expectations.export import export_suites
    assert export_suites(load_rule_sets(["gate"])[0])
    write_data_docs(evaluate(load_rule_sets(["missing"]), tables).answers, sys.argv[2], "audit")
"""


def test_no_chatter_no_network_no_home_and_warnings_as_errors(tmp_path: Path) -> None:
    """In a process of its own: sockets refuse, the home cannot be written, every warning is an error."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GX_", "TQDM_"))}
    environment |= {"HOME": str(tmp_path / "none"), "GX_CLOUD_ACCESS_TOKEN": "x", "GX_CLOUD_ORGANIZATION_ID": "x"}
    report = tmp_path / "report"
    code = "import os; os.dup2(os.open(os.environ['REPORT'], os.O_WRONLY | os.O_CREAT), 3)\n" + textwrap.dedent(MANNERS)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(Path(__file__).parent), str(tmp_path / "docs")],
        capture_output=True,
        text=True,
        env={**environment, "REPORT": str(report)},
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert report.read_text() == ""
    assert not (tmp_path / "none").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["docs", "report"]
