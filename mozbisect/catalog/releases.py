"""Which day a release number means on the nightly timeline: when that version left mozilla-central.

A regression that a person knows "from 149 on" landed while mozilla-central was at 149.0a1; the last such
nightly is the one before the first of 150. 5 to 56 are Mozilla's rapid release calendar, by which the last nightly
of a version is that of the very day; 72 on are the days of the first nightly of the following version, as seen in the
archive.
"""

from __future__ import annotations

from datetime import date, timedelta

from mozbisect.core.errors import UsageError
from mozbisect.core.model import Release

_FIRST = 5
_CALENDAR = (
    "2011-04-12 2011-05-24 2011-07-05 2011-08-16 2011-09-27 2011-11-08 2011-12-20 2012-01-31 2012-03-13 2012-04-24 "
    "2012-06-05 2012-07-16 2012-08-27 2012-10-08 2012-11-19 2013-01-07 2013-02-19 2013-04-01 2013-05-13 2013-06-24 "
    "2013-08-05 2013-09-16 2013-10-28 2013-12-09 2014-02-03 2014-03-17 2014-04-28 2014-06-09 2014-07-21 2014-09-02 "
    "2014-10-13 2014-11-28 2015-01-12 2015-02-23 2015-03-30 2015-05-11 2015-06-29 2015-08-10 2015-09-21 2015-10-29 "
    "2015-12-14 2016-01-25 2016-03-07 2016-04-25 2016-06-06 2016-08-01 2016-09-19 2016-11-14 2017-01-23 2017-03-06 "
    "2017-06-12 2017-08-02"
)
_FIRST_SEEN = 72
_SEEN = (
    "2019-12-02 2020-01-06 2020-02-10 2020-03-09 2020-04-06 2020-05-04 2020-06-01 2020-06-29 2020-07-27 2020-08-24 "
    "2020-09-21 2020-10-19 2020-11-16 2020-12-14 2021-01-25 2021-02-22 2021-03-22 2021-04-19 2021-05-31 2021-07-12 "
    "2021-08-09 2021-09-06 2021-10-04 2021-11-01 2021-12-06 2022-01-10 2022-02-07 2022-03-08 2022-04-04 2022-05-02 "
    "2022-05-30 2022-06-27 2022-07-25 2022-08-22 2022-09-19 2022-10-17 2022-11-14 2022-12-12 2023-01-16 2023-02-14 "
    "2023-03-14 2023-04-10 2023-05-08 2023-06-05 2023-07-04 2023-07-31 2023-08-28 2023-09-25 2023-10-23 2023-11-20 "
    "2023-12-18 2024-01-22 2024-02-19 2024-03-18 2024-04-15 2024-05-13 2024-06-10 2024-07-08 2024-08-05 2024-09-02 "
    "2024-09-30 2024-10-28 2024-11-25 2025-01-06 2025-02-03 2025-03-03 2025-03-31 2025-04-28 2025-05-26 2025-06-23 "
    "2025-07-21 2025-08-18 2025-09-15 2025-10-13 2025-11-10 2025-12-08 2026-01-12 2026-02-23 2026-03-24 2026-04-20 "
    "2026-05-18 2026-06-15 2026-07-20 2026-08-13"
)

LEFT_CENTRAL = {
    first + at: date.fromisoformat(day) + timedelta(days=later)
    for first, days, later in ((_FIRST, _CALENDAR, 1), (_FIRST_SEEN, _SEEN, 0))
    for at, day in enumerate(days.split())
}


def nightly(release: Release) -> int | None:
    """155 of a bound like ``155.0a1``, which is what every nightly of that version calls itself; else None."""
    number = release.version.removesuffix(".0a1")
    return int(number) if number.isdigit() and number != release.version else None


def whole(release: Release) -> int:
    """The major version of a bound like ``131`` or ``131.0``. Raises ``UsageError`` for one of a release branch."""
    version = release.version.removesuffix(".0")
    if version.isdigit():
        return int(version)
    branch = "mozilla-aurora" if "a2" in version else "a release branch"
    raise UsageError(
        f"{release} was made on {branch}: only whole versions, {min(LEFT_CENTRAL)} and later, have a place "
        "among the nightlies.",
        advice="Give the whole version, a day or a build id; or search the releases with --app firefox-release.",
    )
