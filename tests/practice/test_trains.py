"""Release branches: what goes where and when, what the tags name, and that nothing else about the history changes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from mozbisect.practice.history import make_world
from mozbisect.practice.world import TAGS_BRANCH, Commit, Push, Task, World, WorldParameters

TWO_TRAINS = (date(2026, 9, 8), date(2026, 9, 15))
DAYS = {"start": date(2026, 9, 1), "days": 21, "pushes_per_day": 12}

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "another seed": {"seed": 5},
    "an uplift": {"culprit": "uplift"},
    "holes and clocks": {"push_id_holes": 0.3, "unordered_dates": 0.3, "mid_push_nightlies": 0.5},
    "no uplifts": {"uplifts_per_day": 0},
    "straight to central": {"culprit": "direct", "direct_per_day": 1.0},
}


def railway(**more: Any) -> World:
    return make_world(WorldParameters(**{**DAYS, "trains": True, "train_days": TWO_TRAINS, **more}))


@pytest.fixture(params=list(KINDS.values()), ids=list(KINDS), scope="module")
def world(request: pytest.FixtureRequest) -> World:
    return railway(**request.param)


@pytest.fixture(scope="module")
def plain() -> World:
    return railway()


@pytest.fixture(scope="module")
def both(world: World) -> list[World]:
    """A world and what Thunderbird's is like beside it."""
    beside = railway(**{**vars_of(world), "culprit": "autoland", "products": ("firefox", "thunderbird")})
    return [world, beside.others["thunderbird"]]


def vars_of(world: World) -> dict[str, Any]:
    own = world.parameters
    return {name: getattr(own, name) for name in ("seed", "uplifts_per_day", "push_id_holes", "unordered_dates")}


def ancestors(world: World, node: str) -> set[str]:
    parents = {commit.node: commit.parents for commit in world.commits}
    found, level = set(), {node}
    while level:
        found |= level
        level = {parent for child in level for parent in parents[child]} - found
    return found


def name(world: World, kind: str) -> str:
    return f"{world.parameters.family}-{kind}"


def trains(world: World, kind: str) -> list[Push]:
    """The pushes that brought one branch to another."""
    return [push for push in world.pushes[name(world, kind)] if push.user.startswith("ffxbld") and not push.only_tags]


def nodes(pushes: list[Push] | tuple[Push, ...]) -> set[str]:
    return {commit.node for push in pushes for commit in push.commits}


def code(pushes: list[Push] | tuple[Push, ...]) -> set[str]:
    return {commit.node for push in pushes for commit in push.commits if commit.branch != TAGS_BRANCH}


# --------------------------------------------------------------------------------- what stays as it was


def test_trains_change_nothing_about_central_and_its_branch_but_push_ids(world: World) -> None:
    if world.parameters.culprit == "uplift":
        without = make_world(replace(world.parameters, trains=False, culprit="autoland"))
    else:
        without = make_world(replace(world.parameters, trains=False))
        assert without.culprit.commit == world.culprit.commit
        assert replace(world.culprit.central_push, number=0) == replace(without.culprit.central_push, number=0)
        assert world.culprit.central_push in world.central_pushes
    assert world.branch_pushes == without.branch_pushes
    built = [push for push in world.central_pushes if not push.only_tags]
    assert [replace(push, number=0) for push in built] == [replace(push, number=0) for push in without.central_pushes]
    assert [replace(one.push, number=0) for one in world.nightlies] == [
        replace(one.push, number=0) for one in without.nightlies
    ]
    numbers = {push.number: push.head.node for push in built}
    assert all(numbers[one.push.number] for one in world.nightlies)
    assert len(built) < len(world.central_pushes)


def test_without_trains_there_are_no_release_branches() -> None:
    world = make_world(WorldParameters(**DAYS))
    assert set(world.pushes) == {"mozilla-central", "autoland"}
    assert world.tags == world.releases == ()


# ----------------------------------------------------------------------------------------- what the branches hold


def test_push_ids_grow_and_a_push_brings_all_that_its_head_needs(both: list[World]) -> None:
    for world in both:
        for pushes in world.pushes.values():
            numbers = [push.number for push in pushes]
            assert numbers == sorted(set(numbers))
            known: set[str] = set()
            for push in pushes:
                brought = {commit.node for commit in push.commits}
                assert not known & brought
                assert known | brought >= ancestors(world, push.head.node)
                known |= brought


