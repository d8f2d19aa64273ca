"""Released versions: their order, their branch and their tag."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.catalog.versions import key_of, parse, repo_of_tag, tag_on
from mozbisect.core.errors import UsageError

IN_ORDER = [
    *("3.6b5", "3.6rc2", "3.6", "3.6.2", "14.0.1", "38.0.5b1", "38.0.5", "99.0"),
    *("100.0b1", "100.0b9", "100.0b10", "100.0", "100.0.1", "115.0", "115.3.0esr", "115.10.0esr"),
]


def test_the_order_is_that_in_which_the_code_grew() -> None:
    assert sorted(sorted(IN_ORDER), key=key_of) == IN_ORDER


@pytest.mark.parametrize(
    ("text", "channel", "branch", "tag"),
    [
        ("131.0", "release", "mozilla-release", "FIREFOX_131_0_RELEASE"),
        ("131.0.3", "release", "mozilla-release", "FIREFOX_131_0_3_RELEASE"),
        ("100.0b3", "beta", "mozilla-beta", "FIREFOX_100_0b3_RELEASE"),
        ("115.3.0esr", "esr", "mozilla-esr115", "FIREFOX_115_3_0esr_RELEASE"),
    ],
)
def test_the_branch_and_the_tag_of_a_version(text: str, channel: str, branch: str, tag: str) -> None:
    version = parse(text)
    assert version is not None
    assert (version.channel, version.repo("gecko"), version.tag("gecko")) == (channel, branch, tag)
    assert repo_of_tag(tag) == branch
    assert version.repo("comm") == branch.replace("mozilla", "comm")
    assert repo_of_tag(version.tag("comm")) == branch.replace("mozilla", "comm")


@pytest.mark.parametrize(
    "text", ["131", "0.10rc", "3.0.19-real-real", "38.0.5b1-2", "latest-esr", "14.0.1-x", "", "esr"]
)
def test_what_is_no_version(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "repo", "family", "tag"),
    [
        ("131", "mozilla-release", "gecko", "FIREFOX_131_0_RELEASE"),
        ("131", "mozilla-beta", "gecko", "FIREFOX_RELEASE_131_BASE"),
        ("132.0", "mozilla-beta", "gecko", "FIREFOX_RELEASE_132_BASE"),
        ("132.0", "mozilla-release", "gecko", "FIREFOX_132_0_RELEASE"),
        ("115", "comm-beta", "comm", "BETA_115_BASE"),
        ("115.3.0", "mozilla-esr115", "gecko", "FIREFOX_115_3_0esr_RELEASE"),
        ("131", "autoland", "gecko", None),
        ("131.0", "mozilla-esr115", "gecko", None),
    ],
)
def test_what_a_number_means_on_a_branch(text: str, repo: str, family: str, tag: str | None) -> None:
    assert tag_on(text, repo, family) == tag


def test_a_bare_number_stands_where_its_first_release_does() -> None:
    assert key_of("131") == key_of("131.0") < key_of("131.0.2")
    with pytest.raises(UsageError, match="no version that was released"):
        key_of("nightly")


@given(st.lists(st.integers(0, 200), min_size=2, max_size=4), st.integers(1, 20))
def test_a_beta_comes_before_its_version_and_after_the_one_before(numbers: list[int], beta: int) -> None:
    text = ".".join(map(str, numbers))
    before = ".".join(map(str, [*numbers[:-1], numbers[-1] + 1]))
    assert key_of(f"{text}b{beta}") < key_of(text) < key_of(f"{before}b1")
    assert re.fullmatch(r"FIREFOX_[\d_]+_RELEASE", parse(text).tag("gecko"))  # type: ignore[union-attr]
