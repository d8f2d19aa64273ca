"""What the archive publishes of a file's bytes: the strongest digest, and whether its list is signed.

Sources tell where lists may lie; here they are read, one after the other, until one names the file:

    <build>.checksums                 sha512 (384, 256), beside nightlies since 2010 and beside release candidates
    SHA512SUMS, then SHA256SUMS       for all files of a release
    <list>.asc                        its signature: of each release; of nightlies some years had one

A digest is taken from the very text whose signature was checked. What a digest means for a file, ``fetch`` knows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from mozbisect.catalog.checksums import parse_checksums, parse_sums
from mozbisect.core.errors import NoBuild, NotFound, ServerTrouble
from mozbisect.core.model import Digest
from mozbisect.memory import A_DAY, FOREVER
from mozbisect.net.http import Http
from mozbisect.net.page import Page
from mozbisect.sources.signatures import KeyUrls, Said, Signatures

log = logging.getLogger(__name__)
T = TypeVar("T")

SUMS = {"SHA512SUMS": "sha512", "SHA256SUMS": "sha256"}
"""Lists of all files of a folder, the strongest first."""

UNREADABLE = "the digests that are published with it cannot be read, or do not name it"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found: see ``Build`` for what ``signed_by`` and ``unverified`` mean."""

    digest: Digest | None = None
    size: int | None = None
    signed_by: str | None = None
    unverified: str = ""


@dataclass(frozen=True, slots=True)
class Sums:
    """A list of digests; ``algorithm`` is empty where each line names its own.

    ``signed``: its signature should lie beside it. False where a listing has shown none: then none is missed.
    """

    url: str
    algorithm: str
    signed: bool

    @classmethod
    def of_build(cls, url: str, *, signed: bool) -> Sums:
        """A ``.checksums`` file."""
        return cls(url, "", signed)

    @classmethod
    def of_folder(cls, folder: str, name: str, *, signed: bool = True) -> Sums:
        """One of ``SUMS``."""
        return cls(f"{folder}{name}", SUMS[name], signed)

    @property
    def keep(self) -> float:
        """A list for a whole folder may still grow."""
        return A_DAY if self.algorithm else FOREVER


class Digests:
    """Reads lists. ``wanted``: are digests looked for at all; ``signatures``: who checks them, None for nobody."""

    def __init__(self, http: Http, *, wanted: bool = True, signatures: Signatures | None = None) -> None:
        self._http = http
        self._wanted = wanted
        self._signatures = signatures

    def of(self, path: str, lists: Iterable[Sums], keys: KeyUrls) -> Proof:
        """Of a file, from the first list that names it. ``path``: from the folder of the list on.

        Raises ``NoBuild`` if its list is not what was signed, and ``NetworkError`` when nothing answers any more.
        """
        trouble = ""
        for one in lists if self._wanted else ():
            try:
                return self.read(path, one, keys, doubt=True)
            except NotFound:
                continue
            except ServerTrouble as error:
                log.debug("%s: %s", path, error.what)
                trouble = UNREADABLE
        return Proof(unverified=trouble)

    def read(self, path: str, sums: Sums, keys: KeyUrls, *, doubt: bool = False) -> Proof:
        """The same from one list. Raises ``NotFound`` too, and ``ServerTrouble`` if the list does not name the file."""
        page, proof = self._read(path, sums, doubt=doubt, fresh=False)
        if self._signatures is None or not (self._wanted and sums.signed):
            return proof
        said = self._signatures.check(page.text, f"{sums.url}.asc", keys)
        if said.wrong:  # a list may have been replaced since we remembered it, or between the two questions
            page, proof = self._read(path, sums, doubt=doubt, fresh=True)
            said = self._signatures.check(page.text, f"{sums.url}.asc", keys, fresh=True)
        return _with(proof, said, self._signatures.release_key)

    def _read(self, path: str, sums: Sums, *, doubt: bool, fresh: bool) -> tuple[Page, Proof]:
        keep = None if fresh else sums.keep
        return self._http.read(sums.url, partial(_named, path, sums.algorithm), keep=keep, doubt=doubt)


def _with(proof: Proof, said: Said, key: str) -> Proof:
    if said.wrong:
        raise NoBuild(f"the list with its digest is not the one that {key} has signed: {said.wrong}")
    unverified = f"the signature of the list with its digest was not checked: {said.unknown}" if said.unknown else ""
    return Proof(proof.digest, proof.size, said.by, unverified)


def _named(path: str, algorithm: str, page: Page) -> tuple[Page, Proof]:
    if algorithm:
        return page, Proof(_of_file(path, parse_sums(page.text, algorithm), page))
    return page, Proof(*_of_file(path, parse_checksums(page.text), page))


def _of_file(path: str, sums: Mapping[str, T], page: Page) -> T:
    """What is said of a file. A list that does not name it was cut short, or is another page in its place."""
    if path in sums:
        return sums[path]
    for name, value in sums.items():
        if "/" not in path and name.rpartition("/")[2] == path:
            return value
    raise ServerTrouble(f"{page.url} does not name {path}.", url=page.url)
