"""Is a request signed with the practice server's credentials? Hawk, as Taskcluster's clients sign, header or bewit.

Nothing here is secret: the credentials are the same for every practice server. Clocks are not compared.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Mapping
from enum import Enum
from urllib.parse import parse_qsl, urlsplit

CLIENT_ID = "practice"
ACCESS_TOKEN = "practice-access-token"  # noqa: S105  (see above)

_ATTRIBUTE = re.compile(r'(\w+)="([^"\\]*)"')


class Signed(Enum):
    """What became of the look at a signature."""

    NOT = "not"
    WRONGLY = "wrongly"
    RIGHTLY = "rightly"


def check(method: str, url: str, authorization: str) -> Signed:
    """The whole URL as it was asked for, and the Authorization header, which may be empty."""
    bewit = dict(parse_qsl(urlsplit(url).query)).get("bewit", "")
    if bewit:
        return _check_bewit(url, bewit)
    if not authorization:
        return Signed.NOT
    scheme, _, rest = authorization.partition(" ")
    given = dict(_ATTRIBUTE.findall(rest))
    if scheme != "Hawk" or given.get("id") != CLIENT_ID or not {"ts", "nonce", "mac"} <= given.keys():
        return Signed.WRONGLY
    return _judged(given["mac"], _mac("header", given, method, url))


def _check_bewit(url: str, bewit: str) -> Signed:
    try:
        who, expires, mac, ext = urlsafe_b64decode(bewit + "=" * (-len(bewit) % 4)).decode().split("\\")
    except ValueError:
        return Signed.WRONGLY
    if who != CLIENT_ID:
        return Signed.WRONGLY
    bare = re.sub(r"[?&]bewit=[^&]*", "", url)
    return _judged(mac, _mac("bewit", {"ts": expires, "nonce": "", "ext": ext}, "GET", bare))


def _mac(kind: str, given: Mapping[str, str], method: str, url: str) -> str:
    parts = urlsplit(url)
    resource = f"{parts.path}?{parts.query}" if parts.query else parts.path
    lines = [
        f"hawk.1.{kind}",
        given["ts"],
        given["nonce"],
        method,
        resource,
        parts.hostname or "",
        str(parts.port or 80),
    ]
    lines += [given.get("hash", ""), given.get("ext", ""), ""]
    digest = hmac.new(ACCESS_TOKEN.encode(), "\n".join(lines).encode(), hashlib.sha256).digest()
    return b64encode(digest).decode()


def _judged(given: str, right: str) -> Signed:
    return Signed.RIGHTLY if hmac.compare_digest(given, right) else Signed.WRONGLY
