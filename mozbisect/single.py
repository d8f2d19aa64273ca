"""One build, fetched and started, without any search: ``--launch``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mozbisect.core import plan
from mozbisect.core.errors import BrokenBuild, NoBuild, NothingToSearch
from mozbisect.core.model import (
    Answer,
    Bound,
    Build,
    Candidate,
    Leg,
    LegKind,
    Move,
    Revision,
    Side,
    Tag,
    Terms,
    Verdict,
)
from mozbisect.core.ports import Question
from mozbisect.engine import Ports
from mozbisect.request import Request
from mozbisect.wiring import World

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
    """The bound's own build: of the kind that a search would begin with, else of the other kind; else the nearest.

    Raises ``NothingToSearch``.
    """
    other = plan.instead_of(asked.leg, asked.reach)
    legs = [asked.leg, *([other] if other else [])]
    trouble: NothingToSearch | None = None
    for leg in legs:
        try:
            return _first_build(_candidates(bound, seen, leg), ports, asked, say)
        except NothingToSearch as none:
            trouble = trouble or none
    assert trouble is not None
    if not nearest:
        raise trouble
    around = list(_around(bound, seen, asked.leg))[:MOST_TRIED]
    if not around:
        raise trouble
    build = _first_build(around, ports, asked, say)
    say(f"{bound} itself has no build: the nearest that has one is taken, {build.candidate.title}.")
    return build


def _candidates(bound: Bound, seen: World, leg: Leg) -> Sequence[Candidate]:
    match leg.kind:
        case LegKind.RELEASES:
            return seen.releases.at(bound)
        case LegKind.NIGHTLIES if not isinstance(bound, Revision | Tag):
            return seen.nightlies.at(bound, leg.repo)
    if isinstance(bound, Revision | Tag):
        return [seen.revisions.push_of(str(bound), leg.repo)]
    return seen.pushes.at(bound, leg.repo)


def _around(bound: Bound, seen: World, leg: Leg) -> Sequence[Candidate]:
    """Of the same kind, the nearest first."""
    match leg.kind:
        case LegKind.RELEASES:
            return seen.releases.near(bound)
        case LegKind.NIGHTLIES if not isinstance(bound, Revision | Tag):
            return seen.nightlies.near(bound, leg.repo)
    if isinstance(bound, Revision | Tag):
        return seen.pushes.near(bound, seen.revisions.push_of(str(bound), leg.repo).repo)
    return seen.pushes.near(bound, leg.repo)


def _first_build(candidates: Sequence[Candidate], ports: Ports, asked: Request, say: Callable[[str], None]) -> Build:
    reason = "nothing was pushed there"
    for candidate in candidates:
        try:
            return ports.source.find(candidate)
        except NoBuild as none:
            reason = none.what
            say(f"{candidate.title}: {reason}")
    wanted = f"{asked.target.build_types[0]} build of {asked.target.app} for {asked.new}"
    raise NothingToSearch(f"There is no {wanted}: {reason}.", advice="`mozbisect builds` lists what there is.")


def _status(side: Side, terms: Terms) -> int:
    return {"good": 0, "bad": 1, "skip": 125}[terms.word(side)]
