"""The command that writes data anew in another layout, to be typed in a shell: Python with zarr, or with xarray.

Each command copies everything, in pieces that fit into memory where that can be, and leaves the original alone.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dqwatch.metrics.machine import host_memory
from dqwatch.metrics.rechunking import Candidate
from dqwatch.types import StoredArray

_SHARE_OF_MEMORY = 4
_LEAST, _MOST = 1_000_000_000, 64_000_000_000

_ZARR = """\
import itertools, json, os, shutil, zarr
old, new = {old}, {new}
names, step = {names}, {step}
stale = [os.path.join(old, name) for name in names]
kept = (".zarray", ".zattrs", "zarr.json")
shutil.copytree(old, new, ignore=lambda folder, files: [
    f for f in files if f == ".zmetadata" or folder in stale and f not in kept])
def edit(path, change):
    with open(os.path.join(new, path)) as file: meta = json.load(file)
    change(meta)
    with open(os.path.join(new, path), "w") as file: json.dump(meta, file, indent=4)
{edits}
for name in names:
    edit(os.path.join(name, {meta}), rechunk)
    a, b = zarr.open(old, mode="r")[name], zarr.open(new, mode="r+")[name]
    for at in itertools.product(*(range(0, n, s) for n, s in zip(a.shape, step))):
        part = tuple(slice(i, i + s) for i, s in zip(at, step))
        b[part] = a[part]
{after}"""

_NETCDF = """\
import xarray
data = xarray.open_dataset({old}, decode_cf=False{engine})
for name in {names}:
{change}
data.to_netcdf({new}, engine="h5netcdf")"""

_GRIB = """\
import dqwatch, numpy, xarray
from dqwatch.buffers import Buffers
source, data, buffers = dqwatch.open_source({old}), xarray.Dataset(), Buffers()
fields = [numpy.full((len(source.times[v.times]), v.members, source.grids[v.grid].n_cells), numpy.nan, "f4")
          for v in source.variables]
for block in source.blocks():
    for f in source.read(block, buffers): fields[f.variable][f.time, f.member] = f.values
most = max(v.members for v in source.variables)
for v, values in zip(source.variables, fields):
    members = "member" if v.members == most else "member_%d" % v.members
    dims = "time_%d" % v.times, members, "cell_%d" % v.grid
    data[v.name] = dims, values, {{"units": v.units or ""}}
    data[v.name].encoding["chunksizes"] = tuple(min(n, c) for n, c in zip(values.shape, {chunks}))
    axis, grid = source.times[v.times], source.grids[v.grid]
    if axis.kind == "time":
        data[dims[0]] = dims[0], axis.seconds, {{"units": "seconds since 1970-01-01", "calendar": axis.calendar}}
    if grid.latitudes is not None:
        for name, values in ("latitude", grid.latitudes), ("longitude", grid.longitudes):
            data["%s_%d" % (name, v.grid)] = dims[2], values, {{"standard_name": name}}
            data[v.name].attrs["coordinates"] = "latitude_%d longitude_%d" % (v.grid, v.grid)
