"""What was said, and by whom: the command line, the environment, the configuration file, the front end.

Turns it into the values that ``commands`` takes. Does nothing of what was asked for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from mozbisect.cli.options import keys

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from mozbisect.config.model import Settings
    from mozbisect.credentials import Credentials
    from mozbisect.options import ThisRun
    from mozbisect.telemetry.use import Wish


SETTINGS = "mozbisect.settings"
"""Where a context keeps what the configuration file said (``config.model.Settings``), for all commands below it."""

VARIANT = "mozbisect.variant"
"""Where a context keeps through which front end it was made ("mach"), if not this one ("console")."""


def configure(command: click.Group, context: click.Context, words: list[str]) -> None:
    """Let the configuration file speak, where neither the command line nor the environment does."""
    asks_for_help = not {"--help", "-h", "--version", "-V"}.isdisjoint(words)
    first = next((word for word in words if not word.startswith("-")), None)
    if context.resilient_parsing or context.default_map is not None or asks_for_help or "--write-config" in words:
        return
    if first in ("sessions", "log", "config", "completion", "telemetry"):  # none of them searches
        return
    settings = configuration(command)
    context.meta[SETTINGS] = settings
    context.default_map = default_map(command, {name: row.value for name, row in settings.values.items()})


def configuration(command: click.Group) -> Settings:
    """What the configuration file says about the options of the command. Raises ``core.errors.UsageError``."""
    from mozbisect.config.load import load

    settings = load(keys(command))
    for line in settings.warnings:
        click.echo(f"mozbisect: {line}", err=True)
    return settings


def as_typed(command: click.Group, words: Sequence[str]) -> tuple[click.Context, Settings]:
    """What these words would mean for the command, and what the configuration file says beside them."""
    settings = configuration(command)
    defaults = default_map(command, {name: row.value for name, row in settings.values.items()})
    return command.make_context(command.name, list(words), default_map=defaults), settings


def checked(values: Mapping[str, Any], context: click.Context) -> dict[str, Any]:
    """Values that did not come from a command line, by name, as one would have given them: ``"2"`` is 2.0, a list a
    tuple. What is ``None`` or no option of the context's command is left out. Raises ``click.UsageError``."""
    return {
        param.name: param.type_cast_value(context, values[param.name])
        for param in context.command.params
        if param.name and param.expose_value and values.get(param.name) is not None
    }


def default_map(command: click.Group, values: Mapping[str, object]) -> dict[str, Any]:
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


def credentials_of(context: click.Context) -> Credentials | None:
    """Whom Taskcluster is told that we are, for private builds; None for nobody."""
    from mozbisect.credentials import credentials

    settings = context.meta.get(SETTINGS)
    kept = {name: str(row.value) for name, row in settings.values.items()} if settings else {}
    return credentials(os.environ, kept)


def wish_of(context: click.Context, words: Mapping[str, Any], settings: Settings | None = None) -> Wish:
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


def heard(context: click.Context, words: Mapping[str, Any]) -> Wish:
    """As ``wish_of``; a no holds from here on, whatever else is wrong with the command line."""
    from mozbisect.telemetry.use import hear

    wish = wish_of(context, words)
    hear(wish)
    return wish


def _is_tag(text: str) -> bool:
    """As Glean wants it; it passes over others in silence."""
    return len(text) <= 20 and text.isascii() and text.replace("-", "a").isalnum()


def run_of(context: click.Context, deadline: str | None, summary: str | None) -> ThisRun:
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


def news_after(context: click.Context, *, wanted: bool) -> AbstractContextManager[None]:
    """Around a run: when there is a newer release, it is said after the answer."""
    from mozbisect import updates

    return updates.in_passing(wanted=wanted and VARIANT not in context.meta)


def talk(debug: bool) -> None:
    if debug:
        import logging

        logging.basicConfig(
            stream=sys.stderr, level=logging.DEBUG, format="%(relativeCreated)7.0f %(name)s: %(message)s"
        )
        for chatty in ("urllib3", "mohawk"):  # the latter tells how it signs
            logging.getLogger(chatty).setLevel(logging.INFO)
