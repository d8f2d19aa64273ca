"""The command ``mozbisect`` itself, and those that search or look at a search."""

from __future__ import annotations

import os
from typing import Any

import click

from mozbisect.cli.clicking import WIDEST, Group, Whole
from mozbisect.cli.meaning import configure, credentials_of, heard, news_after, run_of, talk
from mozbisect.cli.options import (
    DEBUG,
    FETCH,
    INSTEAD,
    JUDGE,
    LAUNCH,
    OUTPUT,
    PINGS,
    RANGE,
    REFUSAL,
    RUN,
    SERVICES,
    TARGET,
    complete,
    keys,
    option,
    options,
)
from mozbisect.practice import APPS


class Root(Group):
    """The outermost one also reads the configuration file."""

    group_class = Group

    def listen(self, ctx: click.Context, words: list[str]) -> None:
        configure(self, ctx, words)


@click.group(
    cls=Root,
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
    talk(debug)
    if context.invoked_subcommand is not None:
        _refuse_options_before(context)
        return
    telemetry = heard(context, words)
    if list_build_types:
        from mozbisect.commands import listing

        listing.list_build_types()
        return
    if list_releases:
        from mozbisect.commands import listing

        listing.list_releases(words)
        return
    if write_config:
        from mozbisect.commands import config

        config.write(keys(mozbisect))
        return
    from mozbisect.commands import search

    if launch is not None:
        _refuse_beside_launch(context)
        with news_after(context, wanted=update_check):
            search.launch(words, launch, nearest=nearest, credentials=credentials_of(context), telemetry=telemetry)
    elif nearest:
        raise click.UsageError("--nearest belongs to --launch.", context)
    else:
        this_run = run_of(context, deadline, summary)
        with news_after(context, wanted=update_check):
            search.bisect(
                words,
                output,
                credentials=credentials_of(context),
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
    for given in context.command.params:
        if given.name != "debug" and context.get_parameter_source(given.name or "") is typed:
            said = f"{given.opts[-1]} before the command '{context.invoked_subcommand}' has no effect"
            raise click.UsageError(f"{said}: {_where_instead(context, given)}.", context)


def _where_instead(context: click.Context, given: click.Parameter) -> str:
    assert isinstance(context.command, click.Group)
    command = context.command.commands[context.invoked_subcommand or ""]
    if any(other.name == given.name for other in command.params):
        return f"put it after, mozbisect {command.name} {given.opts[-1]} …"
    return "that has no such option, leave it out"


SESSION = click.argument("session", required=False, shell_complete=complete("sessions"))


@mozbisect.command()
@SESSION
@option("--undo", is_flag=True, help="Take back the last answer first, also of a session that has ended.")
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
    talk(debug)
    from mozbisect.commands import search

    heard(context, {"telemetry_server": os.environ.get("MOZBISECT_TELEMETRY_SERVER")})
    this_run = run_of(context, deadline, summary)
    with news_after(context, wanted=update_check):
        search.resume(session, output, undo=undo, credentials=credentials_of(context), this_run=this_run)


@mozbisect.command()
def sessions() -> None:
    """List the sessions that can be looked at or gone on with, newest first."""
    from mozbisect.commands import looking

    looking.sessions()


@mozbisect.command()
@SESSION
def log(session: str | None) -> None:
    """Print the command and the answers that make up a session."""
    from mozbisect.commands import looking

    looking.log(session)


@mozbisect.command()
@SESSION
@OUTPUT
def report(session: str | None, output: str) -> None:
    """Print what a session found, also to paste it into a bug."""
    from mozbisect.commands import looking

    looking.report(session, output)


@mozbisect.command()
@options(RANGE, TARGET, SERVICES)
@option("--resolve", is_flag=True, help="Look up each candidate's build, too: a few requests for each.")
@option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="json: a list of objects."
)
@DEBUG
@click.pass_context
def builds(context: click.Context, /, resolve: bool, output: str, debug: bool, **words: Any) -> None:
    """List what would be searched between two bounds. Downloads nothing."""
    talk(debug)
    from mozbisect.commands import listing

    listing.builds(words, output, resolve=resolve, credentials=credentials_of(context))


@mozbisect.command()
@option("--play", is_flag=True, help="You judge the builds: each says the colour of its window.")
@option("--serve", is_flag=True, help="Only serve, and print the options that point a run at it.")
@option("--seed", type=int, metavar="N", default=1, show_default=True, help="Which history to invent.")
@option("--days", type=Whole(5, 400), metavar="N", default=60, show_default=True, help="How long a history.")
@option("--find-fix", is_flag=True, help="Look for a fix in it, not for a regression.")
@option(
    "--firefox",
    type=click.Path(exists=True),
    metavar="PATH",
    help="Wrap the real Firefox in this folder into the builds; from the culprit on one pref is changed.",
)
@option("--port", type=Whole(0, 65535), metavar="N", default=0, help="Port to serve on. Default: a free one.")
@option(
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
    talk(debug)
    from mozbisect.commands.practice import practice as search

    search(**words)


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
