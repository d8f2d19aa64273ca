"""Which clock the names of nightly folders show: Pacific time while Buildbot made them, UTC since Taskcluster does.

A day or a build id that a person gives is one of these names, and is compared with them as it is. A push is told in
UTC: where in the order of the names it stands, is told here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mozbisect.core.model import Before, Bound, Revision, Tag
from mozbisect.sources.span import Span

# Pacific time is seven or eight hours behind, by season: an old end takes eight and a new one seven, so that in doubt
# the range is a nightly wider. From 2016-11 on some platforms' folders were UTC already: Linux is seen so on
# 2017-05-15, Windows not yet on 2017-06-02, Thunderbird not on 2017-12-13.
_BEHIND = (
    (datetime(2016, 11, 1, tzinfo=UTC), timedelta(hours=8), timedelta(hours=7)),
    (datetime(2019, 1, 1, tzinfo=UTC), timedelta(hours=8), timedelta(0)),
)


def by_folders(bound: Bound, moments: Span, *, old: bool) -> Span:
    """From when to when a bound is, by the clock of the folders of that time. ``old``: for the old end of a range."""
    if not _is_push(bound):
        return moments
    for until, of_old, of_new in _BEHIND:
        if moments[0] < until:
            behind = of_old if old else of_new
            return moments[0] - behind, moments[1] - behind
    return moments


def _is_push(bound: Bound) -> bool:
    return isinstance(bound.bound if isinstance(bound, Before) else bound, Revision | Tag)
