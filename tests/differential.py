"""The same questions to mozbisect and to mozregression 7.6.0: which build is meant by a day, a platform and a type.

``data/peer`` holds what mozregression answered (``benchmarks/differential.py`` asks it anew); ``DIFFERENCES`` are the
cases in which mozbisect answers something else on purpose. The page of the documentation is written from them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from mozbisect import request
from mozbisect.catalog import apps, names
from mozbisect.catalog.build_types import types_in_order
from mozbisect.core.errors import MozbisectError, NoBuild
from mozbisect.core.model import Candidate, Day, Release, Target
from mozbisect.net.http import Http
from mozbisect.options import Options
from mozbisect.sources.nightlies import Nightlies
from mozbisect.sources.pushlog import Pushlog
from mozbisect.sources.span import span
from tests.eras import DAYS, OF_2004

PEER = Path(__file__).parent / "data" / "peer"


@dataclass(frozen=True)
class Case:
    """One question. ``os``, ``bits``, ``processor`` and ``arch`` are what mozregression calls them."""

    app: str
    os: str
    bits: int
    processor: str
    arch: str | None
    build_type: str
    lang: str | None
    day: str


@dataclass(frozen=True)
class Answer:
    """The URL below ``pub/``, or why there is none; the revision if it is told."""

    path: str | None
    revision: str | None = None
    why: str = ""

    @property
    def found(self) -> bool:
        return self.path is not None


# (os, arch) → bits and processor of mozregression
_DESKTOP = {
    ("linux", "x86_64"): (64, "x86_64"),
    ("linux", "x86"): (32, "x86_64"),
    ("linux", "aarch64"): (64, "aarch64"),
    ("mac", "x86_64"): (64, "x86_64"),
    ("mac", "aarch64"): (64, "aarch64"),
    ("win", "x86_64"): (64, "x86_64"),
    ("win", "x86"): (32, "x86_64"),
    ("win", "aarch64"): (64, "aarch64"),
}


def cases() -> Iterator[Case]:
    """Every app of mozregression on every platform, each on other days of 2007 to 2026."""
    turn = 0
    for app, kinds in _KINDS.items():
        for (os, arch), (bits, processor) in _DESKTOP.items():
            for kind in kinds:
                turn += 1
                since = max(_SINCE.get(word, 2007) for word in ((os, arch), kind, app))
                for day in _days(since, 2022 if kind == "asan" else 2026, turn):
                    yield Case(app, os, bits, processor, None, kind, None, str(day))
    for app in ("firefox-l10n", "thunderbird-l10n"):
        for (os, arch), (bits, processor) in _DESKTOP.items():
            for lang in ("de", "zh-CN"):
                turn += 1
                for day in _days(max(_SINCE.get((os, arch), 2007), 2013), 2026, turn):
                    yield Case(app, os, bits, processor, None, "opt", lang, str(day))
    for app, (phones, first, last) in _PHONES.items():
        for phone in phones:
            turn += 1
            for day in _days(first, last, turn):
                yield Case(app, "linux", 64, "x86_64", phone, "opt", None, str(day))
    yield Case("fenix", "linux", 64, "x86_64", "arm64-v8a", "opt", None, "2022-11-14")
    yield Case("firefox", "win", 32, "x86_64", None, "opt", None, str(OF_2004))


_KINDS = {"firefox": ("shippable", "opt", "asan"), "jsshell": ("opt", "asan"), "thunderbird": ("opt",)}
_ABIS = ("arm64-v8a", "armeabi-v7a", "x86", "x86_64")
_PHONES: dict[str, tuple[tuple[str | None, ...], int, int]] = {
    "fennec": ((None,), 2011, 2019),
    "fenix": (_ABIS, 2022, 2026),
    "focus": (_ABIS, 2022, 2026),
}
_SINCE: dict[object, int] = {
    ("linux", "x86_64"): 2009,
    ("linux", "aarch64"): 2024,
    ("win", "aarch64"): 2018,
    "asan": 2017,
    "jsshell": 2012,
}


def _days(first: int, last: int, turn: int) -> list[date]:
    """Some twelve days of these years, others each time; and one from before them."""
    within = [day for day in DAYS if first <= day.year <= last]
    step = max(len(within) // 12, 1)
    return [day for day in DAYS if day.year < first][-1:] + within[turn % step :: step]


def target_of(case: Case) -> Target:
    row = apps.app(case.app)
    if row.systems == ("android",):
        os, arch = "android", apps.arch_of(row, case.arch) if case.arch else row.arch
    else:
        os, arch = next(
            pair for pair, its in _DESKTOP.items() if pair[0] == case.os and its == (case.bits, case.processor)
        )
    types = types_in_order(case.build_type, row.build_types)
    return Target(case.app, os, arch, types, case.lang or "en-US")


def ours(case: Case, http: Http, archive_url: str) -> Answer:
    """What mozbisect takes for the day, as ``--launch`` does."""

    def pushed(text: str) -> Candidate:
        raise AssertionError(text)

    target = target_of(case)
    row = apps.app(case.app)
    source = Nightlies(
        http,
        archive_url,
        target,
        today=date(2026, 11, 23),
        pushed=pushed,
        pushlog=Pushlog(http, archive_url.replace("/pub", "/hg")),
    )
    day = date.fromisoformat(case.day)
    if not names.has_nightlies(row, case.build_type, day, day):
        return Answer(None, why="no nightlies of this type in the archive at that time")
    try:
        found = source.at(Day(day), row.repo)
    except MozbisectError as error:
        return Answer(None, why=error.what)
    why = ""
    for nightly in found:
        try:
            build = source.find(nightly)
        except NoBuild as none:
            why = none.what
        else:
            return Answer(build.url.removeprefix(f"{archive_url}/"), build.revision)
    return Answer(None, why=why)


# ------------------------------------------------------------------------------------ where we differ, and why


@dataclass(frozen=True)
class Difference:
    """Cases in which mozbisect answers otherwise, on purpose: what it does, and why."""

    what: str
    why: str
    applies: Callable[[Any, Any, Any], bool]


DIFFERENCES = (
    Difference(
        "Localised builds before October 2015 are found.",
        "The folders exist since December 2011; mozregression refuses days before 2015-10-19 (Firefox) and 2015-10-08.",
        lambda case, theirs, ours: case.app.endswith("-l10n") and theirs.path is None,
    ),
    Difference(
        "Of a 64-bit Mac the build for 64 bits is taken.",
        "In 2010 and 2011 a folder held `mac`, which no Mac of today runs, beside it; mozregression takes the first.",
        lambda case, theirs, ours: case.os == "mac" and ours.path is not None and ".mac64." in ours.path,
    ),
    Difference(
        "A beta of fenix is no nightly.",
        "In November 2022 one lay in a nightly folder.",
        lambda case, theirs, ours: case.app in ("fenix", "focus") and theirs.path is not None and "b1-" in theirs.path,
    ),
    Difference(
        "The revision of localised Thunderbird nightlies is known.",
        "It is told in the folder beside theirs, where mozregression looks for Firefox only.",
        lambda case, theirs, ours: case.app == "thunderbird-l10n" and theirs.path == ours.path,
    ),
    Difference(
        "Nightlies with ASan are found on Windows, too.",
        "The archive has had them for both; mozregression knows the type on 64-bit Linux only.",
        lambda case, theirs, ours: case.build_type == "asan" and case.os != "linux" and theirs.path is None,
    ),
)


def explained(
    case: Case | Push | Word, theirs: Answer | Found | Meaning, ours: Answer | Found | Meaning
) -> Difference | None:
    table = {Case: DIFFERENCES, Push: ROUTE_DIFFERENCES, Word: WORD_DIFFERENCES}[type(case)]
    return next((item for item in table if item.applies(case, theirs, ours)), None)


# -------------------------------------------------------------------------------------------- builds of pushes


@dataclass(frozen=True)
class Push:
    """A push whose build is asked for: which routes are tried, and which of a task's artifacts is taken."""

    app: str
    os: str
    bits: int
    processor: str
    arch: str | None
    build_type: str
    repo: str
    timestamp: int
    artifacts: str | None  # a file of data/taskcluster


