"""The command line: options and commands, and the one place where an error becomes a sentence and a status.

Only click is imported at the top: ``--help`` must be quick. What a command does is in ``commands.py``.
"""

from __future__ import annotations

import io
import math
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from mozbisect import argv
from mozbisect.practice import APPS

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from mozbisect.config.model import Key, Settings
    from mozbisect.credentials import Credentials
    from mozbisect.options import ThisRun
    from mozbisect.telemetry.use import Wish


SETTINGS = "mozbisect.settings"
"""Where a context keeps what the configuration file said (``config.model.Settings``), for all commands below it."""

VARIANT = "mozbisect.variant"
"""Where a context keeps through which front end it was made ("mach"), if not this one ("console")."""


# ------------------------------------------------------------------------------------------- how click is used


class Option(click.Option):
    """An option that knows under which heading ``--help`` shows it."""

    def __init__(self, *names: Any, heading: str = "", **words: Any) -> None:
        super().__init__(*names, **words)
        self.heading = heading

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """A variable is for all commands: what only mozbisect itself could do with it, another passes over."""
        value = super().resolve_envvar_value(ctx)
        others = (other for other in ctx.find_root().command.params if other.name == self.name)
        is_of_another = not _is_choice_of(self, value) and any(_is_choice_of(other, value) for other in others)
        return None if is_of_another else value


def _is_choice_of(option: click.Parameter, value: str | None) -> bool:
    return value is None or not isinstance(option.type, click.Choice) or value in option.type.choices


class Command(click.Command):
    """A command that understands what users of mozregression type, and shows its options in groups."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # One that takes the options of another command leaves them to that.
        return super().parse_args(ctx, args if ctx.ignore_unknown_options else _tidied(self, ctx, args))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_options(self, ctx, formatter)


class Group(click.Group):
    """The same for a command with subcommands; the outermost one also reads the configuration file."""

    command_class = Command
    group_class = type

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = _tidied(self, ctx, args)
        if ctx.parent is None:
            ctx.terminal_width = _width()
            _configure(self, ctx, words)
        return super().parse_args(ctx, words)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        advice = argv.misread(args[0])
        if advice and not ctx.resilient_parsing:
            raise click.UsageError(f"There is no command {args[0]!r}. {advice}", ctx)
        return super().resolve_command(ctx, args)


WIDEST = 100


def _width() -> int:
    """Of the help texts. Left to itself, click imports shutil for this: a twentieth of the time of ``--help``."""
    said = os.environ.get("COLUMNS", "")
    try:
        columns = int(said) if said.isdecimal() else os.get_terminal_size(1).columns
    except OSError:  # no terminal
        columns = 0
    return max(min(columns or 80, WIDEST) - 2, 50)


def _tidied(command: click.Command, context: click.Context, words: list[str]) -> list[str]:
    try:
        return argv.tidy(words, grammar(command, context), lenient=context.resilient_parsing)
    except argv.NotUnderstood as error:
        raise click.UsageError(str(error), context) from None


def grammar(command: click.Command, context: click.Context) -> argv.Grammar:
    """What the command takes, as ``argv`` wants to know it."""
    takes: dict[str, str] = {}
    flags: set[str] = set()
    for param in command.get_params(context):
        if not isinstance(param, click.Option):
            continue
        names = (*param.opts, *param.secondary_opts)
        if param.is_flag:
            flags.update(names)
        else:
            takes.update(dict.fromkeys(names, max(names, key=len)))
    commands = command.commands if isinstance(command, click.Group) else ()
    return argv.Grammar(takes, frozenset(flags), frozenset(commands))


def _write_options(command: click.Command, context: click.Context, formatter: click.HelpFormatter) -> None:
    sections: dict[str, list[tuple[str, str]]] = {}
    for param in command.get_params(context):
        record = param.get_help_record(context)
        if record is not None:
            sections.setdefault(getattr(param, "heading", "") or "Options", []).append(record)
    for heading, records in sections.items():
        with formatter.section(heading):
            formatter.write_dl(records)


def _configure(command: click.Group, context: click.Context, words: list[str]) -> None:
    """Let the configuration file speak, where neither the command line nor the environment does."""
    asks_for_help = not {"--help", "-h", "--version", "-V"}.isdisjoint(words)
    first = next((word for word in words if not word.startswith("-")), None)
    if context.resilient_parsing or context.default_map is not None or asks_for_help or "--write-config" in words:
        return
    if first in ("sessions", "log", "config", "completion", "telemetry"):  # none of them searches
        return
    settings = configuration(command)
    context.meta[SETTINGS] = settings
    context.default_map = _default_map(command, {name: row.value for name, row in settings.values.items()})


def configuration(command: click.Group) -> Settings:
    """What the configuration file says about the options of the command. Raises ``core.errors.UsageError``."""
    from mozbisect.config.load import load

    settings = load(keys(command))
    for line in settings.warnings:
        click.echo(f"mozbisect: {line}", err=True)
    return settings


def keys(command: click.Command) -> tuple[Key, ...]:
    """The options that a configuration file may set, and what each of them may be."""
    from mozbisect.checks import CHECKS
    from mozbisect.config.model import Key, Kind

    def key(option: click.Option) -> Key:
        name = max(option.opts, key=len).removeprefix("--")
        check = CHECKS.get(name)
        if option.is_flag:
            return Key(name, Kind.FLAG)
        if isinstance(option.type, click.Choice):
            return Key(name, Kind.CHOICE, choices=tuple(map(str, option.type.choices)))
        if isinstance(option.type, click.IntRange | click.FloatRange):
            kind = Kind.WHOLE if isinstance(option.type, click.IntRange) else Kind.NUMBER
            return Key(name, kind, lowest=option.type.min, check=check)
        kind = Kind.LIST if option.multiple else Kind.TEXT
        return Key(name, kind, is_path=isinstance(option.type, click.Path), check=check)

    return tuple(
        key(param)
        for param in command.params
        if isinstance(param, Option)
        and param.name
        and param.heading not in (ACTIONS, SENT)
        and param.name not in ONE_SEARCH
    )


def checked(values: Mapping[str, Any], context: click.Context) -> dict[str, Any]:
    """Values that did not come from a command line, by name, as one would have given them: ``"2"`` is 2.0, a list a
    tuple. What is ``None`` or no option of the context's command is left out. Raises ``click.UsageError``."""
    return {
        param.name: param.type_cast_value(context, values[param.name])
        for param in context.command.params
        if param.name and param.expose_value and values.get(param.name) is not None
    }


