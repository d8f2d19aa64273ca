"""Is a list of digests signed with the release key? All that knows OpenPGP (but for the practice archive's own key).

What is believed is one fingerprint, which a person can name and no server can: ``--release-key``, or else Mozilla's.
The certificate that belongs to it comes from the ``KEY`` files of the archive; one of any other fingerprint is passed
over. Whether a subkey belongs to it, and was valid when it signed, is told by the certificate's own signatures, which
pysequoia checks. That is an optional extra, and imported with the first signature.
"""

from __future__ import annotations

import importlib.util
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from mozbisect.catalog.keys import fingerprint
from mozbisect.core.errors import CannotRun, NotFound, ServerTrouble
from mozbisect.memory import FOREVER
from mozbisect.net.http import Http
from mozbisect.net.page import Page

if TYPE_CHECKING:
    from pysequoia import Cert, Sig

log = logging.getLogger(__name__)

INSTALL = "pip install 'mozbisect[signatures]'"
ABSENT = f"pysequoia is not installed ({INSTALL})"

_BLOCK = re.compile(r"-----BEGIN PGP PUBLIC KEY BLOCK-----.*?-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL)
_TROUBLE = (RuntimeError, ValueError, TypeError)  # what pysequoia raises for whatever it is not content with

# Two texts with one such digest can be made, so that a signature of it says nothing. Sums of 2015 may still have them.
_WEAK = frozenset({"MD5", "SHA1", "RipeMD"})


@dataclass(frozen=True, slots=True)
class Said:
    """What a signature came to: right (``by`` whose primary key), ``wrong``, or why it is ``unknown``."""

    by: str | None = None
    wrong: str = ""
    unknown: str = ""


def is_here() -> bool:
    """Is there a library that can check signatures?"""
    try:
        return importlib.util.find_spec("pysequoia") is not None
    except ValueError:  # it is being kept away
        return False


def must_be_here() -> None:
    """Raises ``CannotRun`` where no signature can be checked."""
    if not is_here():
        raise CannotRun("--verify require needs pysequoia, to check signatures.", advice=f"Get it with: {INSTALL}")


KeyUrls = Callable[[], Iterable[str]]
"""Where KEY files may lie, the likeliest first; called only if they are needed."""


class Signatures:
    """Checks signatures by one primary key. May be asked from several threads.

    ``newest`` tells where the KEY file of today lies. It is read first, because it tells which subkeys were revoked;
    those that signed in earlier years are found in the KEY files of those years.
    """

    def __init__(self, http: Http, release_key: str, newest: Callable[[], str | None] = lambda: None) -> None:
        self._http = http
        self.release_key = fingerprint(release_key)
        self._newest = newest
        self._lock = Lock()
        self._read: set[str] = set()
        self._cert: Cert | None = None  # all that was read of it, merged

    def check(self, text: str, url: str, keys: KeyUrls, *, fresh: bool = False) -> Said:
        """The signature of ``text`` that lies at ``url``.

        ``fresh``: whatever is remembered is asked for again. Raises ``NetworkError`` when nothing answers any more.
        """
        if not is_here():
            return Said(unknown=ABSENT)
        try:
            signature = self._http.read(url, _signature, keep=None if fresh else FOREVER, doubt=True)
        except NotFound:
            return Said(unknown="there is none")
        except ServerTrouble as error:
            log.debug("%s: %s", url, error.what)
            return Said(unknown="it cannot be read")
        self._learn_newest()
        if self._is_good(signature, text, self._cert):
            return Said(by=self.release_key)
        was_good = False
        for key in keys():
            cert = self._learn(key, fresh=fresh)
            if self._is_good(signature, text, self._cert):
                return Said(by=self.release_key)
            was_good = was_good or self._is_good(signature, text, cert)
        return (
            Said(unknown=f"the key that made it, {_issuer(signature)}, was revoked")
            if was_good
            else self._why(signature)
        )

    def _why(self, signature: Sig) -> Said:
        """Why a signature is not good; wrong is only one that could be checked."""
        if self._cert is None:
            return Said(unknown=f"no KEY file with the key {self.release_key} was found")
        if _issuer(signature) not in _members(self._cert):
            return Said(unknown=f"it was made with another key than {self.release_key}")
        weak = str(signature.hash_algorithm).rpartition(".")[2]
        if weak in _WEAK:
            return Said(unknown=f"it is made with {weak}, which proves nothing any more")
        return Said(wrong=f"it was made with {_issuer(signature)}, and of another text")

    def _is_good(self, signature: Sig, text: str, cert: Cert | None) -> bool:
        from pysequoia import verify

        if cert is None:
            return False
        try:
            found = verify(bytes=text.encode(), store=lambda _: [cert], signature=signature)
        except _TROUBLE as error:
            log.debug("not signed: %s", _first_line(error))
            return False
        return any(str(one.certificate).upper() == self.release_key for one in found.valid_sigs)

    def _learn_newest(self) -> None:
        """Once a run, and whoever comes meanwhile waits: what is believed must not depend on who asks first."""
        with self._lock:
            if "newest" in self._read:
                return
            if (url := self._newest()) is not None:
                self._merge(self._certificate(url, fresh=False))
            self._read.add("newest")

    def _learn(self, url: str, *, fresh: bool) -> Cert | None:
        """Take in the certificate of a KEY file, if it is the one that is believed."""
        cert = self._certificate(url, fresh=fresh)
        with self._lock:
            self._merge(cert)
        return cert

    def _merge(self, cert: Cert | None) -> None:
        if cert is not None:
            self._cert = cert if self._cert is None else self._cert.merge(cert)

    def _certificate(self, url: str, *, fresh: bool) -> Cert | None:
        try:
            certs = self._http.read(url, _certs, keep=None if fresh else FOREVER, doubt=True)
        except (NotFound, ServerTrouble) as error:
            log.debug("no certificate: %s", error.what)
            return None
        found = [cert for cert in certs if cert.fingerprint.upper() == self.release_key]
        if not found:
            log.debug("%s holds %s, which is not asked for", url, ", ".join(cert.fingerprint for cert in certs))
            return None
        return found[0]


def _signature(page: Page) -> Sig:
    from pysequoia import Sig

    try:
        return Sig.from_bytes(page.text.encode())
    except _TROUBLE as error:
        raise ServerTrouble(f"{page.url} is no signature ({_first_line(error)}).", url=page.url) from None


def _certs(page: Page) -> Sequence[Cert]:
    from pysequoia import Cert

    try:
        found = [cert for block in _BLOCK.findall(page.text) for cert in Cert.split_bytes(block.encode())]
    except _TROUBLE as error:
        raise ServerTrouble(f"{page.url} holds no key ({_first_line(error)}).", url=page.url) from None
    if not found:
        raise ServerTrouble(f"{page.url} holds no key.", url=page.url)
    return found


def _issuer(signature: Sig) -> str:
    """The fingerprint of the subkey that made it, or its last 16 digits, as old signatures have them."""
    return (signature.issuer_fingerprint or signature.issuer_key_id or "nobody").upper()


def _members(cert: Cert) -> frozenset[str]:
    """What its primary key and its subkeys may be called by a signature."""
    from pysequoia.packet import PacketPile

    packets = list(PacketPile.from_bytes(bytes(cert)))
    return frozenset(name.upper() for one in packets for name in (one.fingerprint, one.key_id) if name)


def _first_line(error: Exception) -> str:
    """Without the stack that pysequoia adds."""
    return str(error).partition("\n")[0].rstrip(".")
