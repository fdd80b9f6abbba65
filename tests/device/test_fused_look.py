"""The kernel that reads each value once, run by Triton's interpreter, against plain operations; and compiled."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CHECK = """
import math
import numpy as np, torch
from dqwatch.metrics import kernel_layout as layout, on_device
from dqwatch.metrics.histogram import linear_bins, skewed_bins
rng = np.random.default_rng(5)
BINS = [linear_bins(-50.0, 60.0), skewed_bins(30.0)]
def spoilt(n):
    yield rng.normal(3, 8, n)
    yield rng.gamma(0.3, 2e-3, n)
    yield 1e5 + rng.normal(0, 50, n)
    yield np.where(rng.random(n) < 0.1, np.nan, rng.normal(280, 9, n))
    yield np.where(rng.random(n) < 0.01, [[np.inf], [-np.inf]][n % 2], rng.normal(0, 9, n)).ravel()
    yield np.full(n, -0.0)
    yield np.full(n, np.nan)
    yield np.where(np.arange(n) < 1, 1e30, rng.random(n))
    yield np.where(np.arange(n) == n - 1, 3e38, -3e38)
    yield np.full(n, 1e-45)
for n in (1, 16, 1025, 16385):
    fields = np.stack(list(spoilt(n))).astype("f4")
    values = torch.from_numpy(fields)
    for weights in (rng.random(n),) if n > 2000 else (np.empty(0), rng.random(n)):
        bins = [BINS[k % 2] for k in range(len(fields))]
        sight = on_device.Sight(np.dtype("f4"), bins, weights, torch.device("cpu"))
        assert on_device._find_fused(values) is not None
        fused = on_device.look(values, sight)
        on_device._find_fused, own = (lambda values: None), on_device._find_fused
        plain = on_device.look(values, sight)
        on_device._find_fused = own
        for name in ("n_nan", "n_inf", "least", "most", "counts", "data_hash"):
            np.testing.assert_array_equal(getattr(fused, name), getattr(plain, name), err_msg=f"{name} {n}")
        assert np.signbit(fused.least).tolist() == np.signbit(plain.least).tolist()
        size = np.nan_to_num(np.maximum(abs(plain.least), abs(plain.most)))
        for name in ("mean", "std", "wmean"):
            a, b = getattr(fused, name), getattr(plain, name)
            assert (np.isnan(a) == np.isnan(b)).all(), name
            off = np.nan_to_num(abs(a - b))
            scale = np.where(name == "std", 1e-9 * np.nan_to_num(b), 1e-12 * size)
            assert (off <= scale + 1e-12 * size + 5e-324).all(), (name, n, a, b)
print("the same")
"""

COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from dqwatch.metrics import kernel_layout as layout, on_device_fused as fused
types = ["*fp32", "*fp64", "*i32", "*fp64", "*i32", "*i32", "*fp64", "*i32", "*i64", "i32", *4 * ["constexpr"]]
for weighted in (True, False):
    signature = dict(zip(fused._look.arg_names, types, strict=True))
    given = {(10,): weighted, (11,): layout.BLOCK, (12,): fused._LANES, (13,): fused._ROOM}
    source = ASTSource(fn=fused._look, signature=signature, constexprs=given)
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"enable_fp_fusion": False})
    assert "fma.rn.f32" not in made.asm["ptx"], "bins must be the same on every machine"
    assert len(made.asm["cubin"]) > 1000
print("compiled")
"""


@pytest.mark.parametrize(("script", "interpret", "told"), [(CHECK, "1", "the same"), (COMPILE, "0", "compiled")])
def test_the_kernel(script: str, interpret: str, told: str, tmp_path: object) -> None:
    environment = os.environ | {"TRITON_INTERPRET": interpret, "TRITON_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", script]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip() == told
