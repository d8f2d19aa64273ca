"""What ``./mach mozbisect`` calls; the three names are those that Firefox's ``tools/mach_commands.py`` expects.

    new_release_on_pypi()  →  "1.2.0" or None
    parser()               →  an argparse.ArgumentParser for mach to look into
    run(options)           →  the exit status

The parser only looks like argparse's. Its actions tell mach and its help about click's options, but click itself
parses: the two disagree in details (``--arg --foo``), and a translation would get them wrong. Nothing here leaves the
process, with one exception: a command line that is wrong, ``--help`` and ``--version`` end in ``SystemExit`` from
``parse_args`` and ``parse_known_args``, as those of argparse do.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from mozbisect import __version__, argv, cli

__all__ = ["new_release_on_pypi", "parser", "run"]

WORDS = "words"
"""Where the options keep a subcommand and what follows it; ``command`` is the option ``--command``."""


def new_release_on_pypi() -> str | None:
    """The newest release, if it is newer than this one. Takes 5 s at most, and never raises.

    mach installs what it is told here: so it is asked of pip, with this person's own index, proxy and certificates.
    """
    from mozbisect import updates

    try:
        return updates.newer_release()
    except Exception:  # noqa: BLE001  (not to know is no reason for mach to fail)
        return None


def parser() -> argparse.ArgumentParser:
    """The command line of ``mozbisect`` as an argparse parser; ``run`` takes what it gives."""
    return _Parser(cli.mozbisect)


def run(options: Mapping[str, Any] | argparse.Namespace) -> int:
    """Do what the options say, and give the exit status; errors are printed as at the command line.

    Options that are left out, or ``None``, have the value that the environment, the configuration file or the default
    gives them. Whether there is a newer release is not asked here.
    """
    given = vars(options) if isinstance(options, argparse.Namespace) else options
    with _folder_kept():
        status = cli.answered(lambda: cli.mozbisect.invoke(_context(given)))
    return 1 if status == cli.UNHEARD else status


def _context(given: Mapping[str, Any]) -> click.Context:
    """What click would have made of the command line that these options come from.

    Raises ``click.UsageError`` for a value that the command line would not take, and what a wrong configuration raises.
    """
    context = cli.mozbisect.make_context("mozbisect", list(given.get(WORDS) or ()))
    context.meta[cli.VARIANT] = "mach"
    for name, value in cli.checked(given, context).items():
        if value != context.params[name]:
            context.params[name] = value
            context.set_parameter_source(name, click.core.ParameterSource.COMMANDLINE)
    unknown = sorted(given.keys() - context.params.keys() - {WORDS})
    if unknown:
        click.echo(f"mozbisect: not options of mozbisect, and ignored: {', '.join(unknown)}", err=True)
    return context


@contextmanager
def _folder_kept() -> Iterator[None]:
    """A session that is resumed goes to the folder that it was begun in; whoever called us stays where he is."""
    before = Path.cwd()
    try:
        yield
    finally:
        with suppress(OSError):
            os.chdir(before)


class _Parser(argparse.ArgumentParser):
    """Looks like argparse, is click."""

    def __init__(self, command: click.Group) -> None:
        # An own usage: argparse cannot wrap one with brackets in it.
        super().__init__(description=command.help, usage="%(prog)s [OPTIONS] [COMMAND]", allow_abbrev=False)
        self._command = command
        context = command.make_context("mozbisect", [], resilient_parsing=True)
        commands = ", ".join(command.list_commands(context))
        self.add_argument(WORDS, nargs="*", metavar="COMMAND", help=f"Instead of a search: {commands}.")
        for param in command.get_params(context):
            if isinstance(param, click.Option) and "--help" not in param.opts:
                self.add_argument(*param.opts, **_as_argparse(param, context.params.get(param.name or "")))

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Never leaves anything over: click says what is wrong with a word, and what may have been meant."""
        typed = sys.argv[1:] if args is None else list(args)
        found: list[click.Context] = []
        status = cli.answered(lambda: found.append(self._understood(typed)))
        if not found:
            self.exit(1 if status == cli.UNHEARD else status)
        context = found[0]
        namespace = argparse.Namespace() if namespace is None else namespace
        for name, value in {**context.params, WORDS: _left(context)}.items():
            setattr(namespace, name, value)
        return namespace, []

    def _understood(self, typed: list[str]) -> click.Context:
        context = self._command.make_context(self.prog, typed)
        if words := _left(context):
            self._command.resolve_command(context, words)
        return context


def _left(context: click.Context) -> list[str]:
    """The subcommand and its words. Their place in the context is not the same in every click."""
    held = context._protected_args if hasattr(context, "_protected_args") else context.protected_args
    return [*held, *context.args]


def _as_argparse(option: click.Option, default: object) -> dict[str, Any]:
    """What ``add_argument`` has to be told, for mach and its help: nothing is parsed with it."""
    told: dict[str, Any] = {
        "dest": option.name,
        "help": argparse.SUPPRESS if option.hidden else (option.help or "").replace("%", "%%"),
    }
    if "--version" in option.opts:
        return {**told, "action": "version", "version": f"mozbisect {__version__}"}
    told["default"] = list(default) if isinstance(default, tuple) else default
    if option.secondary_opts:
        return {**told, "action": argparse.BooleanOptionalAction}
    if option.is_flag:
        return {**told, "action": "store_true"}
    if isinstance(option.type, click.Choice):
        told["choices"] = list(option.type.choices)
    if isinstance(option.type, click.IntRange | click.FloatRange):
        told["type"] = int if isinstance(option.type, click.IntRange) else float
    told["metavar"] = option.metavar
    if option.multiple:
        several = not set(argv.SEVERAL).isdisjoint(option.opts)
        told |= {"action": "extend", "nargs": "*"} if several else {"action": "append"}
    return told
