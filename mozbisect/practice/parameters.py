"""What kind of world is wanted: how long, how busy, what is wrong with it, and what of it is served.

Values only. A parameter that is left out changes nothing: worlds of earlier versions stay the same, hash for hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Literal

from mozbisect.catalog.releases import LEFT_CENTRAL

CENTRAL = "mozilla-central"

LAST_DAY = date(2026, 9, 30)
DAYS = 60

PRODUCTS = (
    "firefox",
    "firefox-l10n",
    "thunderbird",
    "thunderbird-l10n",
    "fennec",
    "fenix",
    "focus",
    "gve",
    "jsshell",
    "devedition",
)
"""All that a world can serve builds of. What was released of Firefox is there whenever there are ``trains``."""

BUILD_TYPES = {
    "shippable": (".shippable", "opt"),
    "opt": ("", "opt"),
    "debug": ("", "debug"),
    "pgo": ("", "pgo"),
    "asan": ("", "asan-opt"),
    "asan-debug": ("", "asan-debug"),
    "tsan": ("", "tsan-opt"),
    "ccov": ("", "ccov-opt"),
    "fuzzing": ("", "fuzzing-opt"),
    "fuzzing-debug": ("", "fuzzing-debug"),
    "fuzzing-asan": ("", "fuzzing-asan-opt"),
    "fuzzing-tsan": ("", "fuzzing-tsan-opt"),
}
"""The name of a build type, and what its routes in Taskcluster say before the revision and after the job."""


@dataclass(frozen=True, slots=True)
class WorldParameters:
    """What kind of history, and what is wrong with it. Shares are from 0 to 1.

    ``culprit``: a push to the branch ("autoland"), a push straight to central ("direct"), the changeset of a merge
    ("merge"), one that landed on the beta branch only ("uplift"), or the place of a branch push, counted from 0.
    ``fixes``: builds are bad before the culprit, and good from it on. Raises ``ValueError`` for words it does not know.
    """

    seed: int = 1
    start: date = LAST_DAY - timedelta(days=DAYS - 1)
    days: int = DAYS

    # the history
    central: str = CENTRAL  # or comm-central: what nightlies are built from
    branch: str = "autoland"  # or mozilla-inbound, fx-team; empty: people push to central
    nightlies_per_day: Literal["1", "2", "1-2"] = "1"
    pushes_per_day: int = 40
    changesets_per_push: int = 4  # at most
    merges_per_day: int = 3
    direct_per_day: float = 0.2
    merge_backs: float = 0.3  # share of merges after which central is merged back to the branch
    fast_forwards: float = 0.0  # share of merges without a changeset of their own, where history allows it
    merge_not_last: float = 0.0  # share of merges that a changeset follows in the same push
    merge_words: Literal["autoland", "firefox-autoland", "mixed", "wordless"] = "autoland"
    first_push_id: int = 230_400
    first_central_push_id: int = 45_001
    push_id_holes: float = 0.0
    unordered_dates: float = 0.0  # share of pushes that the pushlog dates before their predecessors
    culprit: Literal["autoland", "direct", "merge", "uplift"] | int = "autoland"
    fixes: bool = False

    # the release branches
    trains: bool = False
    train_days: tuple[date, ...] | None = None  # when central's version goes up by one; None: by Mozilla's calendar
    uplifts_per_day: int = 3  # to the beta branch; there are fewer to the others
    esr: int = 140

    # what is served beside
    products: tuple[str, ...] = ("firefox",)  # of PRODUCTS
    build_types: tuple[str, ...] = ("shippable", "opt", "debug")  # of BUILD_TYPES
    signed_nightlies: bool = False  # .checksums.asc lies beside .checksums, as until 2017
    private: bool = False  # Taskcluster's packages are for those who can sign for them

    # Git hashes beside the Mercurial ones
    git: bool = True
    git_nulls: float = 0.0
    git_routes: bool = True  # Taskcluster's index knows a build by them as well
    lando_lag: timedelta = timedelta()  # commits of so short a time before the world's end are unknown to Lando

    # holes in the archive
    missing_days: float = 0.0
    mid_push_nightlies: float = 0.0  # share of nightlies built from the middle of a push, where it holds no merge
    empty_folders: float = 0.0  # the folder is there, without the builds that can be had here
    missing_txt: float = 0.0
    missing_origin: float = 0.0  # neither .txt nor .json tells the revision
    broken_nightlies: tuple[int, int] = (0, 0)  # from which nightly on, how many

    # holes in Taskcluster
    expired: bool = False  # all of it
    expired_before: datetime | None = None  # what was pushed earlier, as after a year
    missing_tasks: float = 0.0
    failed_tasks: float = 0.0
    retried_tasks: float = 0.0  # run 0 failed, run 1 made the build

    # holes in both
    dead_packages: float = 0.0  # listed, and 404 when asked for
    broken_builds: float = 0.0
    broken_how: Literal["no-binary", "dies", "no-archive", "mixed"] = "no-binary"

    def __post_init__(self) -> None:
        for words, known in ((self.products, PRODUCTS), (self.build_types, tuple(BUILD_TYPES))):
            if unknown := set(words).difference(known):
                raise ValueError(f"There is no {', '.join(sorted(unknown))} here, only {', '.join(known)}.")
        if self.culprit == "uplift" and not self.trains:
            raise ValueError("Uplifts are made only where there are trains.")
        if self.trains and self.esr > self.major_on(self.start) - 2:
            raise ValueError(f"No ESR {self.esr} can have been released by {self.start}.")

    @property
    def end(self) -> date:
        """The last day."""
        return self.start + timedelta(days=self.days - 1)

    @property
    def family(self) -> str:
        """The first word of the names of its repositories: mozilla or comm."""
        return self.central.partition("-")[0]

    def major_on(self, day: date) -> int:
        """The version of central on a day, without its ``.0a1``."""
        if self.train_days is None:
            return int(version_on(day).partition(".")[0])
        first = int(version_on(self.start).partition(".")[0])
        return first + sum(left <= day for left in self.train_days)

    @property
    def departures(self) -> tuple[date, ...]:
        """The days on which central's version goes up, so that the one before leaves for the beta branch."""
        days = (self.start + timedelta(days=at) for at in range(1, self.days))
        return tuple(day for day in days if self.major_on(day) != self.major_on(day - timedelta(days=1)))


def chance(seed: int, what: str, name: str) -> float:
    """A number from [0, 1) that depends on nothing but the arguments."""
    return int.from_bytes(sha256(f"{seed}/{what}/{name}".encode()).digest()[:6], "big") / (1 << 48)


def version_on(day: date) -> str:
    """The version of mozilla-central on a day, by Mozilla's calendar; every four weeks a new one after its end."""
    number = min((version for version, left in LEFT_CENTRAL.items() if left > day), default=None)
    if number is None:
        last, left = max(LEFT_CENTRAL.items())
        number = last + 1 + (day - left).days // 28
    return f"{number}.0a1"


def moment(day: date, hour: float = 0.0) -> datetime:
    """That many hours into a day, to the second."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return midnight + timedelta(seconds=round(hour * 3600))
