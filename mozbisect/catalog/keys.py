"""Fingerprints of OpenPGP keys, as people write them."""

from __future__ import annotations

import re

from mozbisect.core.errors import UsageError

_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")


def fingerprint(text: str) -> str:
    """The fingerprint of a primary key as it is compared: ``14f2 6682 …`` → ``14F26682…``. Raises ``UsageError``.

    Only a whole one: keys with a given short id can be made by anybody.
    """
    found = re.sub(r"[\s:]", "", text).upper().removeprefix("0X")
    if not _FINGERPRINT.fullmatch(found):
        raise UsageError(
            f"--release-key: {text!r} is no fingerprint of a key.", advice="Give all of its 40 hexadecimal digits."
        )
    return found
