"""Lists of digests, signatures and keys that are not what they should be: to see that nobody falls for them."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from threading import Lock

from mozbisect.practice.reply import Reply, as_text
from mozbisect.practice.shelf import of_text
from mozbisect.practice.signing import Key

PAGE = "<!DOCTYPE html>\n<html><head><title>Log in</title></head><body><form>…</form></body></html>\n"

_PACKAGES = (".tar.xz", ".zip", ".dmg", ".exe", ".msi")


class Tamper(StrEnum):
    """What is wrong with the lists of an archive."""

    DIGEST = "wrong-digest"  # all digests are others, and the list is signed as it is
    UNLISTED = "unlisted"  # no package is named, and the list is signed as it is
    SIGNATURE = "wrong-signature"  # it is one of another text
    SIGNER = "other-signer"  # it was made with another key
    KEY = "other-key"  # so it was, and that one lies in the KEY files
    CHANGED = "changed"  # who asks for a list for the first time gets an older one, which the signature is not of
    HTML = "html"  # a page to log in, in place of each list
    HTML_KEY = "html-key"  # or of each KEY file


class Tampering:
    """What a server answers for the files of its archive."""

    def __init__(self, kind: Tamper | str, key: Key) -> None:
        self._kind = Tamper(kind)
        self._key = key
        self._other = Key("Nobody <nobody@practice.invalid>")
        self._lock = Lock()
        self._seen: set[str] = set()

    def touched(self, path: str, reply: Reply, untouched: Callable[[str], Reply]) -> Reply:
        """The answer in place of ``reply``. ``untouched`` gives the answer to another path."""
        name = path.rpartition("/")[2]
        if reply.status != 200:
            return reply
        if name == "KEY":
            return self._key_file(reply)
        if name.endswith(".asc"):
            return self._signature(name, _text(untouched(path.removesuffix(".asc"))))
        return self._list(path, name, reply) if name.endswith(("SUMS", ".checksums")) else reply

    def _key_file(self, reply: Reply) -> Reply:
        match self._kind:
            case Tamper.KEY:
                return of_text("KEY", self._other.public)
            case Tamper.HTML_KEY:
                return as_text(PAGE, 200, "text/html")
        return reply

    def _signature(self, name: str, text: str) -> Reply:
        match self._kind:
            case Tamper.DIGEST | Tamper.UNLISTED:
                return of_text(name, self._key.sign(_CHANGES[self._kind](text)))
            case Tamper.SIGNATURE:
                return of_text(name, self._key.sign("another text\n"))
            case Tamper.SIGNER | Tamper.KEY:
                return of_text(name, self._other.sign(text))
        return of_text(name, self._key.sign(text))

    def _list(self, path: str, name: str, reply: Reply) -> Reply:
        match self._kind:
            case Tamper.DIGEST | Tamper.UNLISTED:
                return of_text(name, _CHANGES[self._kind](_text(reply)))
            case Tamper.CHANGED if self._is_first(path):
                return of_text(name, _with_others(_text(reply)))
            case Tamper.HTML:
                return as_text(PAGE, 200, "text/html")
        return reply

    def _is_first(self, path: str) -> bool:
        with self._lock:
            known = path in self._seen
            self._seen.add(path)
        return not known


def _text(reply: Reply) -> str:
    return reply.part(0, reply.length).decode()


def _with_others(text: str) -> str:
    """The first digit of each digest is another."""
    return "".join(f"{'1' if line[0] == '0' else '0'}{line[1:]}" for line in text.splitlines(keepends=True))


def _without_packages(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.rstrip().endswith(_PACKAGES))


_CHANGES: dict[Tamper, Callable[[str], str]] = {Tamper.DIGEST: _with_others, Tamper.UNLISTED: _without_packages}
