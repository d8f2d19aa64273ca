"""Brings builds here: from the cache or from the server, verified, unpacked, and if possible before they are asked for.

The one place where the parts of this folder meet. For each build there is one way, whoever goes it, the caller
of ``bring`` or look-ahead:

    cache ──lend──► file ──unpack──► tree, in a scratch folder of its own
      └─fetch─► download ──bytes──► unpacking ──► tree, at the same time
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from mozbisect.core.errors import BrokenBuild, CacheTrouble
from mozbisect.core.model import Build, Candidate
from mozbisect.core.ports import Kept, Progress
from mozbisect.fetch.ahead import Errand, Later, LookAhead
from mozbisect.fetch.cache.store import Cache, file_name
from mozbisect.fetch.cache.trees import FILES
from mozbisect.fetch.scratch import FULL, Scratch, on_disk, remove
from mozbisect.fetch.stop import Stop
from mozbisect.fetch.transfer.download import Tell, download
from mozbisect.fetch.transfer.line import Lane, Line
from mozbisect.fetch.unpack.archive import is_archive, unpack
from mozbisect.fetch.unpack.streaming import Unpacking
from mozbisect.fetch.verify import Seal
from mozbisect.net.http import Http

log = logging.getLogger(__name__)

_GLANCE = 0.1  # seconds between two looks at a download that look-ahead has begun


class BuildFetcher:
    """The ``Fetcher`` port.

    ``find`` is the source's, for look-ahead. ``keep``: a download ahead goes on when it is not wanted any more.
    ``unpack_ahead``: look-ahead unpacks too, which takes longer than most downloads (3 to 9 s of one processor core).
    ``connections``: at most so many side by side for a build that is waited for. ``later`` stands in for the clock of
    look-ahead.
    """

    def __init__(
        self,
        http: Http,
        cache: Cache,
        *,
        find: Callable[[Candidate], Build],
        progress: Progress | None = None,
        look_ahead: bool = True,
        patience: float = 1.0,
        temp_root: Path | None = None,
        keep: bool = False,
        unpack_ahead: bool = True,
        connections: int = 1,
        later: Later | None = None,
    ) -> None:
        self._http = http
        self._cache = cache
        self._find = find
        self._progress = progress or _silent
        self._look_ahead = look_ahead
        self._unpack_ahead = unpack_ahead
        self._scratch = Scratch(temp_root)
        self._line = Line(most=connections)
        self._ahead = LookAhead(
            self._run, self._let_go, patience=patience, keep=keep, idle=http.keeps_waiting, later=later
        )

    @contextmanager
    def bring(self, build: Build) -> Iterator[Path]:
        """See ``Fetcher.bring``. The file of an app that is not unpacked has the name it has on the server."""
        with self._line.urgent():
            tree = self._made_ready(build) or self._fetch_now(build)
        self._ahead.be_patient()
        try:
            yield tree if is_archive(build.file_name) else tree / _bare(build.file_name)
        finally:
            self._let_go(tree)

    def ahead(self, likely: Mapping[Candidate, float], *, present: Candidate | None = None, left: int = 0) -> None:
        if self._look_ahead:
            self._ahead.want(likely, present=present, left=left)

    def begun(self) -> frozenset[Candidate]:
        return self._ahead.begun()

    def may_bet(self, left: int) -> bool:
        return self._look_ahead and self._unpack_ahead and self._ahead.may_bet(left)

    def kept(self, candidates: Sequence[Candidate]) -> Kept:
        return self._cache.kept(candidates)

    def close(self) -> None:
        """Stop every thread, within half a second, and remove every tree. The cache is closed by who made it."""
        self._ahead.close()
        self._scratch.close()

    def _made_ready(self, build: Build) -> Path | None:
        """The tree that look-ahead has made, or is just making; ``None`` if it made none after all."""
        errand = self._ahead.claim(build.candidate)
        if errand is None:
            return None
        try:
            self._wait(errand, build)
        except BaseException:
            errand.stop.now()
            raise
        if errand.tree is None or errand.build == build:
            self._ahead.used(errand.here)
            return errand.tree
        self._let_go(errand.tree)  # the candidate's build is another one by now
        return None

    def _wait(self, errand: Errand, build: Build) -> None:
        told = 0
        while not errand.done.wait(_GLANCE):
            if errand.here != told:
                told = errand.here
                self._progress(build, told, errand.whole)

    def _run(self, errand: Errand) -> None:
        """What look-ahead does, in its own thread."""
        build = self._find(errand.candidate)
        errand.stop.check()

        lane = Lane(self._line, lambda: errand.claimed)
        if self._unpack_ahead:
            errand.tree = self._make_ready(build, errand.stop, errand.tell, lane)
            errand.build = build
        else:
            with self._cache.lend(
                build, lambda part: self._download(build, part, errand.stop, errand.tell, lane), errand.stop
            ):
                pass

    def _fetch_now(self, build: Build) -> Path:
        """What nobody has begun, in the caller's thread."""
        brought = 0

        def tell(here: int, whole: int | None) -> None:
            nonlocal brought
            brought = here
            self._progress(build, here, whole)

        tree = self._make_ready(build, None, tell, Lane(self._line, lambda: True))
        self._ahead.used(brought)
        return tree

    def _make_ready(self, build: Build, stop: Stop | None, tell: Tell, lane: Lane) -> Path:
        """A tree of the build, made anew if need be. Where the disk is full, what is kept and not in use makes way.

        For a build that nobody waits for, that is only what can be made again without a download. What somebody has
        removed meanwhile is made once more, and fetched again.
        """
        ways = self._cache.make_way(build, trees_only=stop is not None)
        once_more = True
        while True:
            try:
                return self._tree_of(build, stop, tell, lane)
            except CacheTrouble as trouble:
                if once_more and _is_gone(trouble):
                    log.debug("somebody removed what was just made: %s", trouble.what)
                    once_more = False
                    continue
                full = _full_at(trouble)
                if full is not None and stop is None and self._ahead.give_up():
                    log.debug("the disk is full: builds ahead make way")
                    continue
                if full is None or not self._cache.is_on_disk_of(full) or (gone := next(ways, None)) is None:
                    raise
                log.debug("the disk is full: %s make way", gone)

    def _tree_of(self, build: Build, stop: Stop | None, tell: Tell, lane: Lane) -> Path:
        """A new tree of the build. A file that cannot be unpacked, and that no digest vouches for, is fetched twice."""
        if tree := self._kept_tree(build):
            return tree
        second = False
        while True:
            with (
                self._unpacking(build, stop) as unpacking,
                self._cache.lend(
                    build, lambda part: self._download(build, part, stop, tell, lane, unpacking), stop
                ) as file,
            ):
                try:
                    return self._vouched(unpacking.tree() or self._unpacked(file, build, stop), build)
                except BrokenBuild as broken:
                    vouched_for = build.digest is not None and file.exists()  # else another run removed it just now
                    self._cache.drop(build)
                    if second or vouched_for:
                        raise
                    log.debug("%s is fetched once more: %s", build.file_name, broken.what)
                    second = True

    # A tree of an archive is kept with the cache, if that one is kept; any other lives in the scratch folder.

    def _kept_tree(self, build: Build) -> Path | None:
        trees = self._cache.trees
        return trees.take(file_name(build), build) if trees and is_archive(build.file_name) else None

    def _fresh(self) -> Path:
        if self._cache.trees:
            try:
                return self._cache.trees.fresh()
            except CacheTrouble as error:  # a cache that can only be read
                log.debug("no tree is kept: %s", error.what)
        return self._scratch.fresh("build")

    def _vouched(self, tree: Path, build: Build) -> Path:
        seal = self._cache.seal_of(build)
        if self._cache.trees and seal and is_archive(build.file_name) and tree.name == FILES:
            self._cache.trees.vouch(tree, file_name(build), build, seal)
        return tree

    def _let_go(self, tree: Path) -> None:
        if self._cache.trees and tree.name == FILES:
            self._cache.trees.give_back(tree)
            self._cache.make_room()
        else:
            remove(tree)

    def _unpacking(self, build: Build, stop: Stop | None) -> Unpacking:
        return Unpacking(build.file_name, self._fresh, stop.check if stop else _silent)

    def _unpacked(self, file: Path, build: Build, stop: Stop | None) -> Path:
        if stop:
            stop.check()  # after the close, nothing new is to come into the scratch folder
        tree = self._fresh()
        try:
            if is_archive(build.file_name):
                unpack(file, tree, check=stop.check if stop else None)
            else:
                _copy(file, tree / _bare(build.file_name))
        except BaseException as error:
            remove(tree)
            if isinstance(error, BrokenBuild):  # said of the name that the server has for it, not the cache
                raise BrokenBuild(error.what.replace(file.name, build.file_name)) from error
            raise
        return tree

    def _download(
        self,
        build: Build,
        part: Path,
        stop: Stop | None,
        tell: Tell,
        lane: Lane,
        unpacking: Unpacking | None = None,
    ) -> Seal:
        also = unpacking if is_archive(build.file_name) else None
        return download(self._http, build, part, stop=stop, tell=tell, also=also, lane=lane)


def _copy(file: Path, to: Path) -> None:
    if not file.exists():
        raise BrokenBuild(f"{to.name} was removed while it was needed")
    with on_disk(to.parent):
        shutil.copyfile(file, to)


def _is_gone(trouble: CacheTrouble) -> bool:
    return isinstance(trouble.__cause__, FileNotFoundError)


def _full_at(trouble: CacheTrouble) -> Path | None:
    cause = trouble.__cause__
    return Path(cause.filename) if isinstance(cause, OSError) and cause.errno in FULL and cause.filename else None


def _bare(name: str) -> str:
    """A file name without any folder: ``public/build/target.apk`` → ``target.apk``."""
    return PurePosixPath(name).name


def _silent(*_: object) -> None:
    pass
