"""Options → the five ports. The only module that knows all of them.

Nothing is decided here that another module could decide: words get their meaning (bounds, repositories, the
target), one ``Http`` is made, and each part is handed what it needs.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mozbisect.catalog import apps
from mozbisect.catalog.repos import repo
from mozbisect.core import bounds, plan
from mozbisect.core.errors import UsageError
from mozbisect.core.model import FIX, REGRESSION, Bound, Build, Leg, Target, Terms
from mozbisect.core.news import Bringing
from mozbisect.core.ports import Judge, Launcher, Reporter
from mozbisect.credentials import Credentials
from mozbisect.engine import Ports
from mozbisect.fetch.cache import Cache
from mozbisect.fetch.fetcher import BuildFetcher
from mozbisect.fetch.scratch import Scratch
from mozbisect.judge.command import CommandJudge
from mozbisect.judge.manual import ManualJudge
from mozbisect.launch.desktop import DesktopLauncher, LaunchSettings
from mozbisect.launch.profile import parse_pref, read_preferences
from mozbisect.net import Http
from mozbisect.options import Options
from mozbisect.sources.lando import Lando
from mozbisect.sources.mozilla import Mozilla
from mozbisect.sources.nightlies import Nightlies
from mozbisect.sources.pushes import Pushes
from mozbisect.sources.pushlog import Pushlog
from mozbisect.sources.revisions import Revisions
from mozbisect.sources.taskcluster import Taskcluster, guard

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What the options mean."""

    terms: Terms
    old: Bound
    new: Bound
    target: Target
    leg: Leg


def request(options: Options, *, today: date) -> Request:
    """Give the words their meaning; no server is asked. Raises ``UsageError``, ``CannotRun``, ``NothingToSearch``."""
    _check_places(options)
    terms = FIX if options.find_fix else REGRESSION
    given = {"good": _optional(options.good, "--good", today), "bad": _optional(options.bad, "--bad", today)}
    old, new = plan.with_defaults(given[terms.old], given[terms.new], today=today)
    target = target_of(options)
    row = apps.app(options.app)
    searched = repo(options.repo).name if options.repo else row.repo
    leg = plan.first_leg(
        old,
        new,
        repo=searched,
        nightlies=searched == row.repo and apps.build_type(target.build_types[0]).nightly,
        check_ends=options.mode != "no-first-check",
        terms=terms,
    )
    return Request(terms, old, new, target, leg)


def _check_places(options: Options) -> None:
    for name in ("archive_base_url", "taskcluster_root_url", "hg_url", "lando_url", "product_details_url"):
        url = getattr(options, name)
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"--{name.replace('_', '-')} must begin with http:// or https://, and is {url!r}.")
    if options.persist and Path(options.persist).exists() and not Path(options.persist).is_dir():
        raise UsageError(f"--persist: {options.persist} is no folder.")


def target_of(options: Options) -> Target:
    """What is tested. Raises ``UsageError`` for a build type that the app has not, ``CannotRun`` for a platform."""
    row = apps.app(options.app)
    wanted = options.build_type or row.default_type
    if wanted not in row.build_types:
        raise UsageError(f"{row.name} has no build type {wanted!r}.", advice=f"It has {', '.join(row.build_types)}.")
    arch = _arch(options)
    target = Target(row.name, options.os or this_system(), arch, apps.types_in_order(wanted))
    apps.platform(target)
    return target


def _arch(options: Options) -> str:
    """``--bits`` is the older word: 32 means x86, 64 whatever this machine has with so many."""
    if options.bits is None:
        return options.arch or _processor()
    wide = {"32": ("x86",), "64": ("x86_64", "aarch64")}[options.bits]
    arch = options.arch or _processor()
    if options.arch and arch not in wide:
        raise UsageError(f"--bits {options.bits} and --arch {arch} contradict each other.", advice="Give one of them.")
    return arch if arch in wide else wide[0]


_SYSTEMS = {"linux": "linux", "darwin": "mac", "win32": "win"}


def this_system() -> str:
    """The operating system that builds are run on."""
    return _SYSTEMS.get(sys.platform, sys.platform)


