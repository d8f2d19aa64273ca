"""Options → the five ports. The only module that knows all of them.

Nothing is decided here that another module could decide: what is asked for is told by ``request``, one ``Http`` is
made, and each part is handed what it needs.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from mozbisect.catalog import apps, versions
from mozbisect.catalog.repos import repo
from mozbisect.core.deadline import Deadline
from mozbisect.core.errors import UsageError
from mozbisect.core.model import Build, Candidate, Day, Target, Terms
from mozbisect.core.news import Bringing
from mozbisect.core.ports import Judge, Launcher, Reporter
from mozbisect.credentials import Credentials
from mozbisect.engine import Ports
from mozbisect.fetch.cache.store import Cache
from mozbisect.fetch.fetcher import BuildFetcher
from mozbisect.fetch.scratch import Scratch
from mozbisect.judge import table
from mozbisect.judge.manual import nobody_answers
from mozbisect.launch.choose import launcher_of
from mozbisect.launch.profile import parse_pref, read_preferences
from mozbisect.launch.settings import LaunchSettings, environment_for_commands
from mozbisect.memory import Memory
from mozbisect.net.http import Http
from mozbisect.options import Options
from mozbisect.request import Request, bound
from mozbisect.sources.digests import Digests
from mozbisect.sources.git import Git
from mozbisect.sources.lando import Lando
from mozbisect.sources.mozilla import Mozilla
from mozbisect.sources.nightlies import Nightlies
from mozbisect.sources.pushes import Pushes
from mozbisect.sources.pushlog import Pushlog
from mozbisect.sources.releases import Releases, newest_key
from mozbisect.sources.revisions import Revisions
from mozbisect.sources.shut import Excluded
from mozbisect.sources.signatures import Signatures, must_be_here
from mozbisect.sources.span import Pushed
from mozbisect.sources.taskcluster import Taskcluster, guard

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class World:
    """The services, seen through one ``Http``."""

    http: Http
    nightlies: Nightlies
    pushes: Pushes
    releases: Releases
    revisions: Revisions
    git: Git
    source: Mozilla
    pushed: Pushed


def world(
    options: Options,
    target: Target,
    *,
    today: date,
    credentials: Credentials | None = None,
    memory: Memory | None = None,
    origin_later: bool = True,
) -> World:
    """The services that the options name. Raises ``UsageError`` for an ``--exclude`` or a key that is none, and
    ``CannotRun`` where signatures are required that cannot be checked here.

    ``credentials``: who we are for Taskcluster, if it has to know. ``memory``: what earlier runs were told.
    ``origin_later``: a nightly that can tell its revision itself, once it is here, is not asked for it before.
    """
    row = apps.app(options.app)
    family = repo(row.repo).family
    home = repo(options.repo, family=family).name if options.repo else row.repo
    http = Http(timeout=options.http_timeout, guard=guard(options.taskcluster_root_url, credentials), memory=memory)
    pushlog = Pushlog(http, options.hg_url, today=today)
    taskcluster = Taskcluster(http, options.taskcluster_root_url, target)
    lando = Lando(http, options.lando_url, family=family)
    git = Git(lando, taskcluster if row.tasks else None, pushlog)
    revisions = Revisions(pushlog, git, any_repo=options.repo is None)
    pushes = Pushes(pushlog, revisions)
    # A signature costs a question more. Of nightlies, which are many, it is looked at only when it is required.
    is_required, wanted = options.verify == "require", options.verify != "off"
    if is_required:
        must_be_here()
    signatures = Signatures(http, options.release_key, partial(newest_key, http, options.archive_base_url))
    releases = Releases(
        http,
        options.archive_base_url,
        options.product_details_url,
        target,
        pushlog,
        digests=Digests(http, wanted=wanted, signatures=signatures),
    )

    def pushed(text: str) -> Candidate:
        # A tag of a release stands in the repository of its branch, whichever is searched.
        return revisions.push_of(text, versions.repo_of_tag(text) or home)

    nightlies = Nightlies(
        http,
        options.archive_base_url,
        target,
        today=today,
        pushed=pushed,
        pushlog=pushlog,
        origin_later=origin_later and isinstance(row.launch, apps.Desktop),
        digests=Digests(http, wanted=wanted, signatures=signatures if is_required else None),
    )
    source = Mozilla(
        nightlies,
        pushes,
        releases,
        taskcluster,
        git,
        now=datetime.now(UTC),
        pushed=pushed,
        excluded=excluded(options.exclude, today),
        verify=options.verify,
        by_version=row.releases is not None,
    )
    return World(http, nightlies, pushes, releases, revisions, git, source, pushed)


def excluded(texts: Sequence[str], today: date) -> tuple[Excluded, ...]:
    """``A..B`` or ``X``, as ranges of bounds. Raises ``UsageError``."""
    found = []
    for text in texts:
        first, dots, last = text.partition("..")
        option = f"--exclude {text}"
        ends = bound(first, option, today), bound(last if dots else first, option, today)
        days = [end.date for end in ends if isinstance(end, Day)]
        if days != sorted(days):
            raise UsageError(
                f"--exclude {text}: the range is reversed.", advice=f"Write it as --exclude {last}..{first}."
            )
        found.append(Excluded(text, *ends))
    return tuple(found)


@contextmanager
def ports(
    options: Options,
    asked: Request,
    seen: World,
    reporters: Sequence[Reporter],
    *,
    say: Callable[[str], None],
    by: Judge | None = None,
    deadline: Deadline | None = None,
) -> Iterator[Ports]:
    """The five ports for one run. At the end every thread has ended and no temporary file is left.

    ``by``: a judge that no option can name.
    """

    def progress(build: Build, done: int, total: int | None) -> None:
        for reporter in reporters:
            reporter.tell(Bringing(build, done, total))

    kept = Path(options.persist) if options.persist else None
    # One private folder holds all that is temporary: should this run be killed, the next one clears it away.
    with (
        Scratch() as scratch,
        Cache(kept, limit_gib=options.persist_size_limit, temp_root=scratch.fresh("archives"), say=say) as cache,
    ):
        fetcher = BuildFetcher(
            seen.http,
            cache,
            find=seen.source.find,
            progress=progress,
            look_ahead=options.background_dl,
            keep=options.background_dl_policy == "keep",
            temp_root=scratch.fresh("builds"),
            connections=options.connections,
        )
        try:
            launches = launcher(options, asked.target, say, scratch.fresh("profiles"), starts_itself=by is not None)
            yield Ports(
                seen.source,
                fetcher,
                launches,
                table.several(by, _wish(options), asked.terms) if by else judge(options, asked.terms, say),
                reporters,
                use_kept=options.approx_policy == "auto",
                unattended=by is not None or not table.asks_person(_wish(options)),
                broken_is=asked.terms.side(options.treat_broken_as),
                deadline=deadline,
                check_judge=_must_have_somebody if by is None and table.asks_person(_wish(options)) else lambda: None,
            )
            # Not after an error or Ctrl-C: what was broken off by that, the next run carries on.
            fetcher.ahead({})
            cache.drop_parts()
        finally:
            fetcher.close()
            log.debug("%d requests were made", seen.http.requests_made)
            seen.http.close()


def _must_have_somebody() -> None:
    """Raises ``UsageError`` where no person can answer."""
    if nobody_answers(sys.stdin):
        raise UsageError(
            "Nobody can be asked about the builds: standard input is closed or at its end.",
            advice="Let a --command or a --judge look at them, or call mozbisect in a terminal.",
        )


def judge(options: Options, terms: Terms, say: Callable[[str], None]) -> Judge:
    """Raises ``UsageError`` and ``CommandBroken`` for what cannot judge, before anything is downloaded."""
    env = environment_for_commands(headless=options.headless)
    return table.judge(_wish(options), terms, say=say, show=log.debug, env=env)


def _wish(options: Options) -> table.Wish:
    return table.Wish(**{field.name: getattr(options, field.name) for field in fields(table.Wish)})


def launcher(
    options: Options, target: Target, say: Callable[[str], None], temp_root: Path, *, starts_itself: bool = False
) -> Launcher:
    """``starts_itself``: the judge is code of somebody else's; whether it needs a display, it knows alone."""
    prefs = [parse_pref(text) for text in options.pref]
    files = [pair for text in options.preferences for pair in read_preferences(text)]
    row = apps.app(target.app)
    if useless := _useless(options, row.launch):
        say(f"Note: {row.name} has no use for {', '.join(useless)}: it is run without.")
    settings = LaunchSettings(
        app=row.name,
        os=target.os,
        profile=Path(options.profile) if options.profile else None,
        persistence=options.profile_persistence,
        prefs=(*files, *prefs),
        addons=options.addon,
        args=options.arg,
        needs_display=options.command is None and not starts_itself,
        headless=options.headless,
        interactive=not starts_itself and table.asks_person(_wish(options)),
        show_output=_shows_output(options),
    )
    return launcher_of(row.launch, settings, temp_root, adb_profile_dir=options.adb_profile_dir, show=say)


# mozregression passes over them in silence, and a file may set them for all apps: a note, and no refusal.
_NO_USE: dict[type[apps.Launch], tuple[str, ...]] = {
    apps.Desktop: ("adb_profile_dir",),
    apps.Android: ("headless", "process_output"),
    apps.Shell: ("profile", "profile_persistence", "adb_profile_dir", "pref", "preferences", "addon"),
}


def _useless(options: Options, how: apps.Launch) -> list[str]:
    """The options that were given, and do not reach builds that are run so."""
    plain = Options()
    given = (name for name in _NO_USE[type(how)] if getattr(options, name) != getattr(plain, name))
    return [f"--{name.replace('_', '-')}" for name in given]


def _shows_output(options: Options) -> bool:
    """A debug build's output is why it is run; an optimised one's is noise."""
    if options.process_output is not None:
        return options.process_output == "stdout"
    return (options.build_type or "shippable") not in ("shippable", "opt")
