"""The way in and out: the one place where an error becomes a sentence and a status."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from collections.abc import Callable

import click

from mozbisect.cli.root import mozbisect


def _prepare() -> None:
    """A closed or a narrow stream, and what a surrounding run has left in the environment, must not mislead us."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if "MOZBISECT_BINARY" in os.environ:
        # We are called by a test command, and these are facts about the build that it judges.
        os.environ.pop("MOZBISECT_BUILD_TYPE", None)


THE_SAME = 0.05
"""Seconds in which a second Ctrl-C is still the first: a wrapper passes it on, and ``timeout`` says TERM twice."""

_INTERRUPTED = 130


class _CtrlC:
    """A signal handler. The first time, all is tidied up on the way out; the second time, the process ends at once.

    What is left behind then (see ``fetch.scratch``) the next run removes.
    """

    def __init__(self) -> None:
        self._first: float | None = None

    def __call__(self, *_: object) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
            raise KeyboardInterrupt
        if now - self._first >= THE_SAME:
            self._leave()

    def _leave(self) -> None:
        try:
            # Not imported now, in the midst of anything: if nobody has imported it, it has started nothing.
            if processes := sys.modules.get("mozbisect.processes"):
                processes.kill_all()
        finally:
            os._exit(_INTERRUPTED)


def _hear_ctrl_c() -> None:
    """Unless somebody has told us not to: a shell does that for what runs in the background."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _CtrlC())


def main() -> None:
    """Run the command line, and leave with its status."""
    _hear_ctrl_c()
    _prepare()
    status = answered(lambda: mozbisect.main(prog_name="mozbisect", standalone_mode=False))
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        status = _told_in_vain(error)
    # Python would try once more at its end, and leave with a status of its own.
    if status == UNHEARD:
        sys.stdout = None
        status = 1
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:  # that nobody listens to the talk beside an answer changes nothing
        sys.stderr = None
    sys.exit(status)


UNHEARD = -1
"""In place of a status: standard output takes nothing any more."""


def answered(work: Callable[[], object]) -> int:
    """Do it, and give the exit status: every error that is raised on purpose ends here as a sentence and a status.

    Whoever calls this is a door: ``main``, and ``mach_interface``, in whose process others have to live on.
    """
    try:
        work()
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        _with_variable(error).show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except SystemExit as leave:
        return _status(leave)
    except OSError as error:
        return _told_in_vain(error)
    except Exception as error:
        from mozbisect.core.errors import MozbisectError

        if not isinstance(error, MozbisectError):
            raise
        click.echo(f"mozbisect: {error}", err=True)
        return error.exit_code
    return 0


def _with_variable(error: click.ClickException) -> click.ClickException:
    """Where nobody typed the option, its variable is what has to be mended."""
    if not isinstance(error, click.BadParameter) or error.ctx is None or error.param is None:
        return error
    if error.ctx.get_parameter_source(error.param.name or "") is not click.core.ParameterSource.ENVIRONMENT:
        return error
    said = f"{error.message} The environment variable {error.param.envvar} says it."
    return click.BadParameter(said, error.ctx, error.param)


def _status(leave: SystemExit) -> int:
    if leave.code is None or isinstance(leave.code, int):
        return leave.code or 0
    click.echo(leave.code, err=True)
    return 1


def _told_in_vain(error: OSError) -> int:
    """A stream that takes nothing: the session has kept what was found. Of ``| head``, nothing need be said."""
    if not isinstance(error, BrokenPipeError):
        click.echo(f"mozbisect: {error.filename or 'standard output'}: {error.strerror}", err=True)
    return UNHEARD
