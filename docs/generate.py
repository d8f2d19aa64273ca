"""Writes the pages that tell the same story as the program: reference/options.md from the commands themselves,
reference/judges.md from the table of judges, reference/apps.md from the catalogue, and reference/mozregression.md from
the table in peer_options.py and the former options that ``argv`` knows.

    python docs/generate.py

A test compares the pages with what this makes.
"""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path

import click

from mozbisect.argv import FORMER
from mozbisect.catalog.apps import APPS, Android, App, Desktop, Shell
from mozbisect.catalog.build_types import BUILD_TYPES, BuildType
from mozbisect.cli import Option, mozbisect
from mozbisect.judge import table
from mozbisect.judge.table import JUDGES, Row

HERE = Path(__file__).parent
PAGE = HERE / "reference" / "options.md"
PEER_PAGE = HERE / "reference" / "mozregression.md"

INTRODUCTION = """\
# Options

<!-- Written by docs/generate.py from the commands: change the help texts there, and run it again. -->

Every option can also be given by its environment variable or in the [configuration file](configuration.md); the command
line wins over the environment, and that over the file. A flag is switched on by `1` and off by `0`. Several values of a
repeatable option are separated by spaces in the environment, so a value that itself holds a space has to come from the
command line or the file.

Options follow the name of the command that they belong to: `mozbisect builds --good …`. One that a command would not
see, as in `mozbisect --good … builds`, is refused. A long name may be shortened as long as it can mean one option only:
`--write-conf`. `--pref` and `--preferences` take several values, up to the next option: `--pref a:1 b:2`.

What a value may look like: [bounds](bounds.md), [placeholders](placeholders.md) of `--command`. More variables
belong to no option: `MOZBISECT_STATE_DIR` names the folder that holds the [sessions](sessions.md), `MOZBISECT_CONFIG`
the configuration file, `MOZBISECT_CACHE_DIR` the folder for what servers said and [is remembered](questions.md);
`MOZBISECT_TELEMETRY` and `DO_NOT_TRACK` say no to [telemetry](telemetry.md).
"""

PEER_INTRODUCTION = """\
# mozregression's options

<!-- Written by docs/generate.py from docs/peer_options.py and mozbisect/argv.py: change them, and run it again. -->

Every option of mozregression 7.6.0 works here, in its long and its short form, shortened as it allowed, and with the
same meaning unless the last column says something else. How the two programs differ beside that:
[coming from mozregression](../how-to/coming-from-mozregression.md).

| mozregression | mozbisect | What differs |
|---|---|---|
"""

FORMER_INTRODUCTION = """
## Options of older versions

Old wiki pages show options that mozregression itself has dropped. mozbisect refuses them, and says what to write:

| Then | Now | |
|---|---|---|
"""


def page() -> str:
    """The page of options, as Markdown."""
    sections = [INTRODUCTION, *_section(mozbisect, "mozbisect")]
    return "\n".join(sections)


def peer_page() -> str:
    """The page that puts mozregression's options beside ours."""
    rows = runpy.run_path(str(HERE / "peer_options.py"))["OPTIONS"]
    now = [f"| {_code(theirs)} | {_code(ours)} | {differs} |\n" for theirs, ours, differs in rows]
    then = [f"| `{_star(row.name)}` | {_instead(row.instead)} | {row.why} |\n" for row in FORMER]
    return "".join([PEER_INTRODUCTION, *now, FORMER_INTRODUCTION, *then])


def _code(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", "))


def _star(name: str) -> str:
    return name.replace("*", "…")


def _instead(words: str) -> str:
    return f"`{words.replace('{}', 'VALUE')}`" if words else "nothing"


def _section(command: click.Command, title: str) -> Iterator[str]:
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    words = "".join(f" {_word(param)}" for param in arguments)
    lines = [f"## `{title}{words}`", "", _first_paragraph(command), ""]
    tables = list(_tables(command))
    if tables:
        yield "\n".join([*lines, *tables])
    elif not isinstance(command, click.Group):
        yield "\n".join([*lines, "No options but `--help`.", ""])
    if isinstance(command, click.Group):
        for name, child in sorted(command.commands.items()):
            yield from _section(child, f"{title} {name}")


def _word(argument: click.Argument) -> str:
    name = (argument.name or "").upper()
    return name if argument.required else f"[{name}]"


def _first_paragraph(command: click.Command) -> str:
    return " ".join((command.help or "").split("\n\n")[0].split())


