"""What stands in for numba where it is missing: functions as they are, for benchmarks that measure none of them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any


def _leave(*given: Any, **_: Any) -> Any:
    """As `numba.njit`, bare or with settings, without compiling."""

    def leave(function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    return given[0] if given else leave


def stand_in() -> bool:
    """Put a module in the place of numba if it is missing; whether it was."""
    if importlib.util.find_spec("numba") is not None:
        return False
    module: Any = ModuleType("numba")
    module.njit, module.config = _leave, SimpleNamespace(CACHE_DIR="")
    sys.modules["numba"] = module
    return True


def compiles() -> bool:
    """Whether numba itself is here."""
    there = sys.modules.get("numba")
    return hasattr(there, "__version__") if there is not None else importlib.util.find_spec("numba") is not None
