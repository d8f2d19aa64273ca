"""What commands print: answers on standard output, all else on standard error; and their end by a signal."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def print_line(line: str) -> None:
    """The answer: standard output."""
    print(line)  # noqa: T201


def say(line: str) -> None:
    """Talk beside the answer: standard error."""
    with suppress(OSError):  # that nobody listens is no reason to stop a search
        print(line, file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def ends_like_ctrl_c() -> Iterator[None]:
    """While a build runs, a TERM or a lost terminal does what Ctrl-C does, each time. For the main thread."""
    of_ctrl_c = signal.getsignal(signal.SIGINT)
    interrupt = of_ctrl_c if callable(of_ctrl_c) else signal.default_int_handler
    here = threading.current_thread() is threading.main_thread()
    names = [name for name in ("SIGTERM", "SIGHUP") if here and hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), interrupt) for name in names}
    try:
        yield
    finally:
        for name, old in before.items():
            signal.signal(getattr(signal, name), old)