ONE_SEARCH = frozenset(
    {
        *("good", "bad", "find_fix", "search_back", "exclude", "launch", "nearest", "os", "command"),
        *("deadline", "summary"),
    }
)
"""Options that say what one search is about: a configuration file has no place for them."""


def _default_map(command: click.Group, values: Mapping[str, object]) -> dict[str, Any]:
    named = {name.replace("-", "_"): value for name, value in values.items()}
    below = {name: _fitting(child, named) for name, child in command.commands.items()}
    return {**_fitting(command, named), **below}


def _fitting(command: click.Command, values: Mapping[str, object]) -> dict[str, Any]:
    """The values that a command can take: ``builds`` has no ``--output markdown``."""
    found = {}
    for param in command.params:
        choices = param.type.choices if isinstance(param.type, click.Choice) else None
        if param.name in values and (choices is None or values[param.name] in choices):
            found[str(param.name)] = values[param.name]
    return found


def _credentials(context: click.Context) -> Credentials | None:
    """Whom Taskcluster is told that we are, for private builds; None for nobody."""
    from mozbisect.credentials import credentials

    settings = context.meta.get(SETTINGS)
    kept = {name: str(row.value) for name, row in settings.values.items()} if settings else {}
    return credentials(os.environ, kept)


def _telemetry(context: click.Context, words: Mapping[str, Any], settings: Settings | None = None) -> Wish:
    """What the command line and the file say about telemetry; the environment speaks for itself."""
    from mozbisect.config.model import TELEMETRY as KEY
    from mozbisect.config.places import peer_file
    from mozbisect.telemetry.helper import Destination
    from mozbisect.telemetry.use import Wish

    server, tag = words.get("telemetry_server"), words.get("glean_debug_tag")
    if server and not server.startswith(("http://", "https://")):
        raise click.UsageError(f"--telemetry-server must begin with http:// or https://, and is {server!r}.", context)
    if tag and not _is_tag(tag):
        raise click.UsageError(f"--glean-debug-tag: 1 to 20 letters, digits or dashes, and not {tag!r}.", context)
    settings = settings or context.meta.get(SETTINGS)
    said = settings.values.get(KEY.name) if settings else None
    # Which was mozregression's default, and is written in the file of whoever let it write one.
    theirs = settings is not None and settings.path == str(peer_file())
    return Wish(
        front_end=context.meta.get(VARIANT, "console"),
        refused=bool(words.get("no_telemetry")),
        configured=None if said and said.value and theirs else said,
        destination=Destination(
            **({"server": server.rstrip("/")} if server else {}),
            debug_tag=tag,
            log_pings=bool(words.get("glean_log_pings")),
        ),
    )