def _processor() -> str:
    # Late, and only if nobody said it: this import starts five subprocesses.
    import mozinfo

    return str(mozinfo.processor)


def _optional(text: str | None, option: str, today: date) -> Bound | None:
    return None if text is None else bound(text, option, today)


def bound(text: str, option: str, today: date) -> Bound:
    """The bound that was given with an option. Raises ``UsageError`` that names the option."""
    try:
        return bounds.parse(text, today=today)
    except UsageError as error:
        raise UsageError(f"{option}: {error.what}", advice=error.advice) from None


@dataclass(frozen=True, slots=True)
class World:
    """The services, seen through one ``Http``."""

    http: Http
    nightlies: Nightlies
    pushes: Pushes
    revisions: Revisions
    source: Mozilla


def world(options: Options, target: Target, *, today: date, credentials: Credentials | None = None) -> World:
    """The services that the options name. ``credentials``: who we are for Taskcluster, if it has to know."""
    http = Http(timeout=options.http_timeout, guard=guard(options.taskcluster_root_url, credentials))
    pushlog = Pushlog(http, options.hg_url)
    revisions = Revisions(pushlog, Lando(http, options.lando_url), any_repo=options.repo is None)
    pushes = Pushes(pushlog, revisions)
    home = repo(options.repo).name if options.repo else apps.app(options.app).repo
    nightlies = Nightlies(
        http, options.archive_base_url, target, today=today, pushed=lambda text: revisions.push_of(text, home)
    )
    taskcluster = Taskcluster(http, options.taskcluster_root_url, target)
    return World(http, nightlies, pushes, revisions, Mozilla(nightlies, pushes, taskcluster))


@contextmanager
def ports(
    options: Options,
    asked: Request,
    seen: World,
    reporters: Sequence[Reporter],
    *,
    say: Callable[[str], None],
) -> Iterator[Ports]:
    """The five ports for one run. At the end every thread has ended and no temporary file is left."""

    def progress(build: Build, done: int, total: int | None) -> None:
        for reporter in reporters:
            reporter.tell(Bringing(build, done, total))

    kept = Path(options.persist) if options.persist else None
    # One private folder holds all that is temporary: should this run be killed, the next one clears it away.
    with (
        Scratch() as scratch,
        Cache(kept, limit_gib=options.persist_size_limit, temp_root=scratch.fresh("archives")) as cache,
    ):
        fetcher = BuildFetcher(
            seen.http,
            cache,
            find=seen.source.find,
            progress=progress,
            look_ahead=options.background_dl,
            keep=options.background_dl_policy == "keep",
            temp_root=scratch.fresh("builds"),
        )
        try:
            launches = launcher(options, asked.target, say, scratch.fresh("profiles"))
            yield Ports(seen.source, fetcher, launches, judge(options, asked.terms, say), reporters)
        finally:
            fetcher.close()
            log.debug("%d requests were made", seen.http.requests_made)
            seen.http.close()


def judge(options: Options, terms: Terms, say: Callable[[str], None]) -> Judge:
    if options.command is None:
        return ManualJudge(terms, say=say)
    return CommandJudge(
        options.command, timeout=options.command_timeout, on_timeout=options.on_timeout, terms=terms, show=log.debug
    )


def launcher(options: Options, target: Target, say: Callable[[str], None], temp_root: Path) -> Launcher:
    prefs = [parse_pref(text) for text in options.pref]
    files = [pair for text in options.preferences for pair in read_preferences(text)]
    row = apps.app(target.app)
    assert isinstance(row.launch, apps.Desktop)
    settings = LaunchSettings(
        app=row.name,
        os=target.os,
        binary_names=row.launch.binaries,
        profile=Path(options.profile) if options.profile else None,
        persistence=options.profile_persistence,
        prefs=(*files, *prefs),
        addons=options.addon,
        args=options.arg,
        needs_display=options.command is None,
        show_output=_shows_output(options),
    )
    return DesktopLauncher(settings, temp_root, show=say)


def _shows_output(options: Options) -> bool:
    """A debug build's output is why it is run; an optimised one's is noise."""
    if options.process_output is not None:
        return options.process_output == "stdout"
    return (options.build_type or "shippable") not in ("shippable", "opt")
