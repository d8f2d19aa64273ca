"""Firefox or Thunderbird on a desktop: make an unpacked build ready, run it with a fresh profile, end it whole.

It downloads and unpacks nothing and judges nothing. However a run ends, no process and no temporary profile of it is
left. mozprofile and mozrunner are imported when a build is started: a command judge starts builds itself, and
never pays for them.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

from mozbisect.core.errors import BrokenBuild, CannotRun
from mozbisect.core.model import Build
from mozbisect.launch import crash, machine
from mozbisect.launch.macos import sign_if_needed
from mozbisect.launch.policies import disable_updates
from mozbisect.launch.profile_folder import ProfileFolders, furnished, must_be_addon
from mozbisect.launch.program import find_binary, make_executable, read_facts
from mozbisect.launch.quiet import Pref, environment
from mozbisect.launch.run import Run, how, with_last_words
from mozbisect.launch.settings import HEADLESS, LaunchSettings

__all__ = ["DesktopApp", "DesktopLauncher", "LaunchSettings"]

log = logging.getLogger(__name__)

PATIENCE = 0.5
"""Seconds after a start in which a build that ends with an error counts as broken."""

_SHOWN = 5  # lines of output in an error


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
        proc: Path = Path("/proc"),
    ) -> None:
        self._settings = settings
        self._temp_root = temp_root
        self._show = show
        self._environment = {**own_environment, **(HEADLESS if settings.headless else {})}
        self._patience = patience
        self._proc = proc
        self._profiles = ProfileFolders(settings.profile, settings.persistence, temp_root)

    def check(self) -> None:
        """Raises ``CannotRun`` for what this machine lacks, ``UsageError`` for a profile or add-on not there."""
        self._profiles.check()
        for addon in self._settings.addons:
            must_be_addon(addon)
        machine.must_run_programs(self._temp_root)
        if self._settings.os != "linux":
            return
        if self._settings.needs_display:
            self._check_session()
        note = machine.sandbox_note(self._proc)
        if note:
            self._show(note)

    def _check_session(self) -> None:
        if self._lacks_display():
            raise CannotRun(
                f"There is no display to show {self._settings.app} on (neither DISPLAY nor WAYLAND_DISPLAY is set).",
                advice="Run it without a window (--headless), give it a virtual one (xvfb-run mozbisect …), "
                "or let a test judge (--command).",
            )
        machine.must_be_at_home(self._settings.app, self._environment, uid=os.getuid())

    def _lacks_display(self) -> bool:
        own = self._environment
        headless = own.get("MOZ_HEADLESS") or {"--headless", "-headless"} & set(self._settings.args)
        return not (headless or own.get("DISPLAY") or own.get("WAYLAND_DISPLAY"))

    @contextmanager
    def install(self, tree: Path, build: Build) -> Iterator[DesktopApp]:
        """The build in ``tree``, ready to start; at the end it is stopped. Raises ``BrokenBuild``."""
        binary = find_binary(tree, self._settings.binary_names)
        make_executable(binary)
        disable_updates(binary)
        if self._settings.os == "mac":
            sign_if_needed(binary)  # last, as every new file breaks the seal
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
        self._run: Run | None = None
        self._profile: Path | None = None
        self._reports: frozenset[str] = frozenset()  # crash reports that were in the profile before the start
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
        settings = self._settings
        with ExitStack() as held:
            folder = held.enter_context(self._profiles.folder())
            wanted = (*settings.prefs, *prefs.items())
            profile = held.enter_context(furnished(folder, wanted, settings.addons, settings.profile_kind))
            self._profile, self._reports = folder, crash.reports(folder)
            held.callback(self._end_run)
            self._begin_run(profile, (*settings.args, *args))
            self._held = held.pop_all()
        self._must_live()  # if not, it can still be asked how it died

    def running(self) -> bool:
        return self._run is not None and self._run.poll() is None

    def wait(self, timeout: float | None = None) -> int | None:
        return self._run.wait(timeout) if self._run else None

    def output(self) -> str:
        return self._run.output() if self._run else ""

    def crashed(self) -> str | None:
        if self._run is None or self._profile is None:
            return None
        new = crash.reports(self._profile) - self._reports
        return crash.by_status(self._run.poll()) or crash.by_reports(new) or crash.by_output(self._run.output())

    def stop(self) -> None:
        held, self._held = self._held, ExitStack()
        held.close()

    def _begin_run(self, profile: object, args: Sequence[str]) -> None:
        # Late: this import starts five subprocesses (mozinfo).
        from mozrunner import Runner
        from mozrunner.errors import RunnerNotStartedError

        def begin(command: list[str], env: Mapping[str, str]) -> Run:
            self._run = Run(command, env, self._show if self._settings.show_output else None)
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
        run, self._run = self._run, None
        if run is not None:
            run.kill()

    def _must_live(self) -> None:
        run = self._run
        status = run.wait(self._patience) if run else None
        if run is None or not status:
            return
        run.kill()  # the rest of its output is here only when all of it has ended
        trouble = machine.trouble_of_the_machine(run.output())
        if trouble:
            raise trouble
        why = with_last_words(f"it ended at once ({how(status)})", run.last_lines(_SHOWN))
        library = machine.missing_library(run.output())
        raise BrokenBuild(f"{why}\n{library}" if library else why)
