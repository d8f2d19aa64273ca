"""Wakes the main thread at a moment, whatever it waits for: what Ctrl-C does, without anybody at the keyboard.

``Engine`` begins no test that will not end in time. This is for what nobody could foresee: a test that hangs, a
download that crawls. Whoever waits sees ``KeyboardInterrupt``, and all that tidies up after Ctrl-C does so here, too.
"""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Alarm:
    """``rang``: the ``KeyboardInterrupt`` that is seen is this alarm's."""

    rang = False


@contextmanager
def alarm(seconds: float | None) -> Iterator[Alarm]:
    """Rings after ``seconds`` unless the ``with`` is over by then. ``None``, or not in the main thread: never."""
    bell = Alarm()
    main = threading.main_thread()
    if seconds is None or threading.current_thread() is not main:
        yield bell
        return
    guard, over = threading.Lock(), threading.Event()

    def ring() -> None:
        with guard:
            if over.is_set():
                return
            bell.rang = True
            if hasattr(signal, "pthread_kill"):
                # A real signal, as only that ends a wait for a program or for a socket.
                signal.pthread_kill(main.ident or 0, signal.SIGALRM)
            else:
                _thread.interrupt_main()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    number = getattr(signal, "SIGALRM", None)
    before = signal.signal(number, interrupt) if number is not None else None
    timer = threading.Timer(min(max(seconds, 0.0), threading.TIMEOUT_MAX), ring)
    timer.daemon = True
    timer.start()
    try:
        yield bell
    finally:
        timer.cancel()
        with guard:
            over.set()
        if number is not None:
            signal.signal(number, before)
