"""How click is used here: options with a heading, commands that understand old habits, numbers to be counted with."""

from __future__ import annotations

import math
import os
from typing import Any

import click

from mozbisect import argv


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
    """The same for a command with subcommands."""

    command_class = Command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = _tidied(self, ctx, args)
        if ctx.parent is None:
            ctx.terminal_width = _width()
        self.listen(ctx, words)
        return super().parse_args(ctx, words)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def listen(self, ctx: click.Context, words: list[str]) -> None:
        """Called with what was typed, before it is parsed."""

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
