"""``mozbisect cache``: after the folder of ``--persist``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mozbisect.cli.options import PERSIST, PERSIST_LIMIT, options
from mozbisect.cli.root import mozbisect


@mozbisect.group()
def cache() -> None:
    """Look after the folder of --persist: what is in it, and what can go."""


def _cache_command(name: str, summary: str, *more: Callable[[Any], Any]) -> None:
    def run(persist: str | None, persist_size_limit: float = 0.0) -> None:
        from mozbisect.commands.cache import cache as work

        work(name, persist, persist_size_limit)

    run.__doc__ = summary
    cache.command(name)(options((PERSIST, *more))(run))


_cache_command("info", "Tell what the folder holds.")
_cache_command("prune", "Remove the least recently used builds beyond a size.", PERSIST_LIMIT)
_cache_command("clear", "Remove every build that no run is using.")
_cache_command("verify", "Read every build again, and remove those that changed since they came.")
