"""The apps that can be bisected: one literal row each.

From a row come the choices of ``--app``, the processors and build types that are allowed, where builds are looked for
and what their files are called, how the app is run, and the page of the documentation. To add an app is to add a row.
Names are those that the servers used from 2007 to 2026; nothing here asks a server. ``catalog/names.py`` fills the
braces in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from mozbisect.catalog import build_types
from mozbisect.catalog.platforms import ANDROID, ARCH_ALIASES, DESKTOP
from mozbisect.core.errors import UsageError
from mozbisect.core.words import known

# ------------------------------------------------------------------------------------------- where builds are


@dataclass(frozen=True, slots=True)
class Era:
    """How the name of a nightly folder ends, from a day (included) until a day (not included).

    ``branch``: a pattern in which ``{repo}`` and ``{abi}`` may stand; ``archs`` and ``types``: for which processors and
    build types, all nightlies if empty; ``plat``: what the files of these types add to the platform's name; ``found``:
    the type that such a build really is.
    """

    branch: str
    since: date = date.min
    until: date = date.max
    archs: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    plat: str = "{plat}"
    found: str = "nightly"


NIGHTLY_TYPES = ("shippable", "opt")
"""The build types as which an ordinary nightly passes."""


@dataclass(frozen=True, slots=True)
class Nightlies:
    """Builds of the archive, below ``pub/<folder>/nightly/``. ``file`` and ``info`` are patterns: the package, and,
    without their endings, the files that tell its revision (none if empty). ``since``: the oldest day that is known to
    have one. ``info_aside``: the information lies in the folder of the same name without this ending."""

    folder: str
    eras: tuple[Era, ...]
    file: str
    info: str
    since: date
    info_aside: str = ""


@dataclass(frozen=True, slots=True)
class Tasks:
    """Builds of single pushes, in Taskcluster. ``artifacts``: patterns of what the package may be called below
    ``public/build/`` (or ``private/build/``), the preferred first. ``job`` in place of the platform's
    and the type's words. ``each_push``: every push may have one; else only those that nightlies are made from."""

    domain: str
    product: str
    artifacts: tuple[str, ...]
    job: str = "{job}-{suffix}"
    each_push: bool = True


@dataclass(frozen=True, slots=True)
class Releases:
    """What was released, below ``pub/<folder>/releases/``. ``files``: system → pattern of the package, which for
    Windows lies only below ``candidates/``; ``info``: the files there that tell the revision, without their endings.
    ``history``: the file of product-details that has the dates. ``channel``: whose versions are meant by days."""

    folder: str
    files: Mapping[str, str]
    info: str
    history: str
    channel: str


# ------------------------------------------------------------------------------------------- how they are run


@dataclass(frozen=True, slots=True)
class Desktop:
    """Started as a program with a profile. ``binaries`` below the unpacked tree; ``profile``: whose quiet preferences
    and whose mozprofile class it takes (a row of launch/quiet.py)."""

    binaries: tuple[str, ...]
    profile: str = "firefox"


@dataclass(frozen=True, slots=True)
class Android:
    """Installed on a device through adb. ``activity`` as ``am start`` wants it, relative to ``package`` if it begins
    with a dot. ``takes_url``: a single argument without a dash is the page to open."""

    package: str
    activity: str
    takes_url: bool = True


@dataclass(frozen=True, slots=True)
class Shell:
    """The JavaScript shell: a program without a profile or a window."""

    binaries: tuple[str, ...]


Launch = Desktop | Android | Shell
"""How an app is run: which launcher it has, and what that needs to know."""


# -------------------------------------------------------------------------------------------------- the rows


@dataclass(frozen=True, slots=True)
class App:
    """``arch``: the processor when none is named, this machine's if empty. ``repo``: where its nightlies come from.
    ``needs_lang``: there is no build without ``--lang``. Of ``nightlies``, ``tasks`` and ``releases`` each may be None:
    no such builds exist."""

    name: str
    systems: tuple[str, ...]
    archs: tuple[str, ...]
    repo: str
    build_types: tuple[str, ...]
    default_type: str
    launch: Launch
    nightlies: Nightlies | None = None
    tasks: Tasks | None = None
    releases: Releases | None = None
    arch: str = ""
    needs_lang: bool = False


_PCS = ("x86", "x86_64", "aarch64")
_PHONES = ("arm", "aarch64", "x86", "x86_64")

_FIREFOX = Desktop(("firefox", "firefox-bin", "firefox.exe"))
_THUNDERBIRD = Desktop(("thunderbird", "thunderbird-bin", "thunderbird.exe"), profile="thunderbird")

_THUNDERBIRD_TASKS = Tasks("comm", "thunderbird", ("target{ending}",))
_FIREFOX_TASKS = Tasks("gecko", "firefox", ("target{ending}", r"firefox-{version}\.{lang}\.{plat}{ending}"))

_FIREFOX_FILES = {
    "linux": r"firefox-{version}{ending}",
    "mac": r"Firefox {version}\.dmg",
    "win": r"firefox-{version}\.zip",
}
_THUNDERBIRD_FILES = {
    "linux": r"thunderbird-{version}{ending}",
    "mac": r"Thunderbird {version}\.dmg",
    "win": r"thunderbird-{version}\.zip",
}

