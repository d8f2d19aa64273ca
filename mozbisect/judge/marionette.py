"""A script that drives the build by Marionette as the judge: ``--judge marionette:SCRIPT.py``.

    import unittest

    def test(marionette):
        marionette.navigate("https://example.com/")
        assert "Example" in marionette.title

The build is started here, through the app's own machinery, with Marionette on a free port of this machine. Once that
answers, ``marionette_child`` connects to it and calls the script, in a process of its own: so a script that hangs can
be ended, and one that is broken breaks nothing here. What an end of ``test`` means is told there.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import symtable
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

from mozbisect.core.errors import BrokenBuild, CommandBroken, UsageError
from mozbisect.core.model import Build, Terms, Verdict
from mozbisect.core.ports import App, Question
from mozbisect.judge import marionette_child, placeholders
from mozbisect.judge.ending import told
from mozbisect.processes import ProcessTree

# A script may look into the browser itself (since Firefox 138 that must be allowed; older builds pass over the word).
_ARGS = ("-marionette", "-remote-allow-system-access")

_PORT_PREFS = ("marionette.port", "marionette.defaultPrefs.port")  # since Firefox 55; before

_HOST = "127.0.0.1"
_PAUSE = 0.1


class MarionetteJudge:
    """Judges by the function ``test`` of a script. ``within``: seconds that Marionette may take until it answers.

    ``timeout`` and ``on_timeout`` are for the script, as ``CommandJudge`` has them. Raises ``UsageError`` at once for
    a script that cannot be one, and when the package ``marionette_driver`` is missing.
    """

    def __init__(
        self,
        script: str,
        *,
        within: float,
        timeout: float | None,
        on_timeout: str,
        terms: Terms,
        own_environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._script = Path(script).expanduser()
        check_script(self._script)
        _check_package()
        self._within = within
        self._timeout = timeout
        self._on_timeout = terms.side(on_timeout)
        self._terms = terms
        self._environment = own_environment
        self._clock = clock

    def judge(self, app: App, build: Build, question: Question) -> Verdict:  # noqa: ARG002
        """The script's verdict. Raises ``BrokenBuild`` (Marionette never answers) and ``CommandBroken``."""
        port, mark = _free_port(), uuid4().hex
        try:
            app.start(_ARGS, {**dict.fromkeys(_PORT_PREFS, port), marionette_child.MARK_PREF: mark})
            self._await_answer(app, port)
            known = placeholders.values(app, build)
            said = self._ask(port, mark, {**self._environment, **placeholders.environment(known, build)})
            return self._verdict(said, app.crashed())
        finally:
            app.stop()

    def _await_answer(self, app: App, port: int) -> None:
        deadline = self._clock() + self._within
        while not _answers(port):
            status = app.wait(_PAUSE)
            if status is not None:
                raise BrokenBuild(f"it ended before Marionette answered ({app.crashed() or told(status)})")
            if self._clock() > deadline:
                raise BrokenBuild(f"Marionette did not answer within {self._within:g} s")

    def _ask(self, port: int, mark: str, env: Mapping[str, str]) -> tuple[str, str] | None:
        """What the child says: a word and a reason; ``None`` if it had to be ended. Raises ``CommandBroken``."""
        line = [sys.executable, "-m", marionette_child.__name__, str(self._script), str(port), mark]
        child = ProcessTree(line, env=env, stdout=subprocess.PIPE)
        assert child.output is not None
        with child.output as output:
            try:
                status = child.wait(self._timeout)
            finally:
                child.end()
            if status is None:
                return None
            return self._understood(output.read(), status)

    def _understood(self, text: bytes, status: int) -> tuple[str, str]:
        try:
            word, reason = json.loads(text)
        except ValueError:
            raise self._broken(f"its process ended before test() did ({told(status)})") from None
        if word == "broken":
            raise self._broken(reason)
        return word, reason

    def _verdict(self, said: tuple[str, str] | None, crash: str | None) -> Verdict:
        if said is None:
            return Verdict(self._on_timeout, f"timed out after {self._timeout:g} s")
        word, reason = said
        if crash and word == "bad":
            reason = f"it crashed ({crash}): {reason}"
        return Verdict(self._terms.side(word), reason)

    def _broken(self, why: str) -> CommandBroken:
        return CommandBroken(
            f"The script {self._script} is broken: {why}",
            advice="A verdict is: returning True, None or 'good'; returning False or 'bad', or a failed assert; "
            "returning 'skip' or raising unittest.SkipTest.",
        )


def check_script(script: Path) -> None:
    """Raises ``UsageError`` for a file that is not there, is no Python, or has no ``test``."""
    advice = "It is a Python file with a function test(marionette)."
    try:
        names = symtable.symtable(script.read_text(encoding="utf-8"), str(script), "exec")
        is_there = "test" in names.get_identifiers() and _is_bound(names.lookup("test"))
    except OSError as error:
        raise UsageError(
            f"--judge marionette: the script {script} cannot be read: {error.strerror}.", advice=advice
        ) from None
    except (SyntaxError, ValueError) as error:  # ValueError: no UTF-8, or a null byte
        raise UsageError(f"--judge marionette: the script {script} is no Python: {error}.", advice=advice) from None
    if not is_there:
        raise UsageError(f"--judge marionette: the script {script} has no function test.", advice=advice)


def _is_bound(name: symtable.Symbol) -> bool:
    return name.is_assigned() or name.is_imported()


def _check_package() -> None:
    if importlib.util.find_spec("marionette_driver") is None:
        raise UsageError(
            "--judge marionette needs the package marionette_driver, which is not installed.",
            advice="It comes with the extra of that name: pip install 'mozbisect[marionette]'",
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    """Marionette greets whoever connects."""
    try:
        with socket.create_connection((_HOST, port), timeout=1) as line:
            return bool(line.recv(1024))
    except OSError:
        return False
