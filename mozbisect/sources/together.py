"""Questions to servers that do not depend on each other are asked side by side.

From threads that die with the process: whoever presses Ctrl-C does not wait for a server that is silent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any

MOST_AT_ONCE = 8
"""A polite number: the archive and Taskcluster serve everybody."""


def together(questions: Sequence[Callable[[], Any]], *, at_once: int = MOST_AT_ONCE) -> list[Any]:
    """The answers, in the order of the questions. The first in that order that raises is raised."""
    if len(questions) <= 1:
        return [question() for question in questions]
    waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
    answers: list[Future[Any]] = [Future() for _ in questions]
    for pair in zip(answers, questions, strict=True):
        waiting.put(pair)
    for _ in range(min(len(questions), at_once)):
        threading.Thread(target=_ask, args=(waiting,), name="look-up", daemon=True).start()
    return [answer.result() for answer in answers]


def _ask(waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]]]) -> None:
    while True:
        try:
            answer, question = waiting.get_nowait()
        except Empty:
            return
        try:
            answer.set_result(question())
        except BaseException as error:  # noqa: BLE001  (whoever asked is to get it)
            answer.set_exception(error)
