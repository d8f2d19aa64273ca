"""What there is: the builds of a range, the build types, the releases."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from mozbisect import known
from mozbisect.commands.printing import print_line, say
from mozbisect.core.errors import NetworkError, NoBuild
from mozbisect.core.model import Build, Candidate
from mozbisect.core.news import Note
from mozbisect.options import Options
from mozbisect.running import memory_of, options_from

if TYPE_CHECKING:
    from mozbisect.credentials import Credentials


def builds(words: Mapping[str, Any], output: str, *, resolve: bool, credentials: Credentials | None = None) -> None:
    """List the candidates between two bounds."""
    from mozbisect import request, wiring
    from mozbisect.engine import first_listed

    options = options_from(words)
    today = datetime.now(UTC).date()
    asked = request.read(options, today=today)
    memory = memory_of(options)
    world = wiring.world(options, asked.target, today=today, credentials=credentials, memory=memory, origin_later=False)
    source = world.source
    timeline = first_listed(asked.leg, asked.reach, source, _say_note)
    for note in dict.fromkeys((*asked.notes, *timeline.notes)):
        say(note)
    shut = {at: run.reason for run in timeline.shut for at in range(run.first, run.last + 1)}
    shown = {at: timeline.candidates[at] for at in range(timeline.old_at, timeline.new_at + 1)}
    if resolve:
        source.look_up([candidate for at, candidate in shown.items() if at not in shut])
    rows = [
        _row(candidate, None, shut[at]) if at in shut else _row(candidate, *_found(source.find, candidate, resolve))
        for at, candidate in shown.items()
    ]
    world.http.close()
    if output == "json":
        print_line(json.dumps(rows, indent=2))
        return
    for row in rows:
        print_line("  ".join(str(row[key]) for key in ("date", "key", "revision", "url", "missing") if row[key]))


def _say_note(news: object) -> None:
    if isinstance(news, Note):
        say(news.text)


def _found(find: Callable[[Candidate], Build], candidate: Candidate, resolve: bool) -> tuple[Build | None, str | None]:
    if not resolve:
        return None, None
    try:
        return find(candidate), None
    except NoBuild as none:
        return None, none.what


def _row(candidate: Candidate, build: Build | None, missing: str | None) -> dict[str, Any]:
    return {
        "key": candidate.key,
        "date": candidate.when.isoformat(),
        "repo": build.repo if build else candidate.repo,
        "revision": build.revision if build else candidate.revision,
        "build_id": build.build_id if build else None,
        "build_type": build.build_type if build else None,
        "url": build.url if build else None,
        "missing": missing,
    }


def list_build_types() -> None:
    """Each app, and the build types that it has."""
    for line in known.build_types():
        print_line(line)


def list_releases(words: Mapping[str, Any]) -> None:
    """Every release that can be a bound; with the day it came out, when the service that knows it answers."""
    for line in known.releases(_released(options_from(words))):
        print_line(line)


def _released(options: Options) -> Mapping[int, date]:
    from mozbisect.net.http import Http

    http = Http(timeout=min(options.http_timeout, 10.0), tries=2)
    url = f"{options.product_details_url.rstrip('/')}/{known.HISTORY}"
    try:
        return known.released(http.json(url))
    except NetworkError as error:
        reason = error.what
    except ValueError as error:
        reason = f"{url} cannot be understood: {error}"
    finally:
        http.close()
    say(f"On which days they were released could not be asked: {reason}")
    return {}
