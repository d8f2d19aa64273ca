"""The folder of downloaded files: names, trust, room, and two runs at once."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.core.errors import BrokenBuild, CacheTrouble
from mozbisect.core.model import Build, Digest
from mozbisect.core.ports import Kept
from mozbisect.fetch.cache import store as module
from mozbisect.fetch.cache.store import Cache, file_name
from mozbisect.fetch.stop import Stop, Stopped
from mozbisect.fetch.verify import Seal
from tests.fetch.conftest import build_at, nightly, push, sha
from tests.fetch.test_scratch import deep

ARCHIVE = "https://archive.mozilla.org/pub/firefox/nightly/2026/09/2026-09-14-09-31-22-mozilla-central"
TASK = "https://firefox-ci-tc.services.mozilla.com/api/queue/v1/task"


class Shop:
    """Where files come from; remembers how often."""

    def __init__(self, body: bytes = b"a build") -> None:
        self.body = body
        self.visits = 0

    def __call__(self, part: Path) -> Seal:
        self.visits += 1
        with part.open("xb") as file:
            file.write(self.body)
        return Seal(len(self.body), sha("sha256", self.body).hex)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def names(folder: Path) -> set[str]:
    """All but the scratch folders of runs that live."""
    return {path.name for path in folder.iterdir() if not path.name.startswith("mozbisect-")}


# ------------------------------------------------------------------------------------------------------- names


def test_a_nightly_is_called_by_its_folder() -> None:
    name = file_name(build_at(f"{ARCHIVE}/firefox-145.0a1.en-US.linux-x86_64.tar.xz"))
    start, build_type, mark, file = name.split("--")
    assert (start, build_type, len(mark)) == ("2026-09-14-09-31-22-mozilla-central", "shippable", 8)
    assert file == "firefox-145.0a1.en-US.linux-x86_64.tar.xz"


def test_a_push_is_called_by_its_repository_and_revision() -> None:
    build = build_at(f"{TASK}/aBc/artifacts/public/build/target.tar.xz", candidate=push())
    assert file_name(build).startswith("autoland-0123456789ab--shippable--")
    assert file_name(build).endswith("--target.tar.xz")


def test_builds_that_differ_in_platform_language_or_task_never_share_a_name() -> None:
    urls = [
        f"{TASK}/linux/artifacts/public/build/target.tar.xz",
        f"{TASK}/linux-retriggered/artifacts/public/build/target.tar.xz",
        f"{TASK}/mac/artifacts/public/build/target.dmg",
        f"{TASK}/fenix/artifacts/public/build/arm64-v8a/target.apk",
        f"{TASK}/fenix/artifacts/public/build/x86_64/target.apk",
    ]
    assert len({file_name(build_at(url, candidate=push())) for url in urls}) == len(urls)


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=40))
def test_a_name_can_be_written_on_every_disk(key: str, name: str, build_type: str) -> None:
    build = replace(build_at("http://a/b", candidate=nightly(key), build_type=build_type), file_name=name)
    found = file_name(build)
    assert 0 < len(found) < 200
    assert not set(found) & set('/\\:*?"<>| \0\n')
    assert not found.startswith(".")


# ------------------------------------------------------------------------------------------------------- trust


def test_a_file_is_fetched_once(tmp_path: Path, shop: Shop) -> None:
    build = build_at(f"{ARCHIVE}/f.zip")
    cache = Cache(tmp_path / "deep" / "folder")
    for _ in range(2):
        with cache.lend(build, shop) as path:
            assert path.read_bytes() == b"a build"
    assert shop.visits == 1


def test_the_next_run_has_it_still(tmp_path: Path, shop: Shop) -> None:
    for digest in (None, sha("sha512", b"a build")):
        build = build_at(f"{ARCHIVE}/{digest}.zip", digest=digest)
        for _ in range(2):
            with Cache(tmp_path) as cache, cache.lend(build, shop) as path:
                assert path.read_bytes() == b"a build"
    assert shop.visits == 2


@pytest.mark.parametrize("digest", [None, sha("sha256", b"a build")])
@pytest.mark.parametrize("damaged", [b"", b"a buil", b"a cuild", b"a build and more"])
def test_a_damaged_file_is_fetched_again(damaged: bytes, digest: Digest | None, tmp_path: Path, shop: Shop) -> None:
    build = build_at(f"{ARCHIVE}/f.zip", digest=digest)
    cache = Cache(tmp_path)
    with cache.lend(build, shop):
        pass
    (tmp_path / file_name(build)).write_bytes(damaged)
    with cache.lend(build, shop) as path:
        assert path.read_bytes() == b"a build"
    assert shop.visits == 2


def test_a_file_that_somebody_else_put_there_is_taken_if_its_digest_is_right(tmp_path: Path, shop: Shop) -> None:
    right = build_at(f"{ARCHIVE}/f.zip", digest=sha("sha256", b"a build"))
    unknown = build_at(f"{ARCHIVE}/g.zip")
    for build in (right, unknown):
        (tmp_path / file_name(build)).write_bytes(b"a build")
    cache = Cache(tmp_path)
    for build, visits in ((right, 0), (unknown, 1)):
        use(cache, build, shop)
        assert shop.visits == visits


def test_a_file_that_was_dropped_is_gone_and_its_seal_too(tmp_path: Path, shop: Shop) -> None:
    build = build_at(f"{ARCHIVE}/f.zip")
    cache = Cache(tmp_path)
    with cache.lend(build, shop):
        pass
    cache.drop(build)
    cache.drop(build)
    assert names(tmp_path) == set()


def test_a_fetch_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fails(part: Path) -> Seal:
        raise BrokenBuild("no")

    with pytest.raises(BrokenBuild), Cache(tmp_path).lend(build_at(f"{ARCHIVE}/f.zip"), fails):
        pass
    assert names(tmp_path) == set()


def test_a_folder_that_cannot_be_is_told(tmp_path: Path, shop: Shop) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheTrouble), Cache(tmp_path / "file" / "x").lend(build_at(f"{ARCHIVE}/f.zip"), shop):
        pass


def test_a_private_folder_is_gone_after_the_close(tmp_path: Path, shop: Shop) -> None:
    with Cache(temp_root=tmp_path) as cache:
        for _ in range(2):
            with cache.lend(build_at(f"{ARCHIVE}/f.zip"), shop) as path:
                assert path.is_relative_to(tmp_path)
        assert shop.visits == 1
    assert names(tmp_path) == set()


# -------------------------------------------------------------------------------------------------------- room


class Clock:
    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        self.time += 1
        return self.time


@pytest.fixture
def builds() -> list[Build]:
    return [build_at(f"{ARCHIVE}/{number}.zip") for number in range(9)]


KIB = 1 / 2**20  # in GiB


def held(folder: Path, builds: list[Build]) -> list[int]:
    """By their files: to ask the cache for one would be to use it."""
    return [number for number, build in enumerate(builds) if file_name(build) in names(folder)]


def use(cache: Cache, build: Build, shop: Callable[[Path], Seal]) -> None:
    with cache.lend(build, shop):
        pass


def test_what_was_not_used_for_longest_makes_room(tmp_path: Path, builds: list[Build]) -> None:
    cache = Cache(tmp_path, limit_gib=6 * KIB, now=Clock())
    shop = Shop(bytes(1024))
    for build in builds[:6]:
        use(cache, build, shop)
    assert held(tmp_path, builds) == [0, 1, 2, 3, 4, 5]
    use(cache, builds[0], shop)  # and so it is not the oldest any more
    use(cache, builds[6], shop)
    assert held(tmp_path, builds) == [0, 2, 3, 4, 5, 6]
    assert len(names(tmp_path)) == 12  # each with its seal


def test_the_newest_five_stay_however_small_the_limit(tmp_path: Path, builds: list[Build]) -> None:
    cache = Cache(tmp_path, limit_gib=1 * KIB, now=Clock())
    for build in builds:
        use(cache, build, Shop(bytes(1024)))
    assert held(tmp_path, builds) == [4, 5, 6, 7, 8]


def test_what_is_in_use_stays(tmp_path: Path, builds: list[Build]) -> None:
    cache = Cache(tmp_path, limit_gib=1 * KIB, now=Clock())
    shop = Shop(bytes(1024))
    with cache.lend(builds[0], shop):
        for build in builds[1:]:
            use(cache, build, shop)
        assert held(tmp_path, builds) == [0, 4, 5, 6, 7, 8]


def test_without_a_limit_everything_stays(tmp_path: Path, builds: list[Build]) -> None:
    cache = Cache(tmp_path, now=Clock())
    for build in builds:
        use(cache, build, Shop(bytes(1024)))
    assert held(tmp_path, builds) == list(range(9))


def test_nothing_that_is_not_ours_is_ever_removed(tmp_path: Path, builds: list[Build]) -> None:
    theirs = {"notes.txt", "2026-09-14--mozilla-central--firefox.zip", ".download.part", "letter.seal"}
    for name in theirs:
        (tmp_path / name).write_bytes(bytes(9000))
        os.utime(tmp_path / name, (1, 1))
    cache = Cache(tmp_path, limit_gib=1 * KIB, now=Clock())
    for build in builds:
        use(cache, build, Shop(bytes(1024)))
    assert theirs < names(tmp_path)


def test_what_killed_runs_left_half_made_is_removed_by_the_next(tmp_path: Path, shop: Shop) -> None:
    left = tmp_path / "mozbisect-abc"
    (left / "archive-x").mkdir(parents=True)
    (left / "archive-x" / "part").write_bytes(b"half")
    (left / ".lived-in").touch()  # and nobody holds its lock
    with Cache(tmp_path) as cache:
        use(cache, build_at(f"{ARCHIVE}/f.zip"), shop)
        assert not left.exists()
    assert {path.suffix for path in tmp_path.iterdir()} == {".zip", ".seal"}


# ------------------------------------------------------------------------------------------------ side by side


def test_two_threads_that_want_one_file_fetch_it_once(tmp_path: Path) -> None:
    build = build_at(f"{ARCHIVE}/f.zip")
    cache = Cache(tmp_path)
    shop = Shop()
    begun, go_on = threading.Event(), threading.Event()

    def slowly(part: Path) -> Seal:
        begun.set()
        go_on.wait(5)
        return shop(part)

    first = threading.Thread(target=use, args=(cache, build, slowly))
    first.start()
    begun.wait(5)
    second = threading.Thread(target=use, args=(cache, build, shop))
    second.start()
    go_on.set()
    first.join()
    second.join()
    assert shop.visits == 1


def test_who_was_told_to_stop_and_hangs_holds_up_nobody(tmp_path: Path, shop: Shop) -> None:
    build, stop = build_at(f"{ARCHIVE}/f.zip"), Stop()
    begun, go_on = threading.Event(), threading.Event()

    def hangs(part: Path) -> Seal:
        begun.set()
        go_on.wait(5)
        raise Stopped

    def first() -> None:
        with suppress(Stopped), cache.lend(build, hangs, stop):
            pass

    with Cache(tmp_path) as cache:
        thread = threading.Thread(target=first)
        thread.start()
        assert begun.wait(5)
        stop.now()
        began = time.monotonic()
        with cache.lend(build, shop) as path:
            assert path.read_bytes() == b"a build"
        assert time.monotonic() - began < 2
    assert names(tmp_path) == {file_name(build), file_name(build) + module._SEAL}  # nor is its half there any more
    go_on.set()
    thread.join()


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_where_no_folder_can_be_made_builds_are_for_this_run_and_that_is_said_once(
    number: int, tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    mkdir: Callable[..., None] = Path.mkdir

    def refused(path: Path, *words: object, **more: object) -> None:
        if path == tmp_path / "none":
            raise OSError(number, "no", str(path))
        mkdir(path, *words, **more)

    monkeypatch.setattr(Path, "mkdir", refused)
    with Cache(tmp_path / "none", temp_root=tmp_path, say=said.append) as cache:
        for _ in range(2):
            use(cache, build_at(f"{ARCHIVE}/f.zip"), shop)
        assert shop.visits == 1
    assert len(said) == 1
    assert "not kept" in said[0]
    assert names(tmp_path) == set()


def test_two_runs_that_fetch_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    build = build_at(f"{ARCHIVE}/f.zip")
    one, two = Cache(tmp_path), Cache(tmp_path)
    shop = Shop()

    def meanwhile_the_other(part: Path) -> Seal:
        seal = shop(part)
        use(two, build, shop)
        return seal

    with one.lend(build, meanwhile_the_other) as path:
        assert path.read_bytes() == b"a build"
    assert shop.visits == 2
    assert len(names(tmp_path)) == 2


def test_a_file_that_another_run_removed_is_fetched_again(tmp_path: Path, shop: Shop) -> None:
    build = build_at(f"{ARCHIVE}/f.zip")
    one, two = Cache(tmp_path), Cache(tmp_path)
    use(one, build, shop)
    two.drop(build)
    with one.lend(build, shop) as path:
        assert path.exists()
    assert shop.visits == 2


def test_a_run_that_ends_between_file_and_seal_harms_nobody(tmp_path: Path, shop: Shop) -> None:
    build = build_at(f"{ARCHIVE}/f.zip")
    use(Cache(tmp_path), build, shop)
    (tmp_path / (file_name(build) + module._SEAL)).unlink()
    with Cache(tmp_path).lend(build, shop) as path:
        assert path.read_bytes() == b"a build"
    assert shop.visits == 2


def test_kept_names_the_candidates_that_an_earlier_run_left_here(tmp_path: Path, shop: Shop) -> None:
    here = build_at(f"{TASK}/aBc/artifacts/public/build/target.tar.xz", candidate=push())
    with Cache(tmp_path) as cache, cache.lend(here, shop):
        pass
    with Cache(tmp_path) as later:
        assert later.kept([nightly(), push()]) == Kept(packed=frozenset({1}))
    with Cache() as private:
        assert private.kept([push()]) == Kept()


# ------------------------------------------------------------------------------------------------------- trees


def planted(cache: Cache, build: Build, shop: Shop, size: int = 10) -> Path:
    """A tree, as a fetcher makes it, and taken for use."""
    assert cache.trees is not None
    use(cache, build, shop)
    files = cache.trees.fresh()
    (files / "firefox").mkdir()
    (files / "firefox" / "firefox").write_bytes(bytes(size))
    (files / "firefox" / "link").symlink_to("firefox")
    seal = cache.seal_of(build)
    assert seal is not None
    cache.trees.vouch(files, file_name(build), build, seal)
    return files


def take(cache: Cache, build: Build) -> Path | None:
    assert cache.trees is not None
    return cache.trees.take(file_name(build), build)


def give_back(cache: Cache, files: Path | None) -> None:
    assert cache.trees is not None
    assert files is not None
    cache.trees.give_back(files)


def test_a_tree_that_is_given_back_is_there_for_the_next_run(tmp_path: Path, shop: Shop, builds: list[Build]) -> None:
    with Cache(tmp_path) as cache:
        give_back(cache, planted(cache, builds[0], shop))
    with Cache(tmp_path) as later:
        files = take(later, builds[0])
        assert files is not None
        assert (files / "firefox" / "link").read_bytes() == bytes(10)
        assert take(later, builds[1]) is None


def test_what_is_kept_unpacked_is_told_from_what_is_only_kept(tmp_path: Path, shop: Shop) -> None:
    one, two, three = (build_at(f"{ARCHIVE}/{key}.zip", candidate=nightly(key)) for key in ("one", "two", "three"))
    with Cache(tmp_path) as cache:
        give_back(cache, planted(cache, one, shop))
        use(cache, two, shop)
        found = cache.kept([two.candidate, three.candidate, one.candidate])
    assert found == Kept(unpacked=frozenset({2}), packed=frozenset({0}))


def test_a_tree_is_used_by_one_at_a_time_and_never_to_make_room(
    tmp_path: Path, shop: Shop, builds: list[Build], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    with Cache(tmp_path) as one, Cache(tmp_path) as two:
        give_back(one, planted(one, builds[0], shop))
        files = take(one, builds[0])
        assert files is not None
        assert take(two, builds[0]) is None
        two.make_room()
        use(two, builds[1], shop)
        assert (files / "firefox" / "firefox").exists()
        give_back(one, files)
        two.make_room()
        assert take(two, builds[0]) is None  # now it was too much


@pytest.mark.parametrize("build_writes", ["other", "same length", "less", "mode", "gone", "link"])
def test_a_tree_that_a_build_has_changed_is_not_used_again(
    build_writes: str, tmp_path: Path, shop: Shop, builds: list[Build]
) -> None:
    with Cache(tmp_path) as cache:
        files = planted(cache, builds[0], shop)
        program, link = files / "firefox" / "firefox", files / "firefox" / "link"
        match build_writes:
            case "other":
                program.write_bytes(b"an update of itself")
            case "same length":
                program.write_bytes(b"0123456789")
                os.utime(program, (1, 1))
            case "less":
                program.write_bytes(b"")
            case "mode":
                program.chmod(0o600)
            case "gone":
                program.unlink()
            case "link":
                link.unlink()
                link.symlink_to("elsewhere")
        give_back(cache, files)
        assert take(cache, builds[0]) is None


def test_what_a_build_has_left_in_its_tree_is_removed(tmp_path: Path, shop: Shop, builds: list[Build]) -> None:
    with Cache(tmp_path) as cache:
        files = planted(cache, builds[0], shop)
        (files / "firefox" / "distribution").mkdir()
        (files / "firefox" / "distribution" / "policies.json").write_text("{}")
        (files / "firefox" / "out").symlink_to("/etc")
        give_back(cache, files)
        again = take(cache, builds[0])
        assert again is not None
        assert not (again / "firefox" / "distribution" / "policies.json").exists()
        assert not (again / "firefox" / "out").is_symlink()
    assert Path("/etc").is_dir()


def test_a_tree_is_not_taken_for_another_digest_or_length(tmp_path: Path, shop: Shop, builds: list[Build]) -> None:
    build = replace(builds[0], digest=sha("sha512", b"a build"))
    with Cache(tmp_path) as cache:
        give_back(cache, planted(cache, build, shop))
        for same in (replace(build, size=7), replace(build, digest=sha("sha256", b"a build")), build):
            files = take(cache, same)
            assert files is not None
            give_back(cache, files)
        for other in (
            replace(build, size=8),
            *(replace(build, digest=sha(name, b"x")) for name in ("sha256", "sha512")),
        ):
            assert take(cache, other) is None
            give_back(cache, planted(cache, build, shop))


def test_trees_count_and_go_before_archives(tmp_path: Path, builds: list[Build]) -> None:
    shop = Shop(bytes(1024))
    with Cache(tmp_path, limit_gib=8 * KIB, now=Clock()) as cache:
        for build in builds[:4]:
            give_back(cache, planted(cache, build, shop, 2048))
        cache.make_room()
        assert [take(cache, build) is not None for build in builds[:4]] == [False, False, True, True]
    assert held(tmp_path, builds) == [0, 1, 2, 3]


def test_a_folder_that_is_removed_in_mid_run_is_there_again(tmp_path: Path, shop: Shop, builds: list[Build]) -> None:
    folder = tmp_path / "a 'folder' with \"quotes\", süß"
    with Cache(folder) as cache:
        give_back(cache, planted(cache, builds[0], shop))
        shutil.rmtree(folder)
        give_back(cache, planted(cache, builds[0], shop))
        assert take(cache, builds[0]) is not None
    assert shop.visits == 2


def test_a_build_that_makes_a_very_deep_tree_leaves_nothing(tmp_path: Path, shop: Shop, builds: list[Build]) -> None:
    with Cache(tmp_path) as cache:
        files = planted(cache, builds[0], shop)
        deep(files / "firefox")
        give_back(cache, files)
        assert take(cache, builds[0]) is None
    assert names(tmp_path) == {file_name(builds[0]), file_name(builds[0]) + ".seal"}
    assert not list(tmp_path.glob("mozbisect-*"))


@pytest.mark.parametrize("harm", ["not verified", "damaged", "no mark"])
def test_a_tree_that_does_not_fit_any_more_gives_way_to_a_new_one(
    harm: str, tmp_path: Path, shop: Shop, builds: list[Build]
) -> None:
    build = replace(builds[0], digest=sha("sha512", b"a build"))
    tree = tmp_path / f"{file_name(build)}.tree"
    with Cache(tmp_path) as cache:
        give_back(cache, planted(cache, builds[0] if harm == "not verified" else build, shop))
        mark = tree / "mark.json"
        if harm == "damaged":
            mark.write_text(mark.read_text()[:-9])
        elif harm == "no mark":
            mark.unlink()
        assert take(cache, build) is None
        assert not tree.exists()  # it counts no more
        give_back(cache, planted(cache, build, shop))
        assert take(cache, build) is not None


def test_of_two_trees_the_one_stays_that_is_known_to_be_of_the_build(
    tmp_path: Path, shop: Shop, builds: list[Build]
) -> None:
    build = replace(builds[0], digest=sha("sha512", b"a build"))
    for first, second in ((builds[0], build), (build, builds[0]), (build, build)):
        with Cache(tmp_path) as one, Cache(tmp_path) as two:
            trees = planted(one, first, shop), planted(two, second, shop)
            give_back(one, trees[0])
            give_back(two, trees[1])
            assert take(one, build) is not None


def test_trees_without_a_mark_count_as_what_they_take(tmp_path: Path, shop: Shop, builds: list[Build]) -> None:
    with Cache(tmp_path, limit_gib=KIB) as cache:
        give_back(cache, planted(cache, builds[0], shop, 2048))
        tree = tmp_path / f"{file_name(builds[0])}.tree"
        (tree / "mark.json").write_text("{")
        (tmp_path / "family.tree").mkdir()  # of a person
        assert cache.trees is not None
        assert [size for _, size, _ in cache.trees.all()] == [2048 + 1 + len("firefox")]
        cache.make_room()
        assert not tree.exists()
        cache.trees.make_way()
        assert (tmp_path / "family.tree").exists()