def test_a_train_brings_beta_all_that_central_has_and_release_all_that_beta_had(both: list[World]) -> None:
    for world in both:
        central = world.central_pushes
        betas, releases = trains(world, "beta"), trains(world, "release")
        for pushes in (betas, releases):
            assert [push.head.when.date() for push in pushes] == list(TWO_TRAINS)
        signs = [at for at, push in enumerate(central) if push.only_tags]
        for beta, release, at in zip(betas, releases, signs, strict=True):
            there = world.pushes[name(world, "beta")]
            before = there[: there.index(beta)]
            left = central[:at]
            assert code(there[: there.index(beta) + 1]) >= code(left)
            assert nodes([beta]) & code(central) == code(left) - code(before)
            on_release = world.pushes[name(world, "release")]
            assert code(on_release[: on_release.index(release) + 1]) >= code(before)
        assert max(len(push.commits) for push in betas) > 50


def test_between_trains_come_uplifts_with_an_approval(world: World) -> None:
    ordinary = [
        push
        for kind in ("beta", "release", "esr140")
        for push in world.pushes[name(world, kind)][1:]
        if not push.user.startswith("ffxbld")
    ]
    assert bool(ordinary) == bool(world.parameters.uplifts_per_day)
    assert all(" a=" in commit.desc.partition("\n")[0] for push in ordinary for commit in push.commits)
    assert all(len(push.commits) <= 2 for push in ordinary)


def test_the_esr_never_takes_a_train(world: World) -> None:
    assert not trains(world, "esr140")
    esr = world.pushes["mozilla-esr140"]
    assert code(esr[1:]).isdisjoint(code(world.central_pushes))


def test_a_culprit_reaches_the_branches_with_the_train_after_it(world: World) -> None:
    culprit = world.culprit.commit.node
    for pushes in world.pushes.values():
        built = [push for push in pushes if not push.only_tags]
        verdicts = [world.contains_culprit(push.head.node) for push in built]
        assert verdicts == sorted(verdicts)
        assert verdicts == [culprit in ancestors(world, push.head.node) for push in built]


def test_an_uplift_is_bad_on_beta_and_never_on_central() -> None:
    world = railway(culprit="uplift")
    assert world.culprit.push.repo == "mozilla-beta"
    assert world.expected().repo == "mozilla-beta"
    assert not world.expected().last_old.only_tags
    assert all(world.is_good(nightly.push.head.node) for nightly in world.nightlies)
    betas = [world.is_good(one.push.head.node) for one in world.releases if one.channel == "beta"]
    assert betas[0] is True
    assert betas[-1] is False


# ------------------------------------------------------------------------------------------------------- tags


def tagged(world: World) -> dict[str, Commit]:
    return {tag.name: world.commit(tag.node) for tag in world.tags}


def test_tags_name_where_each_branch_began_and_ended(world: World) -> None:
    tags = tagged(world)
    for day in TWO_TRAINS:
        leaving = world.parameters.major_on(day) - 1
        end = f"FIREFOX_NIGHTLY_{leaving}_END"
        sign = next(push for push in world.central_pushes if end in push.head.desc and push.only_tags)
        last = world.central_pushes[world.central_pushes.index(sign) - 1]
        assert tags[end] == last.head
        assert sign.head.when.date() == day
        assert tags[f"FIREFOX_BETA_{leaving}_BASE"] == tags[f"FIREFOX_NIGHTLY_{leaving}_END"]
        at = TWO_TRAINS.index(day)
        merge = trains(world, "beta")[at]
        assert tags[f"FIREFOX_BETA_{leaving}_BASE"].node in ancestors(world, merge.head.node)
        base = tags[f"FIREFOX_RELEASE_{leaving - 1}_BASE"].node
        assert base == tags[f"FIREFOX_BETA_{leaving - 1}_END"].node
        assert base in code(world.pushes["mozilla-beta"])
        assert base in ancestors(world, trains(world, "release")[at].head.node)


def test_each_version_that_went_out_has_its_tags(both: list[World]) -> None:
    for world in both:
        product = {"mozilla": "FIREFOX", "comm": "THUNDERBIRD"}[world.parameters.family]
        tags = tagged(world)
        assert len(tags) == len(world.tags), "no name twice"
        for one in world.releases:
            stem = f"{product}_{one.version.replace('.', '_')}"
            assert tags[f"{stem}_RELEASE"] == one.push.head
            for number, push in enumerate(one.builds, 1):
                assert tags[f"{stem}_BUILD{number}"] == push.head
            assert one.push in world.pushes[name(world, {"esr": "esr140"}.get(one.channel, one.channel))]


