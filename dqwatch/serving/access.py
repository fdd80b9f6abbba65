"""Who may ask: people on this machine, and others who bring the token."""

from __future__ import annotations

import hmac
import ipaddress
from email.message import Message
from http.cookies import CookieError, SimpleCookie

COOKIE = "dqwatch_token"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names_loopback(header: str) -> bool:
    """Whether a Host header names this machine: a page of elsewhere that had its own name resolved to it does not."""
    host = header.strip()
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return is_loopback(host)


def brings(token: str, headers: Message[str, str], given: str | None) -> bool:
    """Whether a request has the token: in its address, as `Authorization: Bearer`, or in the cookie that we set."""
    bearer = headers.get("Authorization", "")
    candidates = [given, bearer.removeprefix("Bearer ") if bearer.startswith("Bearer ") else None, _cookie(headers)]
    return any(one is not None and hmac.compare_digest(one.encode(), token.encode()) for one in candidates)


def _cookie(headers: Message[str, str]) -> str | None:
    try:
        found = SimpleCookie(headers.get("Cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value
