"""Timelines of pushes, above all through merges of every shape. The pushlog is a list in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest

from mozbisect.core.errors import NetworkError, NothingToSearch, UsageError
from mozbisect.core.model import Candidate, Changeset, Day, Kind, Leg, LegKind, Revision, Timeline
from mozbisect.sources.git import Git
from mozbisect.sources.lando import Lando
from mozbisect.sources.pushes import Pushes
from mozbisect.sources.pushlog import Pushlog, push_id
from mozbisect.sources.revisions import Revisions

MONDAY = datetime(2026, 9, 14, tzinfo=UTC)


def node(name: str) -> str:
    """A hash that can be read: the letters of the name as hex, then zeros."""
    return name.encode().hex().ljust(40, "0")[:40]


def push(repo: str, number: int, hour: float, *names: str) -> Candidate:
    when = MONDAY + timedelta(hours=hour)
    return Candidate(Kind.PUSH, f"{repo}:{number}", repo, when, tuple(node(name) for name in names))


class MemoryPushlog:
    """The questions of ``Pushlog``, answered from a list."""

    def __init__(self, *pushes: Candidate) -> None:
        self._pushes = pushes
        self.asked: list[tuple[str, str]] = []
        self.tags: dict[str, str] = {}

    def _of(self, repo: str, question: str) -> list[Candidate]:
        self.asked.append((repo, question))
        return sorted((one for one in self._pushes if one.repo == repo), key=push_id)

    def of(self, repo: str, revision: str, *, doubt: bool = True) -> Candidate | None:
        found = [one for one in self._of(repo, "of") if any(item.startswith(revision) for item in one.changesets)]
        return found[-1] if found else None

    def after(self, repo: str, old: str, new: str) -> tuple[Candidate, ...]:
        rows = self._of(repo, "after")
        first, last = (next((at for at, one in enumerate(rows) if rev in one.changesets), None) for rev in (old, new))
        return () if first is None or last is None else tuple(rows[first + 1 : last + 1])

    def by_id(self, repo: str, first: int, last: int) -> tuple[Candidate, ...]:
        return tuple(one for one in self._of(repo, "by_id") if first <= push_id(one) <= last)

    def tagged(self, repo: str, tag: str) -> tuple[Candidate, str] | None:
        found = self.of(repo, self.tags.get(tag, "nobody"))
        return (found, self.tags[tag]) if found else None

    def newest(self, repo: str, most: int) -> tuple[Candidate, ...]:
        return tuple(self._of(repo, "newest"))[-most:]

    def by_day(self, repo: str, first: date, last: date) -> tuple[Candidate, ...]:
        return tuple(one for one in self._of(repo, "by_day") if first <= one.when.date() <= last)

    def describe(self, repo: str, first: int, last: int) -> tuple[Changeset, ...]:
        return tuple(Changeset(item, None, "") for one in self.by_id(repo, first, last) for item in one.changesets)


class MemoryLando:
    def __init__(self, **known: str) -> None:
        self._known = known

    def hg_of(self, git: str) -> str | None:
        return self._known.get(git)


class NoLando:
    def hg_of(self, git: str) -> str | None:
        raise NetworkError("cannot reach lando", url="x")


def pushes(log: MemoryPushlog, lando: object = None, *, any_repo: bool = True) -> Pushes:
    own = cast(Pushlog, log)
    git = Git(cast(Lando, lando or MemoryLando()), None, own)
    return Pushes(own, Revisions(own, git, any_repo=any_repo))


def names(candidates: tuple[Candidate, ...]) -> list[str]:
    return [f"{one.repo} {bytes.fromhex(one.changesets[-1]).decode().strip(chr(0))}" for one in candidates]


# ------------------------------------------------------------------------------------------------- merges

AUTOLAND = (
    push("autoland", 9997, 1, "a1", "a2"),
    push("autoland", 9998, 2, "b1"),
    push("autoland", 9999, 3, "c1", "c2"),
    push("autoland", 10000, 4, "d1"),
    push("autoland", 10001, 9, "e1"),
)
GOOD = push("mozilla-central", 40, 1.5, "a1", "a2", "m1")


def merged(bad: Candidate, *, good: Candidate = GOOD, tried: tuple[str, ...] = ("mozilla-central",)) -> Leg:
    assert good.revision
    assert bad.revision
    return Leg(
        LegKind.MERGED,
        bad.repo,
        Revision(good.revision),
        Revision(bad.revision),
        "",
        check_ends=False,
        ends=(good, bad),
        brought=bad.changesets,
        tried=tried,
    )


def test_the_pushes_of_a_merge_lie_between_the_two_judged_revisions_with_the_one_before() -> None:
    bad = push("mozilla-central", 41, 5, "b1", "c1", "c2", "d1", "m2")
    timeline = pushes(MemoryPushlog(*AUTOLAND, GOOD, bad)).timeline(merged(bad))
    assert names(timeline.candidates) == [
        "mozilla-central m1",
        "autoland a2",
        "autoland b1",
        "autoland c2",
        "autoland d1",
        "mozilla-central m2",
    ]
    assert (timeline.old_at, timeline.new_at) == (0, 5)
    # What is left to the merge itself is its own changeset.
    assert timeline.candidates[-1].changesets == (node("m2"),)


def test_a_merge_changeset_in_the_middle_of_its_push_changes_nothing() -> None:
    bad = push("mozilla-central", 41, 5, "b1", "m2", "c1", "c2", "d1", "l10n")
    timeline = pushes(MemoryPushlog(*AUTOLAND, GOOD, bad)).timeline(merged(bad))
    assert names(timeline.candidates)[1:5] == ["autoland a2", "autoland b1", "autoland c2", "autoland d1"]
    assert timeline.candidates[-1].changesets == (node("m2"), node("l10n"))


def test_a_fast_forward_ends_at_the_push_that_is_the_judged_revision() -> None:
    bad = push("mozilla-central", 41, 5, "b1", "c1", "c2", "d1")
    timeline = pushes(MemoryPushlog(*AUTOLAND, GOOD, bad)).timeline(merged(bad))
    assert names(timeline.candidates) == [
        "mozilla-central m1",
        "autoland a2",
        "autoland b1",
        "autoland c2",
        "autoland d1",
    ]


def test_after_a_fast_forward_the_old_end_is_not_doubled() -> None:
    good = push("mozilla-central", 40, 1.5, "a1", "a2")
    bad = push("mozilla-central", 41, 5, "b1", "c1", "c2", "d1", "m2")
    timeline = pushes(MemoryPushlog(*AUTOLAND, good, bad)).timeline(merged(bad, good=good))
    assert names(timeline.candidates)[:2] == ["mozilla-central a2", "autoland b1"]


def test_a_merge_of_a_single_push_is_no_crash() -> None:
    bad = push("mozilla-central", 41, 2.5, "b1", "m2")
    timeline = pushes(MemoryPushlog(*AUTOLAND, GOOD, bad)).timeline(merged(bad))
    assert names(timeline.candidates) == ["mozilla-central m1", "autoland a2", "autoland b1", "mozilla-central m2"]


def test_what_was_pushed_straight_to_central_and_merged_back_later_ends_the_search() -> None:
    bad = push("mozilla-central", 41, 5, "x1", "x2")
    back = push("autoland", 10002, 10, "x1", "x2", "m9")
    with pytest.raises(NothingToSearch, match="No other repository had these changesets before"):
        pushes(MemoryPushlog(*AUTOLAND, back, GOOD, bad)).timeline(merged(bad))


def test_an_old_branch_is_found_when_the_living_one_knows_nothing() -> None:
    inbound = [replace(one, repo="fx-team", key=one.key.replace("autoland", "fx-team")) for one in AUTOLAND]
    bad = push("mozilla-central", 41, 5, "b1", "c1", "c2", "d1", "m2")
    timeline = pushes(MemoryPushlog(*inbound, GOOD, bad)).timeline(merged(bad))
    assert names(timeline.candidates)[1:3] == ["fx-team a2", "fx-team b1"]


def test_a_branch_that_was_closed_for_weeks_is_looked_at_far_enough_back() -> None:
    log = MemoryPushlog(*AUTOLAND, GOOD)
    good = push("mozilla-central", 50, 24 * 20, "x1")
    bad = push("mozilla-central", 51, 24 * 20 + 5, "b1", "c1", "c2", "d1", "m2")
    timeline = pushes(log).timeline(merged(bad, good=good))
    assert names(timeline.candidates)[1:3] == ["autoland a2", "autoland b1"]
    assert len([one for one in log.asked if one[0] == "autoland"]) > 1


def test_a_typical_merge_costs_one_request() -> None:
    bad = push("mozilla-central", 41, 5, "b1", "c1", "c2", "d1", "m2")
    log = MemoryPushlog(*AUTOLAND, GOOD, bad)
    pushes(log).timeline(merged(bad))
    assert log.asked == [("autoland", "by_day")]


def test_the_very_first_push_of_a_branch_needs_none_before_it() -> None:
    bad = push("mozilla-central", 41, 5, "a1", "a2", "b1", "m2")
    good = push("mozilla-central", 39, 0, "z1")
    timeline = pushes(MemoryPushlog(*AUTOLAND, good, bad)).timeline(merged(bad, good=good))
    assert names(timeline.candidates) == ["mozilla-central z1", "autoland a2", "autoland b1", "mozilla-central m2"]


# ------------------------------------------------------------------------------------------------- bounds


def between(old: str, new: str, repo: str = "autoland") -> Leg:
    return Leg(LegKind.PUSHES, repo, Revision(node(old)), Revision(node(new)), "", check_ends=True)


def test_two_revisions_with_spare_ends_and_ids_that_gain_a_digit() -> None:
    timeline = pushes(MemoryPushlog(*AUTOLAND)).timeline(between("b1", "d1"))
    assert names(timeline.candidates) == ["autoland a2", "autoland b1", "autoland c2", "autoland d1", "autoland e1"]
    assert (timeline.old_at, timeline.new_at) == (1, 3)


def test_a_revision_in_the_middle_of_a_push_means_that_push() -> None:
    timeline = pushes(MemoryPushlog(*AUTOLAND)).timeline(between("a1", "c1"))
    assert names((timeline.candidates[timeline.old_at], timeline.candidates[timeline.new_at])) == [
        "autoland a2",
        "autoland c2",
    ]
    assert len(timeline.notes) == 2


def test_revisions_of_a_branch_are_found_without_naming_it() -> None:
    timeline = pushes(MemoryPushlog(*AUTOLAND)).timeline(between("b1", "d1", "mozilla-central"))
    assert timeline.leg.repo == "autoland"
    assert timeline.candidates[timeline.new_at].repo == "autoland"


def test_a_repository_that_was_named_is_not_left() -> None:
    with pytest.raises(UsageError, match="is not known"):
        pushes(MemoryPushlog(*AUTOLAND), any_repo=False).timeline(between("b1", "d1", "mozilla-central"))


def test_a_git_hash_is_translated() -> None:
    git = "9" * 40
    leg = replace(between("b1", "d1"), old=Revision(git))
    timeline = pushes(MemoryPushlog(*AUTOLAND), MemoryLando(**{git: node("b1")})).timeline(leg)
    assert timeline.candidates[timeline.old_at].revision == node("b1")


def test_an_unknown_revision_is_said_also_when_lando_does_not_answer() -> None:
    with pytest.raises(UsageError, match="could not be asked"):
        pushes(MemoryPushlog(*AUTOLAND), NoLando()).timeline(between("b1", "nowhere"))


def test_an_abbreviation_that_means_another_changeset_elsewhere_is_said() -> None:
    other = node("b1")[:7] + "f" * 33
    elsewhere = replace(push("mozilla-beta", 5, 1, "z"), changesets=(other, node("z")))
    log = MemoryPushlog(*AUTOLAND, elsewhere)
    twice = replace(between("b1", "d1", "mozilla-central"), old=Revision(node("b1")[:7]))
    with pytest.raises(UsageError, match="fits several changesets") as caught:
        pushes(log).timeline(twice)
    for whole in (f"{node('b1')} (autoland)", f"{other} (mozilla-beta)"):
        assert whole in caught.value.what
    assert caught.value.advice == "Give more digits of it."


def test_of_a_part_of_a_hash_that_nobody_knows_more_digits_are_asked_for() -> None:
    for digits, more in ((10, True), (40, False)):
        leg = replace(between("b1", "d1"), old=Revision(node("nowhere")[:digits]))
        with pytest.raises(UsageError, match="is not known") as caught:
            pushes(MemoryPushlog(*AUTOLAND), MemoryLando()).timeline(leg)
        assert ("Give more digits" in caught.value.advice) is more


def test_a_reversed_range_is_said() -> None:
    with pytest.raises(UsageError, match="reversed") as caught:
        pushes(MemoryPushlog(*AUTOLAND)).timeline(between("d1", "b1"))
    assert "--find-fix" in caught.value.advice


def test_two_revisions_of_one_push_are_nothing_to_search() -> None:
    with pytest.raises(NothingToSearch, match="same push"):
        pushes(MemoryPushlog(*AUTOLAND)).timeline(between("c1", "c2"))


def test_days_are_whole_days() -> None:
    later = push("autoland", 10009, 30, "f1")
    leg = replace(between("b1", "d1"), old=Day(MONDAY.date()), new=Day(MONDAY.date()))
    timeline = pushes(MemoryPushlog(*AUTOLAND, later)).timeline(leg)
    assert names(timeline.candidates[timeline.old_at : timeline.new_at + 1]) == names(AUTOLAND)


def test_between_two_judged_nightlies_twelve_digits_become_forty() -> None:
    bad = push("mozilla-central", 41, 5, "x1")
    night = Candidate(Kind.NIGHTLY, "2026-09-14-mozilla-central", "mozilla-central", MONDAY, (node("m1")[:12],))
    leg = Leg(
        LegKind.PUSHES,
        "mozilla-central",
        Revision(node("m1")[:12]),
        Revision(node("x1")),
        "",
        check_ends=False,
        ends=(night, bad),
    )

    class Prefixes(MemoryPushlog):
        def after(self, repo: str, old: str, new: str) -> tuple[Candidate, ...]:
            return super().after(repo, old.ljust(40, "0"), new)

    timeline = pushes(Prefixes(GOOD, bad)).timeline(leg)
    assert timeline.candidates[0].changesets == (node("m1"),)
    assert names(timeline.candidates[1:]) == ["mozilla-central x1"]


# ------------------------------------------------------------------------------- nightlies that were built in mid-push


def judged_leg(old: Candidate, old_rev: str, new: Candidate, new_rev: str) -> Leg:
    ends = tuple(
        Candidate(Kind.NIGHTLY, f"night-{rev}", "mozilla-central", one.when + timedelta(hours=1), (node(rev),))
        for one, rev in ((old, old_rev), (new, new_rev))
    )
    return Leg(
        LegKind.PUSHES,
        "mozilla-central",
        Revision(node(old_rev)),
        Revision(node(new_rev)),
        "",
        check_ends=False,
        ends=ends,
    )


CENTRAL = (
    push("mozilla-central", 50, 1, "s1", "s2", "s3"),
    push("mozilla-central", 51, 2, "t1", "t2"),
    push("mozilla-central", 52, 3, "u1", "u2", "u3"),
)


def brought(timeline: Timeline) -> list[list[str]]:
    return [[bytes.fromhex(one).decode().strip(chr(0)) for one in item.changesets] for item in timeline.candidates]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("s3", "u3", [["s3"], ["t1", "t2"], ["u1", "u2", "u3"]]),
        ("s1", "u2", [["s1"], ["s2", "s3"], ["t1", "t2"], ["u1", "u2"]]),  # both in the middle of a push
        ("t1", "t2", [["t1"], ["t2"]]),  # both in one push
    ],
)
def test_what_came_within_the_pushes_of_the_judged_builds_is_not_lost(
    old: str, new: str, expected: list[list[str]]
) -> None:
    letters = {"s": CENTRAL[0], "t": CENTRAL[1], "u": CENTRAL[2]}
    log = MemoryPushlog(*CENTRAL)
    timeline = pushes(log).timeline(judged_leg(letters[old[0]], old, letters[new[0]], new))
    assert brought(timeline) == expected
    assert len(log.asked) == 1


def test_a_nightly_of_an_old_push_costs_two_requests_more() -> None:
    quiet = push("mozilla-central", 53, 24 * 9, "v1")
    log = MemoryPushlog(*CENTRAL, quiet)
    late = replace(quiet, when=quiet.when)
    leg = judged_leg(replace(CENTRAL[0], when=MONDAY + timedelta(days=8)), "s1", late, "v1")
    assert brought(pushes(log).timeline(leg)) == [["s1"], ["s2", "s3"], ["t1", "t2"], ["u1", "u2", "u3"], ["v1"]]


# ----------------------------------------------------------------------------------------------- odd servers and clocks


def test_dates_of_two_repositories_need_not_agree() -> None:
    bad = push("mozilla-central", 41, 3.5, "b1", "c1", "c2", "d1", "m2")  # before "d1" was pushed, by its clock
    timeline = pushes(MemoryPushlog(*AUTOLAND, GOOD, bad)).timeline(merged(bad))
    assert names(timeline.candidates)[1:5] == ["autoland a2", "autoland b1", "autoland c2", "autoland d1"]


def test_a_merge_that_is_dated_days_too_early_loses_none_of_its_pushes() -> None:
    late = [replace(one, when=one.when + timedelta(days=at)) for at, one in enumerate(AUTOLAND)]
    bad = push("mozilla-central", 41, 2, "b1", "c1", "c2", "d1", "m2")
    timeline = pushes(MemoryPushlog(*late, GOOD, bad)).timeline(merged(bad))
    assert names(timeline.candidates)[1:5] == ["autoland a2", "autoland b1", "autoland c2", "autoland d1"]


def test_a_server_that_knows_no_days_is_asked_by_ids() -> None:
    class Dayless(MemoryPushlog):
        def by_day(self, repo: str, first: date, last: date) -> tuple[Candidate, ...]:
            return tuple(self._of(repo, "by_day")[-1:])

    bad = push("mozilla-central", 41, 5, "b1", "c1", "c2", "d1", "m2")
    timeline = pushes(Dayless(*AUTOLAND, GOOD, bad)).timeline(merged(bad))
    assert names(timeline.candidates)[1:5] == ["autoland a2", "autoland b1", "autoland c2", "autoland d1"]


def test_a_window_that_begins_in_mid_merge_keeps_the_pushes_that_it_has() -> None:
    """The last changesets of the merge are unknown to the branch: its last push is the last of the window."""
    tail = tuple(f"z{at}" for at in range(5))
    bad = push("mozilla-central", 41, 24 * 9, "b1", "c1", "c2", "d1", *tail)
    good = replace(GOOD, when=MONDAY + timedelta(days=2, hours=3))
    timeline = pushes(MemoryPushlog(*AUTOLAND, good, bad)).timeline(merged(bad, good=good))
    assert names(timeline.candidates)[1:5] == ["autoland a2", "autoland b1", "autoland c2", "autoland d1"]


def test_of_a_merge_back_only_what_came_with_the_merge_is_suspect() -> None:
    """The branch has merged mozilla-central, with what the judged old build has and with a push after it."""
    joined = push("autoland", 9998, 2, "g1", "x1", "j1")
    bad = push("mozilla-central", 41, 5, "x1", "j1", "c1", "c2", "m2")
    timeline = pushes(MemoryPushlog(AUTOLAND[0], joined, AUTOLAND[2], GOOD, bad)).timeline(merged(bad))
    assert brought(timeline)[1:4] == [["a1", "a2"], ["x1", "j1"], ["c1", "c2"]]


def test_a_fast_forward_into_the_middle_of_a_push_leaves_the_rest_of_it_out() -> None:
    bad = push("mozilla-central", 41, 5, "b1", "c1")
    timeline = pushes(MemoryPushlog(*AUTOLAND, GOOD, bad)).timeline(merged(bad))
    assert names(timeline.candidates) == ["mozilla-central m1", "autoland a2", "autoland b1", "mozilla-central c1"]


@pytest.mark.parametrize("branch", ["autoland", "mozilla-inbound", "fx-team"])
def test_revisions_mean_the_branch_where_they_landed_first(branch: str) -> None:
    own = [replace(one, repo=branch, key=one.key.replace("autoland", branch)) for one in AUTOLAND]
    merges = (GOOD, push("mozilla-central", 41, 5, "b1", "c1", "c2", "d1", "m2"))
    timeline = pushes(MemoryPushlog(*own, *merges)).timeline(between("b1", "c1", "mozilla-central"))
    assert {one.repo for one in timeline.candidates} == {branch}
    assert names((timeline.candidates[timeline.old_at], timeline.candidates[timeline.new_at])) == [
        f"{branch} b1",
        f"{branch} c2",
    ]


def test_a_firefox_tag_is_asked_of_firefoxs_repository_also_for_thunderbird() -> None:
    """Version 60 left the trunk for both on one day; comm-central has no such tag."""
    log = MemoryPushlog(push("mozilla-central", 1, 5, "left"), push("comm-central", 9, 6, "mail"))
    log.tags["FIREFOX_NIGHTLY_60_END"] = node("left")
    git = Git(cast(Lando, MemoryLando()), None, cast(Pushlog, log))
    found = Revisions(cast(Pushlog, log), git, any_repo=True).push_of("FIREFOX_NIGHTLY_60_END", "comm-central")
    assert found.repo == "mozilla-central"
