"""The text to paste into a bug: Markdown, short, with what another person needs to check it.

Bots that fill in "Regressed by" look for the name of the older tool and for exactly one pushlog link; both are
here, and for a fix the words "First good revision" tell them to keep out.
"""

from __future__ import annotations

from mozbisect.core.journal import Session
from mozbisect.report.words import Result, open_sentence, place, so_far, why_no_closer

WHOLE = 40
"""Digits of a hash: who has only this text must be able to ask any server for it."""


def paste(session: Session, result: Result, command: str) -> str:
    """The text; ``command`` is the line that repeats the search."""
    finding = result.finding
    last, first = result.last_revision or "unknown", result.first_revision or "unknown"
    lines = [
        f"**{'Fix' if result.terms.old == 'bad' else 'Regression'} range** found with {session.opened.program} "
        "(mozregression-compatible):",
        "",
        f"- {result.last_label}: {last} {place(result, finding.last_old, finding.old_build, digits=WHOLE)}",
        f"- {result.first_label}: {first} {place(result, finding.first_new, finding.new_build, digits=WHOLE)}",
    ]
    if result.pasted_link:
        lines.append(f"- Pushlog: {result.pasted_link}")
    if result.is_merge_itself:
        lines.append("- All that was merged is fine by itself: the merge did it.")
    if result.bugs and len(result.bugs) <= 10:
        lines.append(f"- Bugs in it: {', '.join(f'bug {bug}' for bug in result.bugs)}")
    for sentence in filter(None, (open_sentence(result), why_no_closer(result))):
        lines += ["", sentence]
    lines += ["", f"{_tests(session)} To repeat it:", "", f"    {command}", ""]
    return "\n".join(lines)


def _tests(session: Session) -> str:
    return "1 build was judged." if session.questions == 1 else f"{session.questions} builds were judged."


def summary(session: Session, result: Result | None, command: str, *, stopped: str = "") -> str:
    """A section for the page of a CI job: the text for a bug, or why the run ``stopped`` and what it knows so far."""
    if not stopped and result is not None:
        return f"## mozbisect\n\n{paste(session, result, command)}\n"
    lines = ["## mozbisect", "", "**Not found.**", "", *(f"    {line}" for line in stopped.splitlines()), ""]
    if result and (known := so_far(result)):
        lines += [known, ""]
    if session.questions:
        lines += [_tests(session), ""]
    return "\n".join([*lines, "It was called so:", "", f"    {command}", "", ""])
