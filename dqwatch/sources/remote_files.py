"""Copies of remote files on this machine, for as long as they are read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence

from dqwatch.errors import SourceError
from dqwatch.sources.remote import Remote
from dqwatch.sources.urls import short_name, shown


class Fetched:
    """Copies of remote files in a temporary folder, under their own names; with a cache, links to what it keeps.

    Raises
    ------
    SourceError
        If one cannot be fetched.
    """

    def __init__(self, urls: Sequence[str], cache: str | os.PathLike[str] | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="dqwatch-")
        self.paths: list[str] = []
        self._urls = list(urls)
        try:
            for number, url in enumerate(urls):
                place = f"{self._folder.name}/{number}"
                os.mkdir(place)
                self.paths.append(f"{place}/{short_name(url) or 'data'}")
                Remote(url, cache).save(self.paths[-1])
        except BaseException:
            self.close()
            raise

    def complain(self, error: SourceError) -> SourceError:
        """An error about a copy as one about what it is a copy of."""
        text = str(error)
        for path, url in zip(self.paths, self._urls, strict=True):
            text = text.replace(path, shown(url))
        return type(error)(text)

    def close(self) -> None:
        """Remove the copies; harmless when called twice."""
        self._folder.cleanup()
