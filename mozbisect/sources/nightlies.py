"""The nightlies of the archive: one folder each below ``nightly/YYYY/MM/``, named by the moment of the build.

There may be several a day, a day may have none, and a folder may lack the build for one platform. A bound that
is a day takes in all of that day: an old end is its first nightly, a new end its last. What the folders and the files
in them are called is told by ``catalog/names.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from urllib.parse import quote

from mozbisect.catalog import names
from mozbisect.catalog.apps import NIGHTLY_TYPES, app
from mozbisect.catalog.apps import Nightlies as Row
from mozbisect.core.errors import Expired, NoBuild, NotFound, NothingToSearch, ServerTrouble, UsageError
from mozbisect.core.model import Bound, Build, Candidate, Day, Kind, Leg, Revision, Target, Timeline
from mozbisect.memory import ASK, FOREVER
from mozbisect.net.http import Http
from mozbisect.sources.buildinfo import Origin, read_origin
from mozbisect.sources.clock import by_folders
from mozbisect.sources.digests import SUMS, Digests, Proof, Sums
from mozbisect.sources.listing import Entry, entries
from mozbisect.sources.pushlog import Pushlog
from mozbisect.sources.span import Pushed, at_or_after, at_or_before, in_order, span
from mozbisect.sources.together import together

SPARE_DAYS = 7
"""How far beyond the bounds nightlies are listed, to stand in for an end without a build."""

SETTLED = timedelta(days=3)
"""So long after its day, what the archive holds of a nightly does not change any more; nor does a month's listing."""

# 2026-09-14-09-31-22-mozilla-central; only the hour until 2011; no time at all on some debug dailies of 2014.
_FOLDER = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:-(\d\d))?(?:-(\d\d)-(\d\d))?-(.+)")

Rows = Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class _Listed:
    """What a folder that was listed held: the package, and whether its checksums lie beside it, and are signed."""

    era: names.Files
    package: str
    summed: bool
    signed: bool