@dataclass(frozen=True)
class Found:
    routes: tuple[str, ...]
    artifact: str | None

    @property
    def found(self) -> bool:
        return bool(self.routes)


_MOMENTS = (1454000000, 1460000000, 1504000000, 1530000000, 1622865379, 1622865380, 1780000000)
_LISTS = {
    "linux": "listArtifacts_linux64_2025.json",
    "mac": "listArtifacts_macosx64_2025.json",
    "win": "listArtifacts_win64_2025.json",
}


def pushes() -> Iterator[Push]:
    """Every app that mozregression bisects by push, on every platform, type and branch."""
    for app, kinds, repos in (
        ("firefox", ("shippable", "opt", "debug", "asan", "pgo"), ("autoland", "mozilla-central", "mozilla-esr140")),
        ("jsshell", ("shippable", "debug"), ("autoland",)),
        ("thunderbird", ("opt", "shippable"), ("comm-central", "comm-beta", "comm-esr140")),
    ):
        for (os, _), (bits, processor) in _DESKTOP.items():
            for kind in kinds:
                for repo in repos:
                    listed = _LISTS[os] if app == "firefox" else None
                    yield Push(app, os, bits, processor, None, kind, repo, _MOMENTS[-1], listed)
    for app, archs in (("fennec", (None,)), ("gve", (None, "arm", "aarch64", "x86_64"))):
        for arch in archs:
            for moment in _MOMENTS:
                listed = "listArtifacts_android-aarch64_2025_gve.json" if app == "gve" else None
                yield Push(app, "linux", 64, "x86_64", arch, "opt", "mozilla-central", moment, listed)
    esr52 = "listArtifacts_win64_esr52_2017_versioned-names.json"
    yield Push("firefox", "win", 64, "x86_64", None, "opt", "mozilla-esr52", _MOMENTS[3], esr52)
    fennec = "listArtifacts_android-aarch64_2018_fennec.json"
    yield Push("fennec", "linux", 64, "x86_64", None, "opt", "mozilla-central", _MOMENTS[3], fennec)


