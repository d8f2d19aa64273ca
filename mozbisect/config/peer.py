"""mozregression's configuration file, read as far as it can be read: nobody is to lose a folder of kept builds.

It is ConfigObj's dialect of INI (``key = value``, quotes, comments, lists with commas), edited by hand for ten years.
So nothing in it is an error: what cannot be understood gives a warning with its line, and the rest counts.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mozbisect.config.model import ACCESS_TOKEN, CLIENT_ID, TELEMETRY, Key, Kind, Setting, Settings, yes_or_no
from mozbisect.config.own import OTHER_NAMES, REVERSED, valid

_READ_THERE = """
    adb-profile-dir app approx-policy archive-base-url background-dl-policy bits build-type cmdargs enable-telemetry
    http-timeout mode no-background-dl persist persist-size-limit process-output profile profile-persistence repo
    taskcluster-accesstoken taskcluster-clientid
"""
READ_THERE = frozenset(_READ_THERE.split())
"""What mozregression 7.6.0 takes from its file. It ignores any other key in silence."""

Line = tuple[int, str, str | list[str] | None]
"""Its number, the key (or the whole line, when the value is None: it could not be read), and the value."""


def read(path: Path, keys: Sequence[Key]) -> Settings:
    """Never raises."""
    try:
        text = _decoded(path.read_bytes())
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        return Settings(warnings=(f"{path}: mozregression's configuration cannot be read: {error.strerror}.",))
    known = {key.name: key for key in (*keys, TELEMETRY, CLIENT_ID, ACCESS_TOKEN)}
    found: dict[str, Setting] = {}
    warnings = [f"{path} is used: there is no configuration of mozbisect's own (mozbisect --write-config makes one)."]
    for number, written, value in lines(text):
        where = f"{path}:{number}"
        if value is None:
            warnings.append(f"{where}: this line cannot be read, and is passed over.")
            continue
        try:
            understood = _understood(_plain(written), value, known)
        except ValueError as error:
            warnings.append(f"{where}: {written}: {error}; it is passed over.")
            continue
        if understood is not None:
            found[understood[0]] = Setting(understood[1], where)
            if understood == (TELEMETRY.name, False) and yes_or_no(_text(value)) is None:
                warnings.append(f"{where}: {written} is neither yes nor no: it is taken for no.")
    for number, section in sections(text):
        warnings.append(f"{path}:{number}: what stands below {section} is passed over, as mozregression does it.")
    no = says_no_to_telemetry(text)
    if no is not None:
        found[TELEMETRY.name] = Setting(value=False, where=f"{path}:{no}")
    return Settings(found, tuple(warnings), path=str(path))


def _decoded(raw: bytes) -> str:
    for encoding in ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            pass
    return raw.decode("latin-1")


def _plain(key: str) -> str:
    return key.strip().strip("\"'").strip().lower().replace("_", "-").lstrip("-")


def _understood(name: str, value: str | list[str], known: Mapping[str, Key]) -> tuple[str, object] | None:
    """(our key, its value), or None for one that is as good as absent. Raises ``ValueError`` with what is wrong."""
    if name not in READ_THERE:
        near = difflib.get_close_matches(name, READ_THERE, n=1, cutoff=0.7)
        raise ValueError(f"mozregression knows no such key{f' (did you mean {near[0]}?)' if near else ''}")
    opposite = REVERSED.get(name)
    key = known[opposite or OTHER_NAMES.get(name, name)]
    if opposite:  # only these three words switch it off there
        return key.name, _text(value).lower() not in ("1", "yes", "true")
    if key is TELEMETRY:
        return key.name, yes_or_no(_text(value)) or False
    if key.kind is Kind.LIST:
        return key.name, tuple([value] if isinstance(value, str) else value)
    text = _text(value)
    # Its help says "Defaults to None", and so it is copied.
    if not text or (text.lower() == "none" and "none" not in key.choices):
        return None
    return key.name, valid(key, _typed(key, text))


def _typed(key: Key, text: str) -> object:
    if key.kind is Kind.CHOICE:
        return text.lower()
    if key.kind is not Kind.NUMBER:
        return text
    try:
        return abs(float(text))  # as it is taken there
    except ValueError:
        return text


def _text(value: str | list[str]) -> str:
    return value.strip() if isinstance(value, str) else ", ".join(value)


# ------------------------------------------------------------------------------------------ the dialect


def sections(text: str) -> Iterator[tuple[int, str]]:
    """The sections (number of the line, how it is written): mozregression reads nothing that stands below one."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().startswith("["):
            yield number, line.strip()


def says_no_to_telemetry(text: str) -> int | None:
    """The line that does, wherever in the file: a person who wrote a no meant it."""
    for number, line in enumerate(text.splitlines(), 1):
        match = _NO_TELEMETRY.fullmatch(line)
        if match and yes_or_no(match[1]) is False:
            return number
    return None


_NO_TELEMETRY = re.compile(
    r"""\s*["']?enable[-_]telemetry["']?\s*[=:]\s*["']?([^"'#]*?)["']?\s*(?:#.*)?""", re.IGNORECASE
)


def lines(text: str) -> Iterator[Line]:
    """Every line that says something, down to the first section: all that is read there stands before it."""
    numbered = iter(enumerate(text.splitlines(), 1))
    for number, line in numbered:
        stripped = line.strip().strip("\0")
        if not stripped or stripped[0] in "#;":
            continue
        if stripped.startswith("["):
            return
        key, equals, rest = stripped.partition("=")
        if not equals or not key.strip():
            yield number, stripped, None
            continue
        rest = rest.strip()
        for quotes in ('"""', "'''"):
            if rest.startswith(quotes):
                body = [rest[3:]]
                while quotes not in body[-1] and (following := next(numbered, None)) is not None:
                    body.append(following[1])
                yield number, key.strip(), "\n".join(body).partition(quotes)[0]
                break
        else:
            yield number, key.strip(), _value(rest)


# One item of a list, or the value: in quotes, or bare up to a comma or a comment.
_ITEM = re.compile(r"""\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^,#"'][^,#]*|))\s*(?P<end>,|#.*|$)""")


def _value(text: str) -> str | list[str] | None:
    """``a`` → a text; ``a, b`` and ``a,`` → a list; None for a quote without an end and the like."""
    items: list[str] = []
    at, is_list = 0, False
    while True:
        match = _ITEM.match(text, at)
        if match is None:
            return None
        item = next((found for found in match.group("double", "single", "bare") if found is not None), "")
        ends = not match["end"].startswith(",")
        if item or match["double"] is not None or match["single"] is not None or (ends and not is_list):
            items.append(item.strip() if match["bare"] is not None else item)
        if ends:
            return items if is_list else items[0] if items else ""
        is_list, at = True, match.end()