class Nightlies:
    """The nightly folders of one app on one archive server; of an app that has none it is never asked."""

    def __init__(
        self,
        http: Http,
        archive_url: str,
        target: Target,
        *,
        today: date,
        pushed: Pushed,
        pushlog: Pushlog,
        origin_later: bool = False,
        digests: Digests | None = None,
    ) -> None:
        """``pushed`` is for a range with a revision at one end only; ``pushlog`` for builds that do not say where
        they come from. ``origin_later``: a build will itself tell its revision once it is here, so that ``find`` does
        not ask for it; ``with_origin`` does, for one that did not."""
        self._http = http
        self._archive = f"{archive_url.rstrip('/')}"
        self._target = target
        self._today = today
        self._pushed = pushed
        self._pushlog = pushlog
        self._origin_later = origin_later
        self._digests = digests or Digests(http)
        self._listed: dict[tuple[datetime, str], _Listed] = {}

    def timeline(self, leg: Leg) -> Timeline:
        """The nightlies of the leg and a few beyond. Raises ``NothingToSearch``, ``UsageError``, ``NetworkError``."""
        old, new = self._moments(leg.old, leg.repo, old=True), self._moments(leg.new, leg.repo, old=False)
        in_order(leg, old, new)
        if new[1].date() < self._row.since:
            raise UsageError(
                f"The archive has {self._target.app} nightlies from {self._row.since} on, none of {leg.new}."
            )
        first = max(old[0].date(), self._row.since) - timedelta(days=SPARE_DAYS)
        last = min(new[1].date() + timedelta(days=SPARE_DAYS), self._today + timedelta(days=1))
        surely = old[0].date(), new[1].date()
        found = [item for item in self._between(first, last, leg.repo, surely) if first <= item.when.date() <= last]
        if not found:
            # Of a release branch there are nightlies in some years only; its pushes are built in any.
            error = NothingToSearch if leg.repo == app(self._target.app).repo else Expired
            raise error(
                f"There is no {self._kind} nightly of {leg.repo} from {first} to {last}.",
                advice=f"Look at {self._base}/ for the days that have some.",
            )
        old_at, new_at = at_or_before(found, old), at_or_after(found, new)
        if old_at >= new_at:
            raise NothingToSearch(
                f"There is nothing to search: {leg.old} and {leg.new} come to the same nightly ({found[old_at].key}).",
                advice="Give bounds that are further apart, or two revisions to search push by push.",
            )
        return Timeline(leg, tuple(found), old_at, new_at, _notes(leg, found, old_at, new_at))

    def at(self, bound: Bound, repo: str) -> Sequence[Candidate]:
        """The nightlies of one bound, the latest first. Raises ``NothingToSearch`` that names the nearest."""
        (first, last), around = self._around(bound, repo)
        found = [item for item in around if first <= item.when <= last]
        if found:
            return found[::-1]
        near = sorted(around, key=lambda item: abs(item.when - first))[:2]
        raise NothingToSearch(
            f"There is no {self._kind} nightly of {bound}.",
            advice=f"The nearest: {', '.join(item.key for item in near)}." if near else "",
        )

    def near(self, bound: Bound, repo: str, within: timedelta) -> Sequence[Candidate]:
        """The nightlies around a bound, the nearest first. Raises ``NothingToSearch``: none so near."""
        (first, last), around = self._around(bound, repo, within)
        if not around:
            raise NothingToSearch(
                f"There is no {self._kind} nightly within {within.days} days of {bound}.",
                advice=f"Look at {self._base}/ for the days that have some.",
            )
        middle = first + (last - first) / 2
        return sorted(around, key=lambda item: abs(item.when - middle))

    def find(self, nightly: Candidate) -> Build:
        """The target's build in a nightly's folder. Raises ``NoBuild``, ``NetworkError``."""
        foretold = self._foretold(nightly) if self._origin_later else None
        if foretold is not None:
            return foretold
        url = self._url(nightly)
        files = self._files(nightly)
        rows = self._rows(url, nightly)
        package = self._package(rows, files)
        sums = _sums_of(package)
        listed = _Listed(files, package.string, sums in rows, f"{sums}.asc" in rows)
        self._listed[nightly.when, nightly.key] = listed
        later = self._origin_later
        origin, proof = together(
            [
                lambda: Origin() if later else self._origin(url, rows, package, files, nightly),
                lambda: self._proof(url, package, rows),
            ]
        )
        build = self._build(nightly, files, package.string, rows[package.string].size, proof)
        return _from(build, origin)

    def with_origin(self, build: Build) -> Build:
        """The build with its revision, as far as the files beside it tell. Raises ``NoBuild``, ``NetworkError``."""
        nightly = build.candidate
        url, files = self._url(nightly), self._files(nightly)
        rows = self._rows(url, nightly)
        return _from(build, self._origin(url, rows, self._package(rows, files), files, nightly))

    @property
    def _row(self) -> Row:
        row = app(self._target.app).nightlies
        assert row is not None
        return row

    @property
    def _kind(self) -> str:
        """How a person calls what is looked for: firefox, or firefox (debug)."""
        wanted = self._target.build_types[0]
        return self._target.app if wanted in NIGHTLY_TYPES else f"{self._target.app} ({wanted})"

    @property
    def _base(self) -> str:
        return f"{self._archive}/{self._row.folder}/nightly"

    # ---------------------------------------------------------------------------------------------- which folders

    def _moments(self, bound: Bound, repo: str, *, old: bool) -> tuple[datetime, datetime]:
        """From when to when a nightly of this bound may have been built."""
        first, last = by_folders(bound, span(bound, self._pushed), old=old)
        if not isinstance(bound, Revision) or old or self._pushed(bound.hex).repo == repo:
            return first, last
        # What lands on an integration branch is merged several times a day: a day later it is surely there.
        return first + timedelta(days=1), last + timedelta(days=1)

    def _around(
        self, bound: Bound, repo: str, within: timedelta = timedelta(days=SPARE_DAYS)
    ) -> tuple[tuple[datetime, datetime], list[Candidate]]:
        first, last = self._moments(bound, repo, old=True)
        surely = first.date(), last.date()
        until = min(last.date() + within, self._today + timedelta(days=1))
        listed = self._between(first.date() - within, until, repo, surely)
        return (first, last), [item for item in listed if first - within <= item.when <= last + within]

    def _between(self, first: date, last: date, repo: str, surely: tuple[date, date]) -> list[Candidate]:
        """The nightlies of all months from ``first`` to ``last``; those of ``surely`` should hold some."""
        wanted = _months(*surely)
        pages = together([partial(self._month, month, repo, doubt=month in wanted) for month in _months(first, last)])
        return sorted((item for page in pages for item in page), key=lambda item: (item.when, item.key))

    def _month(self, month: date, repo: str, *, doubt: bool) -> list[Candidate]:
        """``month``: the first day of it."""
        over = (month + timedelta(days=31)).replace(day=1)
        keep = FOREVER if over + SETTLED < self._today else ASK
        rows = entries(self._http, f"{self._base}/{month:%Y/%m}/", keep=keep, doubt=doubt)
        found = (self._candidate(row.name, repo) for row in rows if row.is_folder)
        return [item for item in found if item is not None]

    def _candidate(self, folder: str, repo: str) -> Candidate | None:
        match = _FOLDER.fullmatch(folder)
        if match is None:
            return None
        *numbers, branch = match.groups()
        try:
            # By the folder's own clock, which was not always that of UTC.
            when = datetime(*(int(number or 0) for number in numbers), tzinfo=UTC)  # type: ignore[misc,arg-type]
        except ValueError:
            return None
        if names.era_of(self._target, repo, when.date(), branch) is None:
            return None
        return Candidate(Kind.NIGHTLY, folder, repo, when)

    # ---------------------------------------------------------------------------------------- what is in a folder

    def _url(self, nightly: Candidate) -> str:
        return f"{self._base}/{nightly.when:%Y/%m}/{nightly.key}/"

    def _build(self, nightly: Candidate, files: names.Files, name: str, size: int | None, proof: Proof) -> Build:
        return Build(
            candidate=nightly,
            app=self._target.app,
            build_type=files.found,
            url=self._url(nightly) + quote(name),
            file_name=name,
            repo=nightly.repo,
            build_id=_build_id(nightly),
            size=size,
            digest=proof.digest,
            signed_by=proof.signed_by,
            unverified=proof.unverified,
        )

    def _foretold(self, nightly: Candidate) -> Build | None:
        """The build, without listing its folder: between two builds of one name lies none of another.

        Its checksums, which whoever uploaded it made, tell that it is there, and its size. None: the folder is to be
        listed after all.
        """
        files = self._files(nightly)
        like = self._like_between(nightly, files)
        match = files.package.fullmatch(like.package) if like else None
        if like is None or match is None:
            return None
        sums = Sums.of_build(self._url(nightly) + quote(_sums_of(match)), signed=like.signed)
        try:
            proof = self._digests.read(match.string, sums, lambda: self._keys(match))
        except (NotFound, ServerTrouble):
            return None
        return self._build(nightly, files, match.string, proof.size, proof)

    def _like_between(self, nightly: Candidate, files: names.Files) -> _Listed | None:
        """What the nearest folders before and after held, if they agree; None if not."""
        seen, here = sorted(self._listed.copy().items()), (nightly.when, nightly.key)
        before = next((listed for key, listed in reversed(seen) if key < here), None)
        after = next((listed for key, listed in seen if key > here), None)
        same = before is not None and before == after and before.summed and before.era == files
        return before if same else None

    def _files(self, nightly: Candidate) -> names.Files:
        match = _FOLDER.fullmatch(nightly.key)
        era = match and names.era_of(self._target, nightly.repo, nightly.when.date(), match[7])
        assert era, "only folders of an era become candidates"
        return names.files(self._target, era)

    def _rows(self, url: str, nightly: Candidate) -> Rows:
        keep = FOREVER if nightly.when.date() + SETTLED < self._today else None
        return {entry.name: entry for entry in entries(self._http, url, keep=keep, doubt=True) if not entry.is_folder}

    def _package(self, rows: Rows, files: names.Files) -> re.Match[str]:
        fitting = [match for name in rows if (match := files.package.fullmatch(name))]
        if not fitting:
            what = names.platform_of(self._target).names[0]
            lang = f" in {self._target.lang}" if app(self._target.app).needs_lang else ""
            kind = "" if files.found == "nightly" else f"{files.found} "
            raise NoBuild(f"no {kind}build for {what}{lang} in the folder" if rows else "the folder is empty")
        return max(fitting, key=partial(names.rank, self._target))

    def _origin(self, url: str, rows: Rows, package: re.Match[str], files: names.Files, nightly: Candidate) -> Origin:
        """Which revision the build was made from, from the first of its information files that says so."""
        aside = url.removesuffix("/").removesuffix(files.aside) + "/"
        if aside != url:
            url, rows = aside, self._rows(aside, nightly)
        if files.info is None:
            return self._pushed_then(nightly)
        fitting = [match for name in rows if (match := files.info.fullmatch(name))]
        version = package.groupdict().get("version")
        rank = partial(names.rank, self._target)
        for match in sorted(fitting, key=lambda match: (match["version"] == version, rank(match)), reverse=True):
            origin = read_origin(self._http, url + quote(match.string), doubt=True)
            if origin.revision:
                return origin
        return Origin()

    def _pushed_then(self, nightly: Candidate) -> Origin:
        """A build id is the moment of the push that was built: so it was for each fenix nightly that was looked at.

        Where it is not, what was built is what was there then.
        """
        push = self._pushlog.at_or_before(nightly.repo, nightly.when)
        return Origin(push.repo, push.revision, push.git_revision, _build_id(nightly)) if push else Origin()

    def _proof(self, url: str, package: re.Match[str], rows: Rows) -> Proof:
        own = _sums_of(package)
        lists = [
            *([Sums.of_build(url + quote(own), signed=f"{own}.asc" in rows)] if own in rows else []),
            *(Sums.of_folder(url, name, signed=f"{name}.asc" in rows) for name in SUMS if name in rows),
        ]
        own_key = [f"{url}KEY"] if "KEY" in rows else []
        return self._digests.of(package.string, lists, lambda: [*own_key, *self._keys(package)])

    def _keys(self, package: re.Match[str]) -> list[str]:
        """Where the key may lie that signed a nightly: with the Firefox that its version became, a few months later."""
        version = re.match(r"\d+", package.groupdict().get("version") or "")
        return [f"{self._archive}/firefox/releases/{version[0]}.0/KEY"] if version else []


def _sums_of(package: re.Match[str]) -> str:
    """What the checksums of one build are called."""
    return f"{package.string.removesuffix(package.groupdict().get('ending') or '')}.checksums"


def _from(build: Build, origin: Origin) -> Build:
    return replace(
        build,
        repo=origin.repo or build.repo,
        revision=origin.revision or build.revision,
        git_revision=origin.git_revision or build.git_revision,
        build_id=origin.build_id or build.build_id,
    )


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


def _months(first: date, last: date) -> list[date]:
    """The first days of the months in which the days from ``first`` to ``last`` lie."""
    days = (first + timedelta(days=at) for at in range((last - first).days + 1))
    return sorted({day.replace(day=1) for day in days})


def _build_id(nightly: Candidate) -> str | None:
    # Only a folder with the full time carries a build id in its name.
    match = _FOLDER.fullmatch(nightly.key)
    return f"{nightly.when:%Y%m%d%H%M%S}" if match and match[6] else None
