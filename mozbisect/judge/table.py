"""The judges: one literal row each. From here come the help of ``--judge``, its check and completion, and the docs.

To add a judge is to add a row, its module and its page. What a judge needs is imported when it is built: the command
line reads this table for its help.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mozbisect.core.errors import UsageError

if TYPE_CHECKING:
    from mozbisect.core.model import Terms
    from mozbisect.core.ports import Judge


DESKTOP, ANDROID, SHELL = "Desktop", "Android", "Shell"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person said about judging, as words; names as in ``Options``. ``None``: not said."""

    judge: str = "manual"
    app: str = "firefox"
    within: float | None = None
    runs: int = 1
    required: int | None = None
    command: str | None = None
    command_timeout: float | None = None
    on_timeout: str = "bad"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a builder is handed: ``value`` is what stood behind the colon, ``within`` has its default.

    ``env``: the environment of programs that the person wrote.
    """

    wish: Wish
    value: str
    within: float
    terms: Terms
    say: Callable[[str], None]
    show: Callable[[str], None]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """A judge: ``name[:VALUE]``. ``needs`` and ``uses`` are fields of ``Wish``; others, when given, are refused.

    ``help``: one sentence. ``within``: the default in seconds, where it uses that. ``page``: below ``docs/how-to``.
    ``apps``: the kinds of apps that it can judge, classes of ``catalog.apps``.
    """

    name: str
    help: str
    page: str
    build: Callable[[Asked], Judge]
    value: str | None = None
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    within: float | None = None
    apps: tuple[str, ...] = (DESKTOP, ANDROID, SHELL)

    @property
    def usage(self) -> str:
        """As it is typed: ``marionette:SCRIPT.py``."""
        return f"{self.name}:{self.value}" if self.value else self.name


def _manual(asked: Asked) -> Judge:
    from mozbisect.judge.manual import ManualJudge

    return ManualJudge(asked.terms, say=asked.say)


def _command(asked: Asked) -> Judge:
    from mozbisect.judge.command import CommandJudge

    wish = asked.wish
    assert wish.command is not None  # it is among the needs
    return CommandJudge(
        wish.command,
        timeout=wish.command_timeout,
        on_timeout=wish.on_timeout,
        terms=asked.terms,
        show=asked.show,
        own_environment=asked.env,
    )


def _crash(asked: Asked) -> Judge:
    from mozbisect.judge.crash import CrashJudge

    return CrashJudge(within=asked.within, terms=asked.terms)


def _starts(asked: Asked) -> Judge:
    from mozbisect.judge.starts import StartsJudge

    return StartsJudge(within=asked.within, terms=asked.terms)


def _output(asked: Asked) -> Judge:
    from mozbisect.judge.output import OutputJudge

    return OutputJudge(asked.value, within=asked.within, terms=asked.terms)


def _marionette(asked: Asked) -> Judge:
    from mozbisect.judge.marionette import MarionetteJudge

    return MarionetteJudge(
        asked.value,
        within=asked.within,
        timeout=asked.wish.command_timeout,
        on_timeout=asked.wish.on_timeout,
        terms=asked.terms,
        own_environment=asked.env,
    )


_RUNS = ("runs", "required")

JUDGES = (
    Row(
        name="manual",
        help="Start the build and ask you.",
        page="judges/manual.md",
        build=_manual,
    ),
    Row(
        name="command",
        help="Run the --command: its exit status is the verdict.",
        page="judges/command.md",
        build=_command,
        needs=("command",),
        uses=("command", "command_timeout", *_RUNS),
    ),
    Row(
        name="crash",
        help="Bad if the build crashes within a time.",
        page="judges/crash.md",
        build=_crash,
        uses=("within", *_RUNS),
        within=30,
    ),
    Row(
        name="starts",
        help="Bad if the build does not start, or dies within a time.",
        page="judges/starts.md",
        build=_starts,
        uses=("within", *_RUNS),
        within=10,
    ),
    Row(
        name="output",
        help="Bad if the build prints what matches a regular expression.",
        page="judges/output.md",
        build=_output,
        value="REGEX",
        uses=("within", *_RUNS),
        within=30,
        apps=(DESKTOP, SHELL),
    ),
    Row(
        name="marionette",
        help="A Python script drives the build and judges it.",
        page="judges/marionette.md",
        build=_marionette,
        value="SCRIPT.py",
        uses=("within", "command_timeout", *_RUNS),
        within=60,
        apps=(DESKTOP,),
    ),
)
"""The first is the default; ``--command`` alone means the second."""

MANUAL, COMMAND = JUDGES[:2]


def completions(begun: str) -> list[tuple[str, str]]:
    """What may be typed after ``begun``, each with its help; a judge that takes a value ends in a colon."""
    words = [(f"{row.name}:" if row.value else row.name, row.help) for row in JUDGES]
    return [(word, told) for word, told in words if word.startswith(begun)]


def parse(text: str) -> tuple[Row, str]:
    """The judge that a person names, and the value behind the colon or "". Raises ``UsageError``."""
    name, colon, value = text.partition(":")
    row = next((row for row in JUDGES if row.name == name), None)
    if row is None:
        known = ", ".join(row.usage for row in JUDGES)
        raise UsageError(f"There is no judge {name!r}.", advice=f"The judges are {known}.")
    if row.value and not value:
        raise UsageError(f"--judge {name} lacks its {row.value}.", advice=f"Write --judge {row.usage}")
    if colon and not row.value:
        raise UsageError(f"--judge {name} takes nothing behind a colon, and there is {value!r}.")
    return row, value


def row_of(wish: Wish) -> tuple[Row, str]:
    """The judge that is meant: ``--command`` alone says it, too. Raises ``UsageError``."""
    row, value = parse(wish.judge)
    if row is MANUAL and wish.command is not None:
        return COMMAND, ""
    return row, value


def asks_person(wish: Wish) -> bool:
    """Is it a person who judges? Raises ``UsageError``."""
    return row_of(wish)[0] is MANUAL


def judge(
    wish: Wish,
    terms: Terms,
    *,
    say: Callable[[str], None],
    show: Callable[[str], None],
    env: Mapping[str, str] = os.environ,
) -> Judge:
    """The judge that the person wishes. ``say`` talks to the person; ``show`` is told details.

    All that can be known before anything is downloaded is found out here. Raises ``UsageError``, ``CommandBroken``.
    """
    row, value = row_of(wish)
    _check(row, wish)
    once = row.build(Asked(wish, value, wish.within or row.within or 0, terms, say, show, env))
    return several(once, wish, terms)


def several(once: Judge, wish: Wish, terms: Terms) -> Judge:
    """The judge, or several runs of it, as the person wishes. Raises ``UsageError``."""
    if wish.runs == 1 and wish.required is None:
        return once
    from mozbisect.judge.runs import RunsJudge, Tally

    return RunsJudge(once, Tally.of(wish.runs, wish.required), terms)


def _check(row: Row, wish: Wish) -> None:
    plain = Wish()
    for name in row.needs:
        if getattr(wish, name) is None:
            raise UsageError(f"--judge {row.name} needs {_option(name)}.", advice=_EXAMPLES[name])
    if wish.within is not None and not wish.within > 0:
        raise UsageError(f"--within must be more than 0 seconds, and is {wish.within:g}.")
    for name in ("command", "command_timeout", "within", *_RUNS):
        if getattr(wish, name) != getattr(plain, name) and name not in row.uses:
            raise UsageError(_refusal(row, name), advice=_ADVICE.get(name, ""))
    kind = _kind(wish.app)
    if kind not in row.apps:
        others = ", ".join(other.usage for other in JUDGES if kind in other.apps)
        raise UsageError(f"--judge {row.name} cannot judge {wish.app}.", advice=f"For that there are {others}.")


def _refusal(row: Row, name: str) -> str:
    if row is MANUAL and name in _RUNS:
        return f"{_option(name)} is for judges that are no person: you are asked once about each build."
    return f"{_option(name)} has no meaning for --judge {row.name}."


_EXAMPLES = {"command": "For example: --command './test.sh {binary}', which is enough by itself."}

_ADVICE = {
    "command": "Give one of them: a command is a judge of its own.",
    "runs": "To see a build again, answer retry.",
    "within": f"It is for {', '.join(row.name for row in JUDGES if 'within' in row.uses)}.",
    "command_timeout": f"It is for {', '.join(row.name for row in JUDGES if 'command_timeout' in row.uses)}.",
}


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _kind(app: str) -> str:
    from mozbisect.catalog import apps

    return type(apps.app(app).launch).__name__
