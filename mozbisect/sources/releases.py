"""Released versions, which the archive keeps for ever: one folder each below ``releases/``, ordered by version.

Which versions take part is told by the bounds: between two betas the betas, between an ESR and an ESR the ESRs, from a
release to a beta both. Days mean the app's own channel. product-details tells when each was released; the archive's
own dates are those of its last move.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

from mozbisect.catalog import names, versions
from mozbisect.catalog.apps import Releases as Row
from mozbisect.catalog.apps import app
from mozbisect.catalog.releases import LEFT_CENTRAL
from mozbisect.catalog.repos import repo
from mozbisect.catalog.versions import Version
from mozbisect.core.errors import SWAP, NetworkError, NoBuild, NothingToSearch, UsageError
from mozbisect.core.model import (
    Before,
    Bound,
    Build,
    Candidate,
    Day,
    Finding,
    Kind,
    Leg,
    Release,
    Revision,
    Tag,
    Target,
    Timeline,
)
from mozbisect.core.plan import major_of
from mozbisect.memory import A_DAY, ASK
from mozbisect.net.http import Http
from mozbisect.sources.buildinfo import Origin, read_origin
from mozbisect.sources.digests import SUMS, Digests, Proof, Sums
from mozbisect.sources.listing import entries
from mozbisect.sources.pushlog import Pushlog
from mozbisect.sources.span import Span, at_or_after, at_or_before, span
from mozbisect.sources.together import together

log = logging.getLogger(__name__)

SPARE = 3
"""How many versions beyond the bounds are listed, to stand in for an end without a build."""


class Releases:
    """The released versions of one app; of an app that has none it is never asked."""

    def __init__(
        self,
        http: Http,
        archive_url: str,
        details_url: str,
        target: Target,
        pushlog: Pushlog,
        *,
        digests: Digests | None = None,
    ) -> None:
        self._http = http
        self._archive = archive_url.rstrip("/")
        self._details = details_url.rstrip("/")
        self._target = target
        self._pushlog = pushlog
        self._digests = digests or Digests(http)

    def timeline(self, leg: Leg) -> Timeline:
        """The versions of the leg and a few beyond. Raises ``NothingToSearch``, ``UsageError``, ``NetworkError``."""
        known, dates = together([self._listed, self._dates])
        channels = {self._channel(bound) for bound in (leg.old, leg.new)}
        shown = sorted((item for item in known if item.channel in channels), key=lambda item: item.key)
        found = [self._candidate(item, dates) for item in shown]
        if not found:
            raise NothingToSearch(f"{self._base}/releases/ holds no {' or '.join(sorted(channels))} versions.")
        old_at, new_at = self._place(leg.old, shown, found, dates, old=True), self._place(leg.new, shown, found, dates)
        if old_at > new_at:
            raise UsageError(
                f"The range is reversed: {found[old_at].key} came after {found[new_at].key}.",
                advice=SWAP,
            )
        if old_at == new_at:
            raise NothingToSearch(
                f"There is nothing to search: {leg.old} and {leg.new} come to the same version ({found[old_at].key})."
            )
        start = max(old_at - SPARE, 0)
        notes = tuple(
            f"{bound} is taken as {found[at].key}."
            for bound, at in ((leg.old, old_at), (leg.new, new_at))
            if str(bound) != found[at].key
        )
        return Timeline(leg, tuple(found[start : new_at + SPARE + 1]), old_at - start, new_at - start, notes)

    def at(self, bound: Bound) -> Sequence[Candidate]:
        """The versions of one bound, the latest first. Raises ``NothingToSearch``."""
        known, dates = together([self._listed, self._dates])
        shown = sorted((item for item in known if item.channel == self._channel(bound)), key=lambda item: item.key)
        found = [self._candidate(item, dates) for item in shown]
        if isinstance(bound, Release):
            exact = [
                item
                for item, version in zip(found, shown, strict=True)
                if version.key == versions.key_of(bound.version)
            ]
        else:
            first, last = self._span(bound, dates)
            exact = [item for item in found if item.key in dates and first <= item.when <= last]
        if exact:
            return exact[::-1]
        raise NothingToSearch(f"There is no {self._target.app} {bound}.", advice=f"Look at {self._base}/releases/.")

    def near(self, bound: Bound) -> Sequence[Candidate]:
        """The versions of the bound's channel, the nearest to it first."""
        known, dates = together([self._listed, self._dates])
        shown = sorted((item for item in known if item.channel == self._channel(bound)), key=lambda item: item.key)
        found = [self._candidate(item, dates) for item in shown]
        at = self._place(bound, shown, found, dates) if found else 0
        return [found[place] for place in sorted(range(len(found)), key=lambda place: abs(place - at))]

    def find(self, release: Candidate) -> Build:
        """The target's build of a version. Raises ``NoBuild``, ``NetworkError``."""
        aside = self._aside(release)
        place = aside if self._target.os == "win" else f"{self._base}/releases/{release.key}/{self._inner}"
        if place is None:
            raise NoBuild("its build candidates are not kept any more")
        pattern = names.released(self._target, release.key)
        listed = entries(self._http, place, keep=A_DAY)
        fitting = [match for entry in listed if (match := pattern.fullmatch(entry.name))]
        if not fitting:
            raise NoBuild(f"no {names.platform_of(self._target).release} build in {self._target.lang}")
        name = max(fitting, key=partial(names.rank, self._target)).string
        there = frozenset(entry.name for entry in listed)
        origin, proof = together(
            [partial(self._origin, release, aside), partial(self._proof, release, place, name, there)]
        )
        return Build(
            candidate=release,
            app=self._target.app,
            build_type="release",
            url=place + quote(name),
            file_name=name,
            repo=origin.repo or release.repo,
            revision=origin.revision,
            git_revision=origin.git_revision,
            build_id=origin.build_id,
            digest=proof.digest,
            signed_by=proof.signed_by,
            unverified=proof.unverified,
        )

    def since(self, finding: Finding) -> str | None:
        """The changeset after which the pushlog of the new version's repository tells what the old one has not.

        That is the old version's own if it came there, else the one with which it left the trunk. None if neither did,
        or nobody answers.
        """
        old, new = finding.old_build, finding.new_build
        if old is None or new is None or old.revision is None:
            return None
        try:
            if self._pushlog.of(new.repo, old.revision) is not None:
                return old.revision
            left = self._left_trunk(major_of(finding.last_old))
            return left if left and self._pushlog.of(new.repo, left) else None
        except NetworkError as error:
            log.debug("where %s left the trunk is not known: %s", finding.last_old.key, error.what)
            return None

    def _left_trunk(self, major: str) -> str | None:
        """The changeset that is tagged; where no tag is, the last of the day before the next version began."""
        trunk = versions.TRUNKS[self._family]
        if (left := self._pushlog.tagged(trunk, versions.LEFT_TRUNK[self._family].format(major))) is not None:
            return left[1]
        if (day := LEFT_CENTRAL.get(int(major))) is None:
            return None
        pushes = self._pushlog.by_day(trunk, day - timedelta(days=2), day - timedelta(days=1))
        return pushes[-1].revision if pushes else None

    # ----------------------------------------------------------------------------------------------- versions

    @property
    def _row(self) -> Row:
        row = app(self._target.app).releases
        assert row is not None
        return row

    @property
    def _base(self) -> str:
        return f"{self._archive}/{self._row.folder}"

    @property
    def _family(self) -> str:
        return repo(app(self._target.app).repo).family

    def _listed(self) -> list[Version]:
        listed = entries(self._http, f"{self._base}/releases/", keep=ASK, doubt=True)
        found = [versions.parse(entry.name) for entry in listed if entry.is_folder]
        return [version for version in found if version is not None]

    def _dates(self) -> Mapping[str, date]:
        """Version → day; empty when nobody tells: then bounds that are versions still will do."""
        try:
            return self._http.read_json(f"{self._details}/{self._row.history}", _dates, keep=ASK, doubt=True)
        except NetworkError:
            return {}

    def _candidate(self, version: Version, dates: Mapping[str, date]) -> Candidate:
        about = LEFT_CENTRAL.get(version.numbers[0], date(2000, 1, 1))
        day = dates.get(version.text, about)
        when = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return Candidate(Kind.RELEASE, version.text, version.repo(self._family), when)

    def _channel(self, bound: Bound) -> str:
        if isinstance(bound, Revision | Tag):
            raise UsageError(
                f"{bound} is no version: {self._target.app} is searched by versions and days.",
                advice="Give a version (131.0.3, 132.0b4, 115.3.0esr) or a day; or search pushes with --app firefox.",
            )
        version = versions.parse(bound.version) if isinstance(bound, Release) else None
        return version.channel if version else self._row.channel

    def _place(
        self,
        bound: Bound,
        shown: list[Version],
        found: list[Candidate],
        dates: Mapping[str, date],
        *,
        old: bool = False,
    ) -> int:
        if isinstance(bound, Release):
            key = versions.key_of(bound.version)
            at = next((at for at, version in enumerate(shown) if version.key >= key), len(shown) - 1)
            return at if not old or shown[at].key == key or not at else at - 1
        if not dates:
            raise UsageError(
                f"When each version was released cannot be asked of {self._details}, so that {bound} has no place.",
                advice="Give two versions, or try again later.",
            )
        dated = [at for at, item in enumerate(found) if item.key in dates]
        within = [found[at] for at in dated]
        moments = self._span(bound, dates)
        return dated[at_or_before(within, moments) if old else at_or_after(within, moments)]

    def _span(self, bound: Bound, dates: Mapping[str, date]) -> Span:
        """As elsewhere, but a version is the day of its release."""
        match bound:
            case Release(version=text):
                return span(Day(_released(text, dates)), _no_push)
            case Before(weeks=weeks, bound=Release(version=text)):
                return span(Before(weeks, Day(_released(text, dates))), _no_push)
            case _:
                return span(bound, _no_push)

    # -------------------------------------------------------------------------------------- what a version holds

    @property
    def _inner(self) -> str:
        return f"{names.platform_of(self._target).release}/{self._target.lang}/"

    def _aside(self, release: Candidate) -> str | None:
        """The folder of the last build candidate, which became the release; None where none is kept."""
        url = f"{self._base}/candidates/{release.key}-candidates/"
        listed = entries(self._http, url, keep=A_DAY)
        builds = [int(match[1]) for entry in listed if (match := _BUILD.fullmatch(entry.name))]
        return f"{url}build{max(builds)}/{self._inner}" if builds else None

    def _origin(self, release: Candidate, aside: str | None) -> Origin:
        told = Origin()
        if aside is not None:
            for ending in (".json", ".txt", ".buildhub.json"):
                told = read_origin(self._http, f"{aside}{self._row.info.format(version=release.key)}{ending}")
                if told.revision:
                    return told
        version = versions.parse(release.key)
        assert version is not None
        tagged = self._pushlog.tagged(release.repo, version.tag(self._family))
        return Origin(release.repo, tagged[1], None, told.build_id) if tagged else told

    def _proof(self, release: Candidate, place: str, name: str, there: frozenset[str]) -> Proof:
        """A release has signed sums for all its files; a candidate for one, a list beside each of its packages."""
        base = f"{self._base}/releases/{release.key}/"
        if place.startswith(base):
            lists = [Sums.of_folder(base, name) for name in SUMS]
            return self._digests.of(f"{place.removeprefix(base)}{name}", lists, lambda: [f"{base}KEY"])
        own = f"{name.removesuffix('.zip')}.checksums"  # only packages for Windows lie there
        lists = [Sums.of_build(f"{place}{quote(own)}", signed=f"{own}.asc" in there)] if own in there else []
        return self._digests.of(name, lists, lambda: [f"{place.removesuffix(self._inner)}KEY"])


def newest_key(http: Http, archive_url: str) -> str | None:
    """Where the KEY file of the newest Firefox lies; None where nothing was released."""
    base = f"{archive_url.rstrip('/')}/firefox/releases/"
    found = [versions.parse(entry.name) for entry in entries(http, base, keep=ASK, doubt=True) if entry.is_folder]
    released = [version for version in found if version is not None and version.channel == "release"]
    return f"{base}{max(released, key=lambda version: version.key).text}/KEY" if released else None


def _dates(answer: Any) -> dict[str, date]:
    rows = answer["releases"].values()
    return {str(row["version"]): date.fromisoformat(row["date"]) for row in rows if row.get("date")}


def _released(text: str, dates: Mapping[str, date]) -> date:
    key = versions.key_of(text)
    found = [day for name, day in dates.items() if (version := versions.parse(name)) and version.key == key]
    if not found:
        raise UsageError(f"It is not known when {text} was released.", advice="Give both ends as versions or as days.")
    return found[0]


def _no_push(text: str) -> Candidate:
    raise UsageError(f"{text} is no version.")


_BUILD = re.compile(r"build(\d+)")
