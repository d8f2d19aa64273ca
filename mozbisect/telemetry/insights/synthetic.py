"""Invented pings, to try the questions and to test them: in the form of an export, and each marked as invented.

They look like what mozregression's makers told of theirs in 2020: mostly new builds, with a long tail of very old ones;
the graphical front end used most, Linux by three in ten; weekends quiet. No number here was measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import TypeVar

from mozbisect.catalog import apps
from mozbisect.telemetry.usage import CI, CONSOLE, GUI, MACH

T = TypeVar("T")

MARK = "synthetic"
"""The source tag (``metadata.header.x_source_tags``) of every invented ping. Glean's word for where a ping is from."""

DAYS = 365

_VARIANTS = {GUI: 45, CONSOLE: 33, MACH: 18, CI: 4}
_SYSTEMS = {"Windows": 48, "Linux": 30, "Darwin": 22}
_VERSIONS = {"1.0.0": 50, "1.1.0": 30, "1.1.1": 16, "1.2.0.dev0": 4}
_BOUNDS = {"days": 66, "launch": 20, "revisions": 14}
_APPS = {"firefox": 84, "fenix": 5, "thunderbird": 5, "gve": 2, "jsshell": 2, "devedition": 2}
_BACK = {4: 56, 75: 34, 1500: 10}
"""How many days back on the average."""

_USUAL = 85
"""In a hundred: how many take the app's first build type."""

_AGAIN = 0.002
"""How many of all lines come a second time."""

_LINE = (
    '{{"submission_timestamp":"{at}Z","document_id":"{document}","normalized_app_name":"mozbisect",'
    '"normalized_channel":null,"normalized_country_code":null,"normalized_os":"{system}","sample_id":{sample},'
    '"client_info":{{"app_build":"Unknown","app_display_version":"{version}","architecture":"x86_64",'
    '"build_date":"1970-01-01T00:00:00+00:00","client_id":"{client}","os":"{system}","os_version":"Unknown",'
    '"telemetry_sdk_build":"71.0.0"}},"metadata":{{"header":{{"x_source_tags":"' + MARK + '",'
    '"x_telemetry_agent":"Glean/71.0.0 (Python on {system})"}}}},"metrics":{{"datetime":{dates},'
    '"string":{{"usage_app":"{app}","usage_build_type":"{build_type}","usage_python_version":"3.13.1",'
    '"usage_variant":"{variant}"}}}},"ping_info":{{"end_time":"{at}+00:00","seq":{sample}}}}}'
)


@dataclass(frozen=True, slots=True)
class Ping:
    """One invented use: what can be asked of a ping, and all else that a line needs."""

    at: datetime
    document: str
    client: str
    system: str
    version: str
    variant: str
    app: str
    build_type: str
    good: date | None
    bad: date | None
    launch: date | None

    @property
    def line(self) -> str:
        """As it would be exported, without the end of the line."""
        days = {"usage_good_date": self.good, "usage_bad_date": self.bad, "usage_launch_date": self.launch}
        return _LINE.format(
            at=self.at.isoformat(timespec="milliseconds")[:23],
            document=self.document,
            client=self.client,
            sample=int(self.client[:8], 16) % 100,
            system=self.system,
            version=self.version,
            variant=self.variant,
            app=self.app,
            build_type=self.build_type,
            dates=json.dumps({name: f"{day}+00:00" for name, day in days.items() if day}),
        )


def pings(number: int, *, seed: int, until: date) -> Iterator[Ping]:
    """So many lines of the year that ends on a day, in no order. The same arguments give the same pings."""
    random = Random(seed)
    nights = [datetime(until.year, until.month, until.day, tzinfo=UTC) - timedelta(days=back) for back in range(DAYS)]
    night = _drawn(random, {day: (2 * DAYS - back) * _weight(day) for back, day in enumerate(nights)})
    variant, system, version = (_drawn(random, row) for row in (_VARIANTS, _SYSTEMS, _VERSIONS))
    app, bounds, mean = _drawn(random, _APPS), _drawn(random, _BOUNDS), _drawn(random, _BACK)
    build_type = {name: _drawn(random, _types(name)) for name in _APPS}
    oldest = {name: _oldest(name) for name in _APPS}
    clients = [_uuid(random) for _ in range(min(number // 30 + 3, 50_000))]
    last: Ping | None = None
    for _ in range(number):
        if last is None or random.random() >= _AGAIN:
            at, what, kind = next(night) + timedelta(seconds=int(86_400 * random.random())), next(app), next(bounds)
            asked = max(at.date() - timedelta(days=int(random.expovariate(1 / next(mean)))), oldest[what])
            last = Ping(
                at=at,
                document=_uuid(random),
                client=clients[int(random.random() * len(clients))],
                system=next(system),
                version=next(version),
                variant=next(variant),
                app=what,
                build_type=next(build_type[what]),
                good=asked - timedelta(days=30) if kind == "days" else None,
                bad=asked if kind == "days" else None,
                launch=asked if kind == "launch" else None,
            )
        yield last


def _drawn(random: Random, weights: Mapping[T, float]) -> Iterator[T]:
    """Without end, each as often as its weight says."""
    choices, sums = list(weights), list(accumulate(weights.values()))
    while True:
        yield from random.choices(choices, cum_weights=sums, k=1000)


def _weight(day: datetime) -> float:
    return 0.35 if day.weekday() >= 5 else 1.0


def _types(app: str) -> dict[str, float]:
    row = apps.app(app)
    others = [name for name in row.build_types if name != row.default_type][:4]
    return {row.default_type: _USUAL, **{name: (100 - _USUAL) / len(others) for name in others}}


def _oldest(app: str) -> date:
    nightlies = apps.app(app).nightlies
    return nightlies.since if nightlies else date(2014, 11, 10)  # the first Developer Edition


def _uuid(random: Random) -> str:
    text = f"{random.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
