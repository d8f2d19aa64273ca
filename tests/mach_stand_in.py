"""What the dispatcher of mach does with a command that has ``parser=``, as far as it touches parser and command.

Written from what is known of Firefox's ``python/mach/mach/dispatcher.py``: it makes the parser by calling what stands
in ``parser=``, sets ``context``, ``prog`` and ``formatter_class``, gives the first two action groups titles of its own,
takes REMAINDER actions out, parses with ``parse_known_args``, refuses what is left over, and answers ``help`` and
``-h`` itself. A command file imports ``mach.decorators`` and ``mozbuild.base``: ``installed`` puts stand-ins there.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any


class Unrecognized(Exception):
    """mach: "It looks like you passed an unrecognized argument into mach"."""


class NoUsage(argparse.HelpFormatter):
    """mach writes the usage line itself."""

    def _format_usage(self, *args: Any, **kwargs: Any) -> str:
        return ""


@dataclass
class Handler:
    name: str
    category: str
    description: str | None
    make_parser: Callable[[], argparse.ArgumentParser]
    function: Callable[..., Any] | None = None


@dataclass
class Mach:
    """``pip`` is what the command file has asked to be installed."""

    handlers: dict[str, Handler] = field(default_factory=dict)
    pip: list[list[str]] = field(default_factory=list)

    def command(self, name: str, *, category: str, description: str, parser: Any) -> Callable[[Any], Any]:
        def decorate(function: Any) -> Any:
            self.handlers[name] = Handler(name, category, description, parser, function)
            return function

        return decorate

    def load(self, source: str) -> None:
        """A command file, as text."""
        with self.installed():
            exec(compile(source, "mach_commands.py", "exec"), {"__name__": "mach_commands"})

    def dispatch(self, words: Sequence[str]) -> Any:
        """``mach WORDS``: what the command's function gives."""
        with self.installed():
            name, *args = words
            handler = self.handlers[args[0] if name == "help" else name]
            before = args[: args.index("--")] if "--" in args else args
            if name == "help" or "-h" in before or "--help" in before:
                self._help(handler)
                return 0
            parser = handler.make_parser()
            parser.context = self  # type: ignore[attr-defined]
            parser.prog = f"{parser.prog} {handler.name}"
            for action in copy.deepcopy(parser._actions):
                assert action.nargs != argparse.REMAINDER
            found, extra = parser.parse_known_args(args)
            if extra:
                raise Unrecognized(f"{handler.name} does not accept the arguments: {' '.join(extra)}")
            assert handler.function is not None
            return handler.function(self, **vars(found))

    def _help(self, handler: Handler) -> None:
        parser = handler.make_parser()
        parser.context = self  # type: ignore[attr-defined]
        parser.formatter_class = NoUsage
        parser._action_groups[0].title = "Command Parameters"
        parser._action_groups[1].title = "Command Arguments"
        print(f"usage: mach [global arguments] {handler.name} [command arguments]\n\n{handler.description}")
        parser.print_help()

    @contextmanager
    def installed(self) -> Iterator[None]:
        mach = self

        class VirtualenvManager:
            def _run_pip(self, words: list[str]) -> None:
                mach.pip.append(words)

        class MozbuildObject:
            virtualenv_manager = VirtualenvManager()

            @classmethod
            def from_environment(cls) -> MozbuildObject:
                return cls()

            def activate_virtualenv(self) -> None:
                return

        modules = {
            "mach": ModuleType("mach"),
            "mach.decorators": ModuleType("mach.decorators"),
            "mozbuild": ModuleType("mozbuild"),
            "mozbuild.base": ModuleType("mozbuild.base"),
        }
        modules["mach.decorators"].Command = self.command  # type: ignore[attr-defined]
        modules["mozbuild.base"].MozbuildObject = MozbuildObject  # type: ignore[attr-defined]
        before = {name: sys.modules.get(name) for name in modules}
        sys.modules.update(modules)
        try:
            yield
        finally:
            for name, module in before.items():
                sys.modules.pop(name)
                if module is not None:
                    sys.modules[name] = module
