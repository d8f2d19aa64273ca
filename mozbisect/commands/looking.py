"""``sessions``, ``log`` and ``report``: what was searched, and found."""

from __future__ import annotations

from mozbisect.commands.answers import answers, command_line, print_answer, title
from mozbisect.commands.printing import print_line, say
from mozbisect.core.journal import Judged
from mozbisect.running import kept_sessions, options_of


def sessions() -> None:
    """List all sessions, newest first."""
    rows = list(kept_sessions().all())
    if not rows:
        say("There are no sessions yet.")
    for name, session in rows:
        options = options_of(session)
        state = "done" if session.ended else f"open, {answers(session)}"
        print_line(f"{name}  {state:<22} {title(options)}")


def log(name: str | None) -> None:
    """The command of a session and its answers: without a --command it takes them back as standard input."""
    session = kept_sessions().read(name)
    print_line(f"# {command_line(options_of(session), session)}")
    for event in session.events:
        if isinstance(event, Judged):
            word = session.opened.terms.word(event.side)
            reason = f" ({event.reason})" if event.reason else ""
            by = "" if event.asked else "# not asked: "
            print_line(f"{by}{word:<5} # {event.key} {event.build.revision or ''}{reason}")


def report(name: str | None, output: str) -> None:
    """Print what a session came to."""
    sessions = kept_sessions()
    session = sessions.read(name)
    print_answer(sessions.name_of(name), session, options_of(session), output)