data.to_netcdf({new}, engine="h5netcdf")"""


class Command(NamedTuple):
    """A command, or why there is none."""

    text: str
    """'' if there is none."""
    remark: str
    """What to know before it is run, or why there is none: one clause; '' if there is nothing to say."""


def rechunk_command(data: Any, kind: str, arrays: Sequence[StoredArray], candidate: Candidate) -> Command:
    """The command that writes `data` with the chunks of a candidate.

    Parameters
    ----------
    data : Any
        What the source was opened from.
    kind : str
        Of the source.
    arrays : sequence of StoredArray
        Those to be changed: all with the dimensions of the candidate.
    candidate : Candidate
    """
    path = os.fspath(data) if isinstance(data, str | os.PathLike) else ""
    if path and Path(path).is_dir():
        return _for_zarr(path, arrays, candidate)
    if not path or not Path(path).is_file():
        return Command("", "no command: the data are not a store or file on this machine; choose the chunks on writing")
    if any("/" in a.name for a in arrays):
        return Command("", "no command: the file has groups; rechunk it with nccopy or h5repack")
    if kind == "grib":
        return _for_grib(path, arrays, candidate)
    return _for_netcdf(path, arrays, candidate)


def _run(code: str) -> str:
    """The code as a command of the shell; the Python of this installation if another one is first on the path."""
    found = shutil.which("python")
    ours = found is not None and os.path.samefile(os.path.dirname(found), os.path.dirname(sys.executable))
    return f"{'python' if ours else shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def _new_name(path: str, suffix: str = "") -> str:
    old = Path(path.rstrip("/"))
    return str(old.with_name(f"{old.stem}-rechunked{suffix or old.suffix}"))


def _for_zarr(path: str, arrays: Sequence[StoredArray], candidate: Candidate) -> Command:
    chunks = candidate.geometry.chunks or candidate.geometry.shape
    meta = "zarr.json" if (Path(path) / arrays[0].name / "zarr.json").exists() else ".zarray"
    first = arrays[0]
    objects = chunks
    if first.shards is not None:
        objects = tuple(c * max(1, round(s / c)) for s, c in zip(first.shards, chunks, strict=True))
    old = first.shards or first.chunks or first.shape
    step = copy_step(first.shape, old, objects, candidate.geometry.itemsize, _memory())
    code = _ZARR.format(
        old=json.dumps(path.rstrip("/")),
        new=json.dumps(_new_name(path)),
        names=json.dumps([a.name for a in arrays]),
        step=json.dumps(step),
        edits="\n".join(_edits(path, meta, first, chunks, objects)),
        meta=json.dumps(meta),
        after=_after(path),
    ).rstrip()
    times = copies(first.shape, first.chunks or first.shape, step)
    held = math.prod(min(n, s) for n, s in zip(first.shape, step, strict=True)) * candidate.geometry.itemsize
    remark = f"needs {held / 1e9:.2g} GB of memory"
    return Command(_run(code), remark + (f" and decodes the store {times:.1f} times" if times > 1.05 else ""))


def _memory() -> int:
    """Bytes that a piece may have while a store is copied: a part of what this machine has."""
    return min(_MOST, max(_LEAST, (host_memory() or 0) // _SHARE_OF_MEMORY))


def _edits(path: str, meta: str, array: StoredArray, chunks: Sequence[int], objects: Sequence[int]) -> list[str]:
    """The lines that say how metadata change."""
    inner, outer = json.dumps(list(chunks)), json.dumps(list(objects))
    if meta == ".zarray":
        lines = [f'def rechunk(meta): meta["chunks"] = {inner}']
    else:
        lines = [f'def rechunk(meta):\n    meta["chunk_grid"]["configuration"]["chunk_shape"] = {outer}']
        if array.shards is not None:
            lines.append(f'    meta["codecs"][0]["configuration"]["chunk_shape"] = {inner}')
        lines.append('edit("zarr.json", lambda meta: meta.pop("consolidated_metadata", None))')
    attributes, key = (
        (Path(path) / ".zattrs", "") if meta == ".zarray" else (Path(path) / "zarr.json", '["attributes"]')
    )
    if attributes.exists():
        found = json.loads(attributes.read_text(encoding="utf-8"))
        found = found.get("attributes", {}) if key else found
        if found.get("chunks") == list(array.shards or array.chunks or ()):  # as anemoi notes them down
            lines.append(f'edit("{attributes.name}", lambda meta: meta{key}.update(chunks={outer}))')
    return lines


def _after(path: str) -> str:
    """The line that makes consolidated metadata again, where there were any."""
    old = Path(path)
    marks = old / "zarr.json"
    has = (old / ".zmetadata").exists()
    has = has or (marks.exists() and bool(json.loads(marks.read_text(encoding="utf-8")).get("consolidated_metadata")))
    return "zarr.consolidate_metadata(new)" if has else ""


def copy_step(shape: Sequence[int], old: Sequence[int], new: Sequence[int], itemsize: int, memory: int) -> list[int]:
    """Lengths of the pieces in which to copy an array: whole new chunks, as many old ones as fit into memory.

    Parameters
    ----------
    shape, old, new : sequence of int
        Of the array, and of what is read and written at once.
    itemsize : int
    memory : int
        Bytes that a piece may have; a new chunk that is larger makes a larger piece.
    """
    step = [min(c, _up(n, c)) for n, c in zip(shape, new, strict=True)]

    def size(lengths: Sequence[int]) -> int:
        return math.prod(min(n, s) for n, s in zip(shape, lengths, strict=True)) * itemsize

    # First as far as the old chunks reach, the axis where most of a chunk would be thrown away before others.
    for axis in sorted(range(len(shape)), key=lambda a: -min(old[a], shape[a]) / step[a]):
        wanted = _up(min(old[axis], shape[axis]), new[axis])
        while wanted > step[axis] and size([*step[:axis], wanted, *step[axis + 1 :]]) > memory:
            wanted = _up(wanted // 2, new[axis])
            if wanted <= step[axis]:
                break
        step[axis] = max(step[axis], wanted)
    for axis in reversed(range(len(shape))):  # then fewer and larger pieces
        while step[axis] < shape[axis] and size([*step[:axis], 2 * step[axis], *step[axis + 1 :]]) <= memory // 8:
            step[axis] *= 2
    return step


def _up(length: int, unit: int) -> int:
    return -(-length // unit) * unit


def copies(shape: Sequence[int], old: Sequence[int], step: Sequence[int]) -> float:
    """How often each old chunk is decoded, on average, when an array is copied in pieces of `step`."""
    factor = 1.0
    for n, chunk, length in zip(shape, old, step, strict=True):
        touched = sum((min(at + length, n) - 1) // chunk - at // chunk + 1 for at in range(0, n, length))
        factor *= touched / max(1, -(-n // chunk))
    return factor


def _for_netcdf(path: str, arrays: Sequence[StoredArray], candidate: Candidate) -> Command:
    names = [a.name for a in arrays]
    if candidate.contiguous:
        change = f"    data[name] = data[name].transpose(*{json.dumps(candidate.dims)})\n"
        change += "    data[name].encoding.update(chunksizes=None, contiguous=True)"
    else:
        chunks = [min(c, n) for c, n in zip(candidate.geometry.chunks or (), candidate.geometry.shape, strict=True)]
        change = f"    data[name].encoding.update(chunksizes=tuple({json.dumps(chunks)}), contiguous=False)"
    code = _NETCDF.format(
        old=json.dumps(path),
        new=json.dumps(_new_name(path, ".nc")),
        names=json.dumps(names),
        change=change,
        engine=_engine(path),
    )
    largest = max(math.prod(a.shape) for a in arrays) * candidate.geometry.itemsize
    return Command(_run(code), f"needs {largest / 1e9:.2g} GB of memory for the largest variable")


def _engine(path: str) -> str:
    """The argument that names xarray's way to read the file: not netCDF4, which may bring another HDF5 than h5py's."""
    with open(path, "rb") as file:
        start = file.read(4)
    if start in (b"CDF\x01", b"CDF\x02"):
        return ', engine="scipy"'
    return "" if start[:3] == b"CDF" else ', engine="h5netcdf"'


def _for_grib(path: str, arrays: Sequence[StoredArray], candidate: Candidate) -> Command:
    chunks = candidate.geometry.chunks or candidate.geometry.shape
    code = _GRIB.format(old=json.dumps(path), new=json.dumps(_new_name(path, ".nc")), chunks=json.dumps(chunks))
    total = sum(math.prod(a.shape) for a in arrays) * 4
    return Command(
        _run(code), f"writes NetCDF, because GRIB holds whole fields only; needs {total / 1e9:.2g} GB of memory"
    )
