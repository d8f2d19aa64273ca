"""What is said at the end, for people, for scripts, for bots and for programs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

import jsonschema
import pytest

from mozbisect.core.journal import FORMAT, Ended, Judged, Listed, Missing, Opened, Session
from mozbisect.core.model import (
    FIX,
    REGRESSION,
    Build,
    Candidate,
    Changeset,
    Day,
    Kind,
    Leg,
    LegKind,
    Revision,
    Side,
    Terms,
    Timeline,
)
from mozbisect.core.news import Bringing, Note, Trying
from mozbisect.report.bug import paste
from mozbisect.report.document import document
from mozbisect.report.terminal import Terminal, final_lines
from mozbisect.report.words import Result, result_of

HG = "https://hg.mozilla.org"
SCHEMA = json.loads((Path(__file__).parents[2] / "docs/reference/report.schema.json").read_text())


def push(at: int) -> Candidate:
    when = datetime(2026, 9, 14, at, tzinfo=UTC)
    return Candidate(Kind.PUSH, f"autoland:{at}", "autoland", when, (f"{at:040x}",), (f"{at + 4096:040x}",))


def build(at: int) -> Build:
    return Build(push(at), "firefox", "shippable", f"https://x/{at}", "target.tar.xz", "autoland", f"{at:040x}")


def session(terms: Terms = REGRESSION, *, untested: bool = False) -> Session:
    leg = Leg(LegKind.PUSHES, "autoland", Revision(f"{0:040x}"), Revision(f"{4:040x}"), "", check_ends=False)
    events = [
        Opened(FORMAT, "mozbisect 1.2.3", datetime(2026, 10, 1, tzinfo=UTC), terms, {}),
        Listed(Timeline(leg, tuple(push(at) for at in range(5)), 0, 4), build(0), build(4)),
        Missing("autoland:2", "no build in the Taskcluster index")
        if untested
        else Judged("autoland:2", Side.OLD, "exit status 0", build(2), 1.5, asked=True),
        Judged("autoland:1", Side.OLD, "", build(1), 1.5, asked=True)
        if untested
        else Judged("autoland:3", Side.NEW, "", build(3), 2.5, asked=True),
    ]
    if untested:
        events.append(Judged("autoland:3", Side.NEW, "", build(3), 2.5, asked=True))
    node = f"{3:040x}"
    events.append(Ended("The push holds a single changeset.", (Changeset(node, None, "Bug 1234567 - Break it. r=me"),)))
    return Session.of(events)


def result(terms: Terms = REGRESSION, *, untested: bool = False) -> Result:
    found = result_of(session(terms, untested=untested), HG)
    assert found
    return found


def test_the_last_lines_name_both_revisions_and_end_with_the_pushlog() -> None:
    lines = final_lines(result())
    assert f"Last good revision: {2:040x}" in lines[0]
    assert f"First bad revision: {3:040x}" in lines[1]
    assert lines[-1] == f"{HG}/integration/autoland/pushloghtml?fromchange={2:040x}&tochange={3:040x}"
    assert [line for line in lines if "http" in line] == [lines[-1]]


def test_for_a_fix_the_words_change_and_the_link_stays_in_the_order_of_history() -> None:
    lines = final_lines(result(FIX))
    assert f"Last bad revision: {2:040x}" in lines[0]
    assert f"First good revision: {3:040x}" in lines[1]
    assert lines[-1].endswith(f"?fromchange={2:040x}&tochange={3:040x}")


def night(day: int, hour: int) -> Candidate:
    when = datetime(2026, 9, day, hour, tzinfo=UTC)
    return Candidate(Kind.NIGHTLY, f"{when:%Y-%m-%d-%H}-00-00-mozilla-central", "mozilla-central", when)


def test_two_nightlies_of_one_day_are_told_apart() -> None:
    nights = (night(13, 9), night(14, 9), night(14, 21))
    leg = Leg(LegKind.NIGHTLIES, "mozilla-central", Day(date(2026, 9, 13)), Day(date(2026, 9, 14)), "", check_ends=True)
    made = [Build(one, "firefox", "nightly", f"https://x/{one.key}", "f", one.repo, one.key[:12]) for one in nights]
    opened = session().opened
    listed = Listed(Timeline(leg, nights, 0, 2))
    judged = [
        Judged(one.candidate.key, side, "", one, 1.0, asked=True)
        for one, side in zip(made, (Side.OLD, Side.OLD, Side.NEW), strict=True)
    ]

    def places(*events: Judged) -> list[str]:
        found = result_of(Session.of([opened, listed, *events]), HG)
        assert found
        return [line.partition(" (")[2] for line in final_lines(found)[:2]]

    assert places(*judged) == [
        "nightly of 2026-09-14, build 20260914090000)",
        "nightly of 2026-09-14, build 20260914210000)",
    ]
    only = [judged[0], Judged(made[1].candidate.key, Side.NEW, "", made[1], 1.0, asked=True), judged[2]]
    assert places(*only)[0] == "nightly of 2026-09-13)", "one a day needs no more"


def test_what_stayed_open_is_said_with_its_reason() -> None:
    text = "\n".join(final_lines(result(untested=True)))
    assert f"Last good revision: {1:040x}" in text
    assert "1 push between the two could not be tested (no build in the Taskcluster index)" in text


def test_the_paste_is_accepted_by_the_bots_rule() -> None:
    """mozilla/bugbot, bisection_without_regressed_by: the name, exactly one pushlog link, no words of a fix."""
    text = paste(session(), result(), "mozbisect --good 2026-09-01")
    links = re.findall(r"https:\/\/hg\.mozilla\.org\/[a-z0-9-/]*\/pushloghtml\?[a-z0-9=&]*[a-z0-9]", text)
    assert "ozregression" in text
    assert len(links) == 1
    assert not any(word in text for word in ("find-fix", "First good revision", "Last bad revision"))
    assert "bug 1234567" in text
    assert "    mozbisect --good 2026-09-01" in text


def test_the_paste_says_why_the_search_could_not_go_on_and_names_whole_hashes() -> None:
    plain = session(untested=True)
    why = "There are no builds of single pushes of this app."
    ended = Session.of([plain.opened, *(event for event in plain.events if not isinstance(event, Ended)), Ended(why)])
    open_end = result_of(ended, HG)
    assert open_end
    text = paste(ended, open_end, "mozbisect")
    assert why in text
    assert "1 push between the two could not be tested" in text
    assert why in final_lines(open_end)
    assert f"git {1 + 4096:040x})" in text
    assert f"git {3 + 4096:040x})" in text
    assert "single changeset" not in paste(session(), result(), "mozbisect"), "an exact answer needs no excuse"


def test_the_paste_of_a_fix_keeps_the_bots_out() -> None:
    assert "First good revision" in paste(session(FIX), result(FIX), "mozbisect")


@pytest.mark.parametrize("terms", [REGRESSION, FIX])
@pytest.mark.parametrize("untested", [True, False])
def test_the_document_fits_its_published_schema(terms: Terms, untested: bool) -> None:
    row = json.loads(json.dumps(document("s1", session(terms, untested=untested), result(terms, untested=untested))))
    jsonschema.validate(row, SCHEMA)
    assert row["result"]["exact"] is not untested
    assert row["result"]["bugs"] == [1234567]
    assert row["result"][f"first_{terms.new}"]["revision"] == f"{3:040x}"
    assert row["result"][f"first_{terms.new}"]["git_revision"] == f"{3 + 4096:040x}"
    assert [step["verdict"] for step in row["steps"]] == [terms.old, terms.new]
    assert row["steps"][0]["seconds"] == 1.5


def test_the_document_of_an_open_session_fits_too() -> None:
    begun = Session.of([session().opened])
    row = document("s1", begun, None)
    jsonschema.validate(row, SCHEMA)
    assert (row["state"], row["result"]) == ("open", None)


def test_bug_numbers_are_read_only_where_a_bug_is_named() -> None:
    text = "Bug 1234567, bug 42 and Bug #1999999 - part 3 of 1000000 (b=123456) r=bug-free"
    assert Changeset("a", None, text).bugs == (1234567, 1999999, 123456)


# ------------------------------------------------------------------------------------------------ terminal


def told(*news: object, terms: Terms = REGRESSION) -> list[str]:
    stream = StringIO()
    terminal = Terminal(terms, stream)
    for item in news:
        terminal.tell(item)
    return stream.getvalue().splitlines()


def test_a_step_is_one_line_and_its_verdict_another() -> None:
    lines = told(
        Trying(3, push(2), build(2), 4),
        Bringing(build(2), 10_000_000, 76_000_000),
        Judged("autoland:2", Side.NEW, "exit status 1", build(2), 1.0, asked=True),
    )
    assert lines == [
        " 3. autoland 000000000000 of 2026-09-14 02:00, shippable (about 4 steps left)",
        "    bad (exit status 1)",
    ]


def test_the_last_step_says_that_it_is_the_last() -> None:
    assert "last step" in told(Trying(3, push(2), build(2), 0))[0]


def test_for_a_fix_the_new_side_is_good() -> None:
    assert told(Judged("x", Side.NEW, "", build(2), 1.0, asked=True), terms=FIX) == ["    good"]


def test_a_build_that_could_not_be_tested_says_why() -> None:
    assert told(Judged("x", Side.UNTESTABLE, "it is no archive", build(2), 0.0, asked=False)) == [
        "    cannot be tested (it is no archive)"
    ]


def test_of_many_candidates_without_a_build_the_first_are_named_and_the_rest_counted() -> None:
    lines = told(*(Missing(f"autoland:{at}", "expired") for at in range(9)), Note("next"))
    assert len(lines) == 5
    assert lines[3:] == ["    … and 6 more without a build", "next"]


def test_no_bar_is_drawn_where_there_is_no_terminal() -> None:
    assert told(Bringing(build(2), 10_000_000, 76_000_000), Note("done")) == ["done"]


def test_a_finding_on_nightlies_has_no_exactness() -> None:
    night = Candidate(Kind.NIGHTLY, "n", "mozilla-central", datetime(2026, 9, 14, tzinfo=UTC))
    whole = result()
    assert whole.exact
    assert not replace(whole, finding=replace(whole.finding, first_new=night)).exact
