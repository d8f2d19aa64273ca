"""``mozbisect config``: which configuration is in force, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mozbisect.cli.meaning import as_typed
from mozbisect.cli.options import ACTIONS, option
from mozbisect.cli.root import mozbisect

if TYPE_CHECKING:
    from mozbisect.config.model import Settings


@mozbisect.group()
def config() -> None:
    """Look at the configuration: the file that holds it, and what is in force."""


@config.command()
def path() -> None:
    """Print where the configuration file is, or would be."""
    from mozbisect.commands import config as commands

    commands.path()


@config.command(context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@option(
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
    from mozbisect.commands import config as commands

    context, settings = as_typed(mozbisect, options)
    commands.show(_in_force(context, settings), settings, output)


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
