"""Parts of remote objects fetched for a caller that holds a lock which collectors of garbage may want."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dqwatch.sources.file_systems import connect

if TYPE_CHECKING:
    from dqwatch.sources.remote import Remote
    from dqwatch.sources.remote_parts import Info


class QuietClient:
    """A client of its own for one remote, to be used by one thread at a time.

    fsspec fetches in a thread that is shared by all. When that thread happens to collect garbage, it may have to wait
    for a lock of whoever waits for it. Here each request has a thread of its own, and while it lasts no thread collects
    garbage.

    Parameters
    ----------
    remote : Remote
        Of HTTP, S3 or memory.
    """

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fs: Any = None

    def read_range(self, key: str, info: Info, start: int, stop: int) -> bytes:
        """As `Remote.read_range`."""
        if not self._remote.fs.async_impl:
            return self._remote.read_range(key, info, start, stop)
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._fs, _ = connect(self._remote.url, asynchronous=True, skip_instance_cache=True)
        loop, fs = self._loop, self._fs
        return self._remote.check_range(
            key, start, stop, lambda path: bytes(_wait(loop, fs._cat_file(path, start=start, end=stop)))
        )

    def close(self) -> None:
        """Let go of the connections; harmless when called twice."""
        loop, self._loop = self._loop, None
        if loop is not None:
            _wait(loop, self._close())
            loop.close()

    async def _close(self) -> None:
        session = await self._fs.set_session()
        await session.close()


def _wait(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns. A thread that has just begun runs it: this one may be in the midst of another loop."""
    results: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(loop.run_until_complete(work))
        except BaseException as error:  # noqa: BLE001 (raised by the thread that waits)
            errors.append(error)

    with _no_garbage_collection():
        thread = threading.Thread(target=run, name="dqwatch-quiet", daemon=True)
        thread.start()
        thread.join()
    if errors:
        raise errors[0]
    return results[0]


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
