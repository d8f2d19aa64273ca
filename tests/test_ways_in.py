"""Whole searches over invented histories, by every kind of bound and of every kind of build, held against the truth."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from mozbisect import request, wiring
from mozbisect.core.errors import EndsContradict, MozbisectError, NothingToSearch
from mozbisect.core.journal import Event, Listed, Missing, Session
from mozbisect.core.model import Finding, Kind, Leg, LegKind, Revision, Tag
from mozbisect.core.news import Note
from mozbisect.engine import first_listed
from mozbisect.options import Options
from mozbisect.practice.history import make_world
from mozbisect.practice.parameters import WorldParameters
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import LAST_DAY, World
from mozbisect.report.words import result_of, so_far
from tests.test_worlds import bisect

FIRST = LAST_DAY - timedelta(days=13)


def parameters(**more: Any) -> WorldParameters:
    plain: dict[str, Any] = {"seed": 5, "start": FIRST, "days": 14, "pushes_per_day": 10, "merges_per_day": 2}
    return WorldParameters(**{**plain, **more})


def options(server: PracticeServer, **words: Any) -> Options:
    where = {
        "archive_base_url": server.archive_url,
        "taskcluster_root_url": server.taskcluster_url,
        "hg_url": server.hg_url,
        "lando_url": server.lando_url,
        "product_details_url": server.product_details_url,
    }
    return Options(**{"arch": "x86_64", "command": "{binary} --check", **where, **words})


def found(session: Session) -> Finding:
    assert session.finding
    return session.finding


def search(server: PracticeServer, **words: Any) -> Finding:
    return found(bisect(options(server, **words), []))


def whole_range(world: World) -> dict[str, str]:
    return {"good": str(world.nightlies[0].when.date()), "bad": str(world.nightlies[-1].when.date())}


@pytest.fixture(scope="module")
def plain() -> Iterator[tuple[World, PracticeServer]]:
    world = make_world(parameters(git_routes=True))
    with PracticeServer(world) as server:
        yield world, server


# ----------------------------------------------------------------------------------------------- Git hashes


@pytest.mark.parametrize("digits", [40, 12])
def test_git_hashes_are_bounds_and_both_hashes_come_out(plain: tuple[World, PracticeServer], digits: int) -> None:
    world, server = plain
    pushes = world.pushes["autoland"]
    old, new = pushes[5].head, pushes[-5].head
    assert old.git
    assert new.git
    finding = search(server, good=old.git[:digits], bad=new.git[:digits])
    assert finding.first_new.revision == world.culprit.push.head.node
    assert finding.first_new.git_revision == world.culprit.push.head.git


@pytest.mark.parametrize("digits", [40, 12])
def test_a_commit_that_lando_does_not_know_yet_is_found_another_way(digits: int) -> None:
    world = make_world(parameters(lando_lag=timedelta(days=3), git_routes=True))
    new = world.pushes["autoland"][-1].head
    assert new.git
    with PracticeServer(world) as server:
        finding = search(server, good=whole_range(world)["good"], bad=new.git[:digits])
    assert finding.first_new.revision == world.culprit.push.head.node


def test_builds_for_32_bits_are_played_with_as_well(plain: tuple[World, PracticeServer]) -> None:
    world, server = plain
    finding = search(server, **whole_range(world), arch="x86")
    assert finding.first_new.revision == world.culprit.push.head.node


# ------------------------------------------------------------------------------------------------- branches

TRAINS = {"trains": True, "train_days": (FIRST + timedelta(days=5),), "culprit": "uplift"}


@pytest.fixture(scope="module")
def branches() -> Iterator[tuple[World, PracticeServer]]:
    """A regression that was uplifted to beta, and is nowhere else."""
    world = make_world(parameters(**TRAINS))
    with PracticeServer(world) as server:
        yield world, server


def test_a_regression_of_the_beta_branch_is_found_by_its_days(branches: tuple[World, PracticeServer]) -> None:
    world, server = branches
    finding = search(server, repo="beta", **whole_range(world))
    assert finding.first_new.revision == world.culprit.push.head.node
    assert not finding.untested


def test_a_push_that_only_brought_tags_is_never_a_candidate(branches: tuple[World, PracticeServer]) -> None:
    world, server = branches
    events: list[Event] = []
    bisect(options(server, repo="beta", **whole_range(world)), events)
    tags = {push.head.node for push in world.pushes["mozilla-beta"] if push.only_tags}
    assert tags
    listed = [event.timeline for event in events if isinstance(event, Listed)]
    assert not tags & {candidate.revision for timeline in listed for candidate in timeline.candidates}


def versions(world: World, channel: str) -> list[str]:
    return [release.version for release in world.releases if ("b" in release.version) is (channel == "beta")]


def test_two_betas_are_two_pushes_of_the_beta_branch(branches: tuple[World, PracticeServer]) -> None:
    world, server = branches
    betas = [release for release in world.releases if release.push.repo == "mozilla-beta"]
    bad = next(one for one in betas if world.contains_culprit(one.push.head.node))
    good = betas[betas.index(bad) - 1]
    finding = search(server, good=good.version, bad=bad.version)
    assert finding.first_new.revision == world.culprit.push.head.node


def test_the_released_versions_lead_to_the_same_push(branches: tuple[World, PracticeServer]) -> None:
    world, server = branches
    betas = [release for release in world.releases if release.push.repo == "mozilla-beta"]
    bad = next(one for one in betas if world.contains_culprit(one.push.head.node))
    session = bisect(options(server, app="firefox-release", good=betas[0].version, bad=bad.version), [])
    kinds = [stage.timeline.leg.kind for stage in session.stages]
    assert kinds[:2] == [LegKind.RELEASES, LegKind.PUSHES]
    assert found(session).first_new.revision == world.culprit.push.head.node


# ------------------------------------------------------------------------------------------------- expired


def test_when_the_builds_of_a_branch_are_gone_the_nightlies_of_the_trunk_tell_what_they_can() -> None:
    world = make_world(parameters(start=datetime(2025, 3, 1).date(), expired=True))
    with PracticeServer(world) as server:
        session = bisect(options(server, repo="autoland", **whole_range(world)), [])
    finding = found(session)
    assert session.stages[0].timeline.leg.kind is LegKind.NIGHTLIES
    assert session.stages[0].timeline.leg.instead
    old, new = (build.revision for build in (finding.old_build, finding.new_build) if build)
    assert old
    assert new
    assert not world.contains_culprit(old)
    assert world.contains_culprit(new)
    assert finding.untested, "the pushes between the two nightlies stay open"
    assert {item.reason for item in finding.untested} == {"expired from Taskcluster"}
    named = {node for item in finding.untested for node in item.candidate.changesets} | set(
        finding.first_new.changesets
    )
    assert world.culprit.commit.node in named


def test_pushes_between_two_nightlies_that_are_gone_are_not_asked_for_one_by_one() -> None:
    world = make_world(parameters(start=datetime(2025, 3, 1).date(), expired=True, pushes_per_day=40))
    events: list[Event] = []
    with PracticeServer(world) as server:
        bisect(options(server, **whole_range(world)), events)
        asked = [seen for seen in server.log if "/index/v1/task/" in seen.path]
    assert not [event for event in events if isinstance(event, Missing)]
    assert len(asked) <= 24, "four pushes of each leg, by three routes each"


def half_gone(seed: int = 5) -> World:
    """A history of two weeks; of the first of them Taskcluster has no build any more."""
    now = datetime.now(UTC)
    first = (now - timedelta(days=372)).date()
    return make_world(parameters(seed=seed, start=first, expired_before=now - timedelta(days=365)))


def is_gone(world: World) -> bool:
    assert world.parameters.expired_before
    return world.culprit.push.when < world.parameters.expired_before + timedelta(days=1)


def worlds_half_gone(*, gone: bool, most: int = 3) -> list[World]:
    return list(islice((world for world in map(half_gone, range(5, 60)) if is_gone(world) is gone), most))


def test_a_branch_whose_older_builds_are_gone_is_searched_from_where_they_begin() -> None:
    (world,) = worlds_half_gone(gone=False, most=1)
    with PracticeServer(world) as server:
        asked = options(server, repo="autoland", build_type="debug", **whole_range(world))
        assert found(bisect(asked, [])).first_new.revision == world.culprit.push.head.node


@pytest.mark.parametrize("by", ["days", "revisions"])
def test_a_change_among_the_builds_that_are_gone_is_looked_for_among_the_nightlies_with_what_is_known(by: str) -> None:
    for world in worlds_half_gone(gone=True):
        branch = world.pushes["autoland"]
        days, revisions = whole_range(world), {"good": branch[0].head.node, "bad": branch[-1].head.node}
        with PracticeServer(world) as server:
            session = bisect(options(server, **({"repo": "autoland", **days} if by == "days" else revisions)), [])
        kinds = [stage.timeline.leg.kind for stage in session.stages]
        assert kinds[:2] == [LegKind.PUSHES, LegKind.NIGHTLIES]
        finding = found(session)
        result = result_of(session, "https://hg.mozilla.org")
        assert result
        assert not world.contains_culprit(str(result.last_revision))
        assert world.contains_culprit(str(result.first_revision))
        named = {node for item in finding.untested for node in item.candidate.changesets}
        assert world.culprit.commit.node in named | set(finding.first_new.changesets)
        first_kept = session.stages[0].judged[0]
        assert session.stages[1].timeline.leg.new == Revision(str(first_kept.build.revision)), "what is known is used"


def test_a_change_among_the_builds_that_are_gone_without_any_other_is_told_as_far_as_it_is_known() -> None:
    (world,) = worlds_half_gone(gone=True, most=1)
    events: list[Event] = []
    with PracticeServer(world) as server:
        asked = options(server, repo="autoland", build_type="debug", **whole_range(world))
        with pytest.raises(
            NothingToSearch, match=r"No build was ever seen good.*\(expired from Taskcluster\)"
        ) as caught:
            bisect(asked, events)
    assert "The archive keeps nightlies" in caught.value.advice
    result = result_of(Session.of(events), "https://hg.mozilla.org")
    assert result
    known = so_far(result)
    assert known
    assert known.startswith("So far: bad from ")


def test_two_revisions_of_which_one_is_a_head_on_the_trunk_as_well_are_of_the_branch() -> None:
    """A merge without a changeset of its own: the trunk's pushlog has a push with the branch's own head."""
    world = make_world(parameters(fast_forwards=1.0))
    heads = {push.head.node for push in world.central_pushes}
    branch = world.pushes["autoland"]
    old = next(push for push in branch if push.head.node in heads)
    with PracticeServer(world) as server:
        finding = search(server, good=old.head.node, bad=branch[-1].head.node)
    assert finding.first_new.revision == world.culprit.push.head.node


def test_two_revisions_of_which_no_repository_has_both_are_searched_among_the_nightlies() -> None:
    world = make_world(parameters(merge_backs=0.0, pushes_per_day=30))
    last = world.pushes["autoland"][-1].head.node
    assert last not in {commit.node for push in world.central_pushes for commit in push.commits}
    with PracticeServer(world) as server:
        session = bisect(options(server, good=world.central_pushes[1].head.node, bad=last), [])
    assert session.stages[0].timeline.leg.kind is LegKind.NIGHTLIES
    assert found(session).first_new.revision == world.culprit.push.head.node


def test_two_old_revisions_are_searched_among_the_nightlies_around_them_and_that_is_said() -> None:
    world = make_world(parameters(start=date(2025, 3, 1), expired=True))
    branch = world.pushes["autoland"]
    at = branch.index(world.culprit.push)
    heard: list[object] = []
    with PracticeServer(world) as server:
        asked = options(server, good=branch[at - 1].head.node, bad=branch[at].head.node)
        session = bisect(asked, [], heard)
        asked_for = request.read(asked, today=LAST_DAY)
        seen = wiring.world(asked, asked_for.target, today=LAST_DAY)
        listed = first_listed(asked_for.leg, asked_for.reach, seen.source, lambda news: None)
    (said,) = [news.text for news in heard if isinstance(news, Note)]
    assert said.startswith("Taskcluster keeps the builds of autoland for a year")
    assert session.stages[0].timeline.leg.kind is LegKind.NIGHTLIES
    assert listed == session.stages[0].timeline, "what is listed is what would be searched"
    result = result_of(session, "https://hg.mozilla.org")
    assert result
    assert world.contains_culprit(str(result.first_revision))
    assert not world.contains_culprit(str(result.last_revision))


# -------------------------------------------------------------------------------- releases of different branches


def train_world(**more: Any) -> World:
    plain: dict[str, Any] = {"seed": 7, "start": LAST_DAY - timedelta(days=89), "days": 90, "trains": True}
    return make_world(WorldParameters(**{**plain, **more}))


def around_a_train(world: World) -> dict[str, str]:
    """The last update of a version that is good, and the first beta that has the culprit."""
    betas = [one for one in world.releases if one.channel == "beta"]
    bad = next(one for one in betas if world.contains_culprit(one.push.head.node))
    major = int(bad.version.partition(".")[0])
    good = [one for one in world.releases if one.version.startswith(f"{major - 1}.0") and one.channel == "release"]
    return {"good": good[-1].version, "bad": bad.version}


def answers(link: str | None) -> bool:
    assert link
    with urllib.request.urlopen(link) as answer:
        return bool(answer.status == 200)


@pytest.mark.parametrize("seed", [7, 8, 11])
def test_from_an_update_to_the_next_beta_it_goes_on_where_the_two_left_the_trunk(seed: int) -> None:
    world = train_world(seed=seed)
    with PracticeServer(world) as server:
        session = bisect(options(server, app="firefox-release", **around_a_train(world)), [])
        result = result_of(session, server.hg_url)
        assert result
        assert answers(result.pushlog)
    assert found(session).first_new.revision == world.culprit.push.head.node


def test_what_broke_on_the_beta_branch_itself_is_found_from_an_update_of_the_version_before() -> None:
    first = LAST_DAY - timedelta(days=29)
    trains = (first + timedelta(days=9), first + timedelta(days=19))
    made = (train_world(seed=seed, start=first, days=30, train_days=trains, culprit="uplift") for seed in range(9))
    world = next(world for world in made if world.culprit.push.when.date() > trains[1])
    with PracticeServer(world) as server:
        versions = around_a_train(world)
        major, _, number = versions["bad"].partition(".0b")
        betas = f"{major}.0b1..{major}.0b{int(number) - 1}"
        session = bisect(options(server, app="firefox-release", exclude=(betas,), **versions), [])
    finding = found(session)
    assert [stage.timeline.leg.repo for stage in session.stages][:3] == [
        "mozilla-release",
        "mozilla-central",
        "mozilla-beta",
    ]
    assert finding.first_new.revision == world.culprit.push.head.node


def test_two_releases_of_which_nothing_closer_is_kept_are_the_answer_with_a_link_that_works() -> None:
    world = train_world(expired=True)
    with PracticeServer(world) as server:
        session = bisect(options(server, app="firefox-release", **around_a_train(world)), [])
        result = result_of(session, server.hg_url)
        assert result
        assert result.finding.leg.kind is LegKind.RELEASES
        assert answers(result.pushlog)
    assert session.ended
    assert session.ended.since in str(result.pushlog)
    assert result.was_tested(result.finding.old_build)
    assert result.was_tested(result.finding.new_build)


# --------------------------------------------------------------------------------------------- other builds


def test_excluded_days_are_never_tested_and_stay_open(plain: tuple[World, PracticeServer]) -> None:
    world, server = plain
    day = world.culprit.push.when.date()
    events: list[Event] = []
    finding = found(bisect(options(server, exclude=(f"{day}..{day}",), **whole_range(world)), events))
    tested = [event for event in events if type(event).__name__ == "Judged"]
    assert all(event.build.candidate.when.date() != day for event in tested)  # type: ignore[attr-defined]
    last = finding.last_old.revision or (finding.old_build.revision if finding.old_build else "")
    first = finding.first_new.revision or (finding.new_build.revision if finding.new_build else "")
    assert not world.contains_culprit(str(last))
    assert world.contains_culprit(str(first))


def test_without_a_good_bound_one_is_found(plain: tuple[World, PracticeServer]) -> None:
    world, server = plain
    finding = search(server, bad=str(world.nightlies[-1].when.date()), search_back=True)
    assert finding.first_new.revision == world.culprit.push.head.node


def test_the_javascript_shell_goes_on_from_nightlies_to_the_very_push() -> None:
    world = make_world(parameters(products=("firefox", "jsshell")))
    with PracticeServer(world) as server:
        words = {"app": "jsshell", "command": None, "judge": "output:red", **whole_range(world)}
        finding = search(server, **words)
    assert finding.first_new.kind is Kind.PUSH
    assert finding.first_new.revision == world.culprit.push.head.node


def test_thunderbird_is_searched_on_its_own_repository() -> None:
    both = make_world(parameters(products=("firefox", "thunderbird")))
    world = both.others["thunderbird"]
    with PracticeServer(both) as server:
        finding = search(server, app="thunderbird", **whole_range(world))
    assert finding.first_new.repo == "comm-central"
    assert finding.first_new.revision == world.culprit.push.head.node


def test_a_localised_firefox_ends_with_two_nightlies_and_their_revisions() -> None:
    world = make_world(parameters(products=("firefox", "firefox-l10n")))
    with PracticeServer(world) as server:
        session = bisect(options(server, app="firefox-l10n", lang="de", **whole_range(world)), [])
    finding = found(session)
    assert finding.old_build
    assert finding.new_build
    assert not world.contains_culprit(str(finding.old_build.revision))
    assert world.contains_culprit(str(finding.new_build.revision))
    assert session.ended
    assert session.ended.why == "There are no builds of single pushes of this app."


def test_private_builds_without_credentials_say_what_they_need() -> None:
    world = make_world(parameters(private=True))
    with PracticeServer(world) as server, pytest.raises((MozbisectError, NothingToSearch)) as caught:
        bisect(options(server, repo="autoland", **whole_range(world)), [])
    assert "TASKCLUSTER" in str(caught.value)


# ------------------------------------------------------------------------------------------- never wider again


@pytest.mark.parametrize("seed", [109, *range(20)])
def test_following_a_merge_never_makes_a_range_wider(seed: int) -> None:
    """What was narrowed down on a branch must not grow again by looking at where it was merged to."""
    world = make_world(parameters(seed=seed, missing_tasks=0.35, merges_per_day=4, broken_builds=0.1))
    with PracticeServer(world) as server:
        session = bisect(options(server, repo="autoland", **whole_range(world)), [])
    result = result_of(session, "https://hg.mozilla.org")
    assert result
    named = {changeset.node for changeset in result.changesets}
    assert world.culprit.commit.node in named
    branch = world.pushes["autoland"]
    at = branch.index(world.culprit.push)
    first = next((push for push in branch[at:] if world.testable(push)), None)
    last = next((push for push in reversed(branch[:at]) if world.testable(push)), None)
    assert first, "a world in which this can be told"
    assert last
    closest = {
        commit.node for push in branch[branch.index(last) + 1 : branch.index(first) + 1] for commit in push.commits
    }
    assert named <= closest


def test_uplifts_before_a_merge_do_not_hide_where_its_changesets_landed_first() -> None:
    """On a release branch the untested pushes before the merge are uplifts, of which the trunk knows nothing."""
    world = make_world(
        WorldParameters(
            seed=32307,
            start=date(2026, 8, 1),
            days=90,
            trains=True,
            culprit="merge",
            nightlies_per_day="1-2",
            merge_words="autoland",
            fast_forwards=0.3,
            merge_not_last=0.5,
            push_id_holes=0.2,
            missing_tasks=0.3,
            broken_builds=0.15,
            broken_how="mixed",
            missing_txt=0.3,
            pushes_per_day=12,
            products=("firefox", "devedition", "jsshell"),
            missing_days=0.2,
        )
    )
    with PracticeServer(world) as server:
        session = bisect(options(server, good="154.0b1", bad="157.0b9"), [])
    result = result_of(session, "https://hg.mozilla.org")
    assert result
    assert world.culprit.commit.node in {changeset.node for changeset in result.changesets}


@pytest.fixture(scope="module")
def trains() -> Iterator[tuple[World, PracticeServer]]:
    first = LAST_DAY - timedelta(days=119)
    world = make_world(WorldParameters(seed=7, start=first, days=120, trains=True, products=("firefox", "devedition")))
    with PracticeServer(world) as server:
        yield world, server


def listed_first(server: PracticeServer, **words: Any) -> Leg:
    """What is searched first; the culprit may never have come there."""
    events: list[Event] = []
    with suppress(EndsContradict):
        bisect(options(server, **words), events)
    return next(event for event in events if isinstance(event, Listed)).timeline.leg


def test_a_version_of_an_esr_is_a_bound_beside_a_day(trains: tuple[World, PracticeServer]) -> None:
    world, server = trains
    release = next(release for release in world.releases if release.channel == "esr")
    leg = listed_first(server, good=str(world.nightlies[0].when.date()), bad=release.version)
    assert leg.new == Tag(f"FIREFOX_{release.version.replace('.', '_')}_RELEASE")


def test_days_of_an_esr_are_searched_push_by_push_as_it_has_no_nightlies(trains: tuple[World, PracticeServer]) -> None:
    world, server = trains
    name = next(release.push.repo for release in world.releases if release.channel == "esr")
    pushes = [push for push in world.pushes[name] if world.testable(push) and push.when.date() <= LAST_DAY]
    leg = listed_first(server, repo=name, good=str(pushes[0].when.date()), bad=str(pushes[-1].when.date()))
    assert (leg.kind, leg.repo) == (LegKind.PUSHES, name)
