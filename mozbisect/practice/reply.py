"""An answer to a request, as a value: what the four services of a practice run hand to the server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """``body`` is ``padding`` and then ``own``, as packages are made. ``is_build``: for faults that hit only these."""

    status: int
    own: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    padding: bytes = b""
    etag: str | None = None
    is_build: bool = False

    @property
    def length(self) -> int:
        return len(self.padding) + len(self.own)

    def part(self, start: int, end: int) -> bytes:
        """The bytes from ``start`` until ``end``, without a copy of the rest."""
        split = len(self.padding)
        return self.padding[start:end] + self.own[max(start - split, 0) : max(end - split, 0)]


def as_json(row: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    text = json.dumps(row, indent=2)
    return Reply(status, text.encode(), f"{JSON}; charset=utf-8", headers or {})


def as_text(text: str, status: int = 200, content_type: str = "text/plain") -> Reply:
    return Reply(status, text.encode(), content_type)
