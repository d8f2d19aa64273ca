"""The nightlies of the archive: one folder each below ``nightly/YYYY/MM/``, named by the moment of the build.

There may be several a day, a day may have none, and a folder may lack the build for one platform. A bound that
is a day takes in all of that day: an old end is its first nightly, a new end its last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from urllib.parse import quote

from mozbisect.catalog import apps
from mozbisect.catalog.checksums import parse_checksums, parse_sums
from mozbisect.core.errors import NoBuild, NotFound, NothingToSearch
from mozbisect.core.model import Bound, Build, Candidate, Day, Digest, Kind, Leg, Revision, Target, Timeline
from mozbisect.net import Http
from mozbisect.sources.buildinfo import Origin, read_origin
from mozbisect.sources.listing import Entry, entries
from mozbisect.sources.span import at_or_after, at_or_before, in_order, nearest, span
from mozbisect.sources.together import together

SPARE_DAYS = 7
"""How far beyond the bounds nightlies are listed, to stand in for an end without a build."""

SUMS = {"SHA512SUMS": "sha512", "SHA256SUMS": "sha256"}
"""Digests of all files of a folder, where there is no ``.checksums`` for one build."""

# 2026-09-14-09-31-22-mozilla-central; only the hour until 2011; no time at all on some debug dailies of 2014.
_FOLDER = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:-(\d\d))?(?:-(\d\d)-(\d\d))?-(.+)")


class Nightlies:
    """The nightly folders of one app on one archive server."""

    def __init__(
        self, http: Http, archive_url: str, target: Target, *, today: date, pushed: Callable[[str], Candidate]
    ) -> None:
        """``pushed`` gives the push of a revision, for a range with a revision at one end only."""
        self._http = http
        self._base = f"{archive_url.rstrip('/')}/{apps.app(target.app).folder}/nightly"
        self._target = target
        self._today = today
        self._pushed = pushed

    def timeline(self, leg: Leg) -> Timeline:
        """The nightlies of the leg and a few beyond. Raises ``NothingToSearch``, ``NetworkError``."""
        old, new = self._moments(leg.old, old=True), self._moments(leg.new, old=False)
        in_order(leg, old, new)
        first = old[0].date() - timedelta(days=SPARE_DAYS)
        last = min(new[1].date() + timedelta(days=SPARE_DAYS), self._today + timedelta(days=1))
        found = [item for item in self._between(first, last) if first <= item.when.date() <= last]
        if not found:
            raise NothingToSearch(
                f"There is no {self._target.app} nightly from {first} to {last}.",
                advice=f"Look at {self._base}/ for the days that have some.",
            )
        old_at, new_at = at_or_before(found, old), at_or_after(found, new)
        if old_at >= new_at:
            raise NothingToSearch(
                f"There is nothing to search: {leg.old} and {leg.new} come to the same nightly ({found[old_at].key}).",
                advice="Give bounds that are further apart, or two revisions to search push by push.",
            )
        return Timeline(leg, tuple(found), old_at, new_at, _notes(leg, found, old_at, new_at))

    def at(self, bound: Bound) -> Sequence[Candidate]:
        """The nightlies of one bound, the latest first. Raises ``NothingToSearch`` that names the nearest."""
        first, last = self._moments(bound, old=True)
        around = self._between(first.date() - timedelta(days=SPARE_DAYS), last.date() + timedelta(days=SPARE_DAYS))
        found = [item for item in around if first <= item.when <= last]
        if found:
            return found[::-1]
        near = sorted(around, key=lambda item: abs(item.when - first))[:2]
        raise NothingToSearch(
            f"There is no {self._target.app} nightly of {bound}.",
            advice=f"The nearest: {', '.join(item.key for item in near)}." if near else "",
        )

    def near(self, bound: Bound) -> Sequence[Candidate]:
        """The nightlies around a bound, the nearest first; those of the bound itself are among them."""
        first, last = self._moments(bound, old=True)
        around = self._between(first.date() - timedelta(days=SPARE_DAYS), last.date() + timedelta(days=SPARE_DAYS))
        return nearest(around, (first, last))

    def find(self, nightly: Candidate) -> Build:
        """The target's build in a nightly's folder. Raises ``NoBuild``, ``NetworkError``."""
        url = f"{self._base}/{nightly.when:%Y/%m}/{nightly.key}/"
        rows = {entry.name: entry for entry in entries(self._http, url) if not entry.is_folder}
        package, stem = self._package(rows)
        origin, digest = together(
            [
                lambda: self._origin(url, stem, rows),
                lambda: self._digest(url, stem, package, rows),
            ]
        )
        return Build(
            candidate=nightly,
            app=self._target.app,
            build_type="nightly",
            url=url + quote(package.name),
            file_name=package.name,
            repo=origin.repo or nightly.repo,
            revision=origin.revision,
            git_revision=origin.git_revision,
            build_id=origin.build_id or _build_id(nightly),
            size=package.size,
            digest=digest,
        )

    def _moments(self, bound: Bound, *, old: bool) -> tuple[datetime, datetime]:
        """From when to when a nightly of this bound may have been built."""
        first, last = span(bound, self._pushed)
        if not isinstance(bound, Revision) or old or self._pushed(bound.hex).repo == apps.app(self._target.app).repo:
            return first, last
        # What lands on an integration branch is merged several times a day: a day later it is surely there.
        return first + timedelta(days=1), last + timedelta(days=1)

    def _between(self, first: date, last: date) -> list[Candidate]:
        months = sorted({(day.year, day.month) for day in _days(first, last)})
        pages = together([partial(self._month, *month) for month in months])
        return sorted((item for page in pages for item in page), key=lambda item: (item.when, item.key))

    def _month(self, year: int, month: int) -> list[Candidate]:
        rows = entries(self._http, f"{self._base}/{year:04}/{month:02}/")
        found = (self._candidate(row.name) for row in rows if row.is_folder)
        return [item for item in found if item is not None]

    def _candidate(self, folder: str) -> Candidate | None:
        match = _FOLDER.fullmatch(folder)
        if match is None:
            return None
        *numbers, branch = match.groups()
        try:
            when = datetime(*(int(number or 0) for number in numbers), tzinfo=UTC)  # type: ignore[misc,arg-type]
        except ValueError:
            return None
        if branch != apps.folder_branch(self._target, when.date()):
            return None
        return Candidate(Kind.NIGHTLY, folder, apps.app(self._target.app).repo, when)

    def _package(self, rows: dict[str, Entry]) -> tuple[Entry, str]:
        pattern = apps.package_pattern(self._target)
        fitting = sorted(
            ((match, rows[name]) for name in rows if (match := pattern.fullmatch(name))),
            # After a merge day a folder may hold two versions: the newer one is the build of that day.
            key=lambda pair: _version_key(pair[1].name),
        )
        if not fitting:
            raise NoBuild(
                f"no {'-'.join(apps.platform(self._target).names[:1])} build in the folder"
                if rows
                else "the folder is empty"
            )
        match, row = fitting[-1]
        return row, match["stem"]

    def _origin(self, url: str, stem: str, rows: dict[str, Entry]) -> Origin:
        """Which revision the build was made from, from the first of its information files that says so."""
        for ending in (".txt", ".json", ".buildhub.json"):
            if stem + ending in rows:
                origin = read_origin(self._http, url + quote(stem + ending))
                if origin.revision:
                    return origin
        return Origin()

    def _digest(self, url: str, stem: str, package: Entry, rows: dict[str, Entry]) -> Digest | None:
        published = next((name for name in (f"{stem}.checksums", *SUMS) if name in rows), None)
        if published is None:
            return None
        try:
            text = self._http.text(url + quote(published)).text
        except NotFound:
            return None
        if published in SUMS:
            listed = parse_sums(text, SUMS[published])
            return next((value for name, value in listed.items() if name.rpartition("/")[2] == package.name), None)
        sums = parse_checksums(text)
        named = next((value for name, value in sums.items() if name.rpartition("/")[2] == package.name), None)
        return named[0] if named else None


def _notes(leg: Leg, found: Sequence[Candidate], old_at: int, new_at: int) -> tuple[str, ...]:
    """What was taken for each bound, wherever it is not the only possible reading."""
    notes = []
    for bound, at, word in ((leg.old, old_at, "first"), (leg.new, new_at, "last")):
        taken = found[at]
        if not isinstance(bound, Day):
            notes.append(f"{bound} is taken as the nightly {taken.key}.")
            continue
        same_day = sum(item.when.date() == bound.date for item in found)
        if same_day > 1:
            notes.append(f"{bound} has {same_day} nightlies: the {word} of them ({taken.key}) is taken.")
        elif not same_day:
            notes.append(f"{bound} has no nightly: {taken.key} is taken.")
    return tuple(notes)


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=at) for at in range((last - first).days + 1))


def _version_key(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name.partition(".en-US")[0])]


def _build_id(nightly: Candidate) -> str | None:
    # Only a folder with the full time carries a build id in its name.
    match = _FOLDER.fullmatch(nightly.key)
    return f"{nightly.when:%Y%m%d%H%M%S}" if match and match[6] else None
