"""Files that mozregression has left in its ``--persist`` folder: which of them may be the build that is wanted.

    2015-01-11--mozilla-central--firefox-37.0a1.en-US.linux-x86_64.tar.bz2            a nightly, by its day
    2016-09-14-03-02-05--mozilla-central--firefox-51.0a1.en-US.linux-x86_64.tar.bz2   or by its build id
    0123456789ab-shippable--autoland--target.tar.xz                                   a push; "opt" is left out

Knows names only, and never touches a file. A day may have had several nightlies: its name alone proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mozbisect.core.model import Build, Candidate, Kind

_NAME = re.compile(
    r"(?P<head>\d{4}-\d\d-\d\d(?:-\d\d-\d\d-\d\d)?|[0-9a-f]{12}(?:-(?P<type>[a-z0-9-]+?))?)"
    r"--(?P<repo>[a-z0-9-]+?)--(?:(?P<extra>[\w-]+?)--)?(?P<file>[^/]+)"
)


@dataclass(frozen=True, slots=True)
class Left:
    """A file whose name fits; ``surely``: no other build of the same target could have this name."""

    path: Path
    surely: bool


def left(folder: Path, build: Build) -> Iterator[Left]:
    """The files that may be the build, those that surely are it first."""
    found = [Left(path, surely) for path in _listed(folder) if (surely := _fits(path.name, build)) is not None]
    return iter(sorted(found, key=lambda one: not one.surely))


def is_theirs(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and not name.endswith((".seal", ".tree"))


def kept(names: Iterable[str], candidates: Iterable[Candidate]) -> frozenset[int]:
    """Which of the candidates have a file among the names: a guess, as it says little of type and platform."""
    matches = [match for match in map(_NAME.fullmatch, names) if match]
    here = {(_head(match), match["repo"]) for match in matches}
    return frozenset(at for at, one in enumerate(candidates) if any((head, one.repo) in here for head in _heads(one)))


def _head(match: re.Match[str]) -> str:
    return match["head"].removesuffix(f"-{match['type']}")


def _heads(candidate: Candidate) -> tuple[str, ...]:
    if candidate.kind is Kind.PUSH:
        return ((candidate.revision or "")[:12],)
    if candidate.kind is Kind.NIGHTLY:
        return f"{candidate.when:%Y-%m-%d-%H-%M-%S}", f"{candidate.when:%Y-%m-%d}"
    return ()


def _fits(name: str, build: Build) -> bool | None:
    """``None``: it does not; else whether no other could."""
    match = _NAME.fullmatch(name)
    heads = _heads(build.candidate)
    if match is None or _head(match) not in heads or match["repo"] != build.candidate.repo:
        return None
    is_push = build.candidate.kind is Kind.PUSH
    if match["type"] != (build.build_type if is_push and build.build_type != "opt" else None):
        return None
    if match["file"] != PurePosixPath(build.file_name).name:
        return None
    return _head(match) == heads[0] and match["extra"] is None


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
