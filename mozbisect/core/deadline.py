"""Until when a run may last: what a person writes, and whether one more test still fits. Reads no clock.

90m  1h30m  45s  5400s                      so long from now
18:30  2026-11-23T18:30  …T18:30+01:00      until then; without an offset, by the clock of this machine
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from mozbisect.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the engine's clock, in seconds."""

    at: float

    def left(self, now: float) -> float:
        """Seconds; negative once it is over."""
        return self.at - now

    def has_room(self, now: float, seconds: float) -> bool:
        """Can something that lasts so long be begun and ended?"""
        return now + seconds < self.at


_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_FORMS = "Write how long (90m, 1h30m) or until when (18:30, 2026-11-23T18:30)."


def parse(text: str, *, now: datetime) -> datetime:
    """The moment that is meant. ``now`` is aware, and in the zone of this machine.

    Raises ``UsageError``, also for a moment that is over.
    """
    until = _until(text.strip(), now)
    if until is None:
        raise UsageError(f"--deadline {text!r} is neither a duration nor a time.", advice=_FORMS)
    if until <= now:
        raise UsageError(f"--deadline {text}: that is over already, it is {now:%Y-%m-%dT%H:%M:%S%z}.", advice=_FORMS)
    return until


def _until(text: str, now: datetime) -> datetime | None:
    match = _DURATION.fullmatch(text)
    if match and any(match.groups()):
        days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
        try:
            return now + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        except OverflowError:
            return None
    if text.isdecimal():
        return None  # seconds, minutes or a year: nobody can tell
    try:
        return _next(time.fromisoformat(text), now)
    except ValueError:
        pass
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        return None
    return said if said.tzinfo else said.replace(tzinfo=now.tzinfo)


def _next(clock: time, now: datetime) -> datetime:
    """The next time that a clock shows it: tomorrow, if it has passed today."""
    zone = clock.tzinfo or now.tzinfo
    here = now.astimezone(zone)
    today = datetime.combine(here.date(), clock.replace(tzinfo=None), zone)
    return today if today > now else today + timedelta(days=1)
