"""Who we are for Taskcluster: signed as its verifier wants it, sent nowhere else, and shown to nobody."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator

import mohawk
import pytest

from mozbisect.core.errors import UsageError
from mozbisect.credentials import Credentials, credentials
from mozbisect.net.http import Guard, Http
from mozbisect.net.troubles import Refused
from mozbisect.sources.taskcluster import guard
from tests.serving import Server, Status, serving

TOKEN = "a-very-secret-token"
ME = Credentials("mozilla-auth0/ad|Mozilla-LDAP|jp", TOKEN)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    with serving() as server:
        yield server


def verify(header: str, url: str) -> mohawk.Receiver:
    """As Taskcluster does it: mohawk's own verifier. Raises when the signature does not fit."""
    known = {"id": ME.client_id, "key": TOKEN, "algorithm": "sha256"}
    return mohawk.Receiver(lambda _: known, header, url, "GET", accept_untrusted_content=True)


def authorization(server: Server, path: str) -> list[str | None]:
    return [headers.get("Authorization") for headers in server.asked(path)]


def test_a_request_carries_a_signature_that_the_verifier_accepts(server: Server) -> None:
    server.put("/api/queue/v1/task/x?limit=1", b"{}")
    with_query = f"{server.base}/api/queue/v1/task/x?limit=1"
    assert Http(guard=guard(server.base, ME)).json(with_query) == {}
    (header,) = authorization(server, "/api/queue/v1/task/x?limit=1")
    assert header
    verify(header, with_query)
    assert TOKEN not in header
    with pytest.raises(mohawk.exc.MacMismatch):
        verify(header, f"{server.base}/api/queue/v1/task/other")


def test_temporary_credentials_bring_their_certificate(server: Server) -> None:
    server.put("/api/x", b"{}")
    certificate = {"version": 1, "signature": "s"}
    who = Credentials(ME.client_id, TOKEN, json.dumps(certificate))
    Http(guard=guard(server.base, who)).json(f"{server.base}/api/x")
    (header,) = authorization(server, "/api/x")
    assert header
    ext = verify(header, f"{server.base}/api/x").parsed_header["ext"]
    assert json.loads(base64.b64decode(ext)) == {"certificate": certificate}


def test_each_try_is_signed_anew(server: Server) -> None:
    url = server.put("/api/x", b"{}")
    server.faults["/api/x"] += [Status(503)]
    Http(guard=guard(server.base, ME), sleep=lambda _: None).json(url)
    first, second = authorization(server, "/api/x")
    assert first
    assert second
    assert first != second


@pytest.mark.parametrize("path", ["/", "/apis/x", "/login", "/pub/firefox"])
def test_nothing_outside_the_api_is_signed(server: Server, path: str) -> None:
    url = server.put(path, b"{}")
    Http(guard=guard(server.base, ME)).json(url)
    assert authorization(server, path) == [None]


def test_a_redirection_to_another_port_or_host_carries_no_signature(server: Server, elsewhere: Server) -> None:
    there = elsewhere.put("/api/file", b"{}")
    other_name = there.replace("127.0.0.1", "localhost")
    for number, target in enumerate((there, other_name, f"{server.base}/login")):
        server.put("/login", b"{}")
        url = server.put(f"/api/artifact{number}", b"")
        server.faults[f"/api/artifact{number}"] += [Status(303, {"Location": target})]
        assert Http(guard=guard(server.base, ME)).json(url) == {}
        assert authorization(server, f"/api/artifact{number}") != [None]
    assert authorization(elsewhere, "/api/file") == [None, None]
    assert authorization(server, "/login") == [None]


def test_a_redirection_within_the_api_is_signed_for_its_own_place(server: Server) -> None:
    url = server.put("/api/latest", b"")
    server.put("/api/runs/1", b"{}")
    server.faults["/api/latest"] += [Status(303, {"Location": "/api/runs/1"})]
    Http(guard=guard(server.base, ME)).json(url)
    (header,) = authorization(server, "/api/runs/1")
    assert header
    verify(header, f"{server.base}/api/runs/1")


