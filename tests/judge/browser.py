"""A stand-in for a browser with Marionette: ``browser.py MODE … -profile FOLDER``. Speaks as much as a test needs.

``MODE``: plain; mute (never listens); dies (with status 3, before it listens); foreign (bears another mark); old (a
protocol that nobody speaks any more).
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

PREF = re.compile(r'^user_pref\("([^"]+)", (.*)\);$', re.MULTILINE)


def prefs_of(profile: Path) -> dict[str, Any]:
    return {name: json.loads(value) for name, value in PREF.findall((profile / "user.js").read_text())}


class Reply(Exception):
    """An error that is sent back."""


def obey(name: str, params: dict[str, Any], mark: str) -> Any:
    match name, params:
        case "WebDriver:NewSession", _:
            return {"sessionId": "1", "capabilities": {"moz:processID": os.getpid()}}
        case "WebDriver:ExecuteScript", {"args": ["mozbisect.judge.mark"]}:
            return {"value": mark}
        case "Marionette:GetContext", _:
            return {"value": "content"}
        case "WebDriver:GetTitle", _:
            return {"value": "a title"}
        case "WebDriver:Navigate", {"url": "crash:"}:
            os.kill(os.getpid(), signal.SIGSEGV)
        case "WebDriver:Navigate", {"url": "close:"}:
            sys.exit(0)
        case "WebDriver:Navigate", {"url": "hang:"}:
            time.sleep(60)
        case "WebDriver:FindElement", _:
            raise Reply("no such element")
        case "WebDriver:Back", _:
            raise Reply("unknown command")
    return {"value": None}


def send(line: socket.socket, message: object) -> None:
    data = json.dumps(message).encode()
    line.sendall(f"{len(data)}:".encode() + data)


def converse(line: socket.socket, protocol: int, mark: str) -> None:
    send(line, {"applicationType": "gecko", "marionetteProtocol": protocol})
    stream = line.makefile("rb")
    while digits := b"".join(iter(lambda: stream.read(1).strip(b":"), b"")):
        _, number, name, params = json.loads(stream.read(int(digits)))
        try:
            send(line, [1, number, None, obey(name, params, mark)])
        except Reply as error:
            send(line, [1, number, {"error": str(error), "message": f"{name} failed", "stacktrace": ""}, None])


def main(mode: str, words: list[str]) -> None:
    assert {"-marionette", "-remote-allow-system-access"} <= set(words)
    prefs = prefs_of(Path(words[words.index("-profile") + 1]))
    print("listening on", prefs["marionette.port"], flush=True)
    if mode == "dies":
        sys.exit(3)
    if mode == "mute":
        time.sleep(60)
    mark = "another" if mode == "foreign" else prefs["mozbisect.judge.mark"]
    with socket.create_server(("127.0.0.1", prefs["marionette.port"])) as server:
        while True:
            line, _ = server.accept()
            with line, suppress(ConnectionError):  # whoever hangs up
                converse(line, 1 if mode == "old" else 3, mark)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
