"""Does it start at all? Start the build and see whether it lives for a few seconds; nobody is asked.

    it lives so long, or ends by itself with 0                good
    it cannot be started, crashes, ends with another status   bad
    it ends, on Android                                       bad: no app ends by itself there

What every other judge calls a broken build is here the very thing that is looked for. A build that cannot be fetched,
unpacked or installed never comes so far: that stays untestable.
"""

from __future__ import annotations

from mozbisect.catalog import apps
from mozbisect.core.model import Build, Terms, Verdict
from mozbisect.core.ports import App, Question
from mozbisect.judge.ending import in_short, told, watch


class StartsJudge:
    """Good is a build that still runs ``within`` so many seconds of its start, or has done what it was told."""

    def __init__(self, *, within: float, terms: Terms) -> None:
        self._within = within
        self._terms = terms

    def judge(self, app: App, build: Build, question: Question) -> Verdict:  # noqa: ARG002
        seen = watch(app, self._within)
        if seen.broken is not None:
            return Verdict(self._terms.side("bad"), in_short(seen.broken))
        if seen.crash is not None:
            return Verdict(self._terms.side("bad"), f"it crashed: {seen.crash}")
        if seen.status is None:
            return Verdict(self._terms.side("good"), f"it still ran after {self._within:g} s")
        if isinstance(apps.app(build.app).launch, apps.Android):  # which tells no status
            return Verdict(self._terms.side("bad"), "its process ended")
        return Verdict(self._terms.side("bad" if seen.status else "good"), f"it ended ({told(seen.status)})")
