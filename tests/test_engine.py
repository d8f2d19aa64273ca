"""The loop, over a world in memory: from dates to the push, whatever is missing, and however it is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mozbisect.core.errors import (
    BrokenBuild,
    EndsContradict,
    Expired,
    Interrupted,
    MozbisectError,
    NetworkError,
    NotFetched,
    NothingToSearch,
)
from mozbisect.core.journal import FORMAT, Event, Judged, Opened, Session, from_line, to_line
from mozbisect.core.model import (
    REGRESSION,
    Answer,
    Before,
    Build,
    Candidate,
    Day,
    Finding,
    Kind,
    Leg,
    LegKind,
    Move,
    Shut,
    Side,
    Verdict,
)
from mozbisect.core.news import Note
from mozbisect.core.plan import Place, Reach
from mozbisect.core.ports import Question
from mozbisect.engine import Engine
from tests.fakes import START, FakeApp, FakeFetcher, FakeLauncher, FakeSource, TruthfulJudge, ports

LEG = Leg(
    LegKind.NIGHTLIES, "mozilla-central", Day(START.date()), Day(START.date()), "between the bounds", check_ends=True
)
NIGHTLIES, PUSHES = Place(LegKind.NIGHTLIES, "mozilla-central"), Place(LegKind.PUSHES, "mozilla-central")
ALL = Reach((NIGHTLIES, PUSHES))
NIGHTLIES_ONLY = Reach((NIGHTLIES,), pushes=False)
OPENED = Opened(FORMAT, "mozbisect test", datetime(2026, 10, 1, tzinfo=UTC), REGRESSION, {})


class Run:
    """One run against the fake world, with its journal in memory."""

    def __init__(
        self,
        source: FakeSource,
        judge: TruthfulJudge,
        fetcher: FakeFetcher | None = None,
        *,
        reach: Reach = ALL,
        listen: Callable[[object], None] = lambda news: None,
        **more: Any,
    ) -> None:
        self.source, self.judge, self.fetcher = source, judge, fetcher or FakeFetcher()
        self.reach, self.listen, self.more = reach, listen, more
        self.journal: list[str] = [to_line(OPENED)]

    def go(self, first: Leg = LEG) -> Finding:
        session = Session.of(from_line(line) for line in self.journal)
        own = replace(ports(self.source, self.judge, self.fetcher), reporters=[self], **self.more)
        return Engine(session, own, self.write, self.reach).run(first)

    def tell(self, news: object) -> None:
        self.listen(news)

    def write(self, event: Event) -> None:
        self.journal.append(to_line(event))


def culprit_of(source: FakeSource, at: int) -> str:
    """A changeset of the ``at``-th push to autoland."""
    return source.autoland[at].changesets[0]


def truth(source: FakeSource, finding: Finding, culprit: str) -> bool:
    """The culprit is in the first new build, and not in the last old one."""
    old, new = source.revision(finding.last_old), source.revision(finding.first_new)
    return culprit in source.contains[new] and culprit not in source.contains[old]


@given(at=st.integers(15, 134))
def test_from_dates_to_the_very_push(at: int) -> None:
    source = FakeSource()
    judge = TruthfulJudge(source.contains, culprit_of(source, at))
    finding = Run(source, judge).go()
    assert finding.first_new == source.autoland[at]
    assert finding.last_old == source.autoland[at - 1]
    assert truth(source, finding, judge.culprit)
    assert not finding.untested
    assert len(judge.asked) == len(set(judge.asked))


def test_a_merge_that_breaks_by_itself_is_named() -> None:
    source = FakeSource()
    judge = TruthfulJudge(source.contains, source.central[12].changesets[-1])
    finding = Run(source, judge).go()
    assert finding.first_new.revision == source.central[12].revision
    assert finding.last_old.revision == source.autoland[12 * 5 + 4].revision


@given(
    at=st.integers(15, 134),
    gone=st.sets(st.integers(0, 29), max_size=12),
    lost=st.sets(st.integers(0, 149), max_size=60),
    broken=st.sets(st.integers(0, 149), max_size=20),
)
@settings(max_examples=150, deadline=None)
def test_whatever_is_missing_the_culprit_lies_in_the_range(
    at: int, gone: set[int], lost: set[int], broken: set[int]
) -> None:
    source = FakeSource()
    missing = {source.nightlies[one].key for one in gone} | {source.autoland[one].key for one in lost}
    missing |= {source.central[one].key for one in gone}
    source.no_build = frozenset(missing)
    judge = TruthfulJudge(source.contains, culprit_of(source, at))
    run = Run(source, judge, FakeFetcher(frozenset(source.autoland[one].key for one in broken)))
    try:
        finding = run.go()
    except NothingToSearch as nothing:
        said = nothing.what
        finding = None
    if finding is None:
        assert "No build was ever seen good" in said
        assert gone >= set(range(at // 5))  # nothing before the culprit has a build
        return
    assert truth(source, finding, judge.culprit)


@given(at=st.integers(15, 134), stop=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_killed_after_any_line_it_resumes_to_the_same_answer_and_asks_nothing_twice(at: int, stop: int) -> None:
    source = FakeSource(no_build=frozenset({"autoland:33", "mozilla-central:9"}))
    whole = Run(source, TruthfulJudge(source.contains, culprit_of(source, at)))
    expected = whole.go()
    for lines in range(1, len(whole.journal) + 1):
        again = Run(source, TruthfulJudge(source.contains, culprit_of(source, at)))
        again.journal = whole.journal[:lines]
        known = {event.key for event in map(from_line, again.journal) if isinstance(event, Judged)}
        assert again.go() == expected
        assert not known & set(again.judge.asked)
        assert again.journal == whole.journal


@given(at=st.integers(15, 134), wrong_at=st.integers(1, 9), depth=st.integers(1, 9))
@settings(max_examples=80, deadline=None)
def test_back_to_any_depth_also_across_legs_repairs_a_wrong_answer(at: int, wrong_at: int, depth: int) -> None:
    source = FakeSource()
    state = {"asked": 0, "back": 0, "lied": False}

    def moody(build: Build, question: Question) -> Answer | None:
        """Lies once, notices it some questions later, and goes back that many times."""
        if state["back"] > 0:
            state["back"] -= 1
            return Move.BACK if question.can_go_back else None
        state["asked"] += 1
        if state["asked"] == wrong_at + 2 and not state["lied"]:
            state["lied"] = True
            assert build.revision
            truly = judge.culprit in source.contains[build.revision]
            return Verdict(Side.OLD if truly else Side.NEW)
        if state["lied"] and state["asked"] == wrong_at + 2 + depth:
            state["back"] = depth - 1
            return Move.BACK
        return None

    judge = TruthfulJudge(source.contains, culprit_of(source, at), before=moody)
    run = Run(source, judge)
    try:
        finding = run.go()
    except EndsContradict:
        return  # the lie was about an end, and was never taken back
    if state["asked"] > wrong_at + 2 + depth:
        assert finding.first_new == source.autoland[at]


def test_both_ends_bad_is_said_in_plain_words_and_can_be_taken_back() -> None:
    source = FakeSource()
    judge = TruthfulJudge(source.contains, culprit_of(source, 0))
    run = Run(source, judge)
    with pytest.raises(EndsContradict, match="Both ends are bad") as caught:
        run.go()
    assert caught.value.exit_code == 4
    assert "--good" in caught.value.advice


def test_both_ends_good_is_said_in_plain_words() -> None:
    source = FakeSource()
    with pytest.raises(EndsContradict, match="Both ends are good"):
        Run(source, TruthfulJudge(source.contains, "nothing")).go()


def test_nothing_with_a_build_is_nothing_to_search() -> None:
    source = FakeSource()
    source.no_build = frozenset(nightly.key for nightly in source.nightlies)
    with pytest.raises(NothingToSearch, match="None of the 26 nightlies"):
        Run(source, TruthfulJudge(source.contains, culprit_of(source, 40)), reach=NIGHTLIES_ONLY).go()


def test_a_range_without_a_nightly_of_its_kind_is_searched_by_pushes_and_that_is_said() -> None:
    source = FakeSource()
    source.no_build = frozenset(nightly.key for nightly in source.nightlies)
    said: list[object] = []
    run = Run(source, TruthfulJudge(source.contains, culprit_of(source, 40)), listen=said.append)
    assert run.go().first_new == source.autoland[40]
    assert any(isinstance(news, Note) and news.text.startswith("None of the 26 nightlies") for news in said)


def test_when_all_builds_of_a_range_expired_the_other_kind_is_searched() -> None:
    source = FakeSource()
    source.expired = frozenset({LegKind.PUSHES})
    reach = Reach((PUSHES, NIGHTLIES))
    run = Run(source, TruthfulJudge(source.contains, culprit_of(source, 40)), reach=reach)
    first = replace(LEG, kind=LegKind.PUSHES, repo="autoland")
    finding = run.go(first)
    assert finding.first_new.kind is Kind.NIGHTLY
    assert truth(source, finding, culprit_of(source, 40))
    with pytest.raises(Expired):
        Run(source, TruthfulJudge(source.contains, "none"), reach=Reach((PUSHES,))).go(first)


@pytest.mark.parametrize("at", [20, 70, 130])
def test_without_a_good_bound_it_goes_back_until_a_build_is_good(at: int) -> None:
    source = FakeSource()
    judge = TruthfulJudge(source.contains, culprit_of(source, at))
    run = Run(source, judge)
    leg = replace(LEG, old=Before(1, Day(START.date() + timedelta(days=29))), new=Day(START.date()), back=1)
    assert run.go(leg).first_new == source.autoland[at]
    asked = judge.asked.copy()
    assert run.go(leg).first_new == source.autoland[at], "an ended session is not searched again"
    assert judge.asked == asked


def test_back_to_the_very_beginning_without_a_good_build_is_no_answer() -> None:
    source = FakeSource()
    everywhere = TruthfulJudge({key: frozenset({"x"}) for key in source.contains}, "x")
    leg = replace(LEG, old=Before(1, Day(START.date() + timedelta(days=29))), back=1)
    run = Run(source, everywhere)
    with pytest.raises(EndsContradict, match="No good build was found"):
        run.go(leg)


def test_a_search_for_a_good_build_that_is_stopped_goes_on_where_it_was() -> None:
    source = FakeSource()
    leg = replace(LEG, old=Before(1, Day(START.date() + timedelta(days=29))), back=1)
    for quit_at in range(1, 6):
        judge = TruthfulJudge(source.contains, culprit_of(source, 20))
        judge.before = lambda build, question, quit_at=quit_at: Move.QUIT if question.number == quit_at else None
        run = Run(source, judge)
        with pytest.raises(Interrupted):
            run.go(leg)
        assert Session.of(from_line(line) for line in run.journal).can_go_on
        judge.before = lambda build, question: None
        assert run.go(leg).first_new == source.autoland[20]
        assert len(set(judge.asked)) == len(judge.asked), "nothing is asked twice"


def test_killed_between_a_bad_build_and_the_next_jump_it_still_can_go_on() -> None:
    source = FakeSource()
    leg = replace(LEG, old=Before(1, Day(START.date() + timedelta(days=29))), back=1)
    run = Run(source, TruthfulJudge(source.contains, culprit_of(source, 20)))
    run.go(leg)
    for lines in range(2, len(run.journal)):
        session = Session.of(from_line(line) for line in run.journal[:lines])
        assert session.can_go_on


def test_builds_that_are_broken_are_no_reason_to_search_another_kind() -> None:
    source = FakeSource()
    fetcher = FakeFetcher(frozenset(nightly.key for nightly in source.nightlies))
    run = Run(source, TruthfulJudge(source.contains, culprit_of(source, 40)), fetcher)
    with pytest.raises(NothingToSearch, match="None of the 26 nightlies"):
        run.go()
    assert len(Session.of(from_line(line) for line in run.journal).stages) == 1


def test_a_git_hash_that_the_pushlog_told_is_not_asked_for() -> None:
    source = FakeSource()
    run = Run(source, TruthfulJudge(source.contains, culprit_of(source, 40)))
    finding = run.go()
    asked = {finding.last_old.revision, finding.first_new.revision}
    assert set(source.git_asked) == asked, "nobody had told them"
    session = Session.of(from_line(line) for line in run.journal)
    assert session.ended
    assert set(session.ended.git) == asked


def test_what_is_shut_is_never_asked_and_stays_open() -> None:
    source = FakeSource()
    source.shut = (Shut(10, 20, "excluded (--exclude x)"),)
    judge = TruthfulJudge(source.contains, culprit_of(source, 77))
    run = Run(source, judge, reach=NIGHTLIES_ONLY)
    finding = run.go()
    shut = {nightly.key for nightly in source.nightlies[10:21]}
    assert not shut & set(source.looked_up)
    assert {item.candidate.key for item in finding.untested} == shut
    assert {item.reason for item in finding.untested} == {"excluded (--exclude x)"}


def test_a_build_that_cannot_be_started_is_bad_only_where_that_was_asked_for() -> None:
    source = FakeSource()
    culprit = culprit_of(source, 77)

    def dies(build: Build, question: Question) -> None:
        if culprit in source.contains[build.revision or ""]:
            raise BrokenBuild("it ended at once")

    judge = TruthfulJudge(source.contains, culprit, before=dies)
    run = Run(source, judge, broken_is=Side.NEW)
    assert run.go().first_new == source.autoland[77]
    assert "it ended at once" in "".join(run.journal)
    with pytest.raises(NothingToSearch, match="No build was ever seen bad"):
        Run(source, TruthfulJudge(source.contains, culprit, before=dies)).go()


def test_a_build_that_cannot_be_unpacked_is_never_bad() -> None:
    source = FakeSource()
    fetcher = FakeFetcher(frozenset({source.nightlies[15].key}))
    run = Run(source, TruthfulJudge(source.contains, culprit_of(source, 100)), fetcher, broken_is=Side.NEW)
    assert run.go().first_new == source.autoland[100]


def test_builds_that_are_here_are_not_preferred_where_that_is_not_wanted() -> None:
    source = FakeSource()
    fetcher = FakeFetcher(here=frozenset({source.nightlies[12].key}))
    judge = TruthfulJudge(source.contains, culprit_of(source, 77))
    Run(source, judge, fetcher, use_kept=False).go()
    assert source.nightlies[12].key not in fetcher.brought


def waits_and_tests(*, fetch: float, judge: float = 0.0, unattended: bool = True, bets: bool = True) -> tuple[int, int]:
    """How often a whole run waits for a build, and how many it judges; both take so many seconds."""
    source, fetcher = FakeSource(), FakeFetcher(bets=bets, seconds=fetch)

    def think(build: Build, question: Question) -> None:
        fetcher.now += judge

    judges = TruthfulJudge(source.contains, culprit_of(source, 77), think)
    finding = Run(source, judges, fetcher, unattended=unattended, clock=fetcher.clock).go()
    assert finding.first_new == source.autoland[77]
    return fetcher.waited, len(judges.asked)


def test_builds_that_take_long_are_asked_for_in_pairs() -> None:
    one_by_one = waits_and_tests(fetch=0.5)
    in_pairs = waits_and_tests(fetch=5.0)
    assert in_pairs[0] <= one_by_one[0] - 2
    assert in_pairs[1] <= one_by_one[1] + 2


def test_what_a_person_or_a_slow_command_has_to_judge_is_asked_for_one_by_one() -> None:
    one_by_one = waits_and_tests(fetch=0.5)
    assert waits_and_tests(fetch=5.0, unattended=False) == one_by_one
    assert waits_and_tests(fetch=5.0, judge=4.0) == one_by_one
    assert waits_and_tests(fetch=5.0, bets=False)[1] == one_by_one[1]


def test_when_no_build_can_be_fetched_the_run_stops_and_goes_on_later() -> None:
    source = FakeSource()
    judge = TruthfulJudge(source.contains, culprit_of(source, 77))
    run = Run(source, judge, FakeFetcher(frozenset(nightly.key for nightly in source.nightlies), NotFetched))
    with pytest.raises(MozbisectError, match="builds in a row could not be fetched"):
        run.go()
    assert judge.asked == []


def test_a_build_that_is_here_is_tested_rather_than_its_neighbour_downloaded() -> None:
    source = FakeSource()
    judge = TruthfulJudge(source.contains, culprit_of(source, 77))
    near = source.nightlies[16].key  # the middle of what is searched is 14 or 15
    notes: list[str] = []
    run = Run(
        source,
        judge,
        FakeFetcher(here=frozenset({near, source.nightlies[0].key})),
        listen=lambda news: notes.append(news.text) if isinstance(news, Note) else None,
    )
    finding = run.go()
    assert notes == [f"Taken in place of the {source.nightlies[14].title}, as it is here already."]
    assert run.fetcher.brought[2] == near
    assert finding.first_new == source.autoland[77]


def test_an_end_that_was_only_claimed_is_no_answer() -> None:
    source = FakeSource()
    newest = source.nightlies[14].key
    source.no_build = frozenset(
        {nightly.key for nightly in source.nightlies if nightly.key > newest} | {push.key for push in source.central}
    )
    with pytest.raises(NothingToSearch, match="No build was ever seen bad") as caught:
        Run(source, TruthfulJudge(source.contains, culprit_of(source, 140))).go()
    assert "The archive keeps nightlies" in caught.value.advice, "to go further out is no help where builds are gone"
    broken = frozenset({*source.no_build})
    source.no_build = frozenset()
    with pytest.raises(NothingToSearch, match="No build was ever seen bad") as caught:
        Run(source, TruthfulJudge(source.contains, culprit_of(source, 140)), FakeFetcher(broken)).go()
    assert "a later --bad" in caught.value.advice


def test_when_every_build_is_skipped_nothing_is_found() -> None:
    source = FakeSource()
    judge = TruthfulJudge(source.contains, "", before=lambda build, question: Verdict(Side.UNTESTABLE, "no idea"))
    with pytest.raises(NothingToSearch, match="no idea"):
        Run(source, judge).go()


def test_a_hole_of_broken_archives_is_no_trouble_with_the_network() -> None:
    source = FakeSource()
    judge = TruthfulJudge(source.contains, culprit_of(source, 100))
    broken = frozenset(nightly.key for nightly in source.nightlies[8:18])
    finding = Run(source, judge, FakeFetcher(broken)).go()
    assert truth(source, finding, judge.culprit)


def test_when_every_finer_build_expired_the_nightlies_are_the_answer() -> None:
    source = FakeSource()
    source.no_build = frozenset(push.key for push in (*source.central, *source.autoland))
    judge = TruthfulJudge(source.contains, culprit_of(source, 77))
    finding = Run(source, judge).go()
    assert truth(source, finding, judge.culprit)
    assert len(finding.untested) == 5  # those that the merge brought, not the one before


def test_quit_anywhere_then_resume_gives_the_same_answer() -> None:
    source = FakeSource()
    expected = Run(source, TruthfulJudge(source.contains, culprit_of(source, 101))).go()
    left = {"questions": 1}

    def impatient(build: Build, question: Question) -> Answer | None:
        left["questions"] -= 1
        return Move.QUIT if left["questions"] < 0 else None

    run = Run(source, TruthfulJudge(source.contains, culprit_of(source, 101), before=impatient))
    finding = None
    while finding is None:
        left["questions"] = 1
        try:
            finding = run.go()
        except Interrupted:
            continue
    assert finding == expected
    assert len(run.judge.asked) == len(set(run.judge.asked))


def test_the_likely_next_builds_are_announced_while_one_is_judged() -> None:
    source = FakeSource()
    run = Run(source, TruthfulJudge(source.contains, culprit_of(source, 77)))
    run.go()
    asked = run.fetcher.brought
    told = run.fetcher.ahead_of
    # The next build of the same leg was always among those announced.
    legs = {candidate.key: "n" for candidate in source.nightlies} | {push.key: "c" for push in source.central}
    for at in range(len(asked) - 1):
        same_leg = legs.get(asked[at], "a") == legs.get(asked[at + 1], "a")
        assert not same_leg or asked[at + 1] in told[at]


def test_what_comes_next_is_begun_before_the_present_build_is_looked_up() -> None:
    fetcher = FakeFetcher()

    class Watched(FakeSource):
        def find(self, candidate: Candidate) -> Build:
            asked.setdefault(candidate.key, len(fetcher.ahead_of))
            return super().find(candidate)

    asked: dict[str, int] = {}
    source = Watched(no_build=frozenset({FakeSource().nightlies[11].key}))
    Run(source, TruthfulJudge(source.contains, culprit_of(source, 77)), fetcher).go()
    assert list(asked.values()) == list(range(1, len(asked) + 1))


# --------------------------------------------------------------------------------------------- what is looked up


def test_the_ends_and_what_is_asked_after_them_are_looked_up_side_by_side() -> None:
    source = FakeSource()
    judge = TruthfulJudge(source.contains, culprit_of(source, 60))
    Run(source, judge).go()
    (opening,) = source.side_by_side
    assert list(opening) == judge.asked[:3]


def knowing(source: FakeSource) -> Callable[[Build, Question], Answer | None]:
    """A judge that does not need the build's own word."""
    culprit = culprit_of(source, 60)

    def verdict(build: Build, question: Question) -> Answer:
        return Verdict(Side.NEW if culprit in source.contains[source.revision(build.candidate)] else Side.OLD)

    return verdict


