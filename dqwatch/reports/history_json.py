"""The drift report over a history as a JSON document; `history.schema.json` beside this file describes it."""

from __future__ import annotations

import json
from typing import Any

import dqwatch
from dqwatch.digest import Digest
from dqwatch.plain import plain

SCHEMA_VERSION = "1.0"


def render(digest: Digest) -> str:
    """The document: ASCII only, NaN and infinities as null."""
    return json.dumps(plain(document(digest)), indent=2, allow_nan=False)


def document(digest: Digest) -> dict[str, Any]:
    """The document as Python objects, keys in the order in which a person reads them."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "dqwatch", "version": dqwatch.__version__},
        "verb": "report",
        "status": digest.status,
        "exit_code": digest.exit_code,
        "history": digest.history,
        "since": f"{digest.since:%Y-%m-%dT%H:%M:%SZ}",
        "until": f"{digest.until:%Y-%m-%dT%H:%M:%SZ}",
        "labels": dict(digest.labels),
        "runs": dict(digest.runs),
        "cycles": dict(digest.cycles),
        "budget": list(digest.budget),
        "variables": list(digest.variables),
        "regions": list(digest.regions),
        "slow": list(digest.slow),
        "left_out": dict(digest.left_out),
        "rules": list(digest.rules),
        "failed": list(digest.failed),
        "comparison": digest.comparison,
        "notes": list(digest.notes),
        "timing": {"total_s": digest.seconds},
    }
