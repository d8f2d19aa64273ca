"""The key of a practice archive, with which it signs its lists of digests: made anew for each server, never on disk.

So nobody else can have it, and what it has signed is worth nothing tomorrow. Without pysequoia there is no key, and
nothing is signed.
"""

from __future__ import annotations

import importlib.util
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pysequoia import Tsk


def can_sign() -> bool:
    """Is there a library to sign with?"""
    try:
        return importlib.util.find_spec("pysequoia") is not None
    except ValueError:  # it is being kept away
        return False


class Key:
    """A primary key and its subkeys, made when they are first needed. May be used from several threads."""

    def __init__(self, name: str = "Practice Releases <release@practice.invalid>") -> None:
        self._name = name
        self._lock = Lock()
        self._made: Tsk | None = None

    @property
    def fingerprint(self) -> str:
        """Of the primary key, as ``--release-key`` takes it."""
        return self._secret.extract_certificate().fingerprint.upper()

    @property
    def public(self) -> str:
        """What a ``KEY`` file holds."""
        return str(self._secret.extract_certificate())

    def sign(self, text: str) -> str:
        """A detached signature."""
        from pysequoia import SignatureMode, sign

        return sign(self._secret.signer(), text.encode(), mode=SignatureMode.DETACHED).decode()

    @property
    def _secret(self) -> Tsk:
        with self._lock:
            if self._made is None:
                from pysequoia import Tsk

                self._made = Tsk.generate(self._name)
            return self._made