APPS = (
    App(
        name="firefox",
        systems=DESKTOP,
        archs=_PCS,
        repo="mozilla-central",
        build_types=build_types.ALL,
        default_type="shippable",
        launch=_FIREFOX,
        nightlies=Nightlies(
            folder="firefox",
            eras=(
                Era("trunk", until=date(2008, 6, 17)),
                Era("{repo}", since=date(2008, 6, 17)),
                # Seen 2014-12 and 2015-01; a day without a time in the folder's name.
                Era(
                    "{repo}-debug",
                    since=date(2014, 1, 1),
                    until=date(2016, 1, 1),
                    types=("debug",),
                    plat="debug-{plat}",
                    found="debug",
                ),
                Era(
                    "{repo}-debug",
                    since=date(2014, 1, 1),
                    until=date(2016, 1, 1),
                    types=("asan-debug",),
                    plat="debug-{plat}-asan",
                    found="asan-debug",
                ),
                Era("{repo}", since=date(2018, 1, 1), types=("asan",), plat="{plat}-asan-reporter", found="asan"),
            ),
            file=r"firefox-(?:{version}\.{lang}\.)?{plat}{ending}",  # firefox-win32.zip in 2004
            info=r"firefox-{version}\.en-US\.{plat}",
            since=date(2004, 1, 1),
        ),
        tasks=_FIREFOX_TASKS,
    ),
    App(
        name="firefox-l10n",
        systems=DESKTOP,
        archs=_PCS,
        repo="mozilla-central",
        build_types=("opt",),
        default_type="opt",
        launch=_FIREFOX,
        nightlies=Nightlies(
            folder="firefox",
            eras=(Era("{repo}-l10n"),),
            file=r"firefox-{version}\.{lang}\.{plat}{ending}",
            info=r"firefox-{version}\.en-US\.{plat}",
            since=date(2011, 12, 14),
            info_aside="-l10n",
        ),
        needs_lang=True,
    ),
    App(
        name="thunderbird",
        systems=DESKTOP,
        archs=_PCS,
        repo="comm-central",
        build_types=("shippable", "opt", "debug", "asan", "tsan"),
        default_type="opt",
        launch=_THUNDERBIRD,
        nightlies=Nightlies(
            folder="thunderbird",
            eras=(
                Era("trunk", until=date(2008, 7, 26)),
                Era("{repo}", since=date(2008, 7, 26), until=date(2009, 1, 9)),
                Era("{repo}-trunk", since=date(2009, 1, 9), until=date(2010, 8, 21)),
                Era("{repo}", since=date(2010, 8, 21)),
            ),
            file=r"thunderbird-{version}\.{lang}\.{plat}{ending}",
            info=r"thunderbird-{version}\.en-US\.{plat}",
            since=date(2004, 1, 1),
        ),
        tasks=_THUNDERBIRD_TASKS,
    ),
    App(
        name="thunderbird-l10n",
        systems=DESKTOP,
        archs=_PCS,
        repo="comm-central",
        build_types=("opt",),
        default_type="opt",
        launch=_THUNDERBIRD,
        nightlies=Nightlies(
            folder="thunderbird",
            eras=(Era("{repo}-l10n"),),
            file=r"thunderbird-{version}\.{lang}\.{plat}{ending}",
            info=r"thunderbird-{version}\.en-US\.{plat}",
            since=date(2011, 12, 14),
            info_aside="-l10n",
        ),
        needs_lang=True,
    ),
    App(
        name="fennec",
        systems=ANDROID,
        archs=("arm", "aarch64", "x86"),
        repo="mozilla-central",
        build_types=("shippable", "opt", "pgo", "debug"),
        default_type="opt",
        launch=Android("org.mozilla.fennec", "org.mozilla.gecko.BrowserApp"),
        nightlies=Nightlies(
            folder="mobile",
            eras=(
                Era("{repo}-android", until=date(2014, 12, 6), archs=("arm",)),
                Era("{repo}-android-api-10", since=date(2014, 12, 6), until=date(2014, 12, 13), archs=("arm",)),
                Era("{repo}-android-api-11", since=date(2014, 12, 13), until=date(2016, 1, 29), archs=("arm",)),
                Era("{repo}-android-api-15", since=date(2016, 1, 29), until=date(2017, 8, 30), archs=("arm",)),
                Era("{repo}-android-api-16", since=date(2017, 8, 30), archs=("arm",)),
                Era("{repo}-android-x86", archs=("x86",)),
                Era("{repo}-android-aarch64", archs=("aarch64",)),
            ),
            file=r"fennec-{version}\.(?:multi|en-US)\.{plat}{ending}",
            info=r"fennec-{version}\.(?:multi|en-US)\.{plat}",
            since=date(2010, 1, 1),
        ),
        tasks=Tasks("gecko", "mobile", (r"target\.apk", r"fennec-{version}\.multi\.{plat}\.apk")),
        arch="arm",
    ),
    App(
        name="fenix",
        systems=ANDROID,
        archs=_PHONES,
        repo="mozilla-central",
        build_types=("opt",),
        default_type="opt",
        launch=Android("org.mozilla.fenix", ".IntentReceiverActivity"),
        nightlies=Nightlies(
            folder="fenix",
            # A beta once lay among the nightlies: only what calls itself a1 is one.
            eras=(Era(r"fenix-\d+(?:\.\d+)*a\d+-android-{abi}"),),
            file=r"fenix-{version}\.multi\.{plat}{ending}",
            info="",
            since=date(2022, 1, 1),
        ),
        tasks=Tasks("gecko", "mobile", (r"{abi}/target\.apk",), job="fenix-nightly", each_push=False),
        arch="aarch64",
    ),
    App(
        name="focus",
        systems=ANDROID,
        archs=_PHONES,
        repo="mozilla-central",
        build_types=("opt",),
        default_type="opt",
        launch=Android("org.mozilla.focus.nightly", "org.mozilla.focus.activity.IntentReceiverActivity"),
        nightlies=Nightlies(
            folder="focus",
            eras=(Era(r"focus-\d+(?:\.\d+)*a\d+-android-{abi}"),),
            file=r"focus-{version}\.multi\.{plat}{ending}",
            info="",
            since=date(2022, 1, 1),
        ),
        tasks=Tasks("gecko", "mobile", (r"{abi}/target\.apk",), job="focus-nightly", each_push=False),
        arch="aarch64",
    ),
    App(
        name="gve",
        systems=ANDROID,
        archs=("arm", "aarch64", "x86", "x86_64"),
        repo="mozilla-central",
        build_types=("shippable", "opt", "debug"),
        default_type="opt",
        launch=Android("org.mozilla.geckoview_example", "GeckoViewActivity", takes_url=False),
        tasks=Tasks("gecko", "mobile", (r"geckoview_example\.apk",)),
        arch="arm",
    ),
    App(
        name="jsshell",
        systems=DESKTOP,
        archs=_PCS,
        repo="mozilla-central",
        build_types=build_types.ALL,
        default_type="shippable",
        launch=Shell(("js", "js.exe")),
        nightlies=Nightlies(
            folder="firefox",
            eras=(
                Era("trunk", until=date(2008, 6, 17)),
                Era("{repo}", since=date(2008, 6, 17)),
                Era("{repo}", types=("asan",), plat="{plat}-asan", found="asan"),
            ),
            file=r"jsshell-{plat}\.zip",
            info=r"firefox-{version}\.en-US\.{plat}",
            since=date(2010, 1, 1),
        ),
        tasks=Tasks("gecko", "firefox", (r"target\.jsshell\.zip", r"jsshell-{plat}\.zip")),
    ),
    App(
        name="firefox-release",
        systems=DESKTOP,
        archs=_PCS,
        repo="mozilla-release",
        build_types=("shippable", "opt"),
        default_type="shippable",
        launch=_FIREFOX,
        releases=Releases("firefox", _FIREFOX_FILES, r"firefox-{version}", "firefox.json", channel="release"),
        tasks=_FIREFOX_TASKS,
    ),
    App(
        name="thunderbird-release",
        systems=DESKTOP,
        archs=_PCS,
        repo="comm-release",
        build_types=("shippable", "opt"),
        default_type="shippable",
        launch=_THUNDERBIRD,
        releases=Releases(
            "thunderbird", _THUNDERBIRD_FILES, r"thunderbird-{version}", "thunderbird.json", channel="release"
        ),
        tasks=_THUNDERBIRD_TASKS,
    ),
    App(
        name="devedition",
        systems=DESKTOP,
        archs=_PCS,
        repo="mozilla-beta",
        build_types=("shippable", "opt"),
        default_type="shippable",
        launch=_FIREFOX,
        releases=Releases("devedition", _FIREFOX_FILES, r"firefox-{version}", "devedition.json", channel="beta"),
        tasks=_FIREFOX_TASKS,  # the pushes of the beta branch are built as Firefox: the same code in another dress
    ),
)


def app(name: str) -> App:
    """The row of an app. Raises ``UsageError`` for a name that has none."""
    for row in APPS:
        if row.name == name:
            return row
    raise UsageError(f"There is no app {name!r}.", advice=known(name, [row.name for row in APPS], "The apps are"))


_LANG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def lang_of(word: str) -> str:
    """A language as the names of files have it. Raises ``UsageError`` for what cannot be one."""
    if not _LANG.fullmatch(word):
        raise UsageError(f"{word!r} is no language.", advice="For example de, pt-BR or ja-JP-mac.")
    return word


def arch_of(row: App, word: str) -> str:
    """The processor that a word means for an app, also one of Android's words (arm64-v8a). Raises ``UsageError``."""
    arch = ARCH_ALIASES.get(word, word) if row.systems == ANDROID else word
    if arch not in row.archs:
        raise UsageError(f"There are no {row.name} builds for {word}.", advice=f"There are: {', '.join(row.archs)}.")
    return arch
