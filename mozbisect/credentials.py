"""Who we are for Taskcluster: needed for private builds only.

The token never leaves this module but as the signature of a request (Hawk): it is no option, and so is in no
journal, no report and no log.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mozbisect.core.errors import UsageError

VARIABLES = ("TASKCLUSTER_CLIENT_ID", "TASKCLUSTER_ACCESS_TOKEN")
KEYS = ("taskcluster-clientid", "taskcluster-accesstoken")
CERTIFICATE = "TASKCLUSTER_CERTIFICATE"

Sign = Callable[[str, str], Mapping[str, str]]
"""(method, URL) → the headers that say who asks."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """``certificate`` is the JSON text that belongs to temporary credentials."""

    client_id: str
    access_token: str = field(repr=False)
    certificate: str | None = field(default=None, repr=False)

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        """The headers for one request; good for a few minutes, and for this URL only."""
        import mohawk

        sender = mohawk.Sender(
            {"id": self.client_id, "key": self.access_token, "algorithm": "sha256"},
            url,
            method,
            always_hash_content=False,  # a GET has none
            ext=self._ext(),
        )
        return {"Authorization": str(sender.request_header)}

    def _ext(self) -> str | None:
        if self.certificate is None:
            return None
        row = {"certificate": json.loads(self.certificate)}
        return base64.b64encode(json.dumps(row).encode()).decode()


def credentials(environment: Mapping[str, str], configured: Mapping[str, str]) -> Credentials | None:
    """From the environment if both parts are there, else from the configuration file. Raises ``UsageError``.

    A client id from one place is never put together with a token from the other.
    """
    for place, names in (
        (environment, VARIABLES),
        (configured, KEYS),
    ):
        client, token = (place.get(name, "").strip() for name in names)
        if client and token:
            certificate = environment.get(CERTIFICATE) if place is environment else None
            return Credentials(_plain(client, names[0]), _plain(token, names[1]), _certificate(certificate))
    return None


def _plain(text: str, name: str) -> str:
    """Raises ``UsageError`` without the text: it may be the token."""
    if not (text.isascii() and text.isprintable()) or '"' in text:
        raise UsageError(f"{name} holds a character that no such thing has.", advice="Copy it once more.")
    return text


def _certificate(text: str | None) -> str | None:
    if not text:
        return None
    try:
        whole = isinstance(json.loads(text), dict)
    except ValueError:
        whole = False
    if not whole:
        raise UsageError(f"{CERTIFICATE} is no JSON object.", advice="Leave it out for permanent credentials.")
    return text