def artifacts_of(push: Push) -> list[str]:
    """The names of the artifacts of a real task, in the order of its list."""
    if push.artifacts is None:
        return []
    row = json.loads((PEER.parent / "taskcluster" / push.artifacts).read_text(encoding="utf-8"))
    body = json.loads(row["body"]) if isinstance(row["body"], str) else row["body"]
    return [item["name"] for item in body["artifacts"]]


def our_push(push: Push) -> Found:
    same = {name: getattr(push, name) for name in ("app", "os", "bits", "processor", "arch", "build_type")}
    target = target_of(Case(**same, lang=None, day=""))
    when = datetime.fromtimestamp(push.timestamp, UTC)
    routes = tuple(namespace for _, namespace in names.routes(target, push.repo, "R", when))
    fitting = [name for pattern in names.artifacts(target) for name in artifacts_of(push) if pattern.fullmatch(name)]
    return Found(routes, fitting[0] if fitting else None)


def agrees(push: Push, theirs: Found, ours: Found) -> bool:
    """Each of their routes is tried, in their order; and of a task the same artifact is taken."""
    rest = iter(ours.routes)
    return all(route in rest for route in dict.fromkeys(theirs.routes)) and theirs.artifact == ours.artifact


ROUTE_DIFFERENCES = (
    Difference(
        "On 64-bit ARM Linux the builds for ARM are taken.",
        "Taskcluster has had `linux64-aarch64` since 2025; mozregression asks for `linux64`, which does not run there.",
        lambda case, theirs, ours: (case.os, case.processor) == ("linux", "aarch64"),
    ),
    Difference(
        "A build with PGO or ASan is looked for on every platform.",
        "mozregression knows these types on some platforms only.",
        lambda case, theirs, ours: case.build_type in ("asan", "pgo") and not theirs.routes,
    ),
    Difference(
        "Builds with PGO are not looked for in place of others since 2020.",
        "There have been none since shippable builds are made with it; mozregression asks for one wherever a push "
        "has no build.",
        lambda case, theirs, ours: (
            theirs.routes[:-1] == ours.routes
            and theirs.routes[-1].endswith("-pgo")
            and case.timestamp > 1_577_836_800
            and theirs.artifact == ours.artifact
        ),
    ),
)


