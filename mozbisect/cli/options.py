"""The options, in groups, one literal row each; and those of them that a configuration file may set.

The names and short forms are those that users of mozregression have in their fingers; the long name is also the field
of ``Options``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from mozbisect.cli.clicking import Number, Option, Whole

if TYPE_CHECKING:
    from mozbisect.config.model import Key


def complete(what: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Completions for the shell: a function of ``completions`` by name. Whatever fails there completes nothing."""

    def found(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        from mozbisect import completions

        words: list[str] = completions.complete(what, context.params)
        return [word for word in words if word.startswith(incomplete)]

    return found


def option(*names: str, **words: Any) -> Callable[[Any], Any]:
    """An option with its variable in the environment: --hg-url is MOZBISECT_HG_URL, whichever command has it."""
    long = next(name for name in names if name.startswith("--")).partition("/")[0]
    variable = f"MOZBISECT_{long[2:].replace('-', '_').upper()}"
    return click.option(*names, cls=Option, **{"envvar": variable, **words})


def _under(heading: str) -> Callable[..., Callable[[Any], Any]]:
    return partial(option, heading=heading)


ACTIONS = "Instead of a search"
SENT = "What is sent to Mozilla"

_range, _target, _judge = _under("What is searched"), _under("What is tested"), _under("How builds are judged")
_launch, _fetch, _service = _under("How builds are run"), _under("How builds are fetched"), _under("Where things are")
_action, _talk_option = partial(option, heading=ACTIONS, envvar=None), _under("What is told")
_sent = _under(SENT)

RANGE = (
    _range(
        "-g",
        "--good",
        metavar="BOUND",
        shell_complete=complete("releases"),
        help="Last known good build: a day (2026-09-01), a build id, a release or a revision. "
        "Default: a year before the bad one.",
    ),
    _range(
        "-b",
        "--bad",
        metavar="BOUND",
        shell_complete=complete("releases"),
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
        shell_complete=complete("repos"),
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
        shell_complete=complete("apps"),
        help="What to test.",
    ),
    _target("--lang", metavar="LANG", shell_complete=complete("langs"), help="Language of the builds, for example de."),
    _target(
        "-B",
        "--build-type",
        metavar="TYPE",
        shell_complete=complete("build_types"),
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
        shell_complete=complete("judges"),
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
        shell_complete=complete("releases"),
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


ONE_SEARCH = frozenset(
    {
        *("good", "bad", "find_fix", "search_back", "exclude", "launch", "nearest", "os", "command"),
        *("deadline", "summary"),
    }
)
"""Options that say what one search is about: a configuration file has no place for them."""


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
