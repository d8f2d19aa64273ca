"""The command line: options and commands, and the one place where an error becomes a sentence and a status.

Only click is imported at the top: ``--help`` must be quick. What a command does is in ``commands.py``.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Any

import click


def _option(*names: str, **words: Any) -> Callable[[Any], Any]:
    """An option with its variable in the environment: --hg-url is MOZBISECT_HG_URL, whichever command has it."""
    long = next(name for name in names if name.startswith("--")).partition("/")[0]
    return click.option(*names, envvar=f"MOZBISECT_{long[2:].replace('-', '_').upper()}", **words)


# Options in groups: one literal row each. The names and short forms are those that users of mozregression have
# in their fingers; the long name is also the field of ``Options``.
RANGE = (
    _option(
        "-g",
        "--good",
        metavar="BOUND",
        help="Last known good build: a day (2026-09-01), a build id, a release or a revision. "
        "Default: a year before the bad one.",
    ),
    _option("-b", "--bad", metavar="BOUND", help="First known bad build, in the same forms. Default: today."),
    _option("--find-fix", is_flag=True, help="Look for what fixed a bug: --bad is the older end then."),
    _option("--repo", metavar="NAME", help="Repository to search, for example autoland or mozilla-beta."),
)
TARGET = (
    _option("-n", "--app", metavar="NAME", default="firefox", show_default=True, help="What to test."),
    _option("-B", "--build-type", metavar="TYPE", help="shippable (default), opt, pgo, debug, asan or asan-debug."),
    _option(
        "--arch",
        type=click.Choice(["x86", "x86_64", "aarch64"]),
        help="Processor of the builds. Default: this machine's.",
    ),
    _option("--bits", type=click.Choice(["32", "64"]), help="32 is another word for --arch x86."),
)
SERVICES = (
    _option(
        "--archive-base-url", metavar="URL", default="https://archive.mozilla.org/pub", help="Where the nightlies are."
    ),
    _option(
        "--taskcluster-root-url",
        metavar="URL",
        default="https://firefox-ci-tc.services.mozilla.com",
        help="Where the builds of single pushes are.",
    ),
    _option("--hg-url", metavar="URL", default="https://hg.mozilla.org", help="Where the pushlogs are."),
    _option("--lando-url", metavar="URL", default="https://lando.moz.tools", help="Where Git hashes are translated."),
    _option(
        "--http-timeout",
        type=click.FloatRange(min=0.1),
        default=30.0,
        metavar="SECONDS",
        help="How long a server may be silent. Default: 30.",
    ),
)
JUDGE = (
    _option(
        "-c",
        "--command",
        metavar="COMMAND",
        help="Judge builds with this command instead of asking: exit status 0 is good, 125 skips, 126 and 127 stop, "
        "all else is bad. {binary} and the like are filled in.",
    ),
    _option(
        "--command-timeout",
        type=click.FloatRange(min=0.01),
        metavar="SECONDS",
        help="End the command, and all that it started, after so long.",
    ),
    _option(
        "--on-timeout",
        type=click.Choice(["bad", "good", "skip"]),
        default="bad",
        show_default=True,
        help="What a command that was ended means.",
    ),
    _option(
        "-M",
        "--mode",
        type=click.Choice(["classic", "no-first-check"]),
        default="classic",
        show_default=True,
        help="classic tests both ends of the range first.",
    ),
)
LAUNCH = (
    _option(
        "-p",
        "--profile",
        type=click.Path(),
        metavar="FOLDER",
        help="Profile to start builds with. Default: a fresh one for each.",
    ),
    _option(
        "--profile-persistence",
        type=click.Choice(["clone", "clone-first", "reuse"]),
        default="clone",
        show_default=True,
        help="Clone the profile for each build, or once, or use it itself.",
    ),
    _option("--pref", multiple=True, metavar="NAME:VALUE", help="Set a preference. Repeatable."),
    _option(
        "--preferences",
        multiple=True,
        metavar="FILE",
        help="Read preferences from a JSON or INI file (file.ini:section). Repeatable.",
    ),
    _option("-e", "--addon", multiple=True, metavar="PATH", help="Install an add-on. Repeatable."),
    _option(
        "-a",
        "--arg",
        multiple=True,
        metavar="ARG",
        help="Pass an argument to the app. Repeatable; --arg=-x for one with a dash.",
    ),
    _option(
        "-P",
        "--process-output",
        type=click.Choice(["none", "stdout"]),
        help="Show what the app prints. Default: for debug builds.",
    ),
)
FETCH = (
    _option("--persist", type=click.Path(), metavar="FOLDER", help="Keep downloaded builds here for later runs."),
    _option(
        "--persist-size-limit",
        type=click.FloatRange(min=0),
        default=0.0,
        metavar="GIB",
        help="Remove the least recently used beyond this size. Default: 0, no limit.",
    ),
    _option(
        "--background-dl/--no-background-dl",
        default=True,
        help="Download likely next builds while one is judged. Default: on.",
    ),
    _option(
        "--background-dl-policy",
        type=click.Choice(["cancel", "keep"]),
        default="cancel",
        show_default=True,
        help="What to do with such a download when it is not needed.",
    ),
)
OUTPUT = _option(
    "--output",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How to print the answer. markdown is a text to paste into a bug.",
)
DEBUG = _option("-d", "--debug", is_flag=True, help="Tell on standard error what is done and asked.")


def options(*groups: tuple[Callable[[Any], Any], ...]) -> Callable[[Any], Any]:
    """All options of the groups, as one decorator, in the order in which they are to be shown."""

    def decorate(command: Any) -> Any:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return decorate


@click.group(
    invoke_without_command=True,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
    subcommand_metavar="[COMMAND]",
)
@options(
    RANGE,
    (_option("--launch", metavar="BOUND", help="Fetch and start one build, and search for nothing."),),
    TARGET,
    JUDGE,
    LAUNCH,
    FETCH,
    SERVICES,
    (OUTPUT, DEBUG),
)
@click.version_option(
    None, "-V", "--version", package_name="mozbisect", prog_name="mozbisect", message="%(prog)s %(version)s"
)
@click.pass_context
def mozbisect(context: click.Context, /, debug: bool, output: str, launch: str | None, **words: Any) -> None:
    """Find the push that broke Firefox, or that fixed it.

    mozbisect --good 2026-09-01 --bad 2026-10-01 fetches builds and asks about each whether it is good or bad, until
    the very push is found. With --command it asks a program instead of you.
    """
    _talk(debug)
    if context.invoked_subcommand is not None:
        _refuse_options_before(context)
        return
    from mozbisect import commands

    if launch is not None:
        commands.launch(words, launch)
    else:
        commands.bisect(words, output)


def _refuse_options_before(context: click.Context) -> None:
    """An option that a command would not see must not be passed over in silence."""
    typed = click.core.ParameterSource.COMMANDLINE
    for option in context.command.params:
        if option.name != "debug" and context.get_parameter_source(option.name or "") is typed:
            command = context.invoked_subcommand
            raise click.UsageError(f"{option.opts[-1]} before the command '{command}' has no effect: put it after.")


@mozbisect.command()
@click.argument("session", required=False)
@_option("--undo", is_flag=True, help="Take back the last answer first, also of a session that has ended.")
@OUTPUT
@DEBUG
def resume(session: str | None, undo: bool, output: str, debug: bool) -> None:
    """Go on with a session where it stopped: the newest that has not ended, or the one named."""
    _talk(debug)
    from mozbisect import commands

    commands.resume(session, output, undo=undo)


@mozbisect.command()
def sessions() -> None:
    """List the sessions that can be looked at or gone on with, newest first."""
    from mozbisect import commands

    commands.sessions()


@mozbisect.command()
@click.argument("session", required=False)
def log(session: str | None) -> None:
    """Print the command and the answers that make up a session."""
    from mozbisect import commands

    commands.log(session)


@mozbisect.command()
@click.argument("session", required=False)
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
def builds(resolve: bool, output: str, debug: bool, **words: Any) -> None:
    """List what would be searched between two bounds. Downloads nothing."""
    _talk(debug)
    from mozbisect import commands

    commands.builds(words, output, resolve=resolve)


@mozbisect.command()
@_option("--play", is_flag=True, help="You judge the builds: each says the colour of its window.")
@_option("--serve", is_flag=True, help="Only serve, and print the options that point a run at it.")
@_option("--seed", type=int, default=1, show_default=True, help="Which history to invent.")
@_option("--days", type=click.IntRange(5, 400), default=60, show_default=True, help="How long a history.")
@_option("--find-fix", is_flag=True, help="Look for a fix in it, not for a regression.")
@_option(
    "--firefox",
    type=click.Path(exists=True),
    metavar="PATH",
    help="Wrap the real Firefox in this folder into the builds; from the culprit on one pref is changed.",
)
@_option("--port", type=click.IntRange(0, 65535), default=0, help="Port to serve on. Default: a free one.")
@_option(
    "--app",
    type=click.Choice(["firefox", "thunderbird", "jsshell", "firefox-release"]),
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


def _talk(debug: bool) -> None:
    if debug:
        import logging

        logging.basicConfig(
            stream=sys.stderr, level=logging.DEBUG, format="%(relativeCreated)7.0f %(name)s: %(message)s"
        )
        logging.getLogger("urllib3").setLevel(logging.INFO)


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
    """Run the command line; every error that is raised on purpose ends here as a sentence and a status."""
    _prepare()
    try:
        mozbisect.main(prog_name="mozbisect", standalone_mode=False)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has had enough (| head). Python would complain once more at its end.
        sys.stdout = None
        sys.exit(1)
    except OSError as error:  # a stream that takes nothing: the session has kept what was found
        click.echo(f"mozbisect: {error.filename or 'standard output'}: {error.strerror}", err=True)
        sys.stdout = None
        sys.exit(1)
    except Exception as error:
        from mozbisect.core.errors import MozbisectError

        if not isinstance(error, MozbisectError):
            raise
        click.echo(f"mozbisect: {error}", err=True)
        sys.exit(error.exit_code)
