"""Credentials and addresses as people paste them: what stands around them is left out, what spoils them is named."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

import requests

# Fields of a system's secret that travel in a header as they are: letters, digits and signs of ASCII.
TOKENS = frozenset({"token", "api_key", "webhook_token"})
URL = "url"
EXAMPLE = "https://api.example.org"
# Of HTTP's basic authentication: it ends a user name there.
_COLON = ":"
_CURLY = frozenset("\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f")
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\]")
_NAMES = {
    "\n": "a line break",
    "\r": "a line break",
    "\t": "a tab",
    "\ufeff": "a byte order mark",
    "\u200b": "a zero-width blank",
    "\u00a0": "a blank",
    " ": "a blank",
}
_SORTS = {
    "Cc": "a control character",
    "Cf": "an invisible character",
    "Cs": "half a character",
    "Zl": "a line break",
    "Zp": "a line break",
    "Zs": "a blank",
}


def bare(value: str) -> str:
    """The value without the blanks, line breaks and invisible characters around it."""
    first = next((at for at, one in enumerate(value) if not _is_around(one)), len(value))
    last = next((at for at in range(len(value), first, -1) if not _is_around(value[at - 1])), first)
    return value[first:last]


def spoiled(field: str, value: str, *, is_basic: bool = False) -> str | None:
    """What is wrong with a bare value, without a letter of it, and what to do; None where nothing is.

    `is_basic` is for a system that takes user name and password by HTTP's basic authentication.
    """
    for position, character in enumerate(value, 1):
        name = _odd(field, character)
        if name is not None:
            return f"holds {name} (character {position} of {len(value)}); copy it again, in one piece"
    if field in TOKENS and len(value) > 1 and value[0] == value[-1] and value[0] in "'\"`":
        return "stands in quotation marks; give it without them"
    if field == "username" and is_basic and _COLON in value:
        return "holds a colon, which no user name may have; give the user name alone"
    return None


def address(value: str) -> tuple[str | None, str]:
    """The address as it is called, or None and why it is none: the value is not repeated, it may be a secret."""
    try:
        parts = urlsplit(value)
        host, port, user = parts.hostname or "", parts.port, parts.username
        if parts.scheme not in {"http", "https"}:
            return None, f"does not begin with https://; give one such as {EXAMPLE}"
        if user is not None or parts.password is not None:
            return None, "holds a user name or a password; give the address without it"
        if parts.query or parts.fragment or "?" in value or "#" in value:
            return None, f"goes on after the path; give one such as {EXAMPLE}"
        called = str(requests.Request("GET", value).prepare().url)
        host = urlsplit(called).hostname or ""
        # As the resolver will.
        host.encode("idna")
    except (ValueError, requests.RequestException):
        return None, f"names no host that can be looked up; give one such as {EXAMPLE}"
    if not host or port == 0 or not _HOST.fullmatch(f"[{host}]" if ":" in host else host):
        return None, f"names no host that can be looked up; give one such as {EXAMPLE}"
    return called.rstrip("/"), ""


def _is_around(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in {"Cc", "Cf", "Zs", "Zl", "Zp"}


def _odd(field: str, character: str) -> str | None:
    """What a character that does not belong into a field is called."""
    is_token = field in TOKENS
    if character == " " and field != URL and not is_token:
        return None
    sort = unicodedata.category(character)
    if character in _CURLY:
        return "a curly quotation mark"
    if sort in _SORTS:
        return _NAMES.get(character, _SORTS[sort])
    return "a character that no token has" if is_token and not character.isascii() else None
