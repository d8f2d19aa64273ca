"""``mozbisect config`` and ``--write-config``."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mozbisect.commands.printing import print_line, say
from mozbisect.core.errors import UsageError

if TYPE_CHECKING:
    from mozbisect.config.model import Key, Settings


def path() -> None:
    """Where our configuration file is, or would be."""
    from mozbisect.config.places import own_file

    print_line(str(own_file(os.environ)))


def show(rows: Sequence[tuple[str, object, str]], settings: Settings, output: str) -> None:
    """Every value in force, and where it comes from. ``rows`` are the options; what is no option is added here."""
    shown = [*rows, *_beside_options(settings)]
    if output == "json":
        listed = [{"name": name, "value": value, "source": where} for name, value, where in shown]
        print_line(json.dumps(listed, indent=2))
        return
    width = max(len(name) for name, *_ in shown)
    for name, value, where in shown:
        print_line(f"{name:<{width}}  {_in_words(value)}  ({where})")


def _beside_options(settings: Settings) -> Iterator[tuple[str, object, str]]:
    from mozbisect.config import model
    from mozbisect.credentials import VARIABLES

    telemetry = settings.values.get(model.TELEMETRY.name)
    yield model.TELEMETRY.name, telemetry.value if telemetry else True, telemetry.where if telemetry else "default"
    for key, variable in zip((model.CLIENT_ID, model.ACCESS_TOKEN), VARIABLES, strict=True):
        value, where = os.environ.get(variable), f"environment variable {variable}"
        if not value and key.name in settings.values:
            value, where = str(settings.values[key.name].value), settings.values[key.name].where
        hidden = "set, hidden" if value and key.kind is model.Kind.SECRET else value
        yield key.name, hidden or None, where if value else "default"


def _in_words(value: object) -> str:
    match value:
        case None | ():
            return "-"
        case bool():
            return "yes" if value else "no"
        case tuple():
            return shlex.join(map(str, value))
        case _:
            return str(value) or "-"


def write(keys: Sequence[Key]) -> None:
    """Ask a person for the settings that nearly everybody wants, and write them down."""
    from mozbisect.config import own, peer, write
    from mozbisect.config.model import Settings
    from mozbisect.config.places import cache_folder, own_file, peer_file

    path = own_file(os.environ)
    if not sys.stdin.isatty():
        raise UsageError(
            "--write-config asks questions, and standard input is no terminal: nothing was written.",
            advice=f"Call it in a terminal, or write {path} by hand.",
        )
    left = peer_file()
    document = write.document_of(path, peer.read(left, keys) if left else Settings())
    write.answered(document, cache_folder(os.environ) / "builds", input, say)
    write.save(path, document)
    say(f"\n{path} is written. mozbisect config show tells what is in force.")
    _, slips = own.looked_at(path, keys)
    if slips:
        say("What was in it is kept, and must be mended before it is of use:")
    for slip in slips:
        say(f"  {slip}")
