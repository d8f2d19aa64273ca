"""Reads the lists of checksums that Mozilla publishes beside its builds. Pure: text in, digests out.

Two forms exist. Each nightly has a ``.checksums`` file for its own files, each release one list per algorithm:

    <hash> sha512 <size> <file>          firefox-145.0a1.en-US.linux-x86_64.checksums
    <hash>  <path below the release>     SHA256SUMS, SHA512SUMS

A line that is not understood is passed over: an old list with a new kind of line is still a list.
"""

from __future__ import annotations

import re

from mozbisect.core.model import Digest

# Hex digits of the algorithms that still prove something; lists of 2010 also carry md5 and sha1.
_STRONG = {"sha256": 64, "sha384": 96, "sha512": 128}

_CHECKSUMS_LINE = re.compile(r"([0-9a-fA-F]+)\s+(\w+)\s+(\d+)\s+(\S.*)")
_SUMS_LINE = re.compile(r"([0-9a-fA-F]+)\s+\*?(\S.*)")


def parse_checksums(text: str) -> dict[str, tuple[Digest, int]]:
    """File name → digest and size in bytes, of a ``.checksums`` file. Of several digests the longest is taken."""
    found: dict[str, tuple[Digest, int]] = {}
    for line in text.splitlines():
        if (match := _CHECKSUMS_LINE.fullmatch(line.strip())) is None:
            continue
        digest = _digest(match[2], match[1])
        if digest is None or (match[4] in found and len(found[match[4]][0].hex) >= len(digest.hex)):
            continue
        found[match[4]] = digest, int(match[3])
    return found


def parse_sums(text: str, algorithm: str) -> dict[str, Digest]:
    """Path as written → digest, of a ``SHA256SUMS`` or ``SHA512SUMS`` file; ``algorithm`` is a ``hashlib`` name."""
    found: dict[str, Digest] = {}
    for line in text.splitlines():
        if (match := _SUMS_LINE.fullmatch(line.strip())) is None:
            continue
        if (digest := _digest(algorithm, match[1])) is not None:
            found[match[2]] = digest
    return found


def _digest(algorithm: str, digits: str) -> Digest | None:
    name = algorithm.lower()
    return Digest(name, digits.lower()) if _STRONG.get(name) == len(digits) else None