# ------------------------------------------------------------------------------------------- words of people


@dataclass(frozen=True)
class Word:
    """What a word means: a release number (``option`` good) on a branch, or ``--bits`` on a system."""

    option: str
    text: str
    app: str = "firefox"
    repo: str | None = None
    os: str = "linux"


@dataclass(frozen=True)
class Meaning:
    """A day, a tag, or the package among ``PACKAGES``; None for what is refused."""

    is_: str | None

    @property
    def found(self) -> bool:
        return self.is_ is not None


PACKAGES = tuple(
    f"firefox-55.0a1.en-US.{name}"
    for name in ("linux-i686.tar.bz2", "linux-x86_64.tar.bz2", "mac.dmg", "win32.zip", "win64.zip")
)


def words() -> Iterator[Word]:
    """Every version whose day mozregression knows by itself, releases of each channel, and both widths."""
    yield from (Word("good", str(number)) for number in range(5, 57))
    for app, repos in (
        ("firefox", ("mozilla-release", "mozilla-beta")),
        ("thunderbird", ("comm-release", "comm-beta")),
    ):
        yield from (Word("good", text, app, repos[0]) for text in ("131", "131.0", "131.0.3", "91.1"))
        yield from (Word("good", text, app, repos[1]) for text in ("132.0b4", "100.0b12", "132", "132.0"))
    yield from (Word("bits", text, os=os) for text in ("32", "64") for os in ("linux", "win", "mac"))


def our_meaning(word: Word) -> Meaning:
    """What mozbisect takes it for, on a machine with x86_64."""
    plain = Options(app=word.app, os=word.os, good="2018-05-15", bad="2026-09-01")
    try:
        if word.option == "bits":
            arch = {"32": None, "64": "x86_64"}[word.text]  # of 64 bits, this machine's own would count
            target = request.target_of(replace(plain, bits=word.text, arch=arch))
            era = names.era_of(target, "mozilla-central", date(2018, 5, 15), "mozilla-central")
            assert era is not None
            package = names.files(target, era).package
            return Meaning(next((name for name in PACKAGES if package.fullmatch(name)), None))
        old = request.read(replace(plain, good=word.text, repo=word.repo, arch="x86_64"), today=_TODAY).leg.old
    except MozbisectError:
        return Meaning(None)
    return Meaning(str(span(old, _nobody)[0].date()) if isinstance(old, Release) else str(old))


_TODAY = date(2026, 11, 23)


def _nobody(text: str) -> Candidate:
    raise AssertionError(text)


WORD_DIFFERENCES = (
    Difference(
        "Builds of 32 bits are refused for the Mac.",
        "mozregression says that there are none, and takes those of 64 bits.",
        lambda case, theirs, ours: (case.option, case.text, case.os) == ("bits", "32", "mac"),
    ),
)


# ---------------------------------------------------------------------------------------------- the recording


def recorded() -> dict[Case, Answer]:
    rows = json.loads((PEER / "nightlies.json").read_text(encoding="utf-8"))
    return {Case(**row["case"]): Answer(**row["answer"]) for row in rows}


def recorded_pushes() -> dict[Push, Found]:
    rows = json.loads((PEER / "pushes.json").read_text(encoding="utf-8"))
    return {Push(**row["case"]): Found(tuple(row["answer"]["routes"]), row["answer"]["artifact"]) for row in rows}


def recorded_words() -> dict[Word, Meaning]:
    rows = json.loads((PEER / "words.json").read_text(encoding="utf-8"))
    return {Word(**row["case"]): Meaning(**row["answer"]) for row in rows}


def record(name: str, answers: Mapping[Any, Any]) -> None:
    rows = [{"case": asdict(case), "answer": asdict(answer)} for case, answer in answers.items()]
    PEER.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(row) for row in rows)
    (PEER / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
