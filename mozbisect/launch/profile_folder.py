"""The profile that a build is started with: where it is, how long it lives, what is in it.

    clone        every start has its own: empty, or a copy of the person's
    clone-first  made so once, then used by every start of the run
    reuse        the person's own folder

A folder that a person named is never removed, and but for ``reuse`` never written to.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import weakref
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mozbisect.core.errors import CacheTrouble, CannotRun, UsageError
from mozbisect.launch.quiet import PREFS, PROFILES, Pref

log = logging.getLogger(__name__)

CLONE, CLONE_FIRST, REUSE = PERSISTENCES = ("clone", "clone-first", "reuse")

_NOT_COPIED = shutil.ignore_patterns(
    # Locks of a Firefox that has this profile open, and caches that belong to the build that wrote them.
    "lock", ".parentlock", "parent.lock", "cache2", "startupCache",
)  # fmt: skip


def must_be_addon(text: Path | str) -> None:
    """Raises ``UsageError`` for what is neither an ``.xpi`` nor a folder."""
    path = Path(text)
    if str(text) and (path.is_dir() or zipfile.is_zipfile(path)):
        return
    what = f"{text} is no add-on." if str(text) and path.exists() else f"There is no add-on {str(text)!r}."
    raise UsageError(what, advice="Name an .xpi file or the folder of an add-on, once for each: --addon PATH.")


class ProfileFolders:
    """Hands out profile folders for one run. ``source`` is the person's profile, ``root`` where temporary ones go."""

    def __init__(self, source: Path | None, persistence: str, root: Path | None) -> None:
        self._source = source
        self._persistence = persistence
        self._root = root
        self._kept: Path | None = None

    def check(self) -> None:
        """Raises ``UsageError`` for a profile that is not there."""
        if self._source is None or self._source.is_dir():
            return
        if self._source.exists():
            raise UsageError(
                f"The profile {self._source} is not a folder.", advice="about:profiles shows where profiles are."
            )
        if self._persistence != REUSE:
            raise UsageError(
                f"There is no profile folder {self._source}.",
                advice="about:profiles shows where profiles are; with --profile-persistence reuse it is made.",
            )

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """The folder for one start. Raises ``CannotRun`` and ``CacheTrouble``."""
        if self._persistence == CLONE:
            fresh = self._fresh()
            try:
                yield fresh
            finally:
                _remove(fresh)
        elif self._persistence == REUSE and self._source is not None:
            with _writing(self._source):
                self._source.mkdir(parents=True, exist_ok=True)
            yield self._source
        else:
            yield self._first()

    def _first(self) -> Path:
        if self._kept is None:
            self._kept = self._fresh()
            # A launcher has no end of its own: the folder goes with this object, or with the interpreter.
            weakref.finalize(self, _remove, self._kept)
        return self._kept

    def _fresh(self) -> Path:
        with _writing(self._root or Path(tempfile.gettempdir())):
            folder = Path(tempfile.mkdtemp(prefix="mozbisect-profile-", dir=self._root))
        if self._source is None:
            return folder
        try:
            shutil.copytree(self._source, folder, ignore=_NOT_COPIED, ignore_dangling_symlinks=True, dirs_exist_ok=True)
        except BaseException as error:
            _remove(folder)
            if not isinstance(error, OSError):
                raise
            raise CannotRun(f"The profile {self._source} cannot be copied: {_short(error)}") from error
        return folder


@contextmanager
def furnished(
    folder: Path, prefs: Sequence[tuple[str, Pref]], addons: Sequence[Path | str], kind: str = "firefox"
) -> Iterator[object]:
    """A profile of mozprofile there with preferences and add-ons; at the end, a folder that stays is as it was.

    ``kind``: a row of ``quiet.PREFS``. Later preferences win. Raises ``CannotRun`` (an add-on that is none) and
    ``CacheTrouble``.
    """
    # Late: costs a tenth of a second, and a command judge never needs it.
    import mozprofile

    wanted = [str(addon) for addon in addons]
    with _writing(folder):
        profile = getattr(mozprofile, PROFILES[kind])(str(folder), preferences={**PREFS[kind], **dict(prefs)})
    try:
        for addon in wanted:
            _add(profile, addon)
        yield profile
    finally:
        try:
            profile.cleanup()
        except (OSError, AssertionError) as error:  # somebody has rewritten or removed user.js meanwhile
            log.debug("the profile in %s could not be put back: %s", folder, error)


def _add(profile: object, addon: str) -> None:
    manager = profile.addons  # type: ignore[attr-defined]  # mozprofile has no types
    before = len(manager.installed_addons)
    try:
        manager.install(addon)
    except (OSError, ValueError, KeyError) as error:
        raise CannotRun(f"The add-on {addon} cannot be installed: {error}") from error
    if len(manager.installed_addons) == before:  # mozprofile only logs it
        raise CannotRun(f"The add-on {addon} cannot be installed: it holds no manifest.json.")


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CacheTrouble(f"A profile cannot be written in {folder}: {error.strerror or error}") from error


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _short(error: OSError) -> str:
    """``shutil.Error`` lists every file; the first says enough."""
    if isinstance(error, shutil.Error) and error.args and error.args[0]:
        return str(error.args[0][0][2])
    return str(error)
