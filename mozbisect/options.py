"""All that a person can ask of one bisection: one value, made by a front end, kept by the session.

It holds words, not meanings: bounds are text as typed, paths are absolute text. ``wiring`` gives them meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mozbisect.core.codec import from_json, to_json

ARCHIVE = "https://archive.mozilla.org/pub"
TASKCLUSTER = "https://firefox-ci-tc.services.mozilla.com"
HG = "https://hg.mozilla.org"
LANDO = "https://lando.moz.tools"
PRODUCT_DETAILS = "https://product-details.mozilla.org/1.0"
RELEASE_KEY = "14F26682D0916CDD81E37B6D61B7B526D98F0353"
"""The primary key of "Mozilla Software Releases <release@mozilla.com>", since 2015-07; what signs are its subkeys, a
new one every two years (blog.mozilla.org/security/2023/05/11/updated-gpg-key-for-signing-firefox-releases)."""


@dataclass(frozen=True)
class Options:
    """Every field has a name that the command line knows as well (``--archive-base-url`` and so on)."""

    good: str | None = None
    bad: str | None = None
    find_fix: bool = False
    search_back: bool = False
    exclude: tuple[str, ...] = ()  # "A..B" or "X": bounds
    repo: str | None = None
    app: str = "firefox"
    lang: str | None = None
    os: str | None = None  # linux, mac, win; only to list builds for another system than this one
    arch: str | None = None
    bits: str | None = None
    build_type: str | None = None
    mode: str = "classic"
    judge: str = "manual"  # a row of judge/table.py, with what it was given behind a colon
    within: float | None = None  # seconds that a build is watched by judges without a command
    runs: int = 1
    required: int | None = None  # of the runs, for a verdict; None: more than half
    treat_broken_as: str = "skip"
    command: str | None = None
    command_timeout: float | None = None
    on_timeout: str = "bad"
    profile: str | None = None
    profile_persistence: str = "clone"
    adb_profile_dir: str | None = None
    headless: bool = False
    pref: tuple[str, ...] = ()
    preferences: tuple[str, ...] = ()
    addon: tuple[str, ...] = ()
    arg: tuple[str, ...] = ()
    process_output: str | None = None
    persist: str | None = None
    persist_size_limit: float = 0.0
    http_timeout: float = 30.0
    remember: str = "auto"
    connections: int = 4
    verify: str = "auto"  # what has to be proved of a build before it may run: auto, require, off
    release_key: str = RELEASE_KEY  # the only fingerprint that is believed; what an archive says of itself is not
    background_dl: bool = True
    background_dl_policy: str = "cancel"
    approx_policy: str = "auto"
    archive_base_url: str = ARCHIVE
    taskcluster_root_url: str = TASKCLUSTER
    hg_url: str = HG
    lando_url: str = LANDO
    product_details_url: str = PRODUCT_DETAILS
    folder: str = "."  # where the command was given: relative paths in it mean this folder

    def to_row(self) -> dict[str, Any]:
        row: dict[str, Any] = to_json(self)
        return row

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Options:
        """Raises ``ValueError``. A field that a newer version added keeps its default."""
        empty = to_json(cls())
        options: Options = from_json(cls, {**empty, **row})
        return options


@dataclass(frozen=True, slots=True)
class ThisRun:
    """What belongs to one run and not to its session: who resumes the session says it anew.

    ``until``: when it has to stop. ``summary``: a file to which the answer is added in Markdown. ``variant``: through
    which front end it came.
    """

    until: datetime | None = None
    summary: Path | None = None
    variant: str = "console"
