"""Firefox on a desktop: make an unpacked build ready, run it with a fresh profile, end it whole.

It downloads and unpacks nothing and judges nothing. However a run ends, no process and no temporary profile of it is
left. mozprofile and mozrunner are imported when a build is started: a command judge starts builds itself, and
never pays for them.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from mozbisect.core.errors import BrokenBuild, CannotRun, UsageError
from mozbisect.core.model import Build
from mozbisect.launch.policies import disable_updates
from mozbisect.launch.profile_folder import CLONE, PERSISTENCES, ProfileFolders, furnished
from mozbisect.launch.program import find_binary, make_executable, read_facts
from mozbisect.launch.quiet import Pref, environment
from mozbisect.processes import ProcessTree

log = logging.getLogger(__name__)

LAST_LINES = 50
"""So much of a build's output is kept, to say why it died."""

PATIENCE = 0.5
"""Seconds after a start in which a build that ends with an error counts as broken."""

KEPT_BYTES = 1024 * 1024
"""So much of it is kept for a judge that reads it."""

CRASH_SIGNALS = frozenset(
    int(getattr(signal, name))
    for name in ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP")
    if hasattr(signal, name)
)

_SHOWN = 5  # lines of output in an error


@dataclass(frozen=True, slots=True)
class LaunchSettings:
    """How builds are run. ``persistence``: clone, clone-first or reuse; of equal preferences the later counts.

    ``needs_display``: a person will look at it. ``show_output``: pass on what the app writes.
    """

    app: str
    os: str
    binary_names: tuple[str, ...]
    profile: Path | None = None
    persistence: str = CLONE
    prefs: tuple[tuple[str, Pref], ...] = ()
    addons: tuple[Path | str, ...] = ()
    args: tuple[str, ...] = ()
    needs_display: bool = True
    show_output: bool = False

    def __post_init__(self) -> None:
        if self.persistence not in PERSISTENCES:
            raise UsageError(
                f"There is no profile persistence {self.persistence!r}.", advice=f"Known: {', '.join(PERSISTENCES)}."
            )


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")


class DesktopLauncher:
    """Installs and runs builds of a desktop app. ``show`` gets the app's output a line at a time, from a thread.

    ``temp_root``: where temporary profiles go, the system's folder for such things if ``None``.
    """

    def __init__(
        self,
        settings: LaunchSettings,
        temp_root: Path | None = None,
        *,
        show: Callable[[str], None] = _to_stderr,
        own_environment: Mapping[str, str] = os.environ,
        patience: float = PATIENCE,
    ) -> None:
        self._settings = settings
        self._show = show
        self._environment = own_environment
        self._patience = patience
        self._profiles = ProfileFolders(settings.profile, settings.persistence, temp_root)

    def check(self) -> None:
        """Raises ``CannotRun`` without a display that is needed, ``UsageError`` for a profile or add-on not there."""
        self._profiles.check()
        for addon in self._settings.addons:
            if not Path(addon).exists():
                raise UsageError(f"There is no add-on {addon}.")
        if self._lacks_display():
            raise CannotRun(
                f"There is no display to show {self._settings.app} on (neither DISPLAY nor WAYLAND_DISPLAY is set).",
                advice="Run it without a window (--arg=--headless), give it a virtual one (xvfb-run mozbisect …), "
                "or let a test judge (--command).",
            )

    def _lacks_display(self) -> bool:
        own, settings = self._environment, self._settings
        if not settings.needs_display or settings.os != "linux":
            return False
        headless = own.get("MOZ_HEADLESS") or {"--headless", "-headless"} & set(settings.args)
        return not (headless or own.get("DISPLAY") or own.get("WAYLAND_DISPLAY"))

    @contextmanager
    def install(self, tree: Path, build: Build) -> Iterator[DesktopApp]:
        """The build in ``tree``, ready to start; at the end it is stopped. Raises ``BrokenBuild``."""
        binary = find_binary(tree, self._settings.binary_names)
        make_executable(binary)
        disable_updates(binary)
        log.debug("%s is %s", build.file_name, binary)
        app = DesktopApp(
            binary, self._settings, self._profiles, environment(self._environment), self._show, self._patience
        )
        try:
            yield app
        finally:
            app.stop()


