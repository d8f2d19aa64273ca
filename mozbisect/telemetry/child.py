"""The helper process, the only place that knows Glean: it sends what waits in a folder, or takes back what was sent.

Run by path, as a script of its own, so that whatever the SDK does (wait for a server for a minute, panic, print)
happens in a process on which nobody waits. It imports nothing of ours, asks nobody, and answers to nobody. The words
of its one argument are made by ``helper.order``; the names of the files are those of ``folder``.

One Glean, one data folder, one process: whoever comes second waits for the lock. A second Glean in the same process
panics, so a process does one job, and begins anew for another.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

QUEUE_LIMIT = 60
"""Seconds to wait for the helpers of other runs."""

MOST = 10
"""New pings that one process sends: Glean lets 15 through in a minute, and waits for the rest of it."""


def main() -> None:
    order = json.loads(sys.argv[1])
    sys.path.extend(entry for entry in order["path"] if entry not in sys.path)
    _limit(QUEUE_LIMIT)
    if order["trial"]:
        Definitions(order)
        return
    if order["show"]:
        _show(order)
        return
    _stand_back()
    root = Path(order["root"])
    with (root / "lock").open("ab") as file:
        _lock(file)
        _limit(order["limit"])
        if _take_back_is_asked(root):
            _take_back(root, order)
            if order["upload"] and _waiting(root):
                # Not even the ends of this process are waited for: they are what blocks.
                os.execv(sys.executable, [sys.executable, "-P", *sys.argv])  # noqa: S606
        elif order["upload"] and not _refused(root):
            _send(root, order)


# ---------------------------------------------------------------------------------------------- the two jobs


def _send(root: Path, order: Mapping[str, Any]) -> None:
    paths = _waiting(root)
    if not paths:
        return  # another helper has sent ours as well
    _must_be_usable(root / "glean")
    try:
        definitions = Definitions(order)
    except BaseException:
        for path in paths:  # else they would pile up until somebody mends the installation
            path.unlink(missing_ok=True)
        raise
    glean = Glean(definitions, order, root / "glean", upload=True, uploader=_Uploader(root / "withdraw"))
    for path in paths[:MOST]:
        with suppress(Exception):  # whatever that file is, it must not keep the others
            glean.submit(json.loads(_taken(path)))
    glean.close()


def _take_back(root: Path, order: Mapping[str, Any]) -> None:
    """Glean asks for deletion when it begins switched off. Without a network, the request stays in its folder."""
    data = root / "glean"
    # Left there, they would be sent behind the request (glean-sdk 64 to 71).
    shutil.rmtree(data / "pending_pings", ignore_errors=True)
    _must_be_usable(data)
    Glean(Definitions(order), order, data, upload=False, uploader=_Uploader(root / "withdraw")).close()
    (root / "withdraw").unlink(missing_ok=True)
    if not any((data / "deletion_request").glob("*")):
        shutil.rmtree(data, ignore_errors=True)


def _show(order: Mapping[str, Any]) -> None:
    """Print what would be sent, as the real Glean makes it, from a copy of its data."""
    data = Path(order["root"]) / "glean"
    with tempfile.TemporaryDirectory(prefix="mozbisect-telemetry-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / "glean"
        for name in ("db", "client_id.txt"):
            if (data / name).is_dir():
                shutil.copytree(data / name, copy / name)
            elif (data / name).is_file():
                copy.mkdir(exist_ok=True)
                shutil.copy(data / name, copy / name)
        glean = Glean(Definitions(order), order, copy, upload=True, uploader=_Printer())
        glean.submit(order["show"])
        glean.close()


# -------------------------------------------------------------------------------------------------- the SDK


class Definitions:
    """The SDK and what it makes of our two files; nothing is begun or written. Raises whatever the SDK raises."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        import glean
        import glean_parser

        self.sdk = glean
        try:
            self.metrics = glean.load_metrics(order["metrics"])
            self.pings = glean.load_pings(order["pings"])
        except Exception as error:
            # The SDK imports any version of it with a warning, and stumbles here over what is missing in an old one.
            why = " ".join(f"{type(error).__name__}: {error}".split())
            raise SystemExit(f"it cannot use glean-parser {glean_parser.__version__} ({why})") from error


