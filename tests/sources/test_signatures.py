"""Signatures: whose are believed, and what is said of the others."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pysequoia
import pytest
from pysequoia.packet import PacketPile, Tag

from mozbisect.catalog.keys import fingerprint
from mozbisect.core.errors import CannotRun, UsageError
from mozbisect.memory import Memory
from mozbisect.net.http import Http
from mozbisect.options import RELEASE_KEY
from mozbisect.practice.signing import Key
from mozbisect.sources.signatures import INSTALL, Said, Signatures, must_be_here
from tests.canned import Canned

DATA = Path(__file__).parent.parent / "data" / "signatures"
OLD_KEY = "D342BAB46EEBD33B393A6918B5989435B6E65319"
TEXT = f"{'a' * 64}  linux-x86_64/en-US/firefox-131.0.tar.xz\n"


@pytest.fixture(scope="module")
def key() -> Key:
    return Key()


@pytest.fixture(scope="module")
def other() -> Key:
    return Key("Somebody else <else@practice.invalid>")


def check(
    server: Canned,
    http: Http,
    *,
    signature: str | None,
    key_file: str | None,
    believed: str,
    text: str = TEXT,
    newest: str | None = None,
) -> Said:
    for path, body in (("/SUMS.asc", signature), ("/KEY", key_file), ("/new/KEY", newest)):
        if body is not None:
            server.says(path, body, kind="text/plain")
    signatures = Signatures(http, believed, lambda: f"{server.url}/new/KEY" if newest else None)
    return signatures.check(text, f"{server.url}/SUMS.asc", lambda: [f"{server.url}/KEY"])


def test_a_signature_by_a_subkey_of_the_key_that_is_believed_is_good(server: Canned, http: Http, key: Key) -> None:
    said = check(server, http, signature=key.sign(TEXT), key_file=key.public, believed=key.fingerprint)
    assert said == Said(by=key.fingerprint)


def test_a_signature_of_another_text_is_wrong(server: Canned, http: Http, key: Key) -> None:
    said = check(server, http, signature=key.sign(TEXT + "x"), key_file=key.public, believed=key.fingerprint)
    assert said.by is None
    assert said.wrong.endswith("of another text")


def test_a_signature_by_another_key_is_none_of_ours(server: Canned, http: Http, key: Key, other: Key) -> None:
    said = check(server, http, signature=other.sign(TEXT), key_file=key.public, believed=key.fingerprint)
    assert said == Said(unknown=f"it was made with another key than {key.fingerprint}")


def test_a_key_file_cannot_say_itself_whose_key_is_believed(server: Canned, http: Http, key: Key, other: Key) -> None:
    for files in (other.public, f"{other.public}\n{other.public}"):
        said = check(server, http, signature=other.sign(TEXT), key_file=files, believed=key.fingerprint)
        assert said == Said(unknown=f"no KEY file with the key {key.fingerprint} was found")


def test_a_key_file_with_other_keys_too_gives_the_one_that_is_believed(
    server: Canned, http: Http, key: Key, other: Key
) -> None:
    both = f"Some words\n{other.public}\n{key.public}"
    assert check(server, http, signature=key.sign(TEXT), key_file=both, believed=key.fingerprint).by
    said = check(server, http, signature=other.sign(TEXT), key_file=both, believed=key.fingerprint)
    assert said.by is None
    assert said.unknown


def test_a_subkey_that_somebody_else_put_below_the_key_counts_for_nothing(
    server: Canned, http: Http, key: Key, other: Key
) -> None:
    theirs = list(PacketPile.from_bytes(other.public.encode()))
    first = next(at for at, packet in enumerate(theirs) if packet.tag == Tag.PublicSubkey)
    ours = list(PacketPile.from_bytes(key.public.encode()))
    forged = b"".join(map(bytes, [*ours, *theirs[first : first + 2]]))
    armored = pysequoia.armor(forged, pysequoia.ArmorKind.PublicKey)
    said = check(server, http, signature=other.sign(TEXT), key_file=armored, believed=key.fingerprint)
    assert said.by is None
    assert check(server, http, signature=key.sign(TEXT), key_file=armored, believed=key.fingerprint).by


@pytest.mark.parametrize("page", ["<!DOCTYPE html><title>Sorry</title>", "", "no signature"])
def test_what_is_no_signature_and_no_key_proves_nothing(server: Canned, http: Http, key: Key, page: str) -> None:
    said = check(server, http, signature=page, key_file=key.public, believed=key.fingerprint)
    assert said == Said(unknown="it cannot be read")
    said = check(server, http, signature=key.sign(TEXT), key_file=page, believed=key.fingerprint)
    assert said == Said(unknown=f"no KEY file with the key {key.fingerprint} was found")


def test_where_there_is_no_signature_and_no_key_file_that_is_said(server: Canned, http: Http, key: Key) -> None:
    assert check(server, http, signature=None, key_file=None, believed=key.fingerprint) == Said(unknown="there is none")
    said = check(server, http, signature=key.sign(TEXT), key_file=None, believed=key.fingerprint)
    assert said.unknown.startswith("no KEY file")


# ------------------------------------------------------------------------------------------------ keys grow old


def old(server: Canned, http: Http, signature: str, key_file: str, newest: str | None = None) -> Said:
    def read(name: str) -> str:
        return (DATA / name).read_text("ascii")

    return check(
        server,
        http,
        signature=read(signature),
        key_file=read(key_file),
        believed=OLD_KEY,
        text=read("SUMS"),
        newest=read(newest) if newest else None,
    )


def test_a_signature_is_judged_by_the_time_when_it_was_made(server: Canned, http: Http) -> None:
    """The subkey of 2016 was valid for a year."""
    assert old(server, http, "SUMS.2016.asc", "KEY.2016") == Said(by=OLD_KEY)
    assert old(server, http, "SUMS.2018.asc", "KEY.2018") == Said(by=OLD_KEY)


def test_an_old_subkey_is_found_in_the_key_file_of_its_time(server: Canned, http: Http) -> None:
    """That of today does not have it any more."""
    assert old(server, http, "SUMS.2016.asc", "KEY.2019", newest="KEY.2019").unknown.startswith("it was made with an")
    assert old(server, http, "SUMS.2016.asc", "KEY.2016", newest="KEY.2019") == Said(by=OLD_KEY)


def test_the_key_file_of_today_tells_that_a_subkey_was_revoked(server: Canned, http: Http) -> None:
    said = old(server, http, "SUMS.2018.asc", "KEY.2018", newest="KEY.2019")
    assert said == Said(unknown="the key that made it, 09A6E99B12238863A9C6FA7740C5A8527D1A7C20, was revoked")


def test_a_digest_that_proves_nothing_any_more_is_named(server: Canned, http: Http) -> None:
    said = old(server, http, "SUMS.sha1.asc", "KEY.2016")
    assert said == Said(unknown="it is made with SHA1, which proves nothing any more")


# ------------------------------------------------------------------------------------------------- what it costs


def test_one_key_file_is_enough_for_all_that_its_subkey_has_signed(server: Canned, http: Http, key: Key) -> None:
    signatures = Signatures(http, key.fingerprint, lambda: f"{server.url}/new/KEY")
    server.says("/new/KEY", key.public, kind="text/plain")

    def others() -> Iterable[str]:
        pytest.fail("no other one is needed")

    for number in range(3):
        server.says(f"/{number}.asc", key.sign(TEXT), kind="text/plain")
        assert signatures.check(TEXT, f"{server.url}/{number}.asc", others).by
    assert server.asked == ["/0.asc", "/new/KEY", "/1.asc", "/2.asc"]


def test_signatures_and_keys_are_remembered_and_asked_for_again_when_that_is_wanted(
    server: Canned, key: Key, tmp_path: Path
) -> None:
    server.says("/KEY", key.public, kind="text/plain")
    server.says("/SUMS.asc", key.sign(TEXT), kind="text/plain")
    for fresh, asked in ((False, ["/SUMS.asc", "/KEY"]), (False, []), (True, ["/SUMS.asc", "/KEY"])):
        server.asked.clear()
        http = Http(timeout=5, tries=2, sleep=lambda _: None, memory=Memory(tmp_path, loopback=True))
        signatures = Signatures(http, key.fingerprint)
        assert signatures.check(TEXT, f"{server.url}/SUMS.asc", lambda: [f"{server.url}/KEY"], fresh=fresh).by
        assert server.asked == asked
        http.close()


# ---------------------------------------------------------------------------------------------- what is missing


def test_without_the_library_nothing_is_checked_and_it_is_said_how_to_get_it(
    server: Canned, http: Http, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    signature, public = key.sign(TEXT), key.public
    must_be_here()
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    said = check(server, http, signature=signature, key_file=public, believed=key.fingerprint)
    assert INSTALL in said.unknown
    assert server.asked == []
    with pytest.raises(CannotRun, match=r"pip install 'mozbisect\[signatures\]'"):
        must_be_here()


def test_a_fingerprint_is_a_whole_one() -> None:
    spaced = "14f2 6682 d091 6cdd 81e3  7b6d 61b7 b526 d98f 0353"
    assert fingerprint(spaced) == fingerprint(f"0x{RELEASE_KEY}") == RELEASE_KEY
    for text in ("", "61B7B526D98F0353", RELEASE_KEY[:-1], f"{RELEASE_KEY}0", "G" * 40):
        with pytest.raises(UsageError, match="--release-key"):
            fingerprint(text)