class DesktopApp:
    """One installed build; see ``core.ports.App``."""

    def __init__(
        self,
        binary: Path,
        settings: LaunchSettings,
        profiles: ProfileFolders,
        env: dict[str, str],
        show: Callable[[str], None],
        patience: float,
    ) -> None:
        self._binary = binary
        self._settings = settings
        self._profiles = profiles
        self._environment = env
        self._show = show
        self._patience = patience
        self._run: _Run | None = None  # the last one, whether it still runs or not
        self._profile: Path | None = None
        self._old_dumps: frozenset[Path] = frozenset()  # of other builds, in a profile that was used before
        self._crash: str | None = None  # of a start that failed: its profile is gone
        self._held = ExitStack()  # what the running process needs: undone, last first, when it stops

    @property
    def binary(self) -> Path:
        return self._binary

    @cached_property
    def facts(self) -> dict[str, str]:
        return read_facts(self._binary)

    def start(self, args: Sequence[str] = (), prefs: Mapping[str, Pref] = {}) -> None:
        """Start it with its profile. Raises ``BrokenBuild``, ``CannotRun`` (profile, add-ons), ``CacheTrouble``."""
        self.stop()
        self._run, self._crash = None, None
        settings = self._settings
        with ExitStack() as held:
            self._profile = held.enter_context(self._profiles.folder())
            self._old_dumps = self._dumps()
            wanted = (*settings.prefs, *prefs.items())
            profile = held.enter_context(furnished(self._profile, wanted, settings.addons))
            held.callback(self._end_run)
            self._begin_run(profile, (*settings.args, *args))
            self._must_live()
            self._held = held.pop_all()

    def running(self) -> bool:
        return self._run is not None and self._run.poll() is None

    def wait(self, timeout: float | None = None) -> int | None:
        return self._run.wait(timeout) if self._run else None

    def output(self) -> str:
        return self._run.output() if self._run else ""

    def crashed(self) -> str | None:
        """Why it counts as crashed: the signal that killed it, or a dump that it (or its child) left in the profile."""
        return self._crash or self._look_for_crash()

    def _look_for_crash(self) -> str | None:
        status = self._run.poll() if self._run else None
        if status is not None and -status in CRASH_SIGNALS:
            return f"it crashed ({signal.Signals(-status).name})"
        dumps = sorted(self._dumps() - self._old_dumps)
        return f"it left a crash dump ({dumps[0].name})" if dumps else None

    def _dumps(self) -> frozenset[Path]:
        return frozenset(self._profile.glob("minidumps/*.dmp") if self._profile else ())

    def stop(self) -> None:
        held, self._held = self._held, ExitStack()
        held.close()

    def _begin_run(self, profile: object, args: Sequence[str]) -> None:
        # Late: this import starts five subprocesses (mozinfo).
        from mozrunner import Runner
        from mozrunner.errors import RunnerNotStartedError

        def begin(command: list[str], env: Mapping[str, str]) -> _Run:
            self._run = _Run(command, env, self._show if self._settings.show_output else None)
            return self._run

        # mozrunner knows what each platform wants on the command line; the process is ours, as mozprocess waits
        # without limit for a descendant that keeps the pipe open.
        runner = Runner(
            binary=str(self._binary),
            cmdargs=list(args),
            profile=profile,
            env=self._environment,
            process_class=begin,
            explicit_cleanup=True,
        )
        try:
            runner.start()
        except RunnerNotStartedError as error:
            raise BrokenBuild(f"it cannot be started: {error.__cause__ or error.__context__ or error}") from error

    def _end_run(self) -> None:
        if self._run is not None:
            self._run.kill()

    def _must_live(self) -> None:
        status = self._run.wait(self._patience) if self._run else None
        if not status:
            return
        assert self._run is not None
        self._crash = self._look_for_crash()
        self._run.kill()  # the rest of its output is here only when all of it has ended
        said = "".join(f"\n  {line}" for line in self._run.last_lines(_SHOWN))
        raise BrokenBuild(f"it ended at once ({_how(status)}){':' if said else ''}{said}")


class _Run:
    """A running build with a thread that reads its output, in the shape that mozrunner wants of a process handler."""

    def __init__(self, command: list[str], env: Mapping[str, str], show: Callable[[str], None] | None) -> None:
        log.debug("starting %s", command)
        self._show = show
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._kept: deque[bytes] = deque()
        self._size = 0
        self._tree = ProcessTree(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, dies_with_us=True)
        self._reader = threading.Thread(target=self._read, args=(self._tree.output,), daemon=True)
        self._reader.start()

    def run(self, _timeout: float | None, _output_timeout: float | None) -> None:
        """Called by mozrunner once it has the handler; ours runs already."""

    @property
    def pid(self) -> int:
        return self._tree.pid

    def poll(self) -> int | None:
        return self._tree.poll()

    def wait(self, timeout: float | None = None) -> int | None:
        return self._tree.wait(timeout)

    def kill(self) -> None:
        self._tree.end()
        self._reader.join(1)  # at most: somebody far away may have inherited the pipe

    def output(self) -> str:
        if self.poll() is not None:
            self._reader.join(1)  # what it wrote last is still on its way
        return b"".join(tuple(self._kept))[-KEPT_BYTES:].decode("utf-8", "replace")

    def last_lines(self, count: int) -> list[str]:
        return [line for line in self._lines if line.strip()][-count:]

    def _read(self, output: IO[bytes] | None) -> None:
        assert output is not None  # it was asked for as a pipe
        with output:
            for raw in output:
                self._keep(raw)
                line = raw.decode("utf-8", "replace").rstrip()
                self._lines.append(line)
                if self._show is not None:
                    self._show(line)

    def _keep(self, raw: bytes) -> None:
        self._kept.append(raw)
        self._size += len(raw)
        while self._size - len(self._kept[0]) >= KEPT_BYTES:
            self._size -= len(self._kept.popleft())


def _how(status: int) -> str:
    return f"exit status {status}" if status > 0 else f"killed by signal {-status}"
