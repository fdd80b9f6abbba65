"""The inspection as a JSON document; `inspection.schema.json` beside this file describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import dqwatch
from dqwatch.metrics.access import Access
from dqwatch.metrics.feeding import Feeding
from dqwatch.metrics.inspection import INPUT_STEPS, TARGET_STEPS, Inspection, uncompressed_bytes
from dqwatch.metrics.rechunking import Candidate
from dqwatch.plain import plain
from dqwatch.types import Grid, StoredArray, Variable

SCHEMA_VERSION = "1.0"
_VARIABLE = (
    *("name", "param", "source_name", "units", "level", "level_type"),
    *("kind", "period", "members", "times", "grid"),
)


def render(inspection: Inspection) -> str:
    """The document: ASCII only, NaN and infinities as null."""
    return _text(document(inspection))


def render_failure(names: Sequence[str], error: str, exit_code: int) -> str:
    """The document of a run that ended in an error.

    Parameters
    ----------
    names : sequence of str
        Of the inputs.
    error : str
        Why there is no inspection, one line.
    exit_code : int
    """
    inputs = [{"name": name, "kind": None, "identity": None} for name in names]
    return _text(_head("error", exit_code, error, inputs) | {"inspection": None})


def document(inspection: Inspection) -> dict[str, Any]:
    """The document as Python objects."""
    i = inspection
    inputs = [{"name": i.name, "kind": i.kind, "identity": i.identity}]
    return _head("ok", 0, None, inputs) | {
        "inspection": {
            "size": {
                "files": i.footprint.files if i.footprint else None,
                "stored_bytes": i.footprint.bytes if i.footprint else None,
                "uncompressed_bytes": i.bytes,
            },
            "dimensions": dict(i.dimensions),
            "variables": [_variable(v) for v in i.variables],
            "grids": [_grid(g) for g in i.grids],
            "times": [asdict(p) for p in i.periods],
            "nan_sample": asdict(i.holes),
            "arrays": [_array(a) for a in i.arrays],
            "memory": _memory(i),
            "patterns": [
                {
                    "name": r.pattern.name,
                    "text": r.pattern.text,
                    "meaning": r.pattern.meaning,
                    "first_time": r.period[0],
                    "last_time": r.period[1],
                    **_access(r.access),
                    "stored_bytes": r.stored_bytes,
                    "stored_bytes_exact": r.stored_exact,
                }
                for r in i.reads
            ],
            "layouts": _layouts(i),
            "feeding": _feeding(i.feeding),
            "notes": list(i.notes),
            "seconds": i.seconds,
        }
    }


def _head(status: str, exit_code: int, error: str | None, inputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "dqwatch", "version": dqwatch.__version__},
        "verb": "inspect",
        "status": status,
        "exit_code": exit_code,
        "error": error,
        "inputs": list(inputs),
    }


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(plain(document), indent=2, allow_nan=False)


def _variable(v: Variable) -> dict[str, Any]:
    return {key: getattr(v, key) for key in _VARIABLE}


def _grid(g: Grid) -> dict[str, Any]:
    extent = None
    if g.latitudes is not None and g.longitudes is not None and g.n_cells:
        ends = (g.latitudes.min(), g.latitudes.max(), g.longitudes.min(), g.longitudes.max())
        extent = dict(zip(("south", "north", "west", "east"), map(float, ends), strict=True))
    return {
        "name": g.name,
        "kind": g.kind,
        "shape": list(g.shape),
        "n_cells": g.n_cells,
        "extent": extent,
        "area_weights": g.weights_origin,
        "problem": g.problem,
    }


def _array(a: StoredArray) -> dict[str, Any]:
    n = uncompressed_bytes(a)
    return {
        "name": a.name,
        "dims": list(a.dims),
        "shape": list(a.shape),
        "dtype": a.dtype,
        "chunks": None if a.chunks is None else list(a.chunks),
        "shards": None if a.shards is None else list(a.shards),
        "codec": a.codec,
        "uncompressed_bytes": n,
        "stored_bytes": a.stored_bytes,
        "ratio": n / a.stored_bytes if a.stored_bytes and n else None,
        "objects": a.objects,
        "expected_objects": a.expected_objects,
    }


def _memory(i: Inspection) -> dict[str, Any]:
    m = i.memory
    return {
        "date_bytes": m.date,
        "batch": m.n_samples,
        "input_steps": INPUT_STEPS,
        "target_steps": TARGET_STEPS,
        "batch_bytes": m.batch,
        "host_bytes": m.host,
        "devices": None if m.devices is None else [{"name": d.name, "bytes": d.bytes} for d in m.devices],
        "audit": None if i.audit is None else {**i.audit._asdict(), "total": i.audit.total},
    }


def _feeding(f: Feeding | None) -> dict[str, Any] | None:
    if f is None:
        return None
    return {
        "window": f.window,
        "sample_bytes": f.limits.sample_bytes,
        "dates_per_chunk": f.limits.dates_per_chunk,
        "speeds": [asdict(speed) for speed in f.speeds],
        "first": asdict(f.first),
        "again": asdict(f.again),
        "memory_copy": f.copies.memory,
        "device_copy": f.copies.device,
        "cores": f.copies.cores,
        "depth": f.depth,
        "batch": f.limits.batch,
        "batch_bytes": f.limits.batch_bytes,
        "host_memory": f.limits.memory,
        "device_memory": f.limits.device_memory,
        "decoder": f.decoder,
        "limited_by": f.cause,
        "step": None if f.step is None else asdict(f.step),
        "suggestions": list(f.suggestions),
        "seconds": f.seconds,
    }


def _access(a: Access) -> dict[str, Any]:
    return {
        "wanted_bytes": a.wanted_bytes,
        "decoded_bytes": a.decoded_bytes,
        "amplification": a.amplification,
        "chunks": a.chunks,
        "exact": a.exact,
    }


def _layouts(i: Inspection) -> dict[str, Any] | None:
    if i.main is None or i.as_stored is None:
        return None
    others = [{**_candidate(o.candidate), "command": o.command.text, "remark": o.command.remark} for o in i.options]
    return {"array": i.main.stored.name, "as_stored": _candidate(i.as_stored), "others": others}


def _candidate(c: Candidate) -> dict[str, Any]:
    g = c.geometry
    return {
        "best_for": list(c.best_for),
        "dims": list(c.dims),
        "chunks": None if g.chunks is None else list(g.chunks),
        "shards": None if g.shards is None else list(g.shards),
        "chunk_bytes": None if g.chunks is None else g.chunk_bytes,
        "n_chunks": None if g.chunks is None else g.n_chunks,
        "patterns": {name: _access(access) for name, access in c.accesses.items()},
    }
