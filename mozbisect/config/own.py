"""Our own configuration file: TOML, every value checked. A slip in it is an error with its line, never passed over.

What it sets is written as on the command line, without the dashes: ``persist = "~/builds"``. Underscores do as
well, and so do the names that mozregression's file had (``cmdargs``, ``no-background-dl``, ``enable-telemetry``).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mozbisect.catalog import apps, build_types, keys, repos
from mozbisect.config.model import NOT_OPTIONS, Key, Setting, Settings, checked
from mozbisect.core.errors import UsageError
from mozbisect.core.words import wrong_with_url

OTHER_NAMES = {"cmdargs": "arg", "prefs": "pref", "addons": "addon", "enable-telemetry": "telemetry"}
"""As mozregression's file and its Python call them."""

REVERSED = {"no-background-dl": "background-dl", "no-telemetry": "telemetry"}


def read(path: Path, keys: Sequence[Key]) -> Settings:
    """Raises ``UsageError`` with all that is wrong, a line each."""
    settings, problems = looked_at(path, keys)
    if problems:
        raise UsageError("\n".join(problems), advice="What can be set: docs/reference/configuration.md.")
    return settings


def looked_at(path: Path, keys: Sequence[Key]) -> tuple[Settings, list[str]]:
    """What the file says, and what is wrong with it, a sentence each. Raises ``UsageError`` for a file that is none."""
    text = _text(path)
    known = {key.name: key for key in (*keys, *NOT_OPTIONS)}
    found: dict[str, Setting] = {}
    problems = []
    for written, value in _table(text, path).items():
        where = _where(path, text, written)
        try:
            key, meant = _meant(written, value, known)
            if key.name in found:
                raise ValueError(f"{written} was set before, at {found[key.name].where}")
            found[key.name] = Setting(_placed(key, meant, path), where)
        except ValueError as error:
            problems.append(f"{where}: {error}.")
    values = {name: setting.value for name, setting in found.items()}
    for name, setting in found.items():
        try:
            _tried(known[name], setting.value, values)
        except ValueError as error:
            problems.append(f"{setting.where}: {name}: {error}.")
    return Settings(found, path=str(path)), problems


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: this is no UTF-8 text (byte {error.start}).", advice="Save it as UTF-8.") from None
    except OSError as error:
        raise UsageError(f"{path}: the configuration file cannot be read: {error.strerror}.") from None


def _table(text: str, path: Path) -> Mapping[str, object]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        place = re.search(r"\(at line (\d+), column \d+\)", said)
        line = place[1] if place else str(text.count("\n") + 1)
        what = said[: place.start()].strip() if place else said.partition("(")[0].strip()
        raise UsageError(
            f"{path}:{line}: this is no TOML: {what}.",
            advice='A line is name = value, and a text stands in quotes: persist = "/home/me/builds".',
        ) from None


def _where(path: Path, text: str, name: str) -> str:
    pattern = re.compile(rf"""^\s*(?:\[+\s*)?(["']?){re.escape(name)}\1\s*[=.\]]""")
    for number, line in enumerate(text.splitlines(), 1):
        if pattern.match(line):
            return f"{path}:{number}"
    return str(path)


def _meant(written: str, value: object, known: Mapping[str, Key]) -> tuple[Key, object]:
    """Raises ``ValueError``."""
    name = written.replace("_", "-")
    name = OTHER_NAMES.get(name, name)
    opposite = REVERSED.get(name)
    key = known.get(opposite or name)
    if key is None:
        raise ValueError(_unknown(written, name, known))
    try:
        meant = valid(key, value)
    except ValueError as error:
        raise ValueError(f"{written} {error}") from None
    return key, (not meant if opposite else meant)


def valid(key: Key, value: object) -> object:
    """The value, if the program could use it. Raises ``ValueError`` that says what it must be."""
    meant = checked(key, value)
    if key.name.endswith("-url") and (wrong := wrong_with_url(str(meant))):
        raise ValueError(wrong)
    if key.name in _NAMED:
        try:
            _NAMED[key.name](str(meant))
        except UsageError as error:
            raise ValueError(f"cannot be {str(meant)!r}: {error.advice.rstrip('.')}") from None
    return meant


# Looked up when they are set: a slip is found where it was made, not in the middle of a run.
_NAMED: dict[str, Callable[[str], object]] = {
    "app": apps.app,
    "repo": repos.repo,
    "release-key": keys.fingerprint,
    "build-type": lambda name: build_types.build_type(name.lower()),
}


def _tried(key: Key, value: object, values: Mapping[str, object]) -> None:
    """Raises ``ValueError`` for what nobody could use."""
    if key.check is None:
        return
    try:
        key.check(value, values)
    except UsageError as error:
        raise ValueError(f"{error.what} {error.advice}".strip().rstrip(".")) from None


def _unknown(written: str, name: str, known: Mapping[str, Key]) -> str:
    if name in ("good", "bad", "launch", "find-fix", "search-back", "exclude", "nearest", "os", "command"):
        return f"{written} belongs to one search: give it on the command line"
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    return f"there is no setting {written!r}{hint}"


def _placed(key: Key, value: object, path: Path) -> object:
    """A relative path in the file means the file's own folder, wherever the command is given."""
    if not key.is_path:
        return value
    if isinstance(value, tuple):
        return tuple(_from(path, str(item)) for item in value)
    return _from(path, str(value))


def _from(path: Path, text: str) -> str:
    try:
        return str(path.parent / Path(text).expanduser()) if text else text
    except RuntimeError:  # ~somebody, who is not known here
        return str(path.parent / text)
