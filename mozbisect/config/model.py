"""What a configuration file can say, and what it has said. Nothing here reads a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any


class Kind(Enum):
    FLAG = auto()
    NUMBER = auto()
    WHOLE = auto()
    CHOICE = auto()
    TEXT = auto()
    LIST = auto()
    SECRET = auto()


@dataclass(frozen=True, slots=True)
class Key:
    """A name in the file, the long option without its dashes, and what its value may be.

    ``check`` is handed the value and all values of the file, and raises ``UsageError`` for one that nobody could use.
    """

    name: str
    kind: Kind
    choices: tuple[str, ...] = ()
    lowest: float | None = None
    is_path: bool = False
    check: Callable[[Any, Mapping[str, object]], object] | None = None


TELEMETRY = Key("telemetry", Kind.FLAG)
CLIENT_ID = Key("taskcluster-clientid", Kind.TEXT)
ACCESS_TOKEN = Key("taskcluster-accesstoken", Kind.SECRET)
NOT_OPTIONS = (TELEMETRY, CLIENT_ID, ACCESS_TOKEN)
"""Keys that are no option of the command line."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value, and ``FILE:LINE``, where it stands."""

    value: object
    where: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All that was read, by key. ``warnings`` are sentences for the person; ``path`` is the file, if there is one."""

    values: Mapping[str, Setting] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    path: str | None = None


def checked(key: Key, value: object) -> object:
    """The value as the option wants it. Raises ``ValueError`` with what is wrong, to be put behind the key's name."""
    match key.kind:
        case Kind.FLAG:
            return _flag(key, value)
        case Kind.NUMBER | Kind.WHOLE:
            return _number(key, value)
        case Kind.CHOICE:
            text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
            if text not in key.choices:
                raise ValueError(f"must be one of {', '.join(key.choices)}, and is {_shown(value)}")
            return text
        case Kind.LIST:
            values = value if isinstance(value, list) else [value]
            if not all(isinstance(item, str) for item in values):
                raise ValueError(f"must be a list of texts, and is {_shown(value)}")
            return tuple(values)
        case Kind.TEXT:
            if not isinstance(value, str):
                raise ValueError(f"must be a text in quotes, and is {_shown(value)}")
            return value
        case Kind.SECRET:
            if not isinstance(value, str):
                raise ValueError("must be a text in quotes")
            return value


def _flag(key: Key, value: object) -> bool:
    if isinstance(value, bool):
        return value
    # Who says "no" to telemetry in any words has said no.
    if key is TELEMETRY and (said := yes_or_no(str(value))) is not None:
        return said
    raise ValueError(f"must be true or false, and is {_shown(value)}")


def _number(key: Key, value: object) -> float | int:
    whole = key.kind is Kind.WHOLE
    wanted = "a whole number" if whole else "a number"
    if not isinstance(value, int if whole else int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"must be {wanted}, and is {_shown(value)}")
    if key.lowest is not None and value < key.lowest:
        raise ValueError(f"must be at least {key.lowest:g}, and is {value}")
    return value if whole else float(value)


_NO = frozenset({"no", "n", "false", "f", "off", "0", "never", "none", "disabled", "disable", ""})
_YES = frozenset({"yes", "y", "true", "t", "on", "1", "always", "enabled", "enable"})


def yes_or_no(text: str) -> bool | None:
    """What a person means who writes this for true or false; None when it could be either."""
    word = text.strip(" \t\r\n\"'").lower()
    return True if word in _YES else False if word in _NO else None


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value!r}"
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else str(value)
