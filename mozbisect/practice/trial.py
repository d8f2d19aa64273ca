"""One trial of mozbisect on an invented history: serve it, bisect it, and compare the answer with the truth."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from mozbisect.core.errors import UsageError
from mozbisect.core.journal import Session
from mozbisect.core.model import Candidate, Finding
from mozbisect.practice.builds import installed
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.world import LAST_DAY, World, WorldParameters, chance

SHORTEST = 10  # days, for what is released to hold the culprit before the history ends


@dataclass(frozen=True)
class Served:
    """A trial that can be bisected now. ``world`` is the one that ``app`` is searched in."""

    server: PracticeServer
    world: World
    command: str
    real_firefox: bool
    app: str = "firefox"

    def words(self, *, play: bool) -> dict[str, Any]:
        """The options of ``mozbisect``, by name, that search this world; ``play``: a person judges."""
        first, last = self._ends()
        old, new = ("bad", "good") if self.world.parameters.fixes else ("good", "bad")
        return {
            **({"app": self.app} if self.app != "firefox" else {}),
            old: first,
            new: last,
            "find_fix": self.world.parameters.fixes,
            "arch": "x86_64",
            **(self._to_play if play else {"command": self.command}),
            "archive_base_url": self.server.archive_url,
            "taskcluster_root_url": self.server.taskcluster_url,
            "hg_url": self.server.hg_url,
            "lando_url": self.server.lando_url,
            "product_details_url": self.server.product_details_url,
            **(
                {"release_key": self.server.key.fingerprint}
                if self.server.key and self.app == "firefox-release"
                else {}
            ),
        }

    def _ends(self) -> tuple[str, str]:
        """The first and the last build, as bounds."""
        if self.app == "firefox-release":
            versions = [one.version for one in self.world.releases if one.channel == "release"]
            return versions[0], versions[-1]
        return str(self.world.nightlies[0].when.date()), str(self.world.nightlies[-1].when.date())

    @property
    def _to_play(self) -> dict[str, Any]:
        """A stand-in has no window: it says its colour on standard output, and needs no display."""
        return {"process_output": "stdout", **({} if self.real_firefox else {"arg": ("--headless",)})}

    def command_line(self) -> list[str]:
        """The same as words of a command line."""
        words = self.words(play=False)
        flags = ["--find-fix"] if words.pop("find_fix") else []
        return flags + [part for key, value in words.items() for part in (f"--{key.replace('_', '-')}", value)]


@dataclass(frozen=True)
class Trial:
    """A world and, perhaps, the real Firefox that is wrapped into its builds. ``app``: one of ``practice.APPS``."""

    world: World
    firefox: Path | None = None
    app: str = "firefox"

    @property
    def searched(self) -> World:
        """The world that holds the app's culprit: Thunderbird has one of its own."""
        return self.world.others.get(self.app, self.world)

    @classmethod
    def invent(cls, *, seed: int, days: int, find_fix: bool, firefox: Path | None, app: str = "firefox") -> Trial:
        """Raises ``UsageError`` for what cannot be played."""
        if firefox and app not in ("firefox", "firefox-release"):
            raise UsageError(
                f"A real Firefox cannot be wrapped into {app}.", advice="Leave out one of the two options."
            )
        if app == "firefox-release" and days < SHORTEST:
            raise UsageError(f"No release holds the culprit within {days} days.", advice=f"Take {SHORTEST} at least.")
        first = LAST_DAY - timedelta(days=days - 1)
        parameters = WorldParameters(
            seed=seed,
            start=first,
            days=days,
            fixes=find_fix,
            fast_forwards=0.2,
            merge_not_last=0.2,
            merge_words="mixed",
            missing_days=0.05,
            empty_folders=0.03,
            missing_tasks=0.03,
        )
        return cls(make_world(_for_app(parameters, app)), firefox, app)

    @contextmanager
    def served(self, port: int) -> Iterator[Served]:
        """The world on a port of this machine (0: any free one)."""
        if self.firefox:
            if not installed(self.firefox):
                raise UsageError(f"There is no Firefox in {self.firefox}.", advice="Name the folder that has it.")
            command = f"{sys.executable} -m mozbisect.practice.look {{binary}}"
        else:
            command = "{binary} --check"
        try:
            server = PracticeServer(self.world, port=port, firefox_dir=self.firefox)
        except OSError as error:
            raise UsageError(f"Port {port} cannot be served: {error.strerror}.", advice="Name another one.") from error
        with server, _without_proxy():
            yield Served(server, self.searched, command, self.firefox is not None, self.app)

    def compare(self, session: Session) -> tuple[bool, str]:
        """Is the finding right, and a sentence that says so."""
        finding = session.finding
        culprit = self.searched.culprit
        where = f"{culprit.push.repo} in {culprit.push.head.node[:12]}"
        truth = f"The culprit was {culprit.commit.node[:12]}, pushed to {where}"
        if not isinstance(finding, Finding):
            return False, f"{truth}. The search did not end."
        old, new = self._has(finding.last_old, session), self._has(finding.first_new, session)
        if old or not new:
            return False, f"{truth}. The range that was found does not hold it: this is a bug in mozbisect."
        if finding.first_new.revision == self.searched.expected().first_new.head.node:
            return True, f"{truth}. That is what was found."
        return True, f"{truth}. The range that was found holds it; closer builds do not exist."

    def _has(self, candidate: Candidate, session: Session) -> bool:
        """Does a candidate of the last stage hold the culprit?"""
        build = session.stage.builds.get(candidate.key)
        revision = candidate.revision or (build.revision if build else None)
        return revision is not None and self.searched.contains_culprit(revision)


def _for_app(parameters: WorldParameters, app: str) -> WorldParameters:
    """The same history, with builds of the app. What is released holds a culprit that landed early enough for it."""
    if app == "firefox":
        return parameters
    if app != "firefox-release":
        return replace(parameters, products=("firefox", app))
    gap = max(2, parameters.days // 8)
    days = tuple(parameters.start + timedelta(days=at) for at in range(gap, parameters.days, gap))
    share = 0.15 + 0.15 * chance(parameters.seed, "culprit of releases", "")
    place = int(share * parameters.days * parameters.pushes_per_day)
    return replace(parameters, trains=True, train_days=days, culprit=place)


@contextmanager
def _without_proxy() -> Iterator[None]:
    """A proxy cannot reach this machine's own loopback."""
    with _environment(NO_PROXY="127.0.0.1", no_proxy="127.0.0.1"):
        yield


@contextmanager
def private_state() -> Iterator[None]:
    """Sessions of a trial go to a folder of their own: once its server is gone, nobody can resume them."""
    state = tempfile.TemporaryDirectory(prefix="mozbisect-practice-", ignore_cleanup_errors=True)
    with state as folder, _environment(MOZBISECT_STATE_DIR=folder):
        yield


@contextmanager
def _environment(**words: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in words}
    os.environ.update(words)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