@pytest.mark.parametrize(
    ("url", "covered"),
    [
        ("https://tc.example/api/index", True),
        ("https://TC.example/api/index", True),
        ("http://tc.example/api/index", False),
        ("https://tc.example:8443/api/index", False),
        ("https://tc.example.evil/api/index", False),
        ("https://tc.example@evil/api/index", False),
        ("https://evil/https://tc.example/api/", False),
        ("https://tc.example/apiary", False),
        ("https://tc.example/api/../login", False),
    ],
)
def test_only_one_origin_and_path_is_guarded(url: str, covered: bool) -> None:
    assert Guard("https://tc.example/api/", None, str).covers(url) is covered


@pytest.mark.parametrize(
    ("who", "status", "says"),
    [
        (None, 401, "TASKCLUSTER_ACCESS_TOKEN"),
        (None, 403, "taskcluster-accesstoken in the configuration file"),
        (ME, 401, "does not accept the credentials"),
        (ME, 403, "scopes"),
    ],
)
def test_a_refusal_says_what_is_needed(server: Server, who: Credentials | None, status: int, says: str) -> None:
    server.faults["/api/x"] += [Status(status)]
    with pytest.raises(Refused) as caught:
        Http(guard=guard(server.base, who)).json(f"{server.base}/api/x")
    assert says in caught.value.advice
    assert TOKEN not in str(caught.value)


def test_a_refusal_of_another_service_says_nothing_of_taskcluster(server: Server) -> None:
    server.faults["/json-pushes"] += [Status(403)]
    with pytest.raises(Refused) as caught:
        Http(guard=guard(server.base, None)).json(f"{server.base}/json-pushes")
    assert caught.value.advice == ""


def test_the_token_is_shown_to_nobody(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = server.put("/api/x", b"{}")
    who = Credentials("me", TOKEN, '{"signature": "sig"}')
    Http(guard=guard(server.base, who)).json(url)
    for text in (repr(who), str(who), f"{who}", caplog.text):
        assert TOKEN not in text
        assert "sig" not in text.replace("signature", "")


# ------------------------------------------------------------------------------------------------- from where

OURS = {"TASKCLUSTER_CLIENT_ID": "env", "TASKCLUSTER_ACCESS_TOKEN": "t1"}
KEPT = {"taskcluster-clientid": "file", "taskcluster-accesstoken": "t2"}


def test_the_environment_wins_over_the_file_and_the_two_are_never_mixed() -> None:
    assert credentials(OURS, KEPT) == Credentials("env", "t1")
    assert credentials({}, KEPT) == Credentials("file", "t2")
    assert credentials({"TASKCLUSTER_CLIENT_ID": "env"}, KEPT) == Credentials("file", "t2")
    assert credentials({"TASKCLUSTER_ACCESS_TOKEN": "x"}, {"taskcluster-clientid": "file"}) is None
    assert credentials({}, {}) is None


def test_a_certificate_belongs_to_the_environment() -> None:
    assert credentials({**OURS, "TASKCLUSTER_CERTIFICATE": '{"a": 1}'}, {}) == Credentials("env", "t1", '{"a": 1}')
    assert credentials({**OURS, "TASKCLUSTER_CERTIFICATE": ""}, {}) == Credentials("env", "t1")
    with pytest.raises(UsageError, match="TASKCLUSTER_CERTIFICATE"):
        credentials({**OURS, "TASKCLUSTER_CERTIFICATE": "nonsense"}, {})


def test_a_line_end_is_no_part_of_a_token_and_other_odd_characters_are_said_without_it() -> None:
    assert credentials({**OURS, "TASKCLUSTER_ACCESS_TOKEN": "t1\n"}, {}) == Credentials("env", "t1")
    with pytest.raises(UsageError) as caught:
        credentials({**OURS, "TASKCLUSTER_ACCESS_TOKEN": "t\N{BULLET}cret"}, {})
    assert "cret" not in str(caught.value)
