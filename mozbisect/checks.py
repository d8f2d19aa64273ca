"""Values of a configuration file, tried with the code that will use them: a slip is found with the line it stands on.

A row for each option whose form a type cannot tell. What belongs to one machine and one moment (a display, a server,
a device) is not tried: the file may be shared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mozbisect.core.errors import UsageError

Values = Mapping[str, object]
"""All that the file says, by key: some values make sense only beside another."""

Check = Callable[[Any, Values], object]
"""Raises ``UsageError``; what it gives back is of no use."""


def _judge(text: str, _: Values) -> None:
    from mozbisect.judge import table

    row, value = table.parse(text)
    if row.name == "output":
        from mozbisect.judge.output import compiled

        compiled(value)


def _required(required: int, values: Values) -> None:
    runs = values.get("runs")
    if isinstance(runs, int) and required > runs:
        raise UsageError(f"{required} of {runs} runs can never be told.", advice="At most as many as runs.")


def _prefs(texts: tuple[str, ...], _: Values) -> None:
    from mozbisect.launch.profile import parse_pref

    for text in texts:
        parse_pref(text)


def _preferences(texts: tuple[str, ...], _: Values) -> None:
    from mozbisect.launch.profile import read_preferences

    for text in texts:
        read_preferences(text)


def _profile(text: str, values: Values) -> None:
    path = Path(text)
    if text and not path.is_dir() and (path.exists() or values.get("profile-persistence") != "reuse"):
        what = "is no folder" if path.exists() else "does not exist"
        raise UsageError(f"{path} {what}.", advice="about:profiles shows where profiles are.")


def _persist(text: str, _: Values) -> None:
    if text and Path(text).exists() and not Path(text).is_dir():
        raise UsageError(f"{text} is no folder.", advice="Name a folder, or a place for a new one.")


def _addons(texts: tuple[str, ...], _: Values) -> None:
    from mozbisect.launch.profile_folder import must_be_addon

    for text in texts:
        must_be_addon(text)


def _lang(text: str, _: Values) -> None:
    from mozbisect.catalog.apps import lang_of

    lang_of(text)


CHECKS: dict[str, Check] = {
    "lang": _lang,
    "judge": _judge,
    "required": _required,
    "pref": _prefs,
    "preferences": _preferences,
    "profile": _profile,
    "persist": _persist,
    "addon": _addons,
}
