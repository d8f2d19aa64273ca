"""The world is the oracle of every other test: here it is held against a walk over the parents, done another way."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from mozbisect.practice.history import make_world
from mozbisect.practice.world import CENTRAL, Package, Task, World, WorldParameters, version_on

SMALL = {"start": date(2026, 9, 1), "days": 8, "pushes_per_day": 12}

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "another seed": {"seed": 7},
    "find-fix": {"fixes": True},
    "direct": {"culprit": "direct"},
    "direct among fast forwards": {"culprit": "direct", "fast_forwards": 1.0, "merge_backs": 1.0},
    "the merge itself": {"culprit": "merge"},
    "a given push": {"culprit": 40},
    "fast forwards": {"fast_forwards": 1.0, "direct_per_day": 0.0},
    "some fast forwards": {"fast_forwards": 0.5, "merge_backs": 1.0},
    "merge in the middle": {"merge_not_last": 1.0, "direct_per_day": 2.0},
    "another branch": {"branch": "fx-team"},
    "unordered": {"unordered_dates": 0.3, "push_id_holes": 0.3},
    "two a day": {"nightlies_per_day": "1-2", "missing_days": 0.2},
}


def small(**more: Any) -> World:
    return make_world(WorldParameters(**{**SMALL, **more}))


@pytest.fixture(params=list(KINDS.values()), ids=list(KINDS))
def world(request: pytest.FixtureRequest) -> World:
    return small(**request.param)


def ancestors(world: World, node: str) -> set[str]:
    """By walking up from the revision; the world itself walks down from the culprit."""
    parents = {commit.node: commit.parents for commit in world.commits}
    found, level = set(), {node}
    while level:
        found |= level
        level = {parent for child in level for parent in parents[child]} - found
    return found


def heads(world: World) -> list[str]:
    return [push.head.node for pushes in world.pushes.values() for push in pushes]


def test_a_revision_is_bad_exactly_if_the_culprit_is_among_its_ancestors(world: World) -> None:
    culprit = world.culprit.commit.node
    for node in heads(world):
        assert world.contains_culprit(node) == (culprit in ancestors(world, node))
        assert world.is_good(node) == (world.contains_culprit(node) == world.parameters.fixes)


def test_along_every_repository_and_the_nightlies_good_changes_to_bad_once(world: World) -> None:
    for revisions in (
        [push.head.node for push in world.central_pushes],
        [nightly.push.head.node for nightly in world.nightlies],
    ):
        verdicts = [world.contains_culprit(node) for node in revisions]
        assert verdicts == sorted(verdicts)
        assert verdicts[0] is False
        assert verdicts[-1] is True
    branch = [world.contains_culprit(push.head.node) for push in world.branch_pushes]
    assert branch == sorted(branch)


def test_what_is_expected_are_neighbours_with_the_culprit_between_them(world: World) -> None:
    expected = world.expected()
    assert not world.contains_culprit(expected.last_old.head.node)
    assert world.contains_culprit(expected.first_new.head.node)
    between = ancestors(world, expected.first_new.head.node) - ancestors(world, expected.last_old.head.node)
    assert world.suspects(expected.last_old.head.node, expected.first_new.head.node) == between
    assert world.culprit.commit.node in between
    if world.parameters.culprit != "merge":
        there = world.pushes[expected.repo]
        assert there.index(expected.first_new) == there.index(expected.last_old) + 1
        assert between == {commit.node for commit in expected.first_new.commits}


def test_the_culprit_landed_where_the_parameters_say(world: World) -> None:
    culprit, own = world.culprit, world.parameters
    assert culprit.commit in culprit.push.commits
    assert culprit.commit in culprit.central_push.commits
    assert culprit.commit.when == culprit.push.when or own.unordered_dates  # made for this push, not brought by it
    match own.culprit:
        case "direct":
            assert culprit.push.repo == CENTRAL
            assert all(len(commit.parents) == 1 for commit in culprit.push.commits)
        case "merge":
            assert culprit.push.repo == CENTRAL
            assert len(culprit.commit.parents) == 2
        case "autoland":
            assert culprit.push.repo == own.branch
        case at:
            assert culprit.push == world.branch_pushes[at]


def test_a_push_brings_all_that_its_head_needs_and_nothing_twice(world: World) -> None:
    for pushes in world.pushes.values():
        known: set[str] = set()
        for push in pushes:
            nodes = {commit.node for commit in push.commits}
            assert not known & nodes
            assert known | nodes >= ancestors(world, push.head.node)
            known |= nodes
            listed: set[str] = set()
            for commit in push.commits:  # oldest first
                assert not {child.node for child in push.commits if commit.node in child.parents} & listed
                listed.add(commit.node)


def test_a_nightly_is_built_from_the_last_push_to_central_before_it(world: World) -> None:
    for nightly in world.nightlies:
        later = world.central_pushes[world.central_pushes.index(nightly.push) + 1 :]
        assert nightly.push.when <= nightly.when
        assert all(push.when > nightly.when for push in later)
        assert nightly.folder == nightly.when.strftime("%Y-%m-%d-%H-%M-%S-mozilla-central")


def test_push_ids_grow(world: World) -> None:
    for pushes in world.pushes.values():
        numbers = [push.number for push in pushes]
        assert numbers == sorted(set(numbers))


def test_the_same_parameters_give_the_same_world() -> None:
    one, two = small(), small()
    assert one.commits == two.commits
    assert one.pushes == two.pushes
    assert one.nightlies == two.nightlies
    assert one.culprit == two.culprit
    assert small(seed=2).culprit != one.culprit


# What these parameters gave when they were all that there were. A new parameter changes no world that does not use it.
FINGERPRINTS = {
    "plain": ({}, "3208696af52e61db"),
    "trial": (
        {"seed": 2, "fixes": True, "fast_forwards": 0.2, "merge_not_last": 0.2, "merge_words": "mixed"},
        "720d9df30582121e",
    ),
    "odd": (
        {"seed": 3, "branch": "fx-team", "culprit": "direct", "push_id_holes": 0.2, "unordered_dates": 0.2},
        "f544d903c9980090",
    ),
}


@pytest.mark.parametrize("kind", FINGERPRINTS)
def test_worlds_of_earlier_versions_are_the_same_hash_for_hash(kind: str) -> None:
    parameters, known = FINGERPRINTS[kind]
    world = make_world(WorldParameters(**parameters))
    digest = sha256()
    for name in sorted(world.pushes):
        for push in world.pushes[name]:
            digest.update(f"{name} {push.number} {push.when} {push.user}\n".encode())
            for commit in push.commits:
                digest.update(f"{commit.node} {commit.git} {commit.parents} {commit.desc}\n".encode())
    for nightly in world.nightlies:
        digest.update(f"{nightly.folder} {nightly.version} {nightly.push.number} {nightly.push.head.node}\n".encode())
    digest.update(world.culprit.commit.node.encode())
    assert digest.hexdigest()[:16] == known


def test_holes_change_nothing_about_the_history_and_more_of_them_contain_the_fewer() -> None:
    whole = small()
    few = small(missing_tasks=0.1, broken_builds=0.1)
    many = small(missing_tasks=0.3, broken_builds=0.3)
    assert whole.pushes == few.pushes == many.pushes
    assert whole.culprit == many.culprit
    untestable = [
        {push.number for push in world.branch_pushes if not world.testable(push)} for world in (whole, few, many)
    ]
    assert untestable[0] == set()
    assert set() < untestable[1] < untestable[2] < {push.number for push in whole.branch_pushes}


def test_fast_forwards_leave_no_merge_changeset_and_merges_do() -> None:
    forward = small(fast_forwards=1.0, direct_per_day=0.0)
    assert not [commit for commit in forward.commits if len(commit.parents) == 2]
    branch_heads = {push.head.node for push in forward.branch_pushes}
    assert all(push.head.node in branch_heads for push in forward.central_pushes)
    assert [commit for commit in small().commits if len(commit.parents) == 2]


def test_a_merge_changeset_need_not_be_the_last_of_its_push() -> None:
    merges = [
        push
        for push in small(merge_not_last=1.0).central_pushes
        if any(len(commit.parents) == 2 for commit in push.commits)
    ]
    assert merges
    assert all(len(push.head.parents) == 1 for push in merges)


def test_merges_back_bring_what_was_pushed_straight_to_central() -> None:
    world = small(merge_backs=1.0, direct_per_day=3.0)
    direct = {
        push.head.node for push in world.central_pushes if all(len(commit.parents) == 1 for commit in push.commits)
    }
    on_branch = {commit.node for push in world.branch_pushes for commit in push.commits}
    assert len(direct & on_branch) > 3


@pytest.mark.parametrize(
    ("words", "subject"),
    [
        ("autoland", "Merge autoland to mozilla-central"),
        ("firefox-autoland", "Merge firefox-autoland to firefox-main"),
        ("wordless", "Merge."),
    ],
)
def test_merges_are_worded_as_asked_for(words: str, subject: str) -> None:
    world = small(merge_words=words)
    merges = {commit.desc for push in world.central_pushes for commit in push.commits if len(commit.parents) == 2}
    assert subject in merges


def test_push_ids_may_gain_a_digit_and_dates_may_go_back() -> None:
    numbers = [push.number for push in small(first_push_id=9_950).branch_pushes]
    assert numbers[0] < 10_000 < numbers[-1]
    dates = [push.when for push in small(unordered_dates=0.3).branch_pushes]
    assert dates != sorted(dates)
    gaps = [push.number for push in small(push_id_holes=0.3).branch_pushes]
    assert gaps[-1] - gaps[0] > len(gaps)


def test_git_hashes_are_known_for_all_some_or_none() -> None:
    assert all(commit.git for commit in small().commits)
    some = [commit.git for commit in small(git_nulls=0.5).commits]
    assert None in some
    assert any(some)
    assert not any(commit.git for commit in small(git=False).commits)


def test_what_becomes_of_builds_follows_the_shares() -> None:
    world = small(missing_tasks=0.2, failed_tasks=0.2, retried_tasks=0.2, dead_packages=0.2, broken_builds=0.2)
    fates = [world.task(push) for push in world.branch_pushes]
    assert set(fates) == set(Task)
    packages = {world.package(push) for push in world.branch_pushes}
    assert packages == {Package.FINE, Package.DEAD, Package.NO_BINARY}
    for push in world.branch_pushes:
        usable = world.task(push) in (Task.DONE, Task.RETRIED) and world.package(push) is Package.FINE
        assert world.testable(push) == usable
    long_ago = datetime(2026, 9, 4, 12, tzinfo=UTC)
    half = small(expired_before=long_ago)
    for push in (*half.branch_pushes, *half.central_pushes):
        assert (half.task(push) is Task.MISSING) == (push.when < long_ago) == (not half.testable(push))
    assert half.commits == small().commits
    gone = small(expired=True)
    assert {gone.task(push) for push in gone.central_pushes} == {Task.MISSING}


def test_a_block_of_nightlies_can_be_broken() -> None:
    world = small(broken_nightlies=(2, 3))
    assert [nightly.number for nightly in world.nightlies if not world.testable(nightly)] == [2, 3, 4]


def test_a_day_may_have_no_nightly_or_two() -> None:
    days = [nightly.when.date() for nightly in small(missing_days=0.4, nightlies_per_day="2").nightlies]
    assert 0 < len(set(days)) < 8
    assert all(days.count(day) == 2 for day in days)


def test_a_revision_may_be_shortened_but_not_be_unknown() -> None:
    world = small()
    node = world.culprit.commit.node
    assert world.commit(node[:12]).node == node
    for unknown in ("", "f" * 40, "foo"):
        with pytest.raises(KeyError):
            world.commit(unknown)


def test_a_culprit_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="no such culprit"):
        small(culprit="merge", fast_forwards=1.0, direct_per_day=0.0)


def test_versions_follow_the_calendar_and_go_on_after_its_end() -> None:
    assert version_on(date(2026, 8, 12)) == "155.0a1"
    assert version_on(date(2026, 8, 13)) == "156.0a1"
    assert version_on(date(2026, 8, 13) + timedelta(days=28)) == "157.0a1"
    assert version_on(date(2025, 9, 14)) == "144.0a1"
