"""The lists of checksums."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mozbisect.catalog.checksums import parse_checksums, parse_sums
from mozbisect.core.model import Digest

SHA512, SHA256, MD5 = "Ab" * 64, "cd" * 32, "ef" * 16


def test_a_checksums_file_gives_digest_and_size_of_each_file() -> None:
    text = f"{SHA512} sha512 74512345 firefox-145.0a1.en-US.linux-x86_64.tar.xz\n{SHA256} sha256 12 Firefox Setup.exe\n"
    assert parse_checksums(text) == {
        "firefox-145.0a1.en-US.linux-x86_64.tar.xz": (Digest("sha512", SHA512.lower()), 74512345),
        "Firefox Setup.exe": (Digest("sha256", SHA256), 12),
    }


def test_of_several_digests_of_a_file_the_longest_counts_whatever_the_order() -> None:
    lines = [f"{SHA512} sha512 5 a", f"{MD5} md5 5 a", f"{SHA256} sha256 5 a"]
    for text in ("\n".join(lines), "\n".join(reversed(lines))):
        assert parse_checksums(text) == {"a": (Digest("sha512", SHA512.lower()), 5)}


def test_a_digest_of_the_wrong_length_proves_nothing() -> None:
    assert parse_checksums(f"{SHA256} sha512 5 a") == {}
    assert parse_sums(f"{SHA256}  a", "sha512") == {}


def test_a_sums_file_gives_a_digest_for_each_path() -> None:
    text = f"{SHA256}  linux-x86_64/en-US/firefox-149.0.tar.xz\n{SHA256} *win64/de/Firefox Setup 149.0.exe\r\n"
    assert parse_sums(text, "sha256") == {
        "linux-x86_64/en-US/firefox-149.0.tar.xz": Digest("sha256", SHA256),
        "win64/de/Firefox Setup 149.0.exe": Digest("sha256", SHA256),
    }


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    parse_checksums(text)
    parse_sums(text, "sha256")


_name = st.from_regex(r"[a-zA-Z0-9_.][a-zA-Z0-9_. /-]{0,30}[a-z]", fullmatch=True)
_hex = st.binary(min_size=64, max_size=64).map(bytes.hex)


@given(st.dictionaries(_name, st.tuples(_hex, st.integers(0, 10**12))))
def test_what_was_written_is_what_is_read(files: dict[str, tuple[str, int]]) -> None:
    text = "\n".join(f"{digest} sha512 {size} {name}" for name, (digest, size) in files.items())
    assert parse_checksums(text) == {name: (Digest("sha512", digest), size) for name, (digest, size) in files.items()}
