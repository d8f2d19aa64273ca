"""``mozbisect`` itself, ``resume`` and ``--launch``."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mozbisect.commands.answers import command_line, print_answer
from mozbisect.commands.printing import ends_like_ctrl_c, say
from mozbisect.core.errors import Interrupted, MozbisectError, UsageError
from mozbisect.core.journal import Session
from mozbisect.options import Options, ThisRun
from mozbisect.report.bug import summary
from mozbisect.report.terminal import Terminal
from mozbisect.report.words import result_of, so_far
from mozbisect.running import (
    FINAL,
    Running,
    how_to_go_on,
    memory_of,
    must_run_here,
    options_from,
    state_folder,
)

if TYPE_CHECKING:
    from mozbisect.core.ports import Reporter
    from mozbisect.credentials import Credentials
    from mozbisect.telemetry.use import Wish


def bisect(
    words: Mapping[str, Any],
    output: str,
    *,
    resumable: bool = True,
    credentials: Credentials | None = None,
    this_run: ThisRun = ThisRun(),  # noqa: B008  (frozen)
    telemetry: Wish | None = None,
) -> None:
    """Search from the options of a command line to the end. ``resumable``: the session outlives this process.

    ``telemetry``: how this use is counted; without it, it is not.
    """
    from mozbisect.telemetry.use import counted

    now = datetime.now(UTC)
    with (
        Running.begin(options_from(words), now=now) as running,
        counted(telemetry, lambda wish: wish.usage(running.options, now.date()), say) as use,
    ):
        if (folder := running.journal.path.parent.parent).parent != state_folder():
            say(f"{state_folder()} cannot be written: this session is kept in {folder}, while that lasts.")
        go_on = how_to_go_on(running.name) if resumable else ""
        _run(running, output, go_on=go_on, credentials=credentials, this_run=this_run, told=[use])


def resume(
    name: str | None,
    output: str,
    *,
    undo: bool,
    credentials: Credentials | None = None,
    this_run: ThisRun = ThisRun(),  # noqa: B008  (frozen)
) -> None:
    """Go on with a session. It remembers its options, also the folder that relative paths in them mean."""
    with Running.of(name, ended=undo) as running:
        if Path(running.options.folder).is_dir():
            os.chdir(running.options.folder)
        go_on = how_to_go_on(running.name)
        _run(running, output, go_on=go_on, undo=undo, credentials=credentials, this_run=this_run)


def _run(
    running: Running,
    output: str,
    *,
    go_on: str,
    undo: bool = False,
    credentials: Credentials | None,
    this_run: ThisRun,
    told: Sequence[Reporter] = (),
) -> None:
    terminal = Terminal(running.session.opened.terms)
    try:
        with ends_like_ctrl_c():
            running.go_on([terminal, *told], say=say, until=this_run.until, undo=undo, credentials=credentials)
    except MozbisectError as error:
        _so_far(running.session, running.options)
        if not isinstance(error, FINAL):
            error.advice = "\n".join(filter(None, (error.advice, go_on)))
        _sum_up(running, this_run, stopped=str(error))
        raise
    _sum_up(running, this_run)
    print_answer(running.name, running.session, running.options, output)


def _sum_up(running: Running, this_run: ThisRun, *, stopped: str = "") -> None:
    """Add the answer, or why there is none, to the file that was asked for. That must not cost the answer itself."""
    if this_run.summary is None:
        return
    session, options = running.session, running.options
    result = result_of(session, options.hg_url) if session.questions else None
    text = summary(session, result, command_line(options, session), stopped=stopped)
    try:
        with this_run.summary.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        say(f"The summary could not be written to {this_run.summary}: {error.strerror}.")


def _so_far(session: Session, options: Options) -> None:
    """What is known already when a run stops early, for the person at the terminal."""
    if not session.questions:
        return
    result = result_of(session, options.hg_url)
    if result and (known := so_far(result)):
        say(f"\n{known}")


def launch(
    words: Mapping[str, Any],
    text: str,
    *,
    nearest: bool = False,
    credentials: Credentials | None = None,
    telemetry: Wish | None = None,
) -> None:
    """Fetch and start one build; with a judge, have it judged and leave with 0 for good and 1 for bad.

    ``nearest``: when there is no such build, the one that is nearest in time will do. ``telemetry`` as for ``bisect``.
    """
    from mozbisect import request, wiring
    from mozbisect.single import launch_one
    from mozbisect.telemetry.use import counted

    options = options_from(words)
    must_run_here(options)
    for name in ("good", "bad", "find_fix", "search_back", "exclude"):
        if getattr(options, name):
            raise UsageError(f"--launch searches nothing: --{name.replace('_', '-')} has no place beside it.")
    today = datetime.now(UTC).date()
    asked = request.read(options, today=today, launch=text)
    for note in asked.notes:
        say(note)
    seen = wiring.world(options, asked.target, today=today, credentials=credentials, memory=memory_of(options))
    with (
        counted(telemetry, lambda wish: wish.usage(options, today, launch=text), say) as use,
        ends_like_ctrl_c(),
        wiring.ports(options, asked, seen, [Terminal(asked.terms)], say=say) as ports,
    ):
        try:
            judged = _is_judged(options)
            status = launch_one(asked.new, seen, ports, asked, judged=judged, nearest=nearest, say=say, found=use.begun)
        except KeyboardInterrupt:
            raise Interrupted("Interrupted.") from None
    sys.exit(status)


def _is_judged(options: Options) -> bool:
    """Was a judge asked for? Without one, ``--launch`` just starts the build."""
    return options.command is not None or options.judge != Options().judge
