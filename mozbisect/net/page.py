"""The text of an answer that was read to its end, and what it turns out to be. Fetches nothing."""

from __future__ import annotations

import email.message
import json
import re
from dataclasses import dataclass

from mozbisect.net.stream import Stream
from mozbisect.net.troubles import Busy, Refused

LONGEST_TEXT = 64 << 20  # bytes; the longest listing of the archive has less than one MiB


@dataclass(frozen=True, slots=True)
class Page:
    """A text. ``url`` is where it came from in the end, after redirections."""

    url: str
    content_type: str
    text: str


def _content_type(header: str) -> tuple[str, str]:
    """``text/html; charset=UTF-8`` → ``("text/html", "utf-8")``. UTF-8 is what Mozilla's servers mean by silence."""
    message = email.message.Message()
    message["Content-Type"] = header or "application/octet-stream"
    return message.get_content_type(), message.get_content_charset("utf-8")


def told(stream: Stream, url: str) -> tuple[str, str]:
    """The type and the text of a page, read to its end. Raises ``Refused`` for what is too long to be one."""
    body = bytearray()
    for chunk in stream.chunks():
        body += chunk
        if len(body) > LONGEST_TEXT:
            raise Refused(f"{url}: more than {LONGEST_TEXT:,} bytes, where a page was expected", url=url)
    content_type, charset = _content_type(stream.headers.get("Content-Type", ""))
    try:
        text = _decoded(body, charset)
    except UnicodeDecodeError as error:
        raise Busy(f"{url}: bytes that are no text in {charset} (at {error.start:,})", url=url) from error
    if _CONTROL.search(text):
        raise Busy(f"{url}: a text with bytes in it that no text has", url=url)
    return content_type, text


# A byte of these in a page was damaged on the way. (Proxies and servers without TLS exist.)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")


def _decoded(body: bytearray, charset: str) -> str:
    """Raises ``UnicodeDecodeError``: what is not text was damaged on the way."""
    try:
        return body.decode(charset)
    except UnicodeDecodeError:
        raise
    except (LookupError, ValueError):  # a charset that there is not, or one that is no charset of a text
        return body.decode("utf-8")


def parsed(page: Page, url: str) -> object:
    try:
        document: object = json.loads(page.text)
    except ValueError as error:
        raise Busy(
            f"{url}: the server answered with {_nature(page)}, where JSON was expected",
            url=url,
            advice="The server has trouble, or a proxy or log-in page stands between; try again later.",
        ) from error
    return document


def _nature(page: Page) -> str:
    """What a text is that should have been JSON."""
    start = page.text.lstrip()[:15].lower()
    if not start:
        return "nothing"
    if page.content_type == "text/html" or start.startswith(("<!doctype", "<html")):
        return "an HTML page"
    return "half a document" if start[0] in "{[" else f"{page.content_type}"
