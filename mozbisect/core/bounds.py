"""What a person types for a place in history, and back: ``2026-09-01``, a build id, a release, a tag, a revision.

``str(parse(text, today=…))`` gives the text back in its one normal form. No server is asked here: whether a
revision exists is found out later.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from mozbisect.core.errors import UsageError
from mozbisect.core.model import Bound, BuildId, Day, Release, Revision, Tag

FORMS = (
    "a day (2026-09-01), a build id (14 digits, as about:support shows it), "
    "a release (149, 131.0.3, 132.0b4, 115.3.0esr), a tag (FIREFOX_131_0_RELEASE) or a revision (7 to 40 hex digits)"
)

# The first Firefox nightlies that the archive keeps are of 2004; anything older is a slip of the finger.
OLDEST = date(2004, 1, 1)

_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_RELEASE = re.compile(r"\d{1,3}(\.\d{1,3}){0,3}((a|b|rc)\d{1,2}|esr)?")
_TAG = re.compile(r"[A-Z][A-Z0-9]*([_-][A-Za-z0-9]+)+")
_HEX = re.compile(r"[0-9a-f]{7,40}")


def parse(text: str, *, today: date) -> Bound:
    """The bound that ``text`` means. ``today`` is the day in UTC. Raises ``UsageError`` with what was expected."""
    word = text.strip()
    if match := _DAY.fullmatch(word):
        return _day(word, *(int(part) for part in match.groups()), today=today)
    if word.isdigit() and len(word) > 3:
        return _digits(word, today=today)
    if _RELEASE.fullmatch(word.lower()):
        return Release(word.lower())
    if _HEX.fullmatch(word.lower()):
        return Revision(word.lower())
    if _TAG.fullmatch(word):
        return Tag(word)
    raise UsageError(f"{text!r} is no place in history that mozbisect knows.", advice=f"Give {FORMS}.")


def _day(word: str, year: int, month: int, day: int, *, today: date) -> Day:
    try:
        value = date(year, month, day)
    except ValueError:
        raise UsageError(f"There is no day {word}.", advice="Days are written YYYY-MM-DD.") from None
    _within_history(value, word, today)
    return Day(value)


def _digits(word: str, *, today: date) -> Bound:
    """Digits only: a build id; or a hash that happens to have no letter, if it does not look like a date."""
    if len(word) == 14:
        try:
            stamp = datetime.strptime(word, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            raise UsageError(
                f"{word} has the 14 digits of a build id, but there is no such moment.",
                advice="A build id is YYYYMMDDhhmmss, for example 20260901093122.",
            ) from None
        _within_history(stamp.date(), word, today)
        return BuildId(stamp)
    if len(word) >= 7 and not _begins_with_a_day(word):
        return Revision(word) if len(word) <= 40 else _no_such_length(word)
    if len(word) == 8:
        raise UsageError(
            f"{word} has 8 digits: a day is written with dashes.",
            advice=f"Did you mean {word[:4]}-{word[4:6]}-{word[6:]}?",
        )
    return _no_such_length(word)


def _no_such_length(word: str) -> Bound:
    raise UsageError(
        f"{word} has {len(word)} digits: a build id has 14 (YYYYMMDDhhmmss), a revision at most 40.",
        advice=f"Give {FORMS}.",
    )


def _begins_with_a_day(digits: str) -> bool:
    try:
        value = datetime.strptime(digits[:8], "%Y%m%d").date()
    except ValueError:
        return False
    return date(1998, 1, 1) <= value <= date(2099, 12, 31)


def _within_history(value: date, word: str, today: date) -> None:
    # One day of grace: it may already be tomorrow where the person sits.
    if value > today + timedelta(days=1):
        raise UsageError(f"{word} lies in the future (today is {today}, UTC).", advice="Give a day that has builds.")
    if value < OLDEST:
        raise UsageError(
            f"{word} is before the first nightly that the archive keeps ({OLDEST}).", advice="Give a later day."
        )
