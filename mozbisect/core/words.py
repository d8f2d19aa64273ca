"""Words that a person typed, held against what could be meant: pure, for messages of every part."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from urllib.parse import urlsplit


def known(said: str, names: Iterable[str], what: str) -> str:
    """Advice about a name that is none: the near ones, and all of them behind ``what`` ("The apps are")."""
    names = list(names)
    near = difflib.get_close_matches(said.lower(), names, n=3, cutoff=0.6)
    asked = f"Did you mean {' or '.join(near)}? " if near else ""
    return f"{asked}{what} {', '.join(names)}."


def wrong_with_url(text: str) -> str | None:
    """Why a text is not the address of a server, to be put behind its name; None if it is one."""
    if not text.startswith(("http://", "https://")):
        return f"must begin with http:// or https://, and is {text!r}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:  # a port beyond 65535, a bracket that is not closed
        return f"is no address of a server, {text!r}: {error}"
    if not host or any(sign.isspace() for sign in text) or port == 0:
        return f"names no server: {text!r}"
    return None