def test_what_only_tags_exists_in_mercurial_only_and_is_never_built(world: World) -> None:
    signs = [push for pushes in world.pushes.values() for push in pushes if push.only_tags]
    assert {push.repo for push in signs} == {"mozilla-central", "mozilla-beta", "mozilla-release", "mozilla-esr140"}
    for push in signs:
        assert [commit.git for commit in push.commits] == [None]
        assert world.task(push) is Task.MISSING
        assert push.user.startswith("ffxbld")
    assert not nodes(signs) & {tag.node for tag in world.tags}


# --------------------------------------------------------------------------------------------------- versions


def test_versions_go_up_on_train_days_and_branches_are_one_and_two_behind(plain: World) -> None:
    first = plain.parameters.major_on(plain.parameters.start)
    for nightly in plain.nightlies:
        passed = sum(day <= nightly.when.date() for day in TWO_TRAINS)
        assert nightly.version == plain.version(nightly) == f"{first + passed}.0a1"
    for push in plain.branch_pushes[1:]:
        assert plain.version(push).endswith(".0a1")
    for one in plain.releases:
        major, minor = re.findall(r"\d+", one.version)[:2]
        assert plain.version(one.push) == (f"{major}.{minor}.0" if one.channel == "esr" else f"{major}.0")


def test_mozillas_calendar_is_followed_unless_another_is_given() -> None:
    world = make_world(WorldParameters(trains=True, pushes_per_day=6))
    assert world.parameters.departures == (date(2026, 8, 13), date(2026, 9, 10))
    assert {tag.name for tag in world.tags} >= {"FIREFOX_NIGHTLY_155_END", "FIREFOX_NIGHTLY_156_END"}


def test_each_channel_goes_out_in_its_own_rhythm(plain: World) -> None:
    first = plain.parameters.major_on(plain.parameters.start)
    by_channel = {
        channel: [one.version for one in plain.releases if one.channel == channel]
        for channel in ("release", "beta", "esr")
    }
    assert by_channel["release"] == [f"{first - 2 + cycle}.0" for cycle in range(3)]
    assert by_channel["beta"][:4] == [f"{first - 1}.0b{number}" for number in (1, 2, 3, 4)]
    assert by_channel["esr"] == [f"140.{first - 2 - 140 + cycle}.0esr" for cycle in range(3)]
    long = railway(days=30, train_days=(date(2026, 9, 29),))
    assert [one.version for one in long.releases if one.channel == "release"][:4] == [
        *(f"{first - 2}.0{update}" for update in ("", ".1", ".2", ".3")),
    ]


def test_a_release_is_built_from_pushes_of_its_own_cycle_before_it_went_out(both: list[World]) -> None:
    seen = set()
    for world in both:
        for one in world.releases:
            seen.add(len(one.builds))
            assert all(push.when.date() <= one.day for push in one.builds)
            assert not any(push.only_tags for push in one.builds)
            assert len({world.version(push) for push in one.builds}) == 1
    assert 1 in seen


def test_some_versions_needed_a_second_build() -> None:
    assert {len(one.builds) for seed in range(4) for one in railway(seed=seed).releases} == {1, 2}


# --------------------------------------------------------------------------------------------- what cannot be


@pytest.mark.parametrize(
    "wrong",
    [
        {"trains": True, "esr": 155},
        {"culprit": "uplift"},
        {"products": ("firefox", "camino")},
        {"build_types": ("shippable", "fast")},
    ],
)
def test_a_world_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"ESR|Uplifts|camino|fast"):
        WorldParameters(**wrong)


def test_thunderbird_has_a_history_and_a_culprit_of_its_own(small: Callable[..., World]) -> None:
    world = small(products=("firefox", "thunderbird"))
    other = world.others["thunderbird"]
    assert set(other.pushes) == {"comm-central"}
    assert other.culprit.push.repo == "comm-central"
    assert nodes(other.central_pushes).isdisjoint({commit.node for commit in world.commits})
    assert [one.folder for one in other.nightlies] == [f"{one.stamp}-comm-central" for one in other.nightlies]
    assert world.commits == small().commits
    verdicts = [other.is_good(one.push.head.node) for one in other.nightlies]
    assert verdicts == sorted(verdicts, reverse=True)
    assert (verdicts[0], verdicts[-1]) == (True, False)