def _heard(context: click.Context, words: Mapping[str, Any]) -> Wish:
    """As ``_telemetry``; a no holds from here on, whatever else is wrong with the command line."""
    from mozbisect.telemetry.use import hear

    wish = _telemetry(context, words)
    hear(wish)
    return wish


def _is_tag(text: str) -> bool:
    """As Glean wants it; it passes over others in silence."""
    return len(text) <= 20 and text.isascii() and text.replace("-", "a").isalnum()


def _this_run(context: click.Context, deadline: str | None, summary: str | None) -> ThisRun:
    """Raises ``core.errors.UsageError`` for a deadline that is none or a summary that could not be written."""
    from datetime import datetime
    from pathlib import Path

    from mozbisect.core import deadline as core
    from mozbisect.core.errors import UsageError
    from mozbisect.options import ThisRun

    path = Path(summary).absolute() if summary else None
    if path and (path.is_dir() or not path.parent.is_dir()):
        raise UsageError(f"--summary: {path} is {'a folder' if path.is_dir() else 'in a folder that does not exist'}.")
    return ThisRun(
        until=core.parse(deadline, now=datetime.now().astimezone()) if deadline else None,
        summary=path,
        variant=context.meta.get(VARIANT, "console"),
    )


def _news(context: click.Context, *, wanted: bool) -> AbstractContextManager[None]:
    """Around a run: when there is a newer release, it is said after the answer."""
    from mozbisect import updates

    return updates.in_passing(wanted=wanted and VARIANT not in context.meta)


