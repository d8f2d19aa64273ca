"""The main job, whole, over invented histories of every kind: real server, real downloads, real processes.

In every world the culprit must lie in the reported range, and the range must be exact wherever builds allow.
"""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta

import pytest

from mozbisect import request, wiring
from mozbisect.core.errors import NothingToSearch
from mozbisect.core.journal import FORMAT, Event, Judged, Opened, Session
from mozbisect.core.model import Finding, Kind, Side
from mozbisect.engine import Engine
from mozbisect.options import Options
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import LAST_DAY, Push, World, WorldParameters
from mozbisect.report.words import Result, result_of
from tests.fakes import Listener

FROM = int(os.environ.get("MOZBISECT_WORLDS_FROM", "0"))
"""Fifty worlds a run; other ones from another number on."""


def random_parameters(seed: int) -> WorldParameters:
    """A kind of world, from its number: small, and with everything that can be missing."""
    dice = random.Random(seed)
    days = dice.randrange(8, 16)

    def some(most: float) -> float:
        return dice.choice((0.0, 0.0, most / 2, most))

    return WorldParameters(
        seed=seed,
        start=LAST_DAY - timedelta(days=days - 1),
        days=days,
        branch=dice.choice(("autoland", "autoland", "autoland", "mozilla-inbound", "fx-team")),
        nightlies_per_day=dice.choice(("1", "2", "1-2")),
        pushes_per_day=dice.randrange(6, 16),
        merges_per_day=dice.randrange(1, 4),
        direct_per_day=0.5,
        fast_forwards=dice.choice((0.0, 0.3, 1.0)),
        merge_not_last=some(0.5),
        merge_words=dice.choice(("autoland", "firefox-autoland", "mixed", "wordless")),
        first_push_id=dice.choice((230_400, 9_960)),
        first_central_push_id=dice.choice((45_001, 980)),
        push_id_holes=some(0.2),
        culprit=dice.choice(("autoland", "autoland", "autoland", "direct", "merge")),
        fixes=dice.random() < 0.3,
        git=dice.random() < 0.7,
        git_nulls=some(0.3),
        missing_days=some(0.3),
        mid_push_nightlies=some(0.6),
        empty_folders=some(0.3),
        missing_txt=some(0.3),
        missing_origin=some(0.2),
        expired=dice.random() < 0.07,
        missing_tasks=some(0.4),
        failed_tasks=some(0.2),
        retried_tasks=some(0.3),
        dead_packages=some(0.2),
        broken_builds=some(0.2),
        broken_how="mixed",
        unordered_dates=some(0.3),
    )


def options(world: World, server: PracticeServer, **more: object) -> Options:
    first, last = str(world.nightlies[0].when.date()), str(world.nightlies[-1].when.date())
    old, new = ("bad", "good") if world.parameters.fixes else ("good", "bad")
    words: dict[str, object] = {
        old: first,
        new: last,
        "find_fix": world.parameters.fixes,
        "arch": "x86_64",
        "command": "{binary} --check",
        "archive_base_url": server.archive_url,
        "taskcluster_root_url": server.taskcluster_url,
        "hg_url": server.hg_url,
        "lando_url": server.lando_url,
    }
    return Options(**{**words, **more})  # type: ignore[arg-type]


def bisect(asked: Options, events: list[Event], heard: list[object] | None = None) -> Session:
    """One run from the events so far (none: from the beginning) to its end; new events are added to the list.

    ``heard``: here comes what a reporter is told.
    """
    asked_for = request.read(asked, today=LAST_DAY)
    if not events:
        events.append(Opened(FORMAT, "test", datetime(2026, 9, 30, tzinfo=UTC), asked_for.terms, asked.to_row()))
    seen = wiring.world(asked, asked_for.target, today=LAST_DAY)
    with wiring.ports(
        asked, asked_for, seen, [Listener([] if heard is None else heard)], say=lambda line: None
    ) as ports:
        engine = Engine(Session.of(events), ports, events.append, asked_for.reach)
        engine.run(asked_for.leg)
    return engine.session


def revisions(world: World, session: Session) -> tuple[str, str]:
    result = result_of(session, "https://hg.mozilla.org")
    assert result
    last, first = result.last_revision, result.first_revision
    assert first, "the new end has a revision"
    return last or "", first


@pytest.mark.parametrize("seed", range(FROM, FROM + 50))
def test_the_culprit_lies_in_the_range_and_the_range_is_exact_where_builds_allow(seed: int) -> None:
    world = make_world(random_parameters(seed))
    moods = {"json_listings": seed % 2 == 0, "chain_of_trust": seed % 3 > 0, "hg_redirect": seed % 5 == 0}
    with PracticeServer(world, **moods) as server:
        try:
            session = bisect(options(world, server), [])
        except NothingToSearch:
            sides = {world.contains_culprit(night.push.head.node) for night in world.nightlies if world.testable(night)}
            assert len(sides) < 2, "there were builds on both sides of the change"
            return
    finding = session.stage.ask()
    assert isinstance(finding, Finding)
    last, first = revisions(world, session)
    assert world.contains_culprit(first)
    assert not last or not world.contains_culprit(last)
    judged = [event for event in session.events if isinstance(event, Judged)]
    assert len(judged) == len({event.key for event in judged}), "nothing is tested twice"
    assert_as_close_as_builds_allow(world, last, first, judged)
    assert_the_report_holds_the_culprit(world, session)


def assert_the_report_holds_the_culprit(world: World, session: Session) -> None:
    """What is named is what did it; and what is called exact names nothing else than its push."""
    result = result_of(session, "https://hg.mozilla.org")
    assert result
    named = {changeset.node for changeset in result.changesets}
    if result.finding.first_new.kind is Kind.PUSH:
        assert world.culprit.commit.node in named
    if result.exact:
        assert named <= {commit.node for commit in result_push(world, result).commits}


def result_push(world: World, result: Result) -> Push:
    return next(
        push for push in world.pushes[result.repo] if result.first_revision in {one.node for one in push.commits}
    )


def ancestors(world: World, revision: str) -> frozenset[str]:
    """A revision and everything that it is built on; independent of how the world knows it."""
    parents = {commit.node: commit.parents for commit in world.commits}
    seen: set[str] = set()
    todo = [revision]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(parents[node])
    return frozenset(seen)


def assert_as_close_as_builds_allow(world: World, last: str, first: str, judged: list[Judged]) -> None:
    """No push with a testable build lies between the two revisions: not after ``last`` and before ``first``."""
    # What a build that was judged old is built on is old as well.
    olds = [event.build.revision for event in judged if event.side is Side.OLD]
    lower = frozenset[str]().union(*(ancestors(world, revision) for revision in (last, *olds) if revision))
    tested = {event.build.revision for event in judged}
    upper = ancestors(world, first)
    between = [
        push
        for pushes in world.pushes.values()
        for push in pushes
        if push.head.node in upper and push.head.node != first and push.head.node not in lower and world.testable(push)
    ]
    # What lies between but does not hold all of ``last`` is on another line of history.
    helpful = [
        push
        for push in between
        if push.head.node not in tested and (not last or last in ancestors(world, push.head.node))
    ]
    assert not helpful, f"{[(push.repo, push.number) for push in helpful]} could have been tested"
