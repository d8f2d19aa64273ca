"""Which revision a build was made from, in the texts of every era."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mozbisect.net.http import Http
from mozbisect.sources.buildinfo import Origin, from_json, from_txt, read_origin, repo_at
from tests.serving import File, Instead, serving

DATA = Path(__file__).parent.parent / "data"
REV = "34a66aaaca81" + "0" * 28


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("20100704054020 2d8b5a1bcbb8\n", Origin(None, "2d8b5a1bcbb8", None, "20100704054020")),
        ("2010070405 2d8b5a1bcbb8", Origin(None, "2d8b5a1bcbb8")),
        (
            f"20260914093122\nhttps://hg.mozilla.org/mozilla-central/rev/{REV}\n",
            Origin("mozilla-central", REV, None, "20260914093122"),
        ),
        (
            f"20260914093122\nhttps://hg.mozilla.org/releases/mozilla-beta/rev/{REV}\n"
            f"https://github.com/mozilla-firefox/firefox/commit/{'b' * 40}\n",
            Origin("mozilla-beta", REV, "b" * 40, "20260914093122"),
        ),
        ("20140101030204\n", Origin(None, None, None, "20140101030204")),  # linux64-asan lacked the revision
        ("", Origin()),
        ("<html>", Origin()),
    ],
)
def test_texts(text: str, origin: Origin) -> None:
    assert from_txt(text) == origin


def test_every_sample_text_has_a_build_id_and_a_revision_of_its_repository() -> None:
    samples = json.loads((DATA / "archive/mozdownload_buildinfo_txt.json").read_text())
    for text in samples.values():
        if "/rev/" in text:
            origin = from_txt(text)
            assert origin.build_id == text[:14]
            assert origin.revision == text.strip().rpartition("/")[2]


@pytest.mark.parametrize("name", ["target.json_2017_21keys_403.json", "target.json_2025_15keys_571.json"])
def test_recorded_target_json(name: str) -> None:
    body = json.loads((DATA / "taskcluster" / name).read_text())["body"]
    origin = from_json(body)
    row = json.loads(body)
    assert (origin.revision, origin.build_id) == (row["moz_source_stamp"], row["buildid"])
    assert origin.revision
    assert len(origin.revision) == 40


def test_buildhub_json() -> None:
    text = json.dumps(
        {"build": {"id": "20260914093122"}, "source": {"repository": "https://x/mozilla-central", "revision": REV}}
    )
    assert from_json(text) == Origin("mozilla-central", REV, None, "20260914093122")


@pytest.mark.parametrize(("text"), ["[]", "{", '{"moz_source_stamp": 7, "moz_source_repo": "MOZ_SOURCE_REPO="}'])
def test_odd_json_says_nothing(text: str) -> None:
    assert from_json(text) == Origin()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://hg.mozilla.org/mozilla-central", "mozilla-central"),
        ("http://127.0.0.1:8000/hg/integration/autoland/", "autoland"),
        ("https://hg.mozilla.org/integration/fx-team", "fx-team"),
        ("https://hg.mozilla.org/users/somebody", None),
    ],
)
def test_the_repository_is_known_by_the_end_of_its_url(url: str, name: str | None) -> None:
    assert repo_at(url) == name


WHOLE = f"20260902214000\nhttps://hg.mozilla.org/mozilla-central/rev/{'a' * 40}\n"


@pytest.mark.parametrize("spoilt", ["", "<html>sorry</html>", *(WHOLE[:at] for at in (5, 13, 20, 40, 71, 80, 97))])
def test_half_a_file_is_asked_for_again(http: Http, spoilt: str) -> None:
    with serving() as server:
        url = server.put("/x.txt", WHOLE.encode())
        server.faults["/x.txt"] += [Instead(File(spoilt.encode()))]
        assert read_origin(http, url).revision == "a" * 40


def test_a_file_that_tells_no_revision_is_a_file_all_the_same(http: Http) -> None:
    with serving() as server:
        assert read_origin(http, server.put("/x.txt", b"20260902214000\n")).build_id == "20260902214000"
        assert len(server.seen) == 1
