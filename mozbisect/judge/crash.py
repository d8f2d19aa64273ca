"""Does it crash? Start the build and watch it for a while; nobody is asked.

    it crashes in that time                          bad
    it lives so long, or ends by itself with 0       good
    it ends with an error status that is no crash    skip: who knows what would have come later;
                                                     good for the JavaScript shell, where it is a script's own error
    it ends, on Android, without a crash report      skip: nobody tells how

Whether something is a crash, the app knows: a signal that killed it, a report in its profile, a sanitizer's word.
"""

from __future__ import annotations

from mozbisect.catalog import apps
from mozbisect.core.model import Build, Side, Terms, Verdict
from mozbisect.core.ports import App, Question
from mozbisect.judge.ending import told, watch


class CrashJudge:
    """Bad is a build that crashes ``within`` so many seconds of its start."""

    def __init__(self, *, within: float, terms: Terms) -> None:
        self._within = within
        self._terms = terms

    def judge(self, app: App, build: Build, question: Question) -> Verdict:  # noqa: ARG002
        """Raises ``BrokenBuild`` for one that cannot start, and not because it crashed."""
        seen = watch(app, self._within)
        if seen.crash is not None:
            return Verdict(self._terms.side("bad"), f"it crashed: {seen.crash}")
        if seen.broken is not None:
            raise seen.broken
        if seen.status is None:
            return Verdict(self._terms.side("good"), f"no crash within {self._within:g} s")
        return self._ended_early(seen.status, apps.app(build.app).launch)

    def _ended_early(self, status: int, launch: apps.Launch) -> Verdict:
        if isinstance(launch, apps.Android):
            return Verdict(Side.UNTESTABLE, "its process ended, and left no crash report")
        if status == 0 or (status > 0 and isinstance(launch, apps.Shell)):
            return Verdict(self._terms.side("good"), f"it ended without a crash ({told(status)})")
        return Verdict(Side.UNTESTABLE, f"it ended early, but did not crash ({told(status)})")
