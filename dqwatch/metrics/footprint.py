"""What data take on disk: files and bytes, counted, not opened."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from dqwatch.sources.chunk_sizes import local_paths


class Footprint(NamedTuple):
    """Files of a data set."""

    files: int
    bytes: int
    """As the files are long; blocks of the file system and links to the same bytes are not looked at."""


def measure_footprint(data: Any) -> Footprint | None:
    """Files and bytes of a path, a glob pattern or several paths; None of anything else (URLs, objects in memory)."""
    found = [_count(path) for path in local_paths(data)]
    return Footprint(sum(f.files for f in found), sum(f.bytes for f in found)) if found else None


def _count(path: str) -> Footprint:
    if not os.path.isdir(path):
        return Footprint(1, os.stat(path).st_size)
    files = size = 0
    folders = [path]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file():
                    files += 1
                    size += entry.stat().st_size
    return Footprint(files, size)
