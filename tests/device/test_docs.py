"""What the documentation of the feed shows works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from conftest import ROOT
from sources.zarr_files import make_anemoi

import dqwatch


def test_the_examples_run(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    values = np.random.default_rng(3).normal(280, 5, (240, 2, 1, 208)).astype(np.float32)
    make_anemoi(tmp_path / "demo" / "training.zarr", values, ["2t", "msl"])
    dqwatch.baseline(str(tmp_path / "demo" / "training.zarr"), output=str(tmp_path / "baseline.zarr"))
    text = (ROOT / "docs" / "feed.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 2
    for block in blocks:
        command = [sys.executable, "-W", "error", "-c", block]
        finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, f"{block}\n{finished.stderr}"
