"""What file systems raise, told apart without importing any of them: absent, passing, or one line for the user."""

from __future__ import annotations

import errno
from typing import Any

from dqwatch.errors import SourceError

_AWAY = (
    "ClientConnectorError",
    "EndpointConnectionError",
    "ProxyConnectionError",
    "gaierror",
    "ConnectionRefusedError",
)
_SLOW = ("TimeoutError", "FSTimeoutError", "ConnectTimeoutError", "ReadTimeoutError", "ServerTimeoutError")
_CUT = ("ClientPayloadError", "ServerDisconnectedError", "IncompleteReadError", "ConnectionResetError", "ClientOSError")
_NO_KEYS = ("NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError", "CredentialRetrievalError")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_PASSING_STATUS = (408, 425, 429)
_DENIED_STATUS = (401, 403, 407)
_ABSENT_CODES = ("NoSuchKey", "404", "NoSuchVersion")
"""Error codes of S3 that speak of the object; a missing bucket is no missing object."""

_HINTS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, "
    "for a public bucket FSSPEC_S3='{\"anon\": true}'",
    "http": 'headers may be given as FSSPEC_HTTP=\'{"headers": {"Authorization": "..."}}\'',
}
_HINTS |= {"s3a": _HINTS["s3"], "https": _HINTS["http"]}


class AccessDeniedError(SourceError):
    """The server does not let this user have that."""


def is_absent(error: BaseException) -> bool:
    """Whether an error says that there is no such object, and nothing else.

    fsspec also raises FileNotFoundError where a server answers 500 or not at all; what happened is its cause then.
    """
    if not isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return False
    cause = error.__cause__
    if cause is None or isinstance(cause, KeyError):
        return True
    code = _s3_code(cause)
    return code in _ABSENT_CODES if code else _status(cause) == 404 or is_absent(cause)


def is_passing(error: BaseException) -> bool:
    """Whether the same request may succeed a moment later."""
    error = _root(error)
    if _is_a(error, _AWAY):
        return False
    status = _status(error) or 0
    return status >= 500 or status in _PASSING_STATUS or _is_a(error, (*_CUT, *_SLOW))


def explain(error: BaseException, where: str, protocol: str) -> SourceError:
    """An error of ours that says where and why, in one line."""
    error = _root(error)
    status, code = _status(error), _s3_code(error)
    hint = f"; {_HINTS[protocol]}" if protocol in _HINTS else ""
    if _is_a(error, _NO_KEYS):
        return AccessDeniedError(f"{where}: no credentials ({_text(error)}){hint}")
    if status in _DENIED_STATUS or isinstance(error, PermissionError):
        return AccessDeniedError(f"{where}: access denied ({code or _text(error)}){hint}")
    if code == "NoSuchBucket":
        return SourceError(f"{where}: there is no such bucket")
    if _is_a(error, _AWAY):
        return SourceError(f"{where}: the server cannot be reached: {_text(error)}")
    if _is_a(error, _SLOW):
        return SourceError(f"{where}: the server does not answer in time ({type(error).__name__})")
    if _is_a(error, _CUT):
        return SourceError(f"{where}: the connection broke: {_text(error)}")
    if isinstance(error, OSError) and error.errno in _FULL:
        return SourceError(f"{where}: cannot be fetched: {_text(error)}; make room, or choose another TMPDIR or cache")
    return SourceError(f"{where}: cannot be read: {_text(error)}")


def _root(error: BaseException) -> BaseException:
    """The error behind one that fsspec made a FileNotFoundError of."""
    while isinstance(error, FileNotFoundError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _is_a(error: BaseException, names: tuple[str, ...]) -> bool:
    return any(kind.__name__ in names for kind in type(error).__mro__)


def _status(error: BaseException) -> int | None:
    """The status of an HTTP answer."""
    found = getattr(error, "status", None)
    if found is None:
        found = _response(error).get("ResponseMetadata", {}).get("HTTPStatusCode")
    return found if isinstance(found, int) else None


def _s3_code(error: BaseException) -> str:
    """The code of an error of S3, which s3fs keeps as the cause of the one it raises; '' of other errors."""
    for one in (error, error.__cause__):
        code = _response(one).get("Error", {}).get("Code") if one is not None else None
        if code:
            return str(code)
    return ""


def _response(error: BaseException) -> dict[str, Any]:
    found = getattr(error, "response", None)
    return found if isinstance(found, dict) else {}


def _text(error: BaseException) -> str:
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return f"HTTP {status} {getattr(error, 'message', '')}".strip()
    strerror = getattr(error, "strerror", None) if isinstance(error, OSError) else None
    return " ".join(str(strerror or error).split()) or type(error).__name__
