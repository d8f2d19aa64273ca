"""How the services call a build of a target: the rows of the catalogue with their braces filled in. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from mozbisect.catalog.apps import NIGHTLY_TYPES, App, Era, Tasks, app
from mozbisect.catalog.build_types import build_type
from mozbisect.catalog.platforms import Platform, platform
from mozbisect.core.model import Target

VERSION = r"(?P<version>\d[^/]*?)"


def platform_of(target: Target) -> Platform:
    """Raises ``CannotRun``."""
    return platform(target.os, target.arch)


# --------------------------------------------------------------------------------------------------- nightlies


def has_nightlies(row: App, wanted: str, first: date | None, last: date | None) -> bool:
    """Does the archive have nightlies of this build type, somewhere between two days (None: not known)?"""
    if row.nightlies is None:
        return False
    eras = [era for era in row.nightlies.eras if wanted in (era.types or NIGHTLY_TYPES)]
    return any((last is None or era.since <= last) and (first is None or first < era.until) for era in eras)


@dataclass(frozen=True, slots=True)
class Files:
    """What to look for in one nightly folder: the package; and the files that tell its revision, in the folder with
    ``aside`` cut off its name. ``found``: the type of such a build."""

    package: re.Pattern[str]
    info: re.Pattern[str] | None
    aside: str
    found: str


def rank(target: Target, match: re.Match[str]) -> tuple[object, ...]:
    """Of several names that fit, the one with the highest rank is meant: the newest version (after a merge day a folder
    may hold two), then the platform's own name, then the newest kind of package or the shortest way to tell."""
    row, groups = platform_of(target), match.groupdict()
    numbers = [int(number) for number in re.findall(r"\d+", groups.get("version") or "")]
    return numbers, -_place(groups.get("plat"), row.names), -_place(groups.get("ending"), (*row.packages, *_INFO))


def _place(word: str | None, words: tuple[str, ...]) -> int:
    """Where a word stands; one that is not among them (a rare type's own) stands before them all."""
    return words.index(word) if word in words else -1


_INFO = (".txt", ".json", ".buildhub.json")


def era_of(target: Target, repo: str, day: date, branch: str) -> Era | None:
    """The era whose folders of that day end in ``branch``; None if the folder is of another branch or kind."""
    row = app(target.app)
    assert row.nightlies is not None
    for era in row.nightlies.eras:
        if _is_for(era, target) and era.since <= day < era.until and _branch(era, target, repo).fullmatch(branch):
            return era
    if repo == row.repo:
        return None
    # The days when a branch was renamed are those of the app's own branch.
    others = (era for era in row.nightlies.eras if _is_for(era, target) and "{repo}" in era.branch)
    return next((era for era in others if _branch(era, target, repo).fullmatch(branch)), None)


def _is_for(era: Era, target: Target) -> bool:
    return target.build_types[0] in (era.types or NIGHTLY_TYPES) and target.arch in (era.archs or (target.arch,))


def _branch(era: Era, target: Target, repo: str) -> re.Pattern[str]:
    return re.compile(era.branch.replace("{repo}", re.escape(repo)).replace("{abi}", platform_of(target).abi))


def files(target: Target, era: Era) -> Files:
    """What to look for in a folder of the era."""
    nightlies = app(target.app).nightlies
    assert nightlies is not None
    row = platform_of(target)
    plats = tuple(era.plat.format(plat=name) for name in row.names)
    told_by = tuple(dict.fromkeys((*plats, *row.names)))  # a rare type may leave the telling to the usual one
    info = f"{_pattern(nightlies.info, target, told_by)}(?P<ending>{_either(_INFO)})"
    return Files(
        package=re.compile(_pattern(nightlies.file, target, plats)),
        info=re.compile(info) if nightlies.info else None,
        aside=nightlies.info_aside,
        found=era.found,
    )


def _pattern(template: str, target: Target, plats: tuple[str, ...]) -> str:
    row = platform_of(target)
    words = {
        "{version}": VERSION,
        "{lang}": re.escape(target.lang),
        "{plat}": f"(?P<plat>{_either(plats)})",
        "{ending}": f"(?P<ending>{_either(row.packages)})",
        "{abi}": row.abi,
    }
    for brace, pattern in words.items():
        template = template.replace(brace, pattern)
    return template


def _either(words: tuple[str, ...]) -> str:
    return "|".join(re.escape(word) for word in words)


# ---------------------------------------------------------------------------------------------------- pushes


def routes(target: Target, repo: str, revision: str, when: datetime) -> tuple[tuple[str, str], ...]:
    """(build type, index namespace) for the head of a push of that moment, in order of wish.

    Namespaces as in Firefox's taskcluster/gecko_taskgraph/transforms/task.py, for example
    ``gecko.v2.autoland.shippable.revision.<rev>.firefox.linux64-opt``.
    """
    tasks = _tasks(target)
    job = platform_of(target).job_of(when)
    return tuple(
        (
            kind.name,
            f"{tasks.domain}.v2.{repo}{kind.middle}.revision.{revision}.{tasks.product}."
            + tasks.job.format(job=job, suffix=suffix),
        )
        for kind in map(build_type, target.build_types)
        for suffix in kind.suffixes
    )


def artifacts(target: Target) -> tuple[re.Pattern[str], ...]:
    """What the package may be called among a task's artifacts, the preferred first."""
    names = platform_of(target).names
    return tuple(
        re.compile(f"{place}/build/(?:en-US/)?{_pattern(template, target, names)}")
        for place in ("public", "private")  # the second may be read by those who have the right to
        for template in _tasks(target).artifacts
    )


def _tasks(target: Target) -> Tasks:
    tasks = app(target.app).tasks
    assert tasks is not None, "asked only for apps that have builds of pushes"
    return tasks


# -------------------------------------------------------------------------------------------------- releases


def released(target: Target, version: str) -> re.Pattern[str]:
    """The package of a released version."""
    releases = app(target.app).releases
    assert releases is not None
    row = platform_of(target)
    template = releases.files[target.os].replace("{version}", re.escape(version))
    return re.compile(_pattern(template, target, row.names))
