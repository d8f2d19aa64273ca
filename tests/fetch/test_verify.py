"""Is this file the build that was promised?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.core.model import Digest
from mozbisect.fetch.verify import Seal, Tally, complaint_about, is_page, transport_digest
from tests.fetch.conftest import build_at, sha

BODY = b"a build"
SEAL = Seal(len(BODY), sha("sha256", BODY).hex)
Save = Callable[[str, bytes], Path]


@given(st.lists(st.binary()), st.sampled_from(["sha256", "sha384", "sha512"]))
def test_the_pieces_of_a_file_measure_as_the_whole(pieces: list[bytes], algorithm: str) -> None:
    whole = b"".join(pieces)
    tally = Tally(sha(algorithm, whole))
    for piece in pieces:
        tally.add(piece)
    assert tally.seal == Seal(len(whole), sha("sha256", whole).hex)
    build = build_at("http://a/b", size=len(whole), digest=sha(algorithm, whole))
    assert tally.complaint(build) == ("" if whole else "the file is empty")


def test_one_wrong_bit_is_noticed(saved: Save) -> None:
    for algorithm in ("sha256", "sha512"):
        build = build_at("http://a/b", digest=sha(algorithm, BODY))
        assert complaint_about(saved("right", BODY), build, None) == ""
        assert complaint_about(saved("wrong", b"a cuild"), build, None).startswith(f"its {algorithm} is")


def test_a_published_digest_decides_and_not_our_seal(saved: Save) -> None:
    build = build_at("http://a/b", digest=Digest("sha256", "0" * 64))
    assert complaint_about(saved("f", BODY), build, SEAL)


def test_without_a_digest_the_seal_decides(saved: Save) -> None:
    build = build_at("http://a/b")
    assert complaint_about(saved("f", BODY), build, SEAL) == ""
    assert complaint_about(saved("f", BODY[:-1] + b"x"), build, SEAL) == "it changed since it was downloaded"


def test_a_file_of_which_nothing_is_known_is_not_trusted(saved: Save) -> None:
    path = saved("f", BODY)
    for size in (None, len(BODY)):
        build = build_at("http://a/b", size=size)
        assert complaint_about(path, build, None) == "nothing is known that it could be checked against"


def test_the_length_is_held_against_the_announced_one(saved: Save) -> None:
    build = build_at("http://a/b", size=6)
    assert complaint_about(saved("f", BODY), build, SEAL) == "the file has 7 bytes instead of 6"


def test_a_seal_is_read_as_it_was_written(saved: Save) -> None:
    assert Seal.read(saved("s", SEAL.dump().encode())) == SEAL


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"size": 1}', '{"size": "x", "sha256": ""}', "\xff"])
def test_a_seal_that_is_none_is_none(text: str, saved: Save, tmp_path: Path) -> None:
    assert Seal.read(saved("s", text.encode("latin-1"))) is None
    assert Seal.read(tmp_path / "not there") is None


@pytest.mark.parametrize("start", [b"<!DOCTYPE html>", b" \r\n<html lang=en>", b"\xef\xbb\xbf<HTML>", b"<?xml version"])
def test_a_page_is_known_by_its_beginning(start: bytes) -> None:
    assert is_page("application/octet-stream", start)


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\xfd7zXZ\x00", b"BZh91AY", b"x\x01<html>", b""])
def test_a_build_is_no_page(start: bytes) -> None:
    assert not is_page("application/octet-stream", start)
    assert is_page("Text/HTML; charset=utf-8", start)


MD5 = "XrY7u+Ae7tCTyyK7j1rNww=="  # of "hello world"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"x-goog-hash": f"crc32c=yZRlqg==,md5={MD5}"}, "5eb63bbbe01eeed093cb22bb8f5acdc3"),
        ({"x-goog-hash": f"md5={MD5}, crc32c=yZRlqg=="}, "5eb63bbbe01eeed093cb22bb8f5acdc3"),
        ({"x-goog-hash": "crc32c=yZRlqg=="}, None),  # put together from parts
        (
            {"x-goog-hash": f"md5={MD5}", "x-goog-stored-content-encoding": "identity"},
            "5eb63bbbe01eeed093cb22bb8f5acdc3",
        ),
        ({"x-goog-hash": f"md5={MD5}", "x-goog-stored-content-encoding": "gzip"}, None),  # unpacked for the way
        ({"x-goog-hash": f"md5={MD5}", "Content-Encoding": "gzip"}, None),
        ({"x-goog-hash": "md5=no, md5=, md5, =, md5=YQ==, ,"}, None),
    ],
)
def test_what_the_store_says_of_a_file_counts_where_it_is_of_the_bytes_that_come(
    headers: dict[str, str], expected: str | None
) -> None:
    found = transport_digest(headers)
    assert (found.hex if found else None) == expected


def test_what_the_store_says_is_asked_only_where_nothing_better_was_published() -> None:
    wrong = Digest("md5", "0" * 32)
    alone, beside = Tally(None, on_the_way=True), Tally(sha("sha512", BODY), on_the_way=True)
    for tally in (alone, beside):
        tally.add(BODY)
        tally.told(wrong)
        tally.told(None)
    assert "damaged on the way" in alone.complaint(build_at("http://a/b"))
    assert beside.complaint(build_at("http://a/b", digest=sha("sha512", BODY))) == ""
