"""Is this file the build that was promised? Measures bytes and says what is wrong with them; never fetches any.

The same measure is taken of bytes as they arrive and of a file found on disk, and both are held against what
the services publish. Where nothing is published, we hold a found file against the ``Seal`` we made ourselves
when it arrived: it cannot prove that the server was honest, but it shows that the disk was.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from mozbisect.core.model import Build, Digest

_PAGE_STARTS = (b"<!doctype", b"<html", b"<?xml")


@dataclass(frozen=True, slots=True)
class Seal:
    """What we saw of a file when it arrived: its bytes and their SHA-256, in hex."""

    size: int
    sha256: str

    def dump(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def read(cls, path: Path) -> Seal | None:
        """The seal in a file; ``None`` when there is none, or it is none."""
        try:
            said = json.loads(path.read_text("utf-8"))
            return cls(int(said["size"]), str(said["sha256"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None


class Tally:
    """Counts and digests bytes on their way to the disk.

    ``on_the_way``: the server that sends them may say what the whole file is (see ``told``). That is looked at only
    where no ``digest`` was published, which proves more.
    """

    def __init__(self, digest: Digest | None, *, on_the_way: bool = False) -> None:
        self.size = 0
        self._digest = digest
        self._transport: Digest | None = None
        self._md5 = hashlib.md5(usedforsecurity=False) if on_the_way and digest is None else None
        self._sha256 = hashlib.sha256()
        # Nearly every service publishes SHA-256 or SHA-512: a second hash only where it is another one.
        self._other = None if digest is None or digest.algorithm == "sha256" else hashlib.new(digest.algorithm)

    @classmethod
    def of(cls, path: Path, digest: Digest | None = None) -> Tally:
        """The tally of a whole file. Raises ``OSError``."""
        tally = cls(digest)
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                tally.add(chunk)
        return tally

    def told(self, transport: Digest | None) -> None:
        """What the server says of the whole file, be it at its beginning or later (see ``transport_digest``)."""
        self._transport = transport or self._transport

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._sha256.update(chunk)
        for other in (self._other, self._md5):
            if other is not None:
                other.update(chunk)

    @property
    def seal(self) -> Seal:
        return Seal(self.size, self._sha256.hexdigest())

    def complaint(self, build: Build) -> str:
        """What is wrong with the bytes counted, as a whole, for this build; empty when nothing is."""
        if self.size == 0:
            return "the file is empty"
        if build.size is not None and self.size != build.size:
            return f"the file has {self.size:,} bytes instead of {build.size:,}"
        if self._transport is not None and self._md5 is not None and self._md5.hexdigest() != self._transport.hex:
            return "it was damaged on the way: its md5 is not the one that the server said"
        if self._digest is None:
            return ""
        found = (self._other or self._sha256).hexdigest()
        if found == self._digest.hex.lower():
            return ""
        return f"its {self._digest.algorithm} is {found[:16]}… where {self._digest.hex[:16]}… was published"


def transport_digest(headers: Mapping[str, str]) -> Digest | None:
    """What Google's storage says of a file: ``x-goog-hash: crc32c=n03x6A==,md5=Ojk9c3dhfxgoKVVHYwFbHQ==``.

    Also in the answer to a range it is of the whole file, and of the file *as it is stored*: if that is packed, or was
    packed for the way, it says nothing of the bytes that arrive. The md5 is all that is used (Python has no CRC32C); a
    file that was put together from parts has none.
    """
    packed = (headers.get(name, "") for name in ("Content-Encoding", "x-goog-stored-content-encoding"))
    if any(how.strip().lower() not in ("", "identity") for how in packed):
        return None
    for said in headers.get("x-goog-hash", "").split(","):
        name, _, value = said.strip().partition("=")
        with suppress(ValueError):
            raw = base64.b64decode(value, validate=True)
            if name == "md5" and len(raw) == 16:
                return Digest("md5", raw.hex())
    return None


def complaint_about(path: Path, build: Build, seal: Seal | None) -> str:
    """What is wrong with a file found on disk; empty when it can be trusted. Raises ``OSError``.

    A published digest decides. Where none is known, the file has to match its seal.
    """
    size = path.stat().st_size
    if build.size is not None and size != build.size:  # spares us reading a file that is wrong anyway
        return f"the file has {size:,} bytes instead of {build.size:,}"
    if build.digest is None and seal is None:
        return "nothing is known that it could be checked against"
    tally = Tally.of(path, build.digest)
    if build.digest is None and tally.seal != seal:
        return "it changed since it was downloaded"
    return tally.complaint(build)


def is_page(content_type: str, start: bytes) -> bool:
    """An error or log-in page with status 200, where a build should be? ``start``: the first bytes of the body."""
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:16].lower()
    return content_type.partition(";")[0].strip().lower() == "text/html" or plain.startswith(_PAGE_STARTS)
