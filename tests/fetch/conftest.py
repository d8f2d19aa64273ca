"""A server that misbehaves, an Http that never sleeps, and tiny real archives."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import pytest

from mozbisect.core.model import Build, Candidate, Digest, Kind
from mozbisect.fetch.transfer.download import Follower
from mozbisect.net.http import Http
from tests.serving import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def http() -> Iterator[Http]:
    http = Http(timeout=5.0, sleep=lambda seconds: None)
    yield http
    http.close()


def nightly(key: str = "2026-09-14-09-31-22-mozilla-central") -> Candidate:
    return Candidate(Kind.NIGHTLY, key, "mozilla-central", datetime(2026, 9, 14, 9, 31, 22, tzinfo=UTC))


def unlikely(*candidates: Candidate) -> dict[Candidate, float]:
    """What look-ahead begins only once patience is over."""
    return dict.fromkeys(candidates, 0.0)


def push(*changesets: str) -> Candidate:
    when = datetime(2026, 9, 14, 9, 31, 22, tzinfo=UTC)
    return Candidate(Kind.PUSH, "45292", "autoland", when, changesets or ("0123456789abcdef" * 2 + "01234567",))


def build_at(
    url: str,
    *,
    candidate: Candidate | None = None,
    size: int | None = None,
    digest: Digest | None = None,
    build_type: str = "shippable",
) -> Build:
    candidate = candidate or nightly()
    name = PurePosixPath(urlsplit(url).path).name
    return Build(candidate, "firefox", build_type, url, name, candidate.repo, size=size, digest=digest)


def sha(algorithm: str, body: bytes) -> Digest:
    return Digest(algorithm, hashlib.new(algorithm, body).hexdigest())


_PACK: dict[str, Callable[[bytes], bytes]] = {"xz": lzma.compress, "bz2": bz2.compress, "gz": gzip.compress}


def tar_of(*members: tuple[tarfile.TarInfo, bytes], packed: str = "xz") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for member, body in members:
            member.size = len(body) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(body))
    return _PACK[packed](file.getvalue())


def tar_member(name: str, kind: bytes = tarfile.REGTYPE, *, mode: int = 0o644, to: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.linkname = kind, mode, to
    return member


def zip_of(*members: tuple[str, bytes, int]) -> bytes:
    """Name, body, and mode as Unix has it (0: none)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body, mode in members:
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, body)
            member.external_attr = mode << 16  # only now: writestr takes 0 for 0o600
    return file.getvalue()


def firefox(word: str = "one", packed: str = "xz") -> bytes:
    """A Firefox for as far as an unpacker is concerned."""
    return tar_of(
        (tar_member("firefox", tarfile.DIRTYPE, mode=0o755), b""),
        (tar_member("firefox/firefox", mode=0o755), b"#!/bin/sh\necho " + word.encode()),
        (tar_member("firefox/application.ini"), b"[App]\nName=Firefox\n"),
        packed=packed,
    )


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Puts bytes into a file."""

    def save(name: str, body: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(body)
        return path

    return save


class Growing:
    """A file that grows on disk, as a download has it, and its follower."""

    def __init__(self, file: Path, follower: Follower) -> None:
        self._file = file
        self._follower = follower
        file.write_bytes(b"")

    def write(self, chunk: bytes) -> None:
        with self._file.open("ab") as file:
            file.write(chunk)
        self._follower.reached(self._file, self._file.stat().st_size)

    def restart(self) -> None:
        self._file.write_bytes(b"")
        self._follower.restart()
