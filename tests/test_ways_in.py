"""Whole searches over invented histories, by every kind of bound and of every kind of build, held against the truth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mozbisect.core.errors import EndsContradict, MozbisectError, NothingToSearch
from mozbisect.core.journal import Event, Listed, Missing, Session
from mozbisect.core.model import Finding, Kind, Leg, LegKind, Tag
from mozbisect.options import Options
from mozbisect.practice.history import make_world
from mozbisect.practice.parameters import WorldParameters
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import LAST_DAY, World
from mozbisect.report.words import result_of
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
    finding = session.stage.ask()
    assert isinstance(finding, Finding)
    return finding


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


def test_a_branch_whose_older_builds_are_gone_is_searched_from_where_they_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = datetime.now(UTC)
    first = (now - timedelta(days=370)).date()
    world = make_world(parameters(start=first, expired_before=now - timedelta(days=365)))
    culprit_is_gone = world.culprit.push.when < now - timedelta(days=365)
    with PracticeServer(world) as server:
        asked = options(server, repo="autoland", build_type="debug", **whole_range(world))
        if culprit_is_gone:
            with pytest.raises(EndsContradict, match="Both ends are bad"):
                bisect(asked, [])
        else:
            assert found(bisect(asked, [])).first_new.revision == world.culprit.push.head.node


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
