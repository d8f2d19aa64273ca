"""The JavaScript shell: a program without a profile or a window, started with the person's own arguments.

A person at a terminal has the shell to themselves until they leave it; for any other judge its output is caught. What
it exits with is evidence and never an error here: it counts as broken only if the system cannot load it.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mozbisect.core.errors import BrokenBuild
from mozbisect.core.model import Build
from mozbisect.launch import crash, machine
from mozbisect.launch.program import find_binary, make_executable
from mozbisect.launch.quiet import Pref, environment
from mozbisect.launch.run import Run, how, with_last_words
from mozbisect.launch.settings import LaunchSettings
from mozbisect.processes import ProcessTree

log = logging.getLogger(__name__)

PATIENCE = 0.5
"""Seconds after a start in which a shell that could not be loaded says so."""

_SHOWN = 5  # lines of output in an error

# What a shell ends with that the system could not load: of Linux's loader, then three of Windows (a DLL is missing, is
# another version's, or is for another processor).
_NOT_LOADED = (127, 0xC0000135, 0xC0000139, 0xC000007B)
_NOT_LOADED_ON_MAC = re.compile(r"^dyld(\[\d+\])?: (Library|Symbol) not (loaded|found)", re.MULTILINE)

# Where else the loader looks for libraries; Windows looks beside the program anyway.
_LIBRARIES = {"linux": ("LD_LIBRARY_PATH", "*.so*"), "mac": ("DYLD_LIBRARY_PATH", "*.dylib")}


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")


def _at_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


class ShellLauncher:
    """Installs and runs JavaScript shells. ``show`` gets notes, and the output that a person is to see, by lines.

    ``at_terminal``: does our standard input come from a person's hands, and not from a file with their answers?
    """

    def __init__(
        self,
        settings: LaunchSettings,
        temp_root: Path | None = None,
        *,
        show: Callable[[str], None] = _to_stderr,
        own_environment: Mapping[str, str] = os.environ,
        patience: float = PATIENCE,
        at_terminal: Callable[[], bool] = _at_terminal,
    ) -> None:
        self._settings = settings
        self._temp_root = temp_root
        self._show = show
        self._environment = own_environment
        self._patience = patience
        self._at_terminal = at_terminal

    def check(self) -> None:
        """Raises ``CannotRun`` where no program may be executed."""
        machine.must_run_programs(self._temp_root)

    @contextmanager
    def install(self, tree: Path, build: Build) -> Iterator[ShellApp]:
        """The shell in ``tree``, ready to start; at the end it is stopped. Raises ``BrokenBuild``."""
        binary = find_binary(tree, self._settings.binary_names)
        make_executable(binary)
        log.debug("%s is %s", build.file_name, binary)
        env = with_libraries(environment(self._environment), binary.parent, self._settings.os)
        typed_to = self._settings.interactive and self._at_terminal()
        app = ShellApp(binary, self._settings, env, self._show, self._patience, typed_to=typed_to)
        try:
            yield app
        finally:
            app.stop()


def with_libraries(env: dict[str, str], folder: Path, system: str) -> dict[str, str]:
    """The environment in which a program finds the libraries beside it; as it was if there are none."""
    name, pattern = _LIBRARIES.get(system, ("", ""))
    if not name or not any(folder.glob(pattern)):
        return env
    return {**env, name: os.pathsep.join(filter(None, (str(folder), env.get(name))))}


class ShellApp:
    """One shell; see ``core.ports.App``. ``typed_to``: it has the terminal, and ``start`` returns at its end."""

    def __init__(
        self,
        binary: Path,
        settings: LaunchSettings,
        env: Mapping[str, str],
        show: Callable[[str], None],
        patience: float,
        *,
        typed_to: bool,
    ) -> None:
        self._binary = binary
        self._args = settings.args
        self._environment = env
        self._show = show
        self._shows_output = settings.show_output or settings.interactive
        self._patience = patience
        self._typed_to = typed_to
        self._run: Run | None = None
        self._left: int | None = None  # what the shell that had the terminal ended with

    @property
    def binary(self) -> Path:
        return self._binary

    @property
    def facts(self) -> dict[str, str]:
        """A shell says nothing of itself."""
        return {}

    def start(self, args: Sequence[str] = (), prefs: Mapping[str, Pref] = {}) -> None:  # noqa: ARG002
        """Start it. A shell takes no preferences. Raises ``BrokenBuild`` when the system cannot load it."""
        self.stop()
        command = [str(self._binary), *self._args, *args]
        try:
            if self._typed_to:
                self._have_typed_to(command)
            else:
                self._run = Run(command, self._environment, self._show if self._shows_output else None)
                self._must_load(self._run)
        except (OSError, ValueError) as error:
            raise BrokenBuild(f"it cannot be started: {error}") from error

    def running(self) -> bool:
        return self._run is not None and self._run.poll() is None

    def wait(self, timeout: float | None = None) -> int | None:
        return self._run.wait(timeout) if self._run else self._left

    def output(self) -> str:
        return self._run.output() if self._run else ""

    def crashed(self) -> str | None:
        status = self._run.poll() if self._run else self._left
        return crash.by_status(status) or crash.by_output(self.output())

    def stop(self) -> None:
        run, self._run, self._left = self._run, None, None
        if run is not None:
            run.kill()

    def _have_typed_to(self, command: list[str]) -> None:
        if len(command) == 1:
            self._show("The shell is yours. Leave it with quit() or the end of input (Ctrl-D) to answer.")
        tree = ProcessTree(command, env=self._environment, dies_with_us=True, has_terminal=True)
        try:
            at_once = tree.wait(self._patience)
            self._left = tree.wait()
        finally:
            tree.end()
        if at_once in _NOT_LOADED:
            raise BrokenBuild(f"it cannot be loaded ({how(at_once)})")  # why, the person has just read

    def _must_load(self, run: Run) -> None:
        status = run.wait(self._patience)
        if not status:
            return
        library = machine.missing_library(run.output())
        if not (library or status in _NOT_LOADED or _NOT_LOADED_ON_MAC.search(run.output())):
            return
        why = with_last_words(f"it cannot be loaded ({how(status)})", run.last_lines(_SHOWN))
        raise BrokenBuild(f"{why}\n{library}" if library else why)
