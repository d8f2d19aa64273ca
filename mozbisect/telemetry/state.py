"""What ``mozbisect telemetry`` tells and changes: the state and why, a ping as it would be sent, a choice for good."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mozbisect.telemetry import helper
from mozbisect.telemetry.decision import Choice, Decision, Word
from mozbisect.telemetry.folder import Folder, folder
from mozbisect.telemetry.usage import APPLICATION, Usage
from mozbisect.telemetry.use import Wish, decision, refuse

ENABLED = "mozbisect telemetry enable was called."
DISABLED = "mozbisect telemetry disable was called."


@dataclass(frozen=True, slots=True)
class State:
    """What holds for a run that is begun now."""

    decided: Decision
    place: Folder
    server: str

    def row(self) -> dict[str, Any]:
        return {
            "enabled": self.decided.enabled,
            "why": self.decided.why,
            "told": self.place.was_told,
            "waiting": self.place.waiting,
            "deletion_pending": self.place.is_owed,
            "client_id": self.place.client_id,
            "server": self.server,
            "folder": str(self.place.root),
        }

    def lines(self) -> Iterator[str]:
        yield f"Telemetry is {'on' if self.decided.enabled else 'off'}: {_after_colon(self.decided.why)}"
        if self.decided.enabled and not self.place.was_told:
            yield "Nothing has been sent yet; the first run says what is sent before it is."
        if self.place.client_id:
            yield f"The random id of this installation is {self.place.client_id}."
        if self.place.waiting:
            yield f"Waiting to be sent: {self.place.waiting}."
        if self.place.is_owed:
            yield "That what was sent be deleted has not been asked yet: the next run does."
        if self.decided.enabled:
            yield f"Pings go to {self.server}."
        yield f"Kept in {self.place.root}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A ping, and sentences about it."""

    body: dict[str, Any]
    notes: tuple[str, ...]


def read(wish: Wish) -> State:
    """Starts a process to see whether the SDK works here."""
    place = folder(os.environ)
    return State(decision(wish, place, hindrance=helper.trial()), place, wish.destination.server)


def ping(wish: Wish, usage: Usage) -> Shown:
    """As Glean would send it; without a Glean that works, what it would be given."""
    place = folder(os.environ)
    decided = decision(wish, place)
    off = () if decided.enabled else (f"It is not sent: {_after_colon(decided.why)}",)
    request = helper.shown(place, wish.destination, usage.values())
    if request is None:
        return Shown({"metrics": usage.values()}, (*off, "glean-sdk, which adds its own part, cannot be used here."))
    new = () if place.client_id else ("The client_id is an example: yours is drawn with the first ping.",)
    return Shown(request["body"], (*off, f"POST {request['url']}", *new))


def enable(wish: Wish) -> State:
    """Raises ``CacheTrouble``."""
    place = folder(os.environ)
    place.choose(Choice(yes=True, how=ENABLED))
    return read(wish)


def disable(wish: Wish) -> Iterator[str]:
    """At once, whatever else is configured. Raises ``CacheTrouble``."""
    place = folder(os.environ)
    place.choose(Choice(yes=False, how=DISABLED))
    yield "Telemetry is off: nothing is sent any more."
    if refuse(place, wish.destination, Decision(Word.NO, DISABLED)):
        yield f"What was sent is asked to be deleted, from {wish.destination.server} ({APPLICATION})."


def _after_colon(sentence: str) -> str:
    """A sentence that goes on behind a colon; names keep their capitals."""
    first, _, rest = sentence.partition(" ")
    return sentence if not (first.isalpha() and first.istitle()) else f"{first.lower()} {rest}"
