"""Signatures: one that the scheme's authors published, and those of a client of Taskcluster, if one is installed."""

from __future__ import annotations

import pytest

from mozbisect.practice import hawk
from mozbisect.practice.hawk import ACCESS_TOKEN, CLIENT_ID, Signed, check

URL = "http://127.0.0.1:8000/taskcluster/api/queue/v1/task/abc/artifacts/private%2Fbuild%2Ftarget.tar.xz"


def test_the_published_example_is_signed_rightly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hawk, "CLIENT_ID", "dh37fgj492je")
    monkeypatch.setattr(hawk, "ACCESS_TOKEN", "werxhqb98rpaxn39848xrunpaw3489ruxnpa98w4rxn")
    header = (
        'Hawk id="dh37fgj492je", ts="1353832234", nonce="j4h3g2", ext="some-app-ext-data", '
        'mac="6R4rV5iE+NPoym+WwjeHzjAGXUtLNIxmo1vpMofpLAE="'
    )
    url = "http://example.com:8000/resource/1?b=1&a=2"
    assert check("GET", url, header) is Signed.RIGHTLY
    assert check("HEAD", url, header) is Signed.WRONGLY
    assert check("GET", url + "3", header) is Signed.WRONGLY
    assert check("GET", url, header.replace("j4h3g2", "j4h3g3")) is Signed.WRONGLY


@pytest.mark.parametrize(
    ("authorization", "found"),
    [
        ("", Signed.NOT),
        ("Bearer abc", Signed.WRONGLY),
        ("Hawk", Signed.WRONGLY),
        (f'Hawk id="{CLIENT_ID}", mac="abc"', Signed.WRONGLY),
        ('Hawk id="somebody", ts="1", nonce="2", mac="abc"', Signed.WRONGLY),
    ],
)
def test_what_is_no_signature_is_told_from_none(authorization: str, found: Signed) -> None:
    assert check("GET", URL, authorization) is found


def test_a_broken_bewit_is_wrong() -> None:
    assert check("GET", f"{URL}?bewit=abc", "") is Signed.WRONGLY


def test_what_clients_of_taskcluster_sign_is_right() -> None:
    mohawk = pytest.importorskip("mohawk")
    from mohawk.base import Resource
    from mohawk.bewit import get_bewit

    credentials = {"id": CLIENT_ID, "key": ACCESS_TOKEN, "algorithm": "sha256"}
    for more in ({}, {"ext": "eyJhIjoxfQ=="}):
        sender = mohawk.Sender(credentials, URL, "GET", content="", content_type="", **more)
        assert check("GET", URL, sender.request_header) is Signed.RIGHTLY
    resource = Resource(credentials=credentials, url=URL, method="GET", nonce="", timestamp=1_900_000_000, ext="")
    assert check("GET", f"{URL}?bewit={get_bewit(resource)}", "") is Signed.RIGHTLY
