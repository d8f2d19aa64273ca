"""Questions to servers that do not depend on each other are asked side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

MOST_AT_ONCE = 8
"""A polite number: the archive and Taskcluster serve everybody."""


def together(questions: Sequence[Callable[[], Any]]) -> list[Any]:
    """The answers, in the order of the questions. The first that raises is raised, once all have ended."""
    if len(questions) <= 1:
        return [question() for question in questions]
    with ThreadPoolExecutor(min(len(questions), MOST_AT_ONCE), thread_name_prefix="look-up") as pool:
        futures = [pool.submit(question) for question in questions]
    return [future.result() for future in futures]