def _complete(what: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Completions for the shell: a function of ``completions`` by name. Whatever fails there completes nothing."""

    def found(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        from mozbisect import completions

        words: list[str] = completions.complete(what, context.params)
        return [word for word in words if word.startswith(incomplete)]

    return found


def _option(*names: str, **words: Any) -> Callable[[Any], Any]:
    """An option with its variable in the environment: --hg-url is MOZBISECT_HG_URL, whichever command has it."""
    long = next(name for name in names if name.startswith("--")).partition("/")[0]
    variable = f"MOZBISECT_{long[2:].replace('-', '_').upper()}"
    return click.option(*names, cls=Option, **{"envvar": variable, **words})


def _under(heading: str) -> Callable[..., Callable[[Any], Any]]:
    return partial(_option, heading=heading)


# ----------------------------------------------------------------------------------------------- the options

# In groups: one literal row each. The names and short forms are those that users of mozregression have in their
# fingers; the long name is also the field of ``Options``.

ACTIONS = "Instead of a search"
SENT = "What is sent to Mozilla"

_range, _target, _judge = _under("What is searched"), _under("What is tested"), _under("How builds are judged")
_launch, _fetch, _service = _under("How builds are run"), _under("How builds are fetched"), _under("Where things are")
_action, _talk_option = partial(_option, heading=ACTIONS, envvar=None), _under("What is told")
_sent = _under(SENT)

RANGE = (
    _range(
        "-g",
        "--good",
        metavar="BOUND",
        shell_complete=_complete("releases"),
        help="Last known good build: a day (2026-09-01), a build id, a release or a revision. "
        "Default: a year before the bad one.",
    ),
    _range(
        "-b",
        "--bad",
        metavar="BOUND",
        shell_complete=_complete("releases"),
        help="First known bad build, in the same forms. Default: today.",
    ),
    _range("--find-fix", is_flag=True, help="Look for what fixed a bug: --bad is the older end then."),
    _range("--search-back", is_flag=True, help="Look for a good build further and further back before searching."),
    _range(
        "--exclude",
        multiple=True,
        metavar="A..B|X",
        help="Leave out the builds from bound A to bound B, or one build. Repeatable.",
    ),
    _range(
        "--repo",
        metavar="NAME",
        shell_complete=_complete("repos"),
        help="Repository to search, for example autoland or mozilla-beta.",
    ),
)
TARGET = (
    _target(
        "-n",
        "--app",
        metavar="NAME",
        default="firefox",
        show_default=True,
        shell_complete=_complete("apps"),
        help="What to test.",
    ),
    _target(
        "--lang", metavar="LANG", shell_complete=_complete("langs"), help="Language of the builds, for example de."
    ),
    _target(
        "-B",
        "--build-type",
        metavar="TYPE",
        shell_complete=_complete("build_types"),
        help="shippable, opt, debug, asan, …: see --list-build-types. Default: the app's first.",
    ),
    _target(
        "--arch",
        type=click.Choice(["aarch64", "arm", "arm64-v8a", "armeabi-v7a", "x86", "x86_64"]),
        metavar="ARCH",
        help="Processor of the builds: x86_64, aarch64, x86; on Android also arm, arm64-v8a, armeabi-v7a. "
        "Default: this machine's.",
    ),
    _target("--bits", type=click.Choice(["32", "64"]), help="32 is another word for --arch x86."),
    _target("--os", type=click.Choice(["linux", "mac", "win"]), help="Only to list builds for another system."),
)


class Number(click.FloatRange):
    """A number that can be counted with: neither ``nan``, which is smaller than no minimum, nor ``inf``."""

    name = "number"  # in messages

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        number = super().convert(value, param, context)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number that can be counted with.", param, context)
        return number


class Whole(click.IntRange):
    name = "whole number"


SERVICES = (
    _service(
        "--archive-base-url", metavar="URL", default="https://archive.mozilla.org/pub", help="Where the nightlies are."
    ),
    _service(
        "--taskcluster-root-url",
        metavar="URL",
        default="https://firefox-ci-tc.services.mozilla.com",
        help="Where the builds of single pushes are.",
    ),
    _service("--hg-url", metavar="URL", default="https://hg.mozilla.org", help="Where the pushlogs are."),
    _service("--lando-url", metavar="URL", default="https://lando.moz.tools", help="Where Git hashes are translated."),
    _service(
        "--product-details-url",
        metavar="URL",
        default="https://product-details.mozilla.org/1.0",
        help="Where the days of releases are.",
    ),
    _service(
        "--http-timeout",
        type=Number(min=0.1),
        default=30.0,
        metavar="SECONDS",
        help="How long a server may be silent. Default: 30.",
    ),
    _service(
        "--remember",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        help="Keep what servers said and will not change, for later runs. auto: unless the server is on this machine.",
    ),
)
JUDGE = (
    _judge(
        "-c",
        "--command",
        metavar="COMMAND",
        help="Judge builds with this command instead of asking: exit status 0 is good, 125 skips, 126 and 127 stop, "
        "all else is bad. {binary} and the like are filled in.",
    ),
    _judge(
        "--command-timeout",
        type=Number(min=0.01),
        metavar="SECONDS",
        help="End the command, and all that it started, after so long.",
    ),
    _judge(
        "--on-timeout",
        type=click.Choice(["bad", "good", "skip"]),
        default="bad",
        show_default=True,
        help="What a command that was ended means.",
    ),
    _judge(
        "--judge",
        metavar="NAME[:VALUE]",
        default="manual",
        show_default=True,
        shell_complete=_complete("judges"),
        help="Who judges when there is no --command: manual (you), crash, starts, output:REGEX or "
        "marionette:SCRIPT.py.",
    ),
    _judge(
        "--within",
        type=Number(min=0.01),
        metavar="SECONDS",
        help="How long a judge without a command watches a build.",
    ),
    _judge("--runs", type=Whole(min=1), default=1, metavar="N", help="Judge each build so often. Default: 1."),
    _judge(
        "--required",
        type=Whole(min=1),
        metavar="K",
        help="So many of the runs must agree. Default: more than half.",
    ),
    _judge(
        "--treat-broken-as",
        type=click.Choice(["bad", "skip"]),
        default="skip",
        show_default=True,
        help="What a build that cannot start means.",
    ),
    _judge(
        "-M",
        "--mode",
        type=click.Choice(["classic", "no-first-check"]),
        default="classic",
        show_default=True,
        help="classic tests both ends of the range first.",
    ),
)
LAUNCH = (
    _launch(
        "-p",
        "--profile",
        type=click.Path(),
        metavar="FOLDER",
        help="Profile to start builds with. Default: a fresh one for each.",
    ),
    _launch(
        "--profile-persistence",
        type=click.Choice(["clone", "clone-first", "reuse"]),
        default="clone",
        show_default=True,
        help="Clone the profile for each build, or once, or use it itself.",
    ),
    _launch(
        "--adb-profile-dir",
        metavar="FOLDER",
        help="Where the profile is put on an Android device. Default: a place that works.",
    ),
    _launch("--headless", is_flag=True, help="Run builds without a window."),
    _launch("--pref", multiple=True, metavar="NAME:VALUE...", help="Set preferences. Repeatable."),
    _launch(
        "--preferences",
        multiple=True,
        type=click.Path(),
        metavar="FILE...",
        help="Read preferences from JSON or INI files (file.ini:section). Repeatable.",
    ),
    _launch("-e", "--addon", multiple=True, type=click.Path(), metavar="PATH", help="Install an add-on. Repeatable."),
    _launch("-a", "--arg", multiple=True, metavar="ARG", help="Pass an argument to the app. Repeatable."),
    _launch(
        "-P",
        "--process-output",
        type=click.Choice(["none", "stdout"]),
        help="Show what the app prints. Default: for debug builds.",
    ),
)
PERSIST = _fetch("--persist", type=click.Path(), metavar="FOLDER", help="Keep downloaded builds here for later runs.")
PERSIST_LIMIT = _fetch(
    "--persist-size-limit",
    type=Number(min=0),
    default=0.0,
    metavar="GIB",
    help="Remove the least recently used beyond this size. Default: 0, no limit.",
)
FETCH = (
    PERSIST,
    PERSIST_LIMIT,
    _fetch(
        "--approx-policy",
        type=click.Choice(["auto", "none"]),
        default="auto",
        show_default=True,
        help="auto takes a kept build that is near enough instead of a download; none does not.",
    ),
    _fetch(
        "--connections",
        type=click.IntRange(min=1),
        default=4,
        metavar="N",
        help="At most so many for a build that is waited for, as far as they make it faster. Default: 4.",
    ),
    _fetch(
        "--background-dl/--no-background-dl",
        default=True,
        help="Download likely next builds while one is judged. Default: on.",
    ),
    _fetch(
        "--background-dl-policy",
        type=click.Choice(["cancel", "keep"]),
        default="cancel",
        show_default=True,
        help="What to do with such a download when it is not needed.",
    ),
    _fetch(
        "--verify",
        type=click.Choice(["auto", "require", "off"]),
        default="auto",
        show_default=True,
        help="auto checks the digests that are published, require runs no build without, off checks none.",
    ),
    _fetch(
        "--release-key",
        metavar="FINGERPRINT",
        default="14F26682D0916CDD81E37B6D61B7B526D98F0353",
        help="The key that lists of digests must be signed with. Default: Mozilla's.",
    ),
)
REFUSAL = _sent("--no-telemetry", is_flag=True, help="Send nothing, now and in later runs: see mozbisect telemetry.")
PINGS = (
    _sent("--telemetry-server", metavar="URL", help="Send it there instead, to try it."),
    _sent("--glean-debug-tag", metavar="TAG", help="Mark pings with this tag, for Glean's debug viewer."),
    _sent("--glean-log-pings", is_flag=True, help="Let Glean tell on standard error what it does."),
)
OUTPUT = _talk_option(
    "--output",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How to print the answer. markdown is a text to paste into a bug.",
)
RUN = (
    _talk_option(
        "--summary",
        type=click.Path(),
        metavar="FILE",
        help="Add the answer to this file as Markdown, or why there is none: for $GITHUB_STEP_SUMMARY.",
    ),
    _talk_option(
        "--update-check/--no-update-check",
        default=True,
        help="Say at most once a day, after the answer, that there is a newer mozbisect. Default: on; never in CI.",
    ),
    _judge(
        "--deadline",
        metavar="WHEN",
        help="Stop in time, with status 6 and the line to go on with: after 90m, 1h30m, or at 18:30.",
    ),
)
"""What is of one run, and not of the session that it may go on with."""
DEBUG = _talk_option("-d", "--debug", is_flag=True, help="Tell on standard error what is done and asked.")
INSTEAD = (
    _action(
        "--launch",
        metavar="BOUND",
        envvar="MOZBISECT_LAUNCH",
        shell_complete=_complete("releases"),
        help="Fetch and start one build.",
    ),
    _action(
        "--nearest",
        is_flag=True,
        envvar="MOZBISECT_NEAREST",
        help="With --launch: if that has no build, the nearest that has.",
    ),
    _action("--list-build-types", is_flag=True, help="List the build types of each app."),
    _action("--list-releases", is_flag=True, help="List the releases that can be a bound, with their days."),
    _action("--write-config", is_flag=True, help="Ask a few questions, and write the configuration file."),
)


def options(*groups: tuple[Callable[[Any], Any], ...]) -> Callable[[Any], Any]:
    """All options of the groups, as one decorator, in the order in which they are to be shown."""

    def decorate(command: Any) -> Any:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return decorate


# ---------------------------------------------------------------------------------------------- the commands


@click.group(
    cls=Group,
    invoke_without_command=True,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": WIDEST,
    },
    subcommand_metavar="[COMMAND]",
)
@options(RANGE, TARGET, JUDGE, LAUNCH, FETCH, SERVICES, (REFUSAL, *PINGS), INSTEAD, (OUTPUT,), RUN, (DEBUG,))
@click.version_option(
    None, "-V", "--version", package_name="mozbisect", prog_name="mozbisect", message="%(prog)s %(version)s"
)
@click.pass_context
def mozbisect(
    context: click.Context,
    /,
    debug: bool,
    output: str,
    launch: str | None,
    nearest: bool,
    list_build_types: bool,
    list_releases: bool,
    write_config: bool,
    deadline: str | None,
    summary: str | None,
    update_check: bool,
    **words: Any,
) -> None:
    """Find the push that broke Firefox, or that fixed it.

    mozbisect --good 2026-09-01 --bad 2026-10-01 fetches builds and asks about each whether it is good or bad, until
    the very push is found. With --command it asks a program instead of you.
    """
    _talk(debug)
    if context.invoked_subcommand is not None:
        _refuse_options_before(context)
        return
    from mozbisect import commands

    telemetry = _heard(context, words)
    if list_build_types:
        commands.list_build_types()
    elif list_releases:
        commands.list_releases(words)
    elif write_config:
        commands.write_config(keys(mozbisect))
    elif launch is not None:
        _refuse_beside_launch(context)
        with _news(context, wanted=update_check):
            commands.launch(words, launch, nearest=nearest, credentials=_credentials(context), telemetry=telemetry)
    elif nearest:
        raise click.UsageError("--nearest belongs to --launch.", context)
    else:
        this_run = _this_run(context, deadline, summary)
        with _news(context, wanted=update_check):
            commands.bisect(
                words,
                output,
                credentials=_credentials(context),
                this_run=this_run,
                telemetry=telemetry,
            )


def _refuse_beside_launch(context: click.Context) -> None:
    """Typed, not in the environment: a CI sets that for all that it calls."""
    for name in ("deadline", "summary"):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--launch searches nothing: --{name} has no place beside it.", context)


def _refuse_options_before(context: click.Context) -> None:
    """An option that a command would not see must not be passed over in silence."""
    typed = click.core.ParameterSource.COMMANDLINE
    for option in context.command.params:
        if option.name != "debug" and context.get_parameter_source(option.name or "") is typed:
            said = f"{option.opts[-1]} before the command '{context.invoked_subcommand}' has no effect"
            raise click.UsageError(f"{said}: {_where_instead(context, option)}.", context)


def _where_instead(context: click.Context, option: click.Parameter) -> str:
    assert isinstance(context.command, click.Group)
    command = context.command.commands[context.invoked_subcommand or ""]
    if any(other.name == option.name for other in command.params):
        return f"put it after, mozbisect {command.name} {option.opts[-1]} …"
    return "that has no such option, leave it out"


SESSION = click.argument("session", required=False, shell_complete=_complete("sessions"))


@mozbisect.command()
@SESSION
@_option("--undo", is_flag=True, help="Take back the last answer first, also of a session that has ended.")
@OUTPUT
@options(RUN)
@DEBUG
@click.pass_context
def resume(
    context: click.Context,
    /,
    session: str | None,
    undo: bool,
    output: str,
    deadline: str | None,
    summary: str | None,
    update_check: bool,
    debug: bool,
) -> None:
    """Go on with a session where it stopped: the newest that has not ended, or the one named."""
    _talk(debug)
    from mozbisect import commands

    _heard(context, {"telemetry_server": os.environ.get("MOZBISECT_TELEMETRY_SERVER")})
    this_run = _this_run(context, deadline, summary)
    with _news(context, wanted=update_check):
        commands.resume(session, output, undo=undo, credentials=_credentials(context), this_run=this_run)


@mozbisect.command()
def sessions() -> None:
    """List the sessions that can be looked at or gone on with, newest first."""
    from mozbisect import commands

    commands.sessions()


@mozbisect.command()
@SESSION
def log(session: str | None) -> None:
    """Print the command and the answers that make up a session."""
    from mozbisect import commands

    commands.log(session)


@mozbisect.command()
@SESSION
@OUTPUT
def report(session: str | None, output: str) -> None:
    """Print what a session found, also to paste it into a bug."""
    from mozbisect import commands

    commands.report(session, output)


@mozbisect.command()
@options(RANGE, TARGET, SERVICES)
@_option("--resolve", is_flag=True, help="Look up each candidate's build, too: a few requests for each.")
@_option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="json: a list of objects."
)
@DEBUG
@click.pass_context
def builds(context: click.Context, /, resolve: bool, output: str, debug: bool, **words: Any) -> None:
    """List what would be searched between two bounds. Downloads nothing."""
    _talk(debug)
    from mozbisect import commands

    commands.builds(words, output, resolve=resolve, credentials=_credentials(context))


@mozbisect.command()
@_option("--play", is_flag=True, help="You judge the builds: each says the colour of its window.")
@_option("--serve", is_flag=True, help="Only serve, and print the options that point a run at it.")
@_option("--seed", type=int, metavar="N", default=1, show_default=True, help="Which history to invent.")
@_option("--days", type=Whole(5, 400), metavar="N", default=60, show_default=True, help="How long a history.")
@_option("--find-fix", is_flag=True, help="Look for a fix in it, not for a regression.")
@_option(
    "--firefox",
    type=click.Path(exists=True),
    metavar="PATH",
    help="Wrap the real Firefox in this folder into the builds; from the culprit on one pref is changed.",
)
@_option("--port", type=Whole(0, 65535), metavar="N", default=0, help="Port to serve on. Default: a free one.")
@_option(
    "--app",
    type=click.Choice(APPS),
    default="firefox",
    show_default=True,
    help="What to search for in it.",
)
@OUTPUT
@DEBUG
def practice(debug: bool, **words: Any) -> None:
    """Try mozbisect on an invented history with a known culprit, without a network."""
    _talk(debug)
    from mozbisect import commands

    commands.practice(**words)


@mozbisect.group()
def cache() -> None:
    """Look after the folder of --persist: what is in it, and what can go."""


def _cache_command(name: str, summary: str, *more: Callable[[Any], Any]) -> None:
    def run(persist: str | None, persist_size_limit: float = 0.0) -> None:
        from mozbisect import commands

        commands.cache(name, persist, persist_size_limit)

    run.__doc__ = summary
    cache.command(name)(options((PERSIST, *more))(run))


_cache_command("info", "Tell what the folder holds.")
_cache_command("prune", "Remove the least recently used builds beyond a size.", PERSIST_LIMIT)
_cache_command("clear", "Remove every build that no run is using.")
_cache_command("verify", "Read every build again, and remove those that changed since they came.")


@mozbisect.group()
def config() -> None:
    """Look at the configuration: the file that holds it, and what is in force."""


@config.command()
def path() -> None:
    """Print where the configuration file is, or would be."""
    from mozbisect import commands

    commands.config_path()


@config.command(context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@_option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    envvar=None,
    show_default=True,
    help="json: a list of objects.",
)
def show(options: tuple[str, ...], output: str) -> None:
    """Print every value, and whether the command line, the environment, the file or nobody set it.

    OPTIONS are those of mozbisect itself: what would hold for a search with them?
    """
    from mozbisect import commands

    settings = configuration(mozbisect)
    defaults = _default_map(mozbisect, {name: row.value for name, row in settings.values.items()})
    context = mozbisect.make_context("mozbisect", list(options), default_map=defaults)
    commands.config_show(_in_force(context, settings), settings, output)


def _in_force(context: click.Context, settings: Settings) -> list[tuple[str, object, str]]:
    """(name, value, where it comes from) of every option that does not act by itself."""
    origin = click.core.ParameterSource
    rows = []
    for param in context.command.params:
        name = max(param.opts, key=len).removeprefix("--")
        if getattr(param, "heading", ACTIONS) == ACTIONS or not param.name:
            continue
        where = {
            origin.COMMANDLINE: "command line",
            origin.ENVIRONMENT: f"environment variable {param.envvar}",
            origin.DEFAULT_MAP: settings.values[name].where if name in settings.values else "",
        }.get(context.get_parameter_source(param.name) or origin.DEFAULT, "default")
        rows.append((name, context.params[param.name], where))
    return rows


@mozbisect.group()
def telemetry() -> None:
    """See, allow or refuse the usage ping that mozbisect sends to Mozilla."""


@telemetry.command()
@options(PINGS[:1])
@_option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    envvar=None,
    show_default=True,
    help="json: an object.",
)
@click.pass_context
def status(context: click.Context, /, output: str, **words: Any) -> None:
    """Print whether a ping would be sent, and why."""
    from mozbisect import commands

    commands.telemetry_status(_telemetry(context, words, configuration(mozbisect)), output)


@telemetry.command("show", context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@_option(
    "--as",
    "wishes",
    multiple=True,
    envvar=None,
    metavar="VARIANT|NAME=VALUE",
    help="As if it were sent by mach, gui or ci, or from another machine: --as linux_distro=fedora. Repeatable.",
)
@click.pass_context
def show_ping(context: click.Context, /, options: tuple[str, ...], wishes: tuple[str, ...]) -> None:
    """Print the very ping that a command line would send. Sends nothing.

    OPTIONS are those of mozbisect itself.
    """
    from mozbisect import commands

    settings = configuration(mozbisect)
    defaults = _default_map(mozbisect, {name: row.value for name, row in settings.values.items()})
    line = mozbisect.make_context("mozbisect", list(options), default_map=defaults)
    words = line.params
    # Since click 8.2 its old name warns.
    other = [*(line._protected_args if hasattr(line, "_protected_args") else line.protected_args), *line.args]
    other += [name for name in ("list_build_types", "list_releases", "write_config") if words[name]]
    if other:
        raise click.UsageError(
            f"{other[0].replace('_', '-')} is neither a search nor a launch: it sends nothing.", context
        )
    commands.telemetry_show(_telemetry(context, words, settings), words, words["launch"], wishes)


@telemetry.command()
@options(PINGS[:1])
@click.pass_context
def enable(context: click.Context, /, **words: Any) -> None:
    """Allow it, also where CI is set; takes back an earlier no."""
    from mozbisect import commands

    commands.telemetry_enable(_telemetry(context, words, configuration(mozbisect)))


@telemetry.command()
@options(PINGS)
@click.pass_context
def disable(context: click.Context, /, **words: Any) -> None:
    """Send nothing any more, at once and for good, and have deleted what was sent."""
    from mozbisect import commands

    commands.telemetry_disable(_telemetry(context, words))


@telemetry.command()
@click.argument("pings", nargs=-1, type=click.Path())
@_option(
    "--output",
    type=click.Choice(["text", "json", "csv", "html"]),
    default="text",
    envvar=None,
    show_default=True,
    help="How to print the answers. html is one page with pictures, which needs no network.",
)
@_option(
    "--question",
    type=click.Choice(["uses", "age"]),
    envvar=None,
    help="Answer only one: uses per day by variant, or the age of the builds. Default: both.",
)
@_option("--since", metavar="DAY", envvar=None, help="Leave out pings of earlier days (UTC).")
@_option(
    "--synthetic", type=click.IntRange(min=1), metavar="N", envvar=None, help="Print so many invented pings instead."
)
@_option("--seed", type=int, default=0, envvar=None, help="Other invented pings. Default: 0.")
@click.pass_context
def insights(context: click.Context, /, pings: tuple[str, ...], synthetic: int | None, seed: int, **words: Any) -> None:
    """Tell from exported usage pings how often mozbisect is used, and how old the builds are that people ask for.

    PINGS are files or folders with a ping a line (JSON, also gzip), or - for standard input.
    """
    from mozbisect import commands

    if synthetic is None:
        commands.telemetry_insights(pings, **words)
        return
    other = [name for name, value in words.items() if value and name != "output"]
    if pings or other:
        raise click.UsageError("--synthetic prints pings, and counts none: it has no place beside others.", context)
    commands.telemetry_synthetic(synthetic, seed=seed)


@mozbisect.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that lets the shell complete options and values: eval "$(mozbisect completion bash)"."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    try:
        click.echo(kind(mozbisect, {}, "mozbisect", "_MOZBISECT_COMPLETE").source())
    except RuntimeError as error:  # an old bash; newer versions of click only warn
        raise click.UsageError(str(error)) from None


def _talk(debug: bool) -> None:
    if debug:
        import logging

        logging.basicConfig(
            stream=sys.stderr, level=logging.DEBUG, format="%(relativeCreated)7.0f %(name)s: %(message)s"
        )
        for chatty in ("urllib3", "mohawk"):  # the latter tells how it signs
            logging.getLogger(chatty).setLevel(logging.INFO)


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


def main() -> None:
    """Run the command line, and leave with its status."""
    _prepare()
    status = answered(lambda: mozbisect.main(prog_name="mozbisect", standalone_mode=False))
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        status = _told_in_vain(error)
    if status == UNHEARD:
        # Python would complain once more at its end.
        sys.stdout = None
        status = 1
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
        return 130
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
