"""``mozbisect telemetry``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mozbisect.commands.printing import print_line, say
from mozbisect.core.errors import UsageError
from mozbisect.running import options_from

if TYPE_CHECKING:
    from mozbisect.telemetry.use import Wish


def status(wish: Wish, output: str) -> None:
    """Whether anything is sent, and why."""
    from mozbisect.telemetry import state

    now = state.read(wish)
    if output == "json":
        print_line(json.dumps(now.row(), indent=2))
        return
    for line in now.lines():
        print_line(line)


def show(wish: Wish, words: Mapping[str, Any], launch: str | None, wishes: Sequence[str]) -> None:
    """The very ping that a command line would send."""
    from mozbisect import request
    from mozbisect.telemetry import state
    from mozbisect.telemetry.usage import as_if

    options = options_from(words)
    today = datetime.now(UTC).date()
    request.read(options, today=today, launch=launch)
    usage = as_if(wish.usage(options, today, launch=launch), wishes)
    shown = state.ping(wish, usage)
    for note in shown.notes:
        say(note)
    print_line(json.dumps(shown.body, indent=2))


def enable(wish: Wish) -> None:
    """From now on a ping may be sent, unless something else says no."""
    from mozbisect.telemetry import state

    for line in state.enable(wish).lines():
        print_line(line)


def disable(wish: Wish) -> None:
    """From now on nothing is sent, and what was sent is to be deleted."""
    from mozbisect.telemetry import state

    for line in state.disable(wish):
        print_line(line)


def insights(places: Sequence[str], *, output: str, question: str | None, since: str | None) -> None:
    """What exported pings say of the two questions, or of one."""
    from mozbisect.telemetry.insights import page, words
    from mozbisect.telemetry.insights.ask import ask

    questions = [question] if question else words.QUESTIONS
    if output == "html":
        page.script()  # rather missed now than after all has been counted
        if sys.stdout.isatty():
            raise UsageError("--output html is a page of several megabytes.", advice="Write it to a file: > page.html")
        if question:
            raise UsageError("--output html answers both questions: --question has no place beside it.")
    answer = ask(places, since=_day_of("--since", since) if since else None)
    match output:
        case "html":
            print_line(page.page(answer))
        case "json":
            print_line(json.dumps(words.document(answer, questions), indent=2))
        case "csv":
            print_line(words.table(answer, questions).removesuffix("\n"))
            for line in words.beside(answer):
                say(line)
        case _:
            for line in words.lines(answer, questions):
                print_line(line)


def _day_of(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text}: this is no day.", advice="Days are written YYYY-MM-DD.") from None


def synthetic(number: int, *, seed: int) -> None:
    """Invented pings of the year until yesterday."""
    from mozbisect.telemetry.insights import synthetic

    for ping in synthetic.pings(number, seed=seed, until=datetime.now(UTC).date() - timedelta(days=1)):
        print_line(ping.line)
