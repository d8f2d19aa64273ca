"""One build, fetched and started, without any search: ``--launch``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from mozbisect.core import plan
from mozbisect.core.errors import BrokenBuild, NoBuild, NothingToSearch
from mozbisect.core.model import (
    Answer,
    Bound,
    Build,
    Candidate,
    Kind,
    Leg,
    LegKind,
    Move,
    Release,
    Revision,
    Side,
    Tag,
    Terms,
    Verdict,
)
from mozbisect.core.ports import Question
from mozbisect.engine import Ports
from mozbisect.request import Request
from mozbisect.sources.span import span
from mozbisect.wiring import World

MOST_SAID = 3  # of those that have none
MOST_TRIED = 40  # candidates around a bound; each costs some requests to find that it has no build


def launch_one(
    bound: Bound,
    seen: World,
    ports: Ports,
    asked: Request,
    *,
    judged: bool,
    say: Callable[[str], None],
    found: Callable[[], None],
    nearest: bool = False,
) -> int:
    """Run the build that ``bound`` means until it ends; ``judged``: let the judge run it instead.

    ``found`` is called once it is known which build that is.

    ``nearest``: where the bound itself has no build, the one that is nearest in time is taken.
    Gives the exit status: the app's own, or 0 for good, 1 for bad, 125 for skip.
    """
    ports.launcher.check()
    build = _build(bound, seen, ports, asked, nearest=nearest, say=say)
    found()
    if isinstance(bound, Revision) and build.revision and not build.revision.startswith(bound.hex):
        say(f"{bound} came with this push, and was not built by itself:")
    say(f"{build.candidate.title}: {build.build_type}, {build.url}")
    if not judged:
        with ports.fetcher.bring(build) as tree, ports.launcher.install(tree, build) as app:
            app.start()
            return app.wait() or 0
    answer = _judged(build, ports, asked.terms)
    if isinstance(answer, Move):
        return 130
    say(": ".join(filter(None, (asked.terms.word(answer.side), answer.reason))))
    return _status(answer.side, asked.terms)


def _judged(build: Build, ports: Ports, terms: Terms) -> Answer:
    """As in a search, so that a build which cannot be tested is a skip, and not the 1 of an error: that means bad."""
    side = Side.UNTESTABLE
    try:
        with ports.fetcher.bring(build) as tree:
            side = ports.broken_is
            with ports.launcher.install(tree, build) as app:
                question = Question(1, 1, can_go_back=False, terms=terms, title=build.candidate.title)
                return ports.judge.judge(app, build, question)
    except BrokenBuild as broken:
        return Verdict(side, broken.what)


def _build(
    bound: Bound, seen: World, ports: Ports, asked: Request, *, nearest: bool, say: Callable[[str], None]
) -> Build:
    """The bound's own build, from the first of the places that has it; else, if that will do, the nearest there is.

    Raises ``NothingToSearch``.
    """
    legs = [asked.leg]
    while (other := plan.instead_of(legs[-1], asked.reach, {leg.kind for leg in legs})) is not None:
        legs.append(other)
    exact = [partial(_candidates, bound, seen, leg) for leg in legs]
    around = [partial(_around, bound, seen, leg, within) for leg in legs for within in _WIDER[leg.kind]]
    trouble: NothingToSearch | None = None
    tried: set[str] = set()
    for way in exact + (around if nearest else []):
        try:
            some = [item for item in way() if item.key not in tried][:MOST_TRIED]
            tried.update(item.key for item in some)
            build = _first_build(some, ports, asked, say)
        except NothingToSearch as none:
            trouble = trouble or none
            continue
        if way not in exact:
            say(f"{bound} itself has no build: the nearest that has one is taken, {_and_how_far(build, bound, seen)}.")
        return build
    assert trouble is not None
    raise trouble


_WIDER = {
    LegKind.NIGHTLIES: (timedelta(days=7), timedelta(days=45), timedelta(days=366)),
    LegKind.PUSHES: (timedelta(days=2), timedelta(days=14)),
    LegKind.RELEASES: (timedelta.max,),
}
"""How far around a bound builds are listed: further only where there is none nearby."""


def _and_how_far(build: Build, bound: Bound, seen: World) -> str:
    """nightly of 2026-09-14 09:31, 12 days later"""
    candidate = build.candidate
    if candidate.kind is Kind.RELEASE and isinstance(bound, Release):  # a version that never was has no day
        return f"{candidate.title} of {candidate.when:%Y-%m-%d}"
    first, last = span(bound, seen.pushed)
    if first <= candidate.when <= last:
        return candidate.title
    away = first - candidate.when if candidate.when < first else candidate.when - last
    return f"{candidate.title}, {_long(away)} {'earlier' if candidate.when < first else 'later'}"


def _long(time: timedelta) -> str:
    for unit, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        if (count := round(time / unit)) > 0 and time >= unit:
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "moments"


def _candidates(bound: Bound, seen: World, leg: Leg) -> Sequence[Candidate]:
    match leg.kind:
        case LegKind.RELEASES:
            return seen.releases.at(bound)
        case LegKind.NIGHTLIES if not isinstance(bound, Revision | Tag):
            return seen.nightlies.at(bound, leg.repo)
    if isinstance(bound, Revision | Tag):
        return [seen.revisions.push_of(str(bound), leg.repo)]
    return seen.pushes.at(bound, leg.repo)


def _around(bound: Bound, seen: World, leg: Leg, within: timedelta) -> Sequence[Candidate]:
    """Of the same kind, the nearest first."""
    match leg.kind:
        case LegKind.RELEASES:
            return seen.releases.near(bound)
        case LegKind.NIGHTLIES:
            return seen.nightlies.near(bound, leg.repo, within)
    if isinstance(bound, Revision | Tag):
        return seen.pushes.near(bound, seen.revisions.push_of(str(bound), leg.repo).repo, within)
    return seen.pushes.near(bound, leg.repo, within)


def _first_build(candidates: Sequence[Candidate], ports: Ports, asked: Request, say: Callable[[str], None]) -> Build:
    reason = "nothing was pushed there"
    for at, candidate in enumerate(candidates):
        try:
            return ports.source.find(candidate)
        except NoBuild as none:
            reason = none.what
            if at < MOST_SAID:
                say(f"{candidate.title}: {reason}")
    if len(candidates) > MOST_SAID:
        say(f"… and {len(candidates) - MOST_SAID} more without a build")
    wanted = f"{asked.target.build_types[0]} build of {asked.target.app} for {asked.new}"
    raise NothingToSearch(f"There is no {wanted}: {reason}.", advice="`mozbisect builds` lists what there is.")


def _status(side: Side, terms: Terms) -> int:
    return {"good": 0, "bad": 1, "skip": 125}[terms.word(side)]