@pytest.mark.parametrize(
    ("repository", "trusted"),
    [
        ("https://hg.mozilla.org/mozilla-central", True),
        ("https://github.com/mozilla-firefox/firefox", False),  # and so a hash of Git
        (None, None),  # it says nothing
    ],
)
def test_a_build_is_believed_about_its_revision_and_else_the_server_is_asked(
    repository: str | None, trusted: bool | None
) -> None:
    source = FakeSource(says_origin=False)

    def facts(build: Build) -> dict[str, str]:
        if repository is None:
            return {}
        stamp = source.revision(build.candidate) if trusted else "f" * 40
        return {"application_repository": repository, "application_changeset": stamp}

    judge = TruthfulJudge(source.contains, "", before=knowing(source))
    run = Run(source, judge, launcher=FakeLauncher(facts))
    finding = run.go()
    assert finding.first_new == source.autoland[60]
    judged = [event for event in map(from_line, run.journal) if isinstance(event, Judged)]
    assert all(event.build.revision == source.revision(event.build.candidate) for event in judged)
    nightlies = [event.key for event in judged if event.build.candidate.kind is Kind.NIGHTLY]
    assert source.origins == ([] if trusted else nightlies)


def test_no_answer_is_lost_to_a_server_that_is_silent_just_then() -> None:
    @dataclass
    class Silent(FakeSource):
        silent: bool = True

        def with_origin(self, build: Build) -> Build:
            if self.silent and build.candidate.kind is Kind.NIGHTLY:
                raise NetworkError("no answer", url="https://x/")
            return super().with_origin(build)

    source = Silent(says_origin=False)
    judge = TruthfulJudge(source.contains, "", before=knowing(source))
    questions: list[str] = []

    def asked(build: Build, question: Question) -> Answer | None:
        questions.append(build.candidate.key)
        return knowing(source)(build, question)

    run = Run(source, replace(judge, before=asked))
    with pytest.raises(NetworkError):
        run.go()
    assert not questions
    source.silent = False
    assert run.go().first_new == source.autoland[60]
    assert len(questions) == len(set(questions))


def test_a_build_that_cannot_start_and_counts_as_bad_still_has_its_revision() -> None:
    source = FakeSource(says_origin=False)
    culprit = culprit_of(source, 60)

    class Breaking(FakeLauncher):
        @contextmanager
        def install(self, tree: Path, build: Build) -> Iterator[FakeApp]:
            if culprit in source.contains[source.revision(build.candidate)]:
                raise BrokenBuild("no program")
            yield FakeApp(tree)

    judge = TruthfulJudge(source.contains, "", before=knowing(source))
    assert Run(source, judge, launcher=Breaking(), broken_is=Side.NEW).go().first_new == source.autoland[60]
