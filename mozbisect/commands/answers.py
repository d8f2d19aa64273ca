"""A session as people are told of it: its answer in three forms, and the command line that would begin it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import fields

from mozbisect.commands.printing import print_line, say
from mozbisect.core.journal import Session
from mozbisect.core.model import Before
from mozbisect.options import Options
from mozbisect.report.bug import paste
from mozbisect.report.document import document
from mozbisect.report.terminal import final_lines
from mozbisect.report.words import result_of


def print_answer(name: str, session: Session, options: Options, output: str) -> None:
    result = result_of(session, options.hg_url) if session.questions else None
    if output == "json":
        print_line(json.dumps(document(name, session, result), indent=2))
        return
    if session.ended is None:
        say(f"The session {name} has not ended: {answers(session)} so far.")
    if result is None:
        return
    if output == "markdown":
        print_line(paste(session, result, command_line(options, session)))
    else:
        for line in final_lines(result):
            print_line(line)


def answers(session: Session) -> str:
    return f"{session.questions} answer{'' if session.questions == 1 else 's'}"


def title(options: Options) -> str:
    words = [options.app, f"{options.good or '…'} → {options.bad or '…'}"]
    if options.find_fix:
        words.append("(fix)")
    return " ".join(words)


def command_line(options: Options, session: Session) -> str:
    """The line that repeats a session; a bound that was left out is written as it was understood."""
    plain = Options()
    words = ["mozbisect"]
    for field in fields(Options):
        value = getattr(options, field.name)
        if field.name == "folder" or value == getattr(plain, field.name):
            continue
        words += _as_words(field.name.replace("_", "-"), value)
    if session.stages:
        for word, text in _understood(session).items():
            if getattr(options, word) is None:
                words += [f"--{word}", text]
    return shlex.join(words)


def _understood(session: Session) -> dict[str, str]:
    """Both bounds as they were understood; without one that is to be looked for again."""
    timeline, terms = session.stages[0].timeline, session.opened.terms
    leg = timeline.leg
    bounds = {terms.old: str(leg.old), terms.new: str(leg.new)}
    if isinstance(leg.old, Before):
        bounds[terms.old] = f"{timeline.candidates[timeline.old_at].when:%Y-%m-%d}"
    if leg.back:
        del bounds[terms.old]
    return bounds


def _as_words(name: str, value: object) -> Iterator[str]:
    match value:
        case True:
            yield f"--{name}"
        case False:
            yield f"--no-{name}"
        case tuple():
            for item in value:
                yield f"--{name}={item}"
        case _:
            yield from (f"--{name}", str(value))
