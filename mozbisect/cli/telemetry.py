"""``mozbisect telemetry``: what is sent to Mozilla, whether it is, and what it says of all."""

from __future__ import annotations

from typing import Any

import click

from mozbisect.cli.meaning import as_typed, configuration, wish_of
from mozbisect.cli.options import PINGS, option, options
from mozbisect.cli.root import mozbisect


@mozbisect.group()
def telemetry() -> None:
    """See, allow or refuse the usage ping that mozbisect sends to Mozilla."""


@telemetry.command()
@options(PINGS[:1])
@option(
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
    from mozbisect.commands import telemetry as commands

    commands.status(wish_of(context, words, configuration(mozbisect)), output)


@telemetry.command("show", context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@option(
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
    from mozbisect.commands import telemetry as commands

    line, settings = as_typed(mozbisect, options)
    words = line.params
    # Since click 8.2 its old name warns.
    other = [*(line._protected_args if hasattr(line, "_protected_args") else line.protected_args), *line.args]
    other += [name for name in ("list_build_types", "list_releases", "write_config") if words[name]]
    if other:
        raise click.UsageError(
            f"{other[0].replace('_', '-')} is neither a search nor a launch: it sends nothing.", context
        )
    commands.show(wish_of(context, words, settings), words, words["launch"], wishes)


@telemetry.command()
@options(PINGS[:1])
@click.pass_context
def enable(context: click.Context, /, **words: Any) -> None:
    """Allow it, also where CI is set; takes back an earlier no."""
    from mozbisect.commands import telemetry as commands

    commands.enable(wish_of(context, words, configuration(mozbisect)))


@telemetry.command()
@options(PINGS)
@click.pass_context
def disable(context: click.Context, /, **words: Any) -> None:
    """Send nothing any more, at once and for good, and have deleted what was sent."""
    from mozbisect.commands import telemetry as commands

    commands.disable(wish_of(context, words))


@telemetry.command()
@click.argument("pings", nargs=-1, type=click.Path())
@option(
    "--output",
    type=click.Choice(["text", "json", "csv", "html"]),
    default="text",
    envvar=None,
    show_default=True,
    help="How to print the answers. html is one page with pictures, which needs no network.",
)
@option(
    "--question",
    type=click.Choice(["uses", "age"]),
    envvar=None,
    help="Answer only one: uses per day by variant, or the age of the builds. Default: both.",
)
@option("--since", metavar="DAY", envvar=None, help="Leave out pings of earlier days (UTC).")
@option(
    "--synthetic", type=click.IntRange(min=1), metavar="N", envvar=None, help="Print so many invented pings instead."
)
@option("--seed", type=int, default=0, envvar=None, help="Other invented pings. Default: 0.")
@click.pass_context
def insights(context: click.Context, /, pings: tuple[str, ...], synthetic: int | None, seed: int, **words: Any) -> None:
    """Tell from exported usage pings how often mozbisect is used, and how old the builds are that people ask for.

    PINGS are files or folders with a ping a line (JSON, also gzip), or - for standard input.
    """
    from mozbisect.commands import telemetry as commands

    if synthetic is None:
        commands.insights(pings, **words)
        return
    other = [name for name, value in words.items() if value and name != "output"]
    if pings or other:
        raise click.UsageError("--synthetic prints pings, and counts none: it has no place beside others.", context)
    commands.synthetic(synthetic, seed=seed)