class Glean:
    """The SDK, begun once: first everything is recorded, then everything is sent.

    Left to itself it uploads in between, on the one thread that records as well. With a server that is slow or away,
    what was not recorded yet would be lost; and an upload that overtakes the beginning makes Glean forget that it was
    switched off, or panic. It sends nothing of its own accord (its ``health`` ping) and starts no further process.
    """

    def __init__(
        self, definitions: Definitions, order: Mapping[str, Any], data: Path, *, upload: bool, uploader: Any
    ) -> None:
        from glean.net import PingUploadWorker

        glean = self._sdk = definitions.sdk
        self._metrics, self._pings = definitions.metrics, definitions.pings
        self._upload = PingUploadWorker.process
        PingUploadWorker.process = _not_now
        glean.Glean.initialize(
            application_id=order["application"],
            application_version=order["version"],
            upload_enabled=upload,
            data_dir=data,
            log_level=20 if order["log"] else None,
            configuration=glean.Configuration(
                server_endpoint=order["server"],
                ping_uploader=uploader,
                allow_multiprocessing=False,
                enable_internal_pings=False,
            ),
        )

    def submit(self, values: Mapping[str, str]) -> None:
        """One usage ping. A value whose name ends in ``_date`` is a day. Raises for what is no ping of ours.

        That is found out before anything is set: half of it would be said by the next ping.
        """
        usage = self._metrics.usage
        for set_metric, value in [(getattr(usage, name).set, _value(name, text)) for name, text in values.items()]:
            set_metric(value)
        self._pings.usage.submit()

    def close(self) -> None:
        self._sdk.Glean.shutdown()  # returns once all is recorded
        self._upload()


def _not_now(testing_mode: bool = False) -> None:
    """Instead of an upload."""


def _value(name: str, text: str) -> str | datetime:
    """Raises ``TypeError`` and ``ValueError`` for what the SDK would not take."""
    if not isinstance(text, str):
        raise TypeError(name)
    text.encode()  # half a character
    return _midnight(text) if name.endswith("_date") else text


def _midnight(day: str) -> datetime:
    """In UTC: the SDK gets every offset west of it wrong."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


class _Uploader:
    """Glean's own, but once a person has said no, nothing but the request for deletion passes."""

    def __init__(self, refusal: Path) -> None:
        self._refusal = refusal

    def do_upload(self, request: Any) -> Any:
        from glean.net import HttpClientUploader
        from glean.net.ping_uploader import UploadResult

        if "/deletion-request/" not in request.request.url and self._refusal.exists():
            return UploadResult.UNRECOVERABLE_FAILURE(0)  # which makes Glean forget it
        return HttpClientUploader.upload(request)


class _Printer:
    """Sends nothing: prints the request that would be sent, as a line of JSON."""

    def do_upload(self, request: Any) -> Any:
        import gzip

        from glean.net.ping_uploader import UploadResult

        sent = request.request
        body = gzip.decompress(sent.body) if sent.body[:2] == b"\x1f\x8b" else sent.body
        print(json.dumps({"url": sent.url, "headers": dict(sent.headers), "body": json.loads(body)}))  # noqa: T201
        sys.stdout.flush()
        return UploadResult.HTTP_STATUS(200)


# ---------------------------------------------------------------------------------------------- the folder


def _waiting(root: Path) -> list[Path]:
    """Files: what else has got there is no ping, and is passed over."""
    return sorted(path for path in (root / "waiting").glob("*.json") if path.is_file())


def _taken(path: Path) -> bytes:
    """What the file says; from here on it is gone, whether it can be read or not.

    Before it is sent: one too few is better than the same one twice, or one over which every helper stumbles.
    """
    try:
        return path.read_bytes()
    finally:
        path.unlink()


def _must_be_usable(data: Path) -> None:
    """In a folder in which it cannot write, Glean panics, or waits. Raises ``OSError``."""
    for folder in (data, *(data / name for name in ("db", "deletion_request", "events", "pending_pings", "tmp"))):
        if folder.exists() and not folder.is_dir():
            folder.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def _take_back_is_asked(root: Path) -> bool:
    return (root / "withdraw").exists()


def _refused(root: Path) -> bool:
    """Was a no said since this process was started?"""
    try:
        return (root / "choice").read_text(encoding="utf-8").startswith("no")
    except OSError:
        return False


# ------------------------------------------------------------------------------------------------- manners


def _limit(seconds: float) -> None:
    """End this process after so long, wherever it then is: inside the SDK no exception would end it."""
    if sys.platform != "win32":
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # which kills, whatever whoever started us had made of it
        signal.setitimer(signal.ITIMER_REAL, seconds)
        return
    watchdog = threading.Timer(seconds, lambda: os._exit(0))
    watchdog.daemon = True
    watchdog.start()


def _stand_back() -> None:
    """Builds are being tested on this machine. (On Windows whoever starts us has seen to it.)"""
    if sys.platform != "win32":
        with suppress(OSError):
            os.nice(15)


def _lock(file: IO[bytes]) -> None:
    """Wait for the lock; it goes with this process, however that ends."""
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
        return
    import msvcrt

    while True:
        with suppress(OSError):
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # tries for ten seconds
            return


if __name__ == "__main__":
    main()
