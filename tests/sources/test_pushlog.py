"""json-pushes, in both versions and all its moods."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.core.errors import ServerTrouble
from mozbisect.memory import Memory
from mozbisect.net.http import Http, _Got
from mozbisect.net.page import Page
from mozbisect.sources.pushlog import Pushlog, _spans, push_id
from tests.canned import Canned

DATA = Path(__file__).parent.parent / "data" / "hg"
A, B, C = "a" * 40, "b" * 40, "c" * 40


def row(*nodes: str, when: int = 1_789_000_041, **more: object) -> dict[str, object]:
    return {"changesets": list(nodes), "date": when, "user": "someone@example.org", **more}


RANGE = f"/integration/autoland/json-pushes?fromchange={A}&tochange={C}&version=2"


def test_a_recorded_answer_of_2026_carries_both_hashes(server: Canned, http: Http) -> None:
    recorded = json.loads((DATA / "live_shapes_2026_crash-clouseau.json").read_text())["json_pushes_v2_by_second"]
    server.says("/mozilla-central/json-pushes?changeset=920a52be5d43&version=2", recorded["response"])
    push = Pushlog(http, server.url).of("mozilla-central", "920a52be5d43")
    assert push
    assert push.key == "mozilla-central:45292"
    assert push.revision == "920a52be5d43046ea3df130dea626f8ba9a04e97"
    assert push.git_revision == "8db09b47689dcfc25671b178619b03ad214c6369"
    assert push.when == datetime(2026, 9, 10, 0, 27, 21, tzinfo=UTC)


@pytest.mark.parametrize("version", [1, 2])
def test_ids_are_ordered_as_numbers_in_both_versions(server: Canned, http: Http, version: int) -> None:
    pushes = {"10001": row(C), "9999": row(A), "10000": row(B)}
    server.says(RANGE, pushes if version == 1 else {"lastpushid": 10001, "pushes": pushes})
    found = Pushlog(http, server.url).after("autoland", A, C)
    assert [push_id(push) for push in found] == [9999, 10000, 10001]


def test_a_push_without_changesets_is_no_candidate(server: Canned, http: Http) -> None:
    server.says(RANGE, {"pushes": {"1": row(), "2": row(B)}})
    assert [push.revision for push in Pushlog(http, server.url).after("autoland", A, C)] == [B]


def test_git_hashes_may_be_missing_for_old_commits(server: Canned, http: Http) -> None:
    server.says(
        RANGE, {"pushes": {"1": row(A, B, git_changesets=[None, "f" * 40]), "2": row(C, git_changesets=[None])}}
    )
    first, second = Pushlog(http, server.url).after("autoland", A, C)
    assert first.git_changesets == (None, "f" * 40)
    assert second.git_revision is None


def test_an_unknown_revision_came_with_no_push(server: Canned, http: Http) -> None:
    server.says("/try/json-pushes?changeset=foo&version=2", {"error": "unknown revision 'foo'"}, status=404)
    assert Pushlog(http, server.url).of("try", "foo") is None


def test_days_are_whole_and_ids_inclusive(server: Canned, http: Http) -> None:
    log = Pushlog(http, server.url)
    by_day = "/integration/autoland/json-pushes?enddate=2026-09-04&startdate=2026-09-01&version=2"
    by_id = "/integration/autoland/json-pushes?endID=9&startID=6&version=2"
    server.says(by_day, {"pushes": {"3": row(A)}})
    server.says(by_id, {"pushes": {"7": row(B)}})
    assert [push.revision for push in log.by_day("autoland", date(2026, 9, 1), date(2026, 9, 3))] == [A]
    assert [push.revision for push in log.by_id("autoland", 7, 9)] == [B]
    assert server.asked == [by_day, by_id]


def test_a_recorded_full_answer_of_2013_is_described(server: Canned, http: Http) -> None:
    recorded = json.loads((DATA / "treeherder_hg_pushlog_v2_full.json").read_text())
    server.says("/mozilla-central/json-pushes?endID=33277&full=1&startID=33267&version=2", recorded)
    told = Pushlog(http, server.url).describe("mozilla-central", 33268, 33277)
    assert len(told) == sum(len(push["changesets"]) for push in recorded["pushes"].values())
    assert told[0].bugs == (912385,)
    assert told[0].summary == "Bug 912385 - Include a trailing slash in File.path. r=sicking"


@pytest.mark.parametrize("body", ["[1]", '{"pushes": {"x": {}}}', '{"pushes": 7}'])
def test_an_answer_that_is_no_pushlog_is_trouble(server: Canned, http: Http, body: str) -> None:
    server.says(RANGE, body)
    with pytest.raises(ServerTrouble, match="json-pushes"):
        Pushlog(http, server.url).after("autoland", A, C)


# --------------------------------------------------------------------------------------------- tags and moments


def a_push(number: int, *nodes: str, git: bool = True, hour: int = 0) -> tuple[str, dict[str, object]]:
    when = int(datetime(2026, 9, 14, hour, tzinfo=UTC).timestamp())
    gits = [node[::-1] if git else None for node in nodes]
    return str(number), {"changesets": list(nodes), "git_changesets": gits, "date": when, "user": "x"}


DAY = "/mozilla-central/json-pushes?enddate=2026-09-15&startdate=2026-09-14&version=2"


def test_a_push_of_tags_only_is_no_candidate(server: Canned, http: Http) -> None:
    tag, plain = "7" * 39 + "a", "8" * 39 + "b"
    rows = dict([a_push(1, "1" * 40), a_push(2, tag, git=False), a_push(3, plain, git=False), a_push(4, "4" * 40)])
    server.says(DAY, {"pushes": rows})
    full = {
        "2": {"changesets": [{"node": tag, "branch": "tags-unified"}], "date": 0},
        "3": {"changesets": [{"node": plain, "branch": "default"}], "date": 0},
    }
    server.says(f"/mozilla-central/json-pushes?changeset={tag}&changeset={plain}&full=1&version=2", {"pushes": full})
    found = Pushlog(http, server.url).by_day("mozilla-central", date(2026, 9, 14), date(2026, 9, 14))
    assert [push_id(push) for push in found] == [1, 3, 4]


def test_before_the_move_to_git_nobody_is_asked_about_tags(server: Canned, http: Http) -> None:
    rows = dict([a_push(1, "1" * 40, git=False), a_push(2, "2" * 40, git=False)])
    server.says(DAY, {"pushes": rows})
    found = Pushlog(http, server.url).by_day("mozilla-central", date(2026, 9, 14), date(2026, 9, 14))
    assert len(found) == 2
    assert len(server.asked) == 1


def test_the_push_of_a_moment_is_the_one_at_or_before_it(server: Canned, http: Http) -> None:
    two_days = DAY.replace("startdate=2026-09-14", "startdate=2026-09-13")
    server.says(two_days, {"pushes": dict([a_push(1, "1" * 40, hour=3), a_push(2, "2" * 40, hour=4)])})

    def at(hour: int) -> int | None:
        found = Pushlog(http, server.url).at_or_before("mozilla-central", datetime(2026, 9, 14, hour, tzinfo=UTC))
        return found and push_id(found)

    assert [at(hour) for hour in (2, 3, 4, 5)] == [None, 1, 2, 2]


TAGGED = "/mozilla-central/json-pushes?changeset=FIREFOX_131_0_RELEASE&version=2"


@pytest.mark.parametrize(
    ("said", "expected"), [({"node": "1" * 40}, "1" * 40), ({"node": "9" * 40}, "2" * 40), (None, "2" * 40)]
)
def test_a_tag_means_a_changeset_of_its_push_or_else_the_head(
    server: Canned, http: Http, said: dict[str, str] | None, expected: str
) -> None:
    server.says(TAGGED, {"pushes": dict([a_push(1, "1" * 40, "2" * 40)])})
    if said:
        server.says("/mozilla-central/json-rev/FIREFOX_131_0_RELEASE", said)
    found = Pushlog(http, server.url).tagged("mozilla-central", "FIREFOX_131_0_RELEASE")
    assert found is not None
    assert found[1] == expected
    assert Pushlog(http, server.url).tagged("mozilla-central", "NO_TAG") is None


# ------------------------------------------------------------------------------------- long ranges; what is remembered


def as_moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(first=st.dates(date(2024, 1, 1), date(2026, 1, 1)), days=st.integers(0, 800))
def test_no_second_of_a_range_is_asked_for_twice_or_never(first: date, days: int) -> None:
    last = first + timedelta(days=days)
    spans = [(as_moment(span["startdate"]), as_moment(span["enddate"])) for span in _spans(first, last)]
    second = timedelta(seconds=1)
    # Both ends of a span are exclusive.
    for (_, end), (start, _) in pairwise(spans):
        assert start + second == end
    assert spans[0][0] == as_moment(str(first))
    assert spans[-1][1] == as_moment(str(last)) + timedelta(days=1)
    assert len(spans) <= 1 + (days > 45) * (days // 28 + 1)
    assert all(end - start <= timedelta(days=46) for start, end in spans)


def test_a_long_range_comes_month_by_month_in_the_order_of_ids(server: Canned, http: Http) -> None:
    def month(words: str, *rows: tuple[str, dict[str, object]]) -> None:
        server.says(f"/integration/autoland/json-pushes?{words}&version=2", {"pushes": dict(rows)})

    month("enddate=2026-08-01&startdate=2026-07-10", a_push(9_999, A), a_push(10_001, C))
    month("enddate=2026-09-01&startdate=2026-07-31%2023%3A59%3A59", a_push(10_000, B))
    month("enddate=2026-09-03&startdate=2026-08-31%2023%3A59%3A59", a_push(10_002, "d" * 40))
    found = Pushlog(http, server.url).by_day("autoland", date(2026, 7, 10), date(2026, 9, 2))
    assert [push_id(push) for push in found] == [9_999, 10_000, 10_001, 10_002]


TODAY = date(2026, 9, 20)
OLD, NEW = (int(datetime(2026, 9, day, tzinfo=UTC).timestamp()) for day in (10, 19))


@pytest.mark.parametrize(
    ("ask", "pushes", "last_id", "kept"),
    [
        (lambda log: log.by_day("autoland", date(2026, 9, 1), date(2026, 9, 17)), {"1": OLD}, 9, True),
        (lambda log: log.by_day("autoland", date(2026, 9, 1), date(2026, 9, 17)), {}, 9, True),
        (lambda log: log.by_day("autoland", date(2026, 9, 1), date(2026, 9, 18)), {"1": OLD}, 9, False),
        (lambda log: log.by_id("autoland", 1, 3), {"1": OLD, "3": OLD}, 3, True),
        (lambda log: log.by_id("autoland", 1, 4), {"1": OLD, "3": OLD}, 3, False),  # 4 is still to come
        (lambda log: log.by_id("autoland", 1, 3), {"1": OLD, "3": NEW}, 9, False),
        (lambda log: log.by_id("autoland", 1, 3), {}, 9, False),
        (lambda log: log.after("autoland", A, B), {"2": OLD}, 9, True),
        (lambda log: log.after("autoland", A, B), {"2": NEW}, 9, False),
        (lambda log: log.after("autoland", A[:12], B), {"2": OLD}, 9, False),
        (lambda log: log.of("autoland", A), {"2": OLD}, 9, True),
        (lambda log: log.of("autoland", A[:12]), {"2": OLD}, 9, False),
        (lambda log: log.of("autoland", "FIREFOX_131_0_RELEASE"), {"2": OLD}, 9, False),
        (lambda log: log.of("autoland", A), {"2": NEW}, 9, False),
        (lambda log: log.describe("autoland", 1, 3), {"1": OLD, "3": OLD}, 3, True),
    ],
)
def test_pushes_are_remembered_once_they_cannot_change(
    tmp_path: Path, ask: Callable[[Pushlog], object], pushes: dict[str, int], last_id: int, kept: bool
) -> None:
    """One push is enough of an answer, so that nobody asks about tags as well."""
    rows = {number: row(A, when=when) for number, when in pushes.items()}
    asked: list[str] = []

    class Answering(Http):
        def _got(self, url: str, accept: str | None, known: object) -> Any:
            asked.append(url)
            return _Got(Page(url, "application/json", json.dumps({"lastpushid": last_id, "pushes": rows})))

    def once() -> object:
        http = Answering(memory=Memory(tmp_path))
        try:
            return ask(Pushlog(http, "https://hg.example", today=TODAY))
        finally:
            http.close()

    assert once() == once()
    assert len(asked) == (1 if kept else 2)


def test_without_a_today_nothing_is_settled(tmp_path: Path, server: Canned) -> None:
    server.says(f"/integration/autoland/json-pushes?changeset={A}&version=2", {"pushes": {"1": row(A, when=OLD)}})
    for _ in range(2):
        http = Http(memory=Memory(tmp_path, loopback=True))
        assert Pushlog(http, server.url).of("autoland", A)
        http.close()
    assert len(server.asked) == 2


@pytest.mark.parametrize("node", ["a" * 39, "a" * 39 + "\ufffd", "A" * 40, "g" * 40, 7, None])
@pytest.mark.parametrize("where", ["changesets", "git_changesets"])
def test_a_hash_that_is_none_is_asked_for_again_and_never_taken(
    server: Canned, http: Http, node: object, where: str
) -> None:
    if node is None and where == "git_changesets":
        return  # what was made before the move to Git has none
    server.says(RANGE, {"pushes": {"1": {**row(A, git_changesets=[B]), where: [node]}}})
    with pytest.raises(ServerTrouble, match="tried 2 times"):
        Pushlog(http, server.url).after("autoland", A, C)
