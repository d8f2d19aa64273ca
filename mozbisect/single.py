"""One build, fetched and started, without any search: ``--launch``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mozbisect.core.errors import NoBuild, NothingToSearch
from mozbisect.core.model import Bound, Build, Candidate, LegKind, Move, Revision, Side, Terms
from mozbisect.core.ports import Question
from mozbisect.engine import Ports
from mozbisect.wiring import Request, World


def launch_one(
    bound: Bound,
    seen: World,
    ports: Ports,
    asked: Request,
    *,
    judged: bool,
    say: Callable[[str], None],
    nearest: bool = False,
) -> int:
    """Run the build that ``bound`` means until it ends; ``judged``: let the judge run it instead.

    ``nearest``: where the bound itself has no build, the one that is nearest in time is taken.
    Gives the exit status: the app's own, or 0 for good, 1 for bad, 125 for skip.
    """
    ports.launcher.check()
    build = _build(bound, seen, ports, asked, nearest=nearest, say=say)
    if isinstance(bound, Revision) and build.revision and not build.revision.startswith(bound.hex):
        say(f"{bound} came with this push, and was not built by itself:")
    say(f"{build.candidate.title}: {build.build_type}, {build.url}")
    with ports.fetcher.bring(build) as tree, ports.launcher.install(tree, build) as app:
        if not judged:
            app.start()
            return app.wait() or 0
        question = Question(1, 1, can_go_back=False, terms=asked.terms, title=build.candidate.title)
        answer = ports.judge.judge(app, build, question)
    return 130 if isinstance(answer, Move) else _status(answer.side, asked.terms)


def _build(
    bound: Bound, seen: World, ports: Ports, asked: Request, *, nearest: bool, say: Callable[[str], None]
) -> Build:
    """Raises ``NothingToSearch``."""
    try:
        return _first_build(_candidates(bound, seen, asked), ports, say)
    except NothingToSearch:
        if not nearest:
            raise
    build = _first_build(_around(bound, seen, asked), ports, say)
    say(f"{bound} itself has no build: the nearest that has one is taken, {build.candidate.title}.")
    return build


def _candidates(bound: Bound, seen: World, asked: Request) -> Sequence[Candidate]:
    if isinstance(bound, Revision):
        return [seen.revisions.push_of(bound.hex, asked.leg.repo)]
    if asked.leg.kind is LegKind.PUSHES:  # a branch that has no nightlies
        return seen.pushes.at(bound, asked.leg.repo)
    return seen.nightlies.at(bound)


def _around(bound: Bound, seen: World, asked: Request) -> Sequence[Candidate]:
    """Of the same kind, the nearest first. That the bound's own have no build is remembered: asking again is free."""
    if isinstance(bound, Revision):
        return seen.pushes.near(bound, seen.revisions.push_of(bound.hex, asked.leg.repo).repo)
    if asked.leg.kind is LegKind.PUSHES:
        return seen.pushes.near(bound, asked.leg.repo)
    return seen.nightlies.near(bound)


def _first_build(candidates: Sequence[Candidate], ports: Ports, say: Callable[[str], None]) -> Build:
    reason = "nothing was built around it"
    for candidate in candidates:
        try:
            return ports.source.find(candidate)
        except NoBuild as none:
            reason = none.what
            say(f"{candidate.title}: {reason}")
    raise NothingToSearch(f"There is no such build: {reason}.", advice="`mozbisect builds` lists what there is.")


def _status(side: Side, terms: Terms) -> int:
    return {"good": 0, "bad": 1, "skip": 125}[terms.word(side)]
