"""json-pushes, in both versions and all its moods."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mozbisect.core.errors import ServerTrouble
from mozbisect.net import Http
from mozbisect.sources.pushlog import Pushlog, push_id
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


def test_the_push_of_a_moment(server: Canned, http: Http) -> None:
    server.says(DAY, {"pushes": dict([a_push(1, "1" * 40, hour=3), a_push(2, "2" * 40, hour=4)])})
    found = Pushlog(http, server.url).at("mozilla-central", datetime(2026, 9, 14, 4, tzinfo=UTC))
    assert found is not None
    assert push_id(found) == 2
    assert Pushlog(http, server.url).at("mozilla-central", datetime(2026, 9, 14, 5, tzinfo=UTC)) is None


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
