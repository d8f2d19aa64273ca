"""Preferences as a person gives them: one as a word (``--pref name:value``), many in a file (``--preferences``).

It only reads: which preferences every build gets is in ``quiet``, how they reach a profile in ``profile_folder``.
"""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path
from typing import Any

from mozbisect.core.errors import UsageError
from mozbisect.launch.quiet import Pref

Pairs = tuple[tuple[str, Pref], ...]

_WORDS: dict[str, Pref] = {"true": True, "false": False}
_INTEGER = re.compile(r"[+-]?[0-9]+")
_INTEGERS = range(-(2**31), 2**31)  # what a preference can hold

_EXAMPLE = (
    "For example: --pref browser.startup.page:0 --pref dom.foo.enabled:true --pref \"general.useragent.override:'7'\""
)
_JSON_EXAMPLE = 'For example: {"dom.foo.enabled": true, "browser.startup.page": 0}'


def parse_pref(text: str) -> tuple[str, Pref]:
    """``name:value``. ``true`` and ``false`` are booleans, digits an integer, the rest, or what is quoted, a string.

    Raises ``UsageError``.
    """
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"The preference {text!r} is not of the form name:value.", advice=_EXAMPLE)
    return name.strip(), _value(name.strip(), value.strip())


def _value(name: str, text: str) -> Pref:
    if text in _WORDS:
        return _WORDS[text]
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if _INTEGER.fullmatch(text):
        return _integer(name, int(text))
    return text


def _integer(name: str, number: int) -> int:
    if number not in _INTEGERS:
        raise UsageError(
            f"The preference {name} cannot be the number {number}: Firefox keeps 32 bits.",
            advice=f"If it is a string, quote it: {name}:'{number}'",
        )
    return number


def read_preferences(where: str) -> Pairs:
    """The pairs of a JSON object (``prefs.json``) or of a section of an INI file (``prefs.ini:section``).

    Raises ``UsageError``.
    """
    path, section = _split(where)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(
            f"There is no preferences file {path}.", advice="It can be JSON or file.ini:section."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise UsageError(
            f"The preferences file {path} cannot be read: {why}.", advice="It can be JSON or file.ini:section."
        ) from error
    if section is not None or path.suffix.lower() == ".ini":
        return _from_ini(path, text, section)
    return _from_json(path, text)


def _split(where: str) -> tuple[Path, str | None]:
    """The file, and the section behind the last colon, unless that belongs to the file's name (``C:\\prefs.json``)."""
    before, colon, behind = where.rpartition(":")
    if not colon or not before or Path(where).exists() or re.search(r"[/\\]", behind):
        return Path(where), None
    return Path(before), behind


def _from_ini(path: Path, text: str, section: str | None) -> Pairs:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names of preferences keep their case
    try:
        parser.read_string(text, source=str(path))
    except configparser.Error as error:
        raise UsageError(f"The preferences file is not a valid INI file: {error}") from None
    names = parser.sections()
    if section is None and len(names) == 1:
        section = names[0]
    if section is None or not parser.has_section(section):
        which = f"has no section {section!r}" if section else "has several sections" if names else "has no section"
        known = f"Name one of them: {', '.join(f'{path}:{name}' for name in names)}." if names else _JSON_EXAMPLE
        raise UsageError(f"The preferences file {path} {which}.", advice=known)
    return tuple((name, _value(name, value)) for name, value in parser.items(section))


def _from_json(path: Path, text: str) -> Pairs:
    try:
        content = json.loads(text)
    except ValueError as error:  # its message ends with line and column
        raise UsageError(f"The preferences file {path} is not valid JSON: {error}", advice=_JSON_EXAMPLE) from None
    if not isinstance(content, dict):
        raise UsageError(f"The preferences file {path} holds no JSON object.", advice=_JSON_EXAMPLE)
    return tuple((name, _checked(path, name, value)) for name, value in content.items())


def _checked(path: Path, name: str, value: Any) -> Pref:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return _integer(name, value)
    raise UsageError(
        f"In {path}, the preference {name} is {json.dumps(value)}: only true, false, integers and strings can be set.",
        advice=_JSON_EXAMPLE,
    )
