"""The folder that mozregression left: what is at hand in it, and what only looks like it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mozbisect.core.model import Build
from mozbisect.core.ports import Kept
from mozbisect.fetch.cache import peer
from mozbisect.fetch.cache.store import Cache
from mozbisect.fetch.verify import Seal
from tests.fetch.conftest import build_at, nightly, push, sha

NIGHTLY = build_at("https://a/pub/x/firefox-145.0a1.en-US.linux-x86_64.tar.bz2")
PUSH = build_at("https://tc/task/aBc/artifacts/public/build/target.tar.xz", candidate=push())
BY_DAY = "2026-09-14--mozilla-central--firefox-145.0a1.en-US.linux-x86_64.tar.bz2"
BY_STAMP = "2026-09-14-09-31-22--mozilla-central--firefox-145.0a1.en-US.linux-x86_64.tar.bz2"
OF_PUSH = "0123456789ab-shippable--autoland--target.tar.xz"
BODY = b"a build"


def no_download(part: Path) -> Seal:
    raise AssertionError("it was fetched")


def from_the_server(part: Path) -> Seal:
    part.write_bytes(b"from the server")
    return Seal(15, sha("sha256", b"from the server").hex)


def lent(folder: Path, build: Build) -> bytes:
    with Cache(folder) as cache, cache.lend(build, from_the_server) as path:
        return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "build", "surely"),
    [
        (BY_DAY, NIGHTLY, False),
        (BY_STAMP, NIGHTLY, True),
        (OF_PUSH, PUSH, True),
        ("0123456789ab--autoland--target.tar.xz", replace(PUSH, build_type="opt"), True),
        ("0123456789ab-shippable--autoland--x86_64--target.tar.xz", PUSH, False),
    ],
)
def test_a_name_of_mozregression_is_understood(name: str, build: Build, surely: bool, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert [(one.path.name, one.surely) for one in peer.left(tmp_path, build)] == [(name, surely)]
    assert peer.kept([name], [build.candidate]) == {0}


@pytest.mark.parametrize(
    ("name", "build"),
    [
        (BY_DAY.replace("14", "15", 1), NIGHTLY),
        (BY_STAMP.replace("22--", "23--"), NIGHTLY),
        (BY_DAY.replace("central", "esr140"), NIGHTLY),
        (BY_DAY.replace("linux", "mac"), NIGHTLY),
        (OF_PUSH.replace("shippable", "debug"), PUSH),
        (OF_PUSH.replace("-shippable", ""), PUSH),
        (OF_PUSH.replace("0123", "3210"), PUSH),
        ("notes.txt", PUSH),
    ],
)
def test_another_build_is_not_taken_for_it(name: str, build: Build, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(BODY)
    assert lent(tmp_path, replace(build, digest=None)) == b"from the server"


@pytest.mark.parametrize("name", [BY_DAY, BY_STAMP])
def test_an_old_download_counts_if_its_digest_or_its_length_is_right(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(BODY)
    for build in (replace(NIGHTLY, digest=sha("sha512", BODY)), replace(NIGHTLY, size=len(BODY))):
        with Cache(tmp_path) as cache, cache.lend(build, no_download) as path:
            assert path == tmp_path / name
            assert cache.seal_of(build) == Seal(len(BODY), sha("sha256", BODY).hex)


def test_an_old_download_with_a_wrong_digest_or_length_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / BY_STAMP).write_bytes(BODY)
    for build in (replace(NIGHTLY, digest=sha("sha512", b"x")), replace(NIGHTLY, size=3)):
        assert lent(tmp_path, build) == b"from the server"
    assert (tmp_path / BY_STAMP).read_bytes() == BODY


def test_the_name_of_a_day_alone_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / BY_DAY).write_bytes(BODY)
    assert lent(tmp_path, NIGHTLY) == b"from the server"


def test_one_that_cannot_be_unpacked_is_not_used_again_and_stays(tmp_path: Path) -> None:
    (tmp_path / OF_PUSH).write_bytes(BODY)
    with Cache(tmp_path) as cache:
        with cache.lend(PUSH, no_download):
            cache.drop(PUSH)
        with cache.lend(PUSH, from_the_server) as path:
            assert path.read_bytes() == b"from the server"
    assert (tmp_path / OF_PUSH).read_bytes() == BODY


def test_the_search_hears_of_old_downloads(tmp_path: Path) -> None:
    (tmp_path / OF_PUSH).touch()
    assert Cache(tmp_path).kept([nightly(), push()]) == Kept(packed=frozenset({1}))
