"""Writes reference/options.md from the commands themselves, and reference/judges.md from the table of judges, so that
these pages tell the same story as the program.

    python docs/generate.py

A test compares the pages with what this makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from mozbisect.cli import mozbisect
from mozbisect.judge.table import ANDROID, DESKTOP, JUDGES, SHELL, Row

PAGE = Path(__file__).parent / "reference" / "options.md"

INTRODUCTION = """\
# Options

<!-- Written by docs/generate.py from the commands: change the help texts there, and run it again. -->

Every option can also be given by its environment variable; the command line wins over it. A flag is switched on
by `1` and off by `0`. Several values of a repeatable option are separated by spaces there, so a value that
itself holds a space has to come from the command line. The variables of a subcommand have its name in them.

Options follow the name of the command that they belong to: `mozbisect builds --good …`. One that a command would not
see, as in `mozbisect --good … builds`, is refused.

What a value may look like: [bounds](bounds.md), [placeholders](placeholders.md) of `--command`. One more variable
belongs to no option: `MOZBISECT_STATE_DIR` names the folder that holds the [sessions](sessions.md).
"""


def page() -> str:
    """The whole page, as Markdown."""
    sections = [INTRODUCTION, _section(mozbisect, "mozbisect", "MOZBISECT")]
    for name, command in sorted(mozbisect.commands.items()):
        sections.append(_section(command, f"mozbisect {name}", f"MOZBISECT_{name.upper()}"))
    return "\n".join(sections)


def _section(command: click.Command, title: str, prefix: str) -> str:
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    words = "".join(f" [{param.name.upper()}]" for param in arguments if param.name)
    lines = [f"## `{title}{words}`", "", _first_paragraph(command), ""]
    rows = list(_rows(command, prefix))
    if not rows:
        return "\n".join([*lines, "No options but `--help`.", ""])
    head = ["| Option | Meaning | Default | Environment |", "|---|---|---|---|"]
    return "\n".join([*lines, *head, *rows, ""])


def _first_paragraph(command: click.Command) -> str:
    return " ".join((command.help or "").split("\n\n")[0].split())


def _rows(command: click.Command, prefix: str) -> Iterator[str]:
    for param in command.params:
        if isinstance(param, click.Option) and param.name not in ("help", "version"):
            meaning, default = _meaning(param)
            variable = param.envvar if isinstance(param.envvar, str) else f"{prefix}_{param.name}".upper()
            yield f"| {_names(param)} | {meaning} | {default} | `{variable}` |"


def _names(option: click.Option) -> str:
    value = "" if option.is_flag else f" {option.metavar or _choices(option) or str(option.type).lower()}"
    short_first = sorted(option.opts, key=len)
    names = [*short_first[:-1], short_first[-1] + value, *option.secondary_opts]
    return ", ".join(f"`{name}`" for name in names)


def _choices(option: click.Option) -> str:
    return "…" if isinstance(option.type, click.Choice) else "N" if option.type.name.startswith("int") else ""


def _meaning(option: click.Option) -> tuple[str, str]:
    """What it means, and its default: as the help text says it, else as click has it."""
    said, marker, default = (option.help or "").partition("Default: ")
    meaning = said.strip()
    if isinstance(option.type, click.Choice):
        meaning += f" One of {', '.join(f'`{choice}`' for choice in option.type.choices)}."
    if marker:
        return meaning, default.rstrip(".")
    own = option.default
    plain = isinstance(own, str | int | float) and not isinstance(own, bool)
    return meaning, f"`{own}`" if plain else ""


JUDGES_PAGE = Path(__file__).parent / "reference" / "judges.md"

JUDGES_INTRODUCTION = """\
# Judges

<!-- Written by docs/generate.py from mozbisect/judge/table.py: change it there, and run it again. -->

Who says whether a build is good or bad: the name behind `--judge`, some with a value behind a colon.

| `--judge` | What it does | Options it takes | Apps |
|---|---|---|---|
"""

JUDGES_END = """
`--command` alone means `--judge command`; together with any other judge it is refused, and so is every option that
the judge does not take. What can be known to be wrong is told before anything is downloaded.

`--runs` and `--required` make one verdict of [several runs](../how-to/judges/several-runs.md).

A build that cannot be fetched, unpacked or installed is untestable, whoever judges. One that cannot be started is
untestable, too, but for `starts`. All judges except `command` have the build started with a profile of its own and
with your `--pref`, `--preferences`, `--addon` and `--arg`; on Linux that takes a [display](../how-to/no-display.md),
or `--headless`.

Looking for a fix, good and bad keep their meaning: the bad builds are the older ones then.
"""


def judges_page() -> str:
    """The table of judges, as Markdown."""
    return JUDGES_INTRODUCTION + "".join(_judge(row) for row in JUDGES) + JUDGES_END


def _judge(row: Row) -> str:
    taken = [f"`--{name.replace('_', '-')}`" for name in row.uses if name not in row.needs]
    if row.within is not None:
        taken = [f"{option} ({row.within:g} s)" if option == "`--within`" else option for option in taken]
    if "command_timeout" in row.uses:
        taken.insert(taken.index("`--command-timeout`") + 1, "`--on-timeout`")
    needed = "".join(f"`--{name}` (needed), " for name in row.needs)
    return f"| [`{row.usage}`](../how-to/{row.page}) | {row.help} | {needed}{', '.join(taken)} | {_kinds(row)} |\n"


_KINDS = {DESKTOP: "desktop", ANDROID: "Android", SHELL: "JavaScript shell"}


def _kinds(row: Row) -> str:
    return "all" if len(row.apps) == len(_KINDS) else ", ".join(_KINDS[kind] for kind in row.apps)


if __name__ == "__main__":
    JUDGES_PAGE.write_text(judges_page(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
