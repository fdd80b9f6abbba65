"""Where a history is: the name of a SQLite file, or the URL of SQLite or PostgreSQL."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from dqwatch.errors import MissingExtraError, UsageError

_POSTGRES = {"postgresql", "postgres", "postgresql+psycopg"}
_FORMS = "give the name of a SQLite file or postgresql://USER@HOST/DATABASE"


def parse(address: str) -> URL:
    """The URL of a history, with the driver that is used.

    Raises
    ------
    UsageError
        If it is neither the name of a file nor a URL of SQLite or PostgreSQL; a password in it is not shown.
    MissingExtraError
        If it is PostgreSQL and its driver is not installed.
    """
    if not address.strip() or "\0" in address:
        raise UsageError(f"history: got no name; {_FORMS}")
    if "://" not in address:
        return URL.create("sqlite", database=address)
    scheme = address.partition("://")[0]
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise UsageError(f"history: cannot make out the URL {scheme}://...; {_FORMS}") from None
    if url.drivername == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise UsageError(f"history: {scheme}:// names no file, so nothing would remain; {_FORMS}")
        return url
    if url.drivername not in _POSTGRES:
        raise UsageError(f"history: got a URL {scheme}://...; {_FORMS}")
    if importlib.util.find_spec("psycopg") is None:
        raise MissingExtraError("history: PostgreSQL needs the package psycopg: pip install 'dqwatch[postgres]'")
    return url.set(drivername="postgresql+psycopg")


def describe(url: URL) -> str:
    """The history as messages name it: without password and options, which may hold one."""
    if url.drivername == "sqlite":
        return Path(url.database or "").name
    shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return shown.render_as_string()


def check_file(url: URL, *, create: bool) -> None:
    """Make sure that the file of a SQLite history is there, or can be made.

    Raises
    ------
    UsageError
        If it is a folder, or its folder is not there.
    FileNotFoundError
        If it is not there and may not be made.
    """
    if url.drivername != "sqlite" or str(url.database).startswith("file:"):
        return
    path = Path(str(url.database))
    if path.is_dir():
        raise UsageError(f"history: {path} is a folder; give the name of a file")
    if not create and not path.exists():
        raise FileNotFoundError
    if not path.parent.is_dir():
        raise UsageError(f"history: {path}: there is no folder {path.parent}; make it, or choose another")
