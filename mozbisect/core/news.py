"""Passing news: what a person wants to see while it happens, and no session needs to remember.

The journal's events are told to reporters as well; these are the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from mozbisect.core.model import Build, Candidate, Leg


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for the person."""

    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The servers are being asked for the candidates of a leg."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class Trying:
    """A build was chosen; now it is fetched, installed and judged. ``left``: about how many more in this leg."""

    number: int
    candidate: Candidate
    build: Build
    left: int


@dataclass(frozen=True, slots=True)
class Bringing:
    """Bytes of a build are arriving; ``total`` may be unknown."""

    build: Build
    done: int
    total: int | None