def _tables(command: click.Command) -> Iterator[str]:
    """A table for each heading of ``--help``."""
    sections: dict[str, list[str]] = {}
    for param in command.params:
        if isinstance(param, Option):
            sections.setdefault(param.heading, []).append(_row(param))
    for heading, rows in sections.items():
        if len(sections) > 1 and heading:
            yield f"### {heading}\n"
        yield from ("| Option | Meaning | Default | Environment |", "|---|---|---|---|", *rows, "")


def _row(option: click.Option) -> str:
    meaning, default = _meaning(option)
    variable = f"`{option.envvar}`" if option.envvar else ""
    return f"| {_names(option)} | {meaning} | {default} | {variable} |"


def _names(option: click.Option) -> str:
    metavar = (option.metavar or "").replace("|", "\\|")
    value = "" if option.is_flag else f" {metavar or _choices(option) or str(option.type).lower()}"
    short_first = sorted(option.opts, key=len)
    names = [*short_first[:-1], short_first[-1] + value, *option.secondary_opts]
    return ", ".join(f"`{name}`" for name in names)


def _choices(option: click.Option) -> str:
    return "…" if isinstance(option.type, click.Choice) else "N" if option.type.name.startswith("int") else ""


def _meaning(option: click.Option) -> tuple[str, str]:
    """What it means, and its default: as the help text says it, else as click has it."""
    said, marker, default = (option.help or "").partition("Default: ")
    meaning = said.strip()
    if isinstance(option.type, click.Choice) and not option.metavar:
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


_KINDS = {table.DESKTOP: "desktop", table.ANDROID: "Android", table.SHELL: "JavaScript shell"}


def _kinds(row: Row) -> str:
    return "all" if len(row.apps) == len(_KINDS) else ", ".join(_KINDS[kind] for kind in row.apps)


APPS_PAGE = HERE / "reference" / "apps.md"

APPS_INTRODUCTION = """\
# Apps, platforms and build types

<!-- Written by docs/generate.py from mozbisect/catalog: change the rows there, and run it again. -->

## Apps

`--app` says what is tested. Nightlies and releases are in the archive for ever; builds of single pushes are kept by
Taskcluster for a year (those of try for 28 days).

| `--app` | Nightlies, oldest | Of single pushes | Releases | Repository | Runs through |
|---|---|---|---|---|---|
"""

APPS_ARCHS = """
## Processors

`--arch`, or the older `--bits 32`. Android's own words are understood for its apps: `arm64-v8a` is `aarch64`,
`armeabi-v7a` is `arm`. Where none is named, desktop apps take this machine's.

| App | Systems | `--arch` | Taken where none is named |
|---|---|---|---|
"""

APPS_TYPES = """
## Build types

`--build-type`. Where a type does not exist for a push, another may stand in; which one was found is shown.
`mozbisect --list-build-types` lists what each app has.

| Type | Jobs end in | Stands in for it | Apps |
|---|---|---|---|
"""


def apps_page() -> str:
    """The tables of the catalogue, as Markdown."""
    return "".join(
        [
            APPS_INTRODUCTION,
            *(_app(row) for row in APPS),
            APPS_ARCHS,
            *(_archs(row) for row in APPS),
            APPS_TYPES,
            *(_type(kind) for kind in BUILD_TYPES),
        ]
    )


def _app(row: App) -> str:
    nightlies = f"`{row.nightlies.folder}/nightly`, {row.nightlies.since}" if row.nightlies else "none"
    pushes = "none" if row.tasks is None else "yes" if row.tasks.each_push else "those that nightlies were made from"
    releases = f"`{row.releases.folder}/releases`" if row.releases else "none"
    how = {Desktop: "a desktop", Android: "adb", Shell: "a terminal"}[type(row.launch)]
    name = f"`{row.name}`" + (" with `--lang`" if row.needs_lang else "")
    return f"| {name} | {nightlies} | {pushes} | {releases} | {row.repo} | {how} |\n"


def _archs(row: App) -> str:
    archs = ", ".join(f"`{arch}`" for arch in row.archs)
    return f"| `{row.name}` | {', '.join(row.systems)} | {archs} | {row.arch or 'this machine'} |\n"


def _type(kind: BuildType) -> str:
    has = [f"`{row.name}`" for row in APPS if kind.name in row.build_types]
    suffixes = ", ".join(f"`-{suffix}`" for suffix in kind.suffixes)
    return f"| `{kind.name}` | {suffixes} | {', '.join(kind.instead) or '-'} | {', '.join(has)} |\n"


if __name__ == "__main__":
    APPS_PAGE.write_text(apps_page(), encoding="utf-8")
    JUDGES_PAGE.write_text(judges_page(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
    PEER_PAGE.write_text(peer_page(), encoding="utf-8")
