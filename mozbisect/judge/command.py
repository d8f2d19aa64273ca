"""A test command as the judge: its exit status is the verdict, in the words that ``git bisect run`` made usual.

    0         good
    125       skip: this build cannot be tested
    126, 127  the command itself is broken (what a shell says of a command that it cannot run): the run stops
    else      bad, and so is death by a signal

No shell is involved. The command starts the build itself; what is left of it when it ends is ended too. Its output
goes to standard error, as ours is for results.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mozbisect.core.errors import CommandBroken, UsageError
from mozbisect.core.model import Build, Side, Terms, Verdict
from mozbisect.core.ports import App, Question
from mozbisect.judge import placeholders
from mozbisect.judge.ending import told
from mozbisect.processes import ProcessTree

_WORDS = {0: "good", 125: "skip"}
_BROKEN = {126: "cannot be executed", 127: "was not found"}

_STDERR = 2

# Quotes group, a backslash is part of a path: enough of what Windows programs do with their command line.
_WINDOWS_WORD = re.compile(r'(?:[^\s"]|"[^"]*")+')


def _say_nothing(_: str) -> None:
    """The default for ``show``."""


class CommandJudge:
    """Runs a command for each build. ``on_timeout`` is "good", "bad" or "skip"; ``timeout`` in seconds.

    ``show`` is told the command line that is run. Raises ``UsageError`` for a command that cannot be understood and
    ``CommandBroken`` for one whose program does not exist, both at once: before anything is downloaded.
    """

    def __init__(
        self,
        command: str,
        *,
        timeout: float | None,
        on_timeout: str,
        terms: Terms,
        show: Callable[[str], None] = _say_nothing,
        own_environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._words = split(command, windows=os.name == "nt")
        _refuse_shell(self._words)
        self._timeout = timeout
        self._on_timeout = terms.side(on_timeout)
        self._terms = terms
        self._show = show
        self._environment = own_environment
        for word in self._words:
            placeholders.check(word)
        _must_exist(self._words[0], own_environment)

    def judge(self, app: App, build: Build, question: Question) -> Verdict:  # noqa: ARG002
        """The command's verdict. Raises ``CommandBroken``."""
        known = placeholders.values(app, build)
        line = [placeholders.fill(word, known) for word in self._words]
        self._show(f"Running {shlex.join(line)}")
        status = self._run(line, {**self._environment, **placeholders.environment(known, build)})
        if status is None:
            return Verdict(self._on_timeout, f"timed out after {self._timeout:g} s")
        if status in _BROKEN:
            raise _broken(line, f"it ended with exit status {status}, which says that a command {_BROKEN[status]}")
        return Verdict(self._side(status), told(status))

    def _run(self, line: list[str], env: Mapping[str, str]) -> int | None:
        try:
            tree = ProcessTree(line, env=env, stdout=_STDERR)
        except (OSError, ValueError) as error:
            raise _broken(line, str(error)) from error
        try:
            return tree.wait(self._timeout)
        finally:
            tree.end()

    def _side(self, status: int) -> Side:
        return self._terms.side(_WORDS.get(status, "bad"))


# What nobody means as an argument. Quoted inside `sh -c '…'` it is part of a longer word.
_SHELL = frozenset({"|", "||", "&", "&&", ";", ">", ">>", "<", "2>", "2>&1", "&>"})


def split(command: str, *, windows: bool) -> tuple[str, ...]:
    """The words of a command line, ``~`` of its program replaced. Raises ``UsageError``."""
    try:
        words = _split_windows(command) if windows else shlex.split(command)
    except ValueError:
        raise UsageError(
            f"The test command {command!r} has a quote that is not closed.",
            advice="Quotes come in pairs: --command './test.sh {binary} \"two words\"'",
        ) from None
    if not words:
        raise UsageError("The test command is empty.", advice="For example: --command './test.sh {binary}'")
    return (os.path.expanduser(words[0]), *words[1:])  # noqa: PTH111  # a Path would lose the "./" of "./test.sh"


def _refuse_shell(words: Sequence[str]) -> None:
    for word in words:
        if word in _SHELL:
            raise UsageError(
                f"The test command has a bare {word!r}, but no shell is involved that would understand it.",
                advice="Put the line into a script, or write: --command \"sh -c '…'\"",
            )


def _split_windows(command: str) -> list[str]:
    if command.count('"') % 2:
        raise ValueError(command)
    return [word.replace('"', "") for word in _WINDOWS_WORD.findall(command)]


def _must_exist(program: str, env: Mapping[str, str]) -> None:
    """Raises ``CommandBroken``; a program that depends on the build cannot be known yet."""
    if placeholders.names_in(program):
        return
    name = placeholders.fill(program, {})
    if shutil.which(name, path=env.get("PATH")) is None:
        why = "it is not executable" if Path(name).is_file() else "there is no such program"
        raise _broken([name], why)


def _broken(line: list[str], why: str) -> CommandBroken:
    return CommandBroken(
        f"The test command cannot be run: {shlex.join(line)}\n{why}",
        advice="Try that line in a terminal: its program, and those that it calls, must exist and be executable "
        "(chmod +x), and a script must begin with a line such as #!/bin/sh.",
    )
