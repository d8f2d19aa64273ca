"""Versions as they were released: their order, their channel, and the tag and the repository that each was built from.

    131.0  131.0.3     release    mozilla-release   FIREFOX_131_0_3_RELEASE
    132.0b4            beta       mozilla-beta      FIREFOX_132_0b4_RELEASE
    115.3.0esr         esr        mozilla-esr115    FIREFOX_115_3_0esr_RELEASE

A bare number (``131``) is no such version but a time on mozilla-central: see ``releases``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mozbisect.core.errors import UsageError

_VERSION = re.compile(r"(\d+(?:\.\d+){1,3})(?:(b|rc)(\d+)|(esr))?")

CHANNELS = {"b": "beta", "rc": "beta", "esr": "esr", None: "release"}

_STAGES = ("b", "rc", "")

_BRANCHES = {
    "gecko": {"release": "mozilla-release", "beta": "mozilla-beta", "esr": "mozilla-esr{}"},
    "comm": {"release": "comm-release", "beta": "comm-beta", "esr": "comm-esr{}"},
}
_PRODUCTS = {"gecko": "FIREFOX", "comm": "THUNDERBIRD"}

TRUNKS = {"gecko": "mozilla-central", "comm": "comm-central"}
LEFT_TRUNK = {"gecko": "FIREFOX_NIGHTLY_{}_END", "comm": "NIGHTLY_{}_END"}
"""The tag that the trunk got on its last changeset of a version, from which the version's beta branch begins."""


Key = tuple[tuple[int, ...], int, int]


@dataclass(frozen=True, slots=True)
class Version:
    """One version; ``text`` is how it is written, ``numbers`` have no zeros at their end."""

    text: str
    numbers: tuple[int, ...]
    channel: str
    stage: str = ""  # b and rc come before the version itself
    number: int = 0  # of a beta or a release candidate

    @property
    def key(self) -> Key:
        """In the order of this the code grew: the betas of a version, the version, its updates."""
        return self.numbers, _STAGES.index(self.stage), self.number

    def repo(self, family: str) -> str:
        """The repository that it was built from. ``family``: gecko or comm."""
        return _BRANCHES[family][self.channel].format(self.numbers[0])

    def tag(self, family: str) -> str:
        """The tag that the release automation gave to its changeset."""
        return f"{_PRODUCTS[family]}_{self.text.replace('.', '_')}_RELEASE"


def parse(text: str) -> Version | None:
    """The version that a text names, or None: ``131`` alone is none, nor are ``0.10rc`` and ``38.0.5b1-2``."""
    match = _VERSION.fullmatch(text)
    if match is None or (match[2] and not match[3]):
        return None
    numbers = [int(number) for number in match[1].split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return Version(text, tuple(numbers), CHANNELS[match[2] or match[4]], match[2] or "", int(match[3] or 0))


def key_of(text: str) -> Key:
    """Where a version stands in the order; 131 alone is 131.0. Raises ``UsageError``."""
    version = parse(text) or parse(f"{text}.0")
    if version is None:
        raise UsageError(
            f"{text} is no version that was released.", advice="For example: 131.0.3, 132.0b4, 115.3.0esr."
        )
    return version.key


def tag_on(text: str, repo: str, family: str) -> str | None:
    """The tag that a release number means on a release branch, also a bare one; None where it means none there.

    On a beta branch a whole version is where that version left for the release branch, as in mozregression.
    """
    number = text.removesuffix(".0")
    if number.isdigit():
        if repo.endswith("-beta"):
            return f"BETA_{number}_BASE" if family == "comm" else f"FIREFOX_RELEASE_{number}_BASE"
        text = f"{number}.0"
    if "-esr" in repo and not text.endswith("esr"):
        text = f"{text}esr"
    version = parse(text)
    if version is None or version.repo(family) != repo:
        return None
    return version.tag(family)


_TAG_CHANNELS = (
    (re.compile(r"_(\d+)(?:_\d+)+esr_(?:RELEASE|BUILD\d+)"), "esr"),
    (re.compile(r"_\d+(?:_\d+)*b\d+_(?:RELEASE|BUILD\d+)"), "beta"),
    (re.compile(r"_\d+(?:_\d+)+_(?:RELEASE|BUILD\d+)"), "release"),
    (re.compile(r"(?:FIREFOX_RELEASE|BETA)_\d+_(?:BASE|END)"), "beta"),
)


def repo_of_tag(tag: str) -> str | None:
    """The repository where a tag's changeset was built, as far as the tag's form tells."""
    family = "comm" if tag.startswith("THUNDERBIRD") else "gecko"
    for pattern, channel in _TAG_CHANNELS:
        if match := pattern.search(tag):
            return _BRANCHES[family][channel].format(match[1] if match.groups() else "")
    return None
