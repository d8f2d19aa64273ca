"""Names of repositories: aliases, ESR branches of any number, slips of the finger."""

from __future__ import annotations

import pytest

from mozbisect.catalog.repos import REPOS, at_path, repo
from mozbisect.core.errors import UsageError


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("m-c", "mozilla-central"),
        ("firefox-main", "mozilla-central"),
        ("Mozilla-Central", "mozilla-central"),
        (" autoland ", "autoland"),
        ("firefox-autoland", "autoland"),
        ("inbound", "mozilla-inbound"),
        ("mozilla inbound", "mozilla-inbound"),
        ("f-t", "fx-team"),
        ("beta", "mozilla-beta"),
        ("m-r", "mozilla-release"),
        ("esr128", "mozilla-esr128"),
        ("ESR-115", "mozilla-esr115"),
        ("mozilla-esr52", "mozilla-esr52"),
        ("firefox-esr140", "mozilla-esr140"),
        ("comm-esr140", "comm-esr140"),
        ("thunderbird-esr140", "comm-esr140"),
        ("c-c", "comm-central"),
        ("TRY", "try"),
    ],
)
def test_a_word_means_a_repository(word: str, name: str) -> None:
    assert repo(word).name == name


def test_a_bare_esr_is_one_of_the_apps_family() -> None:
    assert repo("esr128", family="comm").name == "comm-esr128"
    assert repo("mozilla-esr128", family="comm").name == "mozilla-esr128"


def test_a_slip_of_the_finger_lists_the_near_ones() -> None:
    with pytest.raises(UsageError, match="no repository 'autolnad'") as caught:
        repo("autolnad")
    assert "autoland" in caught.value.advice


def test_no_word_means_two_repositories() -> None:
    words = [word for row in REPOS for word in (row.name, *row.aliases)]
    assert len(words) == len(set(words))
    assert all(word == word.lower() for word in words)
    assert all(repo(origin) for row in REPOS for origin in row.origins)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/mozilla-central", "mozilla-central"),
        ("/hg/integration/autoland/", "autoland"),
        ("/releases/mozilla-esr115", "mozilla-esr115"),
        ("/releases/comm-esr140", "comm-esr140"),
        ("/somewhere/else", None),
        ("/users/x/mozilla-central-clone", None),
    ],
)
def test_the_repository_at_a_path(path: str, name: str | None) -> None:
    found = at_path(path)
    assert (found.name if found else None) == name
