"""The tree of a build that grows while its archive still comes in.

A thread of its own unpacks the file behind the download, as far as it is here. It never says that a build is good or
broken: only who has seen the length and the digest of the whole asks for the tree, and then hears what became of it.
Should the download have to begin anew, so does this.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from mozbisect.fetch.scratch import on_disk, remove
from mozbisect.fetch.unpack.archive import unpack_stream
from mozbisect.fetch.unpack.flow import Dried, Flow
from mozbisect.fetch.unpack.measure import Check

READERS_HOLD_FILES = os.name == "nt"
_GLANCE = 0.2  # seconds between two looks whether the wait still makes sense


class Unpacking:
    """``fresh`` makes an empty folder for a tree; ``check`` is called now and then, and may end the work by raising.

    To be used in a ``with``, at the end of which nothing is left but a tree that was fetched by ``tree``.
    """

    def __init__(self, name: str, fresh: Callable[[], Path], check: Check) -> None:
        self._name = name
        self._fresh = fresh
        self._check = check
        self._work: _Work | None = None

    def reached(self, file: Path, here: int) -> None:
        """The first so many bytes of the archive are in the file."""
        if self._work is None:
            with on_disk(file.parent):
                flow = Flow(file)
            self._work = _Work(self._name, flow, self._fresh, self._check)
        self._work.flow.reached(here)

    @property
    def behind(self) -> int:
        """Bytes that are here and not unpacked; 0 also if nothing is unpacked before the end is here."""
        return self._work.flow.unread if self._work is not None else 0

    def complete(self) -> None:
        """All of it is there, and right. Afterwards the file may be renamed: on Windows, once nobody reads it."""
        if self._work is not None:
            self._work.flow.end()
            while READERS_HOLD_FILES and not self._work.flow.is_left(_GLANCE):
                self._check()

    def restart(self) -> None:
        """The archive begins anew: what was made of its beginning is thrown away."""
        work, self._work = self._work, None
        if work is not None:
            work.abandon()

    def tree(self) -> Path | None:
        """The whole tree, after ``complete``; from now on it is the caller's.

        ``None`` if nothing has come, or if it is of a kind that cannot be unpacked before its end is here.
        Raises what the unpacking raised: ``BrokenBuild``, ``CacheTrouble``, or what ``check`` did.
        """
        if self._work is None:
            return None
        self._work.flow.end()
        tree = self._work.result()
        self._work = None
        return tree

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.restart()


class _Work:
    """One tree, one flow, one thread."""

    def __init__(self, name: str, flow: Flow, fresh: Callable[[], Path], check: Check) -> None:
        self.flow = flow
        self._name = name
        try:
            self._tree = fresh()
        except BaseException:
            flow.leave()
            raise
        self._check = check
        self._could = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="unpacking", daemon=True)
        self._thread.start()

    def result(self) -> Path | None:
        while self._thread.is_alive():  # with a limit, as on Windows Ctrl-C does not end a wait without one
            self._thread.join(_GLANCE)
        if self._error is not None:
            raise self._error
        if not self._could:
            remove(self._tree)
            return None
        return self._tree

    def abandon(self) -> None:
        self.flow.dry()
        self._thread.join()
        remove(self._tree)

    def _run(self) -> None:
        try:
            self._could = unpack_stream(self.flow, self._name, self._tree, check=self._check)
        except Dried:
            pass
        except BaseException as error:  # noqa: BLE001  (for the thread that asks for the tree)
            self._error = error
        finally:
            self.flow.leave()
