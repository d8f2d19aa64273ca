"""The helper process with the real SDK and a real server: what arrives, and what no trouble of the SDK changes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mozbisect import __version__
from mozbisect.telemetry import helper
from mozbisect.telemetry.folder import Folder
from mozbisect.telemetry.helper import LIMIT, Destination
from tests.telemetry.catching import Catcher, catching, validate

NOWHERE = Destination("http://127.0.0.1:9")  # where nobody answers
USAGE = {
    "variant": "console",
    "app": "firefox",
    "build_type": "shippable",
    "good_date": "2026-01-02",
    "bad_date": "2026-02-28",
    "linux_distro": "debian",
    "linux_version": "12",
    "python_version": "3.13.1",
}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "telemetry")


def at(catcher: Catcher) -> Destination:
    return Destination(catcher.url)


def use(folder: Folder, to: Destination, values: Mapping[str, str] = USAGE, limit: float = LIMIT) -> int:
    """One use, from the ping that waits to the end of its helper."""
    folder.wait(values)
    return helper.start(folder, to, upload=True, limit=limit).wait()


def take_back(folder: Folder, to: Destination, limit: float = LIMIT) -> int:
    assert folder.withdraw()
    return helper.start(folder, to, upload=False, limit=limit).wait()


# ------------------------------------------------------------------------------------------- what arrives


def test_the_request_is_the_one_that_the_pipeline_takes(folder: Folder, catcher: Catcher) -> None:
    assert use(folder, at(catcher)) == 0
    (caught,) = catcher.all
    assert re.fullmatch(r"/submit/org-mozilla-mozbisect/usage/1/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", caught.path)
    assert caught.headers["Content-Type"] == "application/json; charset=utf-8"
    assert caught.headers["Content-Encoding"] == "gzip"
    assert caught.headers["X-Telemetry-Agent"].startswith("Glean/")
    assert "X-Debug-ID" not in caught.headers
    assert caught.raw[:2] == b"\x1f\x8b"
    validate(caught)
    assert caught.values == USAGE
    assert caught.body["metrics"]["datetime"] == {
        "usage.good_date": "2026-01-02+00:00",
        "usage.bad_date": "2026-02-28+00:00",
    }
    assert caught.body["client_info"]["app_display_version"] == __version__
    assert caught.body["client_info"]["client_id"] == folder.client_id


def test_a_body_that_the_pipeline_would_refuse_is_noticed(folder: Folder, catcher: Catcher) -> None:
    import jsonschema

    use(folder, at(catcher))
    (caught,) = catcher.all
    caught.body["client_info"]["client_id"] = "me"
    with pytest.raises(jsonschema.ValidationError):
        validate(caught)


def test_uses_are_numbered_and_come_from_one_client(folder: Folder, catcher: Catcher) -> None:
    for app in ("firefox", "fenix", "thunderbird"):
        use(folder, at(catcher), {**USAGE, "app": app})
    assert [caught.values["app"] for caught in catcher.all] == ["firefox", "fenix", "thunderbird"]
    assert [caught.body["ping_info"]["seq"] for caught in catcher.all] == [0, 1, 2]
    assert len({caught.body["client_info"]["client_id"] for caught in catcher.all}) == 1


def test_what_one_use_said_is_not_said_by_the_next(folder: Folder, catcher: Catcher) -> None:
    folder.wait(USAGE)
    folder.wait({"variant": "mach", "app": "fenix"})
    helper.start(folder, at(catcher), upload=True).wait()
    assert [caught.values for caught in catcher.all] == [USAGE, {"variant": "mach", "app": "fenix"}]


def test_a_tag_marks_the_pings(folder: Folder, catcher: Catcher) -> None:
    use(folder, Destination(catcher.url, debug_tag="mozbisect-1"))
    assert catcher.next().headers["X-Debug-ID"] == "mozbisect-1"


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "Pacific/Kiritimati"])
def test_a_day_stays_that_day_in_every_time_zone(
    folder: Folder, catcher: Catcher, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    use(folder, at(catcher), {"launch_date": "2026-02-03"})
    assert catcher.next().body["metrics"]["datetime"] == {"usage.launch_date": "2026-02-03+00:00"}


def test_it_says_nothing_and_needs_nobody(folder: Folder, catcher: Catcher, tmp_path: Path) -> None:
    folder.wait(USAGE)
    order = helper._order(folder, at(catcher), upload=True)
    line = [sys.executable, "-P", str(helper._CHILD), json.dumps(order)]
    done = subprocess.run(line, capture_output=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert catcher.kinds == ["usage"]  # and no "health" beside it


def test_it_is_in_a_session_of_its_own_and_gives_way(folder: Folder, catcher: Catcher) -> None:
    seen: list[tuple[int, int]] = []
    folder.wait(USAGE)
    folder.wait(USAGE)

    def look(_: object) -> int:
        seen.append((os.getsid(process.pid), os.getpriority(os.PRIO_PROCESS, process.pid)))
        return 200

    catcher.answer = look
    process = helper.start(folder, at(catcher), upload=True)
    process.wait()
    assert seen[0] == (process.pid, os.getpriority(os.PRIO_PROCESS, 0) + 15)


# ------------------------------------------------------------------- hazard 1: exits that are blocked for a minute


def test_a_server_that_never_answers_ends_the_helper_and_not_the_ping(folder: Folder, catcher: Catcher) -> None:
    catcher.silent.set()
    before = time.monotonic()
    use(folder, at(catcher), limit=5)
    assert time.monotonic() - before < 25  # left to itself the SDK takes 60
    assert folder.waiting == 1
    catcher.silent.clear()
    use(folder, at(catcher), {**USAGE, "app": "fenix"})
    assert {caught.values["app"] for caught in catcher.all} == {"fenix", "firefox"}
    assert len({caught.document for caught in catcher.all}) == 2
    assert folder.waiting == 0


def test_many_pings_that_wait_do_not_keep_the_helper(folder: Folder, catcher: Catcher) -> None:
    for _ in range(18):
        folder.wait(USAGE)
    for _ in range(2):
        helper.start(folder, NOWHERE, upload=True).wait()
    assert folder.waiting == 18
    use(folder, at(catcher), limit=4)  # the SDK lets 15 through, and waits a minute
    assert len(catcher.all) == 15
    use(folder, at(catcher))
    assert len({caught.document for caught in catcher.all}) == 20
    assert folder.waiting == 0


# ------------------------------------------------------------------------- hazard 2: folders that are no folders


def broken_by_a_file(data: Path) -> None:
    (data / "db").rmdir() if (data / "db").is_dir() else None
    (data / "db").write_text("no folder")


def broken_by_noise(data: Path) -> None:
    (data / "db").mkdir(exist_ok=True)
    (data / "db" / "data.safe.bin").write_bytes(os.urandom(3000))


def broken_by_torn_pings(data: Path) -> None:
    (data / "pending_pings").mkdir()
    (data / "pending_pings" / "7be98e98-cf20-4abf-b961-5bdbdac4f8aa").write_bytes(b"/submit/x\n{")
    (data.parent / "waiting" / "0.json").write_text('{"app": ')


@pytest.mark.parametrize("damage", [broken_by_a_file, broken_by_noise, broken_by_torn_pings])
def test_a_broken_folder_of_glean_is_mended(folder: Folder, catcher: Catcher, damage: Callable[[Path], None]) -> None:
    folder.wait(USAGE)
    damage(folder.glean)
    before = time.monotonic()
    helper.start(folder, at(catcher), upload=True).wait()
    assert time.monotonic() - before < 8  # to fail at this, the SDK takes 10
    assert catcher.next().values == USAGE


def test_a_folder_in_which_nobody_can_write_is_left_alone_at_once(folder: Folder, catcher: Catcher) -> None:
    folder.wait(USAGE)
    (folder.glean / "db").symlink_to("/proc/self/fdinfo")  # where not even root can
    before = time.monotonic()
    helper.start(folder, at(catcher), upload=True).wait()
    assert time.monotonic() - before < 8
    assert catcher.all == []
    assert folder.waiting == 1  # it may become better


def a_file(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


NO_PINGS: dict[str, Callable[[Path], object]] = {
    "no text": a_file(b'{"app": "\xff\xfe"}'),
    "torn": a_file(b'{"app": '),
    "a list": a_file(b"[1]"),
    "a number": a_file(b"7"),
    "a name that is no metric": a_file(b'{"launch_date": "2026-01-01", "nonsense": "x"}'),
    "a name of Python's": a_file(b'{"__class__": "x"}'),
    "a value that is no text": a_file(b'{"launch_date": "2026-01-01", "linux_distro": 5}'),
    "a text that is none": a_file(b'{"launch_date": "2026-01-01", "linux_distro": "\\ud800"}'),
    "no day": a_file(b'{"mac_version": "x", "launch_date": "2026-13-45"}'),
    "a nest": a_file(b"[" * 100_000),
    "a folder": Path.mkdir,
    "a folder that is not empty": lambda path: (path / "x").mkdir(parents=True),
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a pipe": os.mkfifo,
}


@pytest.mark.parametrize("what", NO_PINGS)
def test_what_is_no_ping_is_passed_over_for_good_and_says_nothing_in_the_others(
    folder: Folder, catcher: Catcher, what: str
) -> None:
    folder.wait(USAGE)
    NO_PINGS[what](folder.root / "waiting" / "0.json")  # it is looked at first
    assert helper.start(folder, at(catcher), upload=True).wait() == 0
    assert use(folder, at(catcher)) == 0
    assert [caught.values for caught in catcher.all] == [USAGE, USAGE]
    assert folder.waiting == 0


@pytest.mark.parametrize("what", NO_PINGS)
def test_what_is_no_ping_does_not_hinder_a_no(folder: Folder, catcher: Catcher, what: str) -> None:
    use(folder, at(catcher))
    NO_PINGS[what](folder.root / "waiting" / "0.json")
    take_back(folder, at(catcher))
    assert catcher.kinds == ["usage", "deletion-request"]
    assert not folder.is_owed


def test_many_that_are_no_pings_do_not_keep_one_from_being_sent(folder: Folder, catcher: Catcher) -> None:
    folder.wait(USAGE)
    for number in range(130):
        (folder.root / "waiting" / f"{number:03}.json").mkdir()
    assert use(folder, at(catcher)) == 0
    assert len(catcher.all) == 2


# ------------------------------------------------------------------------------ hazard 3: what leaks after a no


def test_a_no_is_told_with_the_id_that_was_sent(folder: Folder, catcher: Catcher) -> None:
    use(folder, at(catcher))
    take_back(folder, at(catcher))
    sent, deletion = catcher.all
    assert deletion.kind == "deletion-request"
    assert deletion.path.startswith("/submit/org-mozilla-mozbisect/deletion-request/1/")
    validate(deletion)
    assert deletion.body["client_info"]["client_id"] == sent.body["client_info"]["client_id"]
    assert not folder.glean.exists()
    assert not folder.is_owed


@pytest.mark.parametrize("attempt", range(3))  # without our part it leaks 11 times out of 12
def test_what_waited_is_not_sent_after_a_no(folder: Folder, catcher: Catcher, attempt: int) -> None:
    use(folder, NOWHERE)
    folder.wait(USAGE)
    assert folder.waiting == 2
    take_back(folder, at(catcher))
    assert folder.waiting == 0
    use(folder, at(catcher))  # after a yes
    assert catcher.kinds == ["deletion-request", "usage"]


def test_a_no_without_a_network_is_told_later(folder: Folder, catcher: Catcher) -> None:
    use(folder, at(catcher))
    take_back(folder, NOWHERE)
    assert folder.is_owed
    assert folder.client_id is None
    take_back(folder, at(catcher))
    assert catcher.kinds == ["usage", "deletion-request"]
    assert not folder.is_owed


def test_a_no_stops_a_helper_that_is_trying_to_send(folder: Folder, catcher: Catcher) -> None:
    def no(caught: object) -> int:
        if catcher.all == []:
            assert folder.withdraw()
        return 500 if len(catcher.all) == 0 else 200

    catcher.answer = no
    folder.wait(USAGE)
    folder.wait(USAGE)
    helper.start(folder, at(catcher), upload=True).wait()
    assert catcher.kinds == ["usage"]  # and neither a second try nor the second ping
    helper.start(folder, at(catcher), upload=False).wait()
    assert catcher.kinds == ["usage", "deletion-request"]
    assert not folder.glean.exists()


def test_a_helper_that_comes_after_a_no_sends_nothing(folder: Folder, catcher: Catcher) -> None:
    folder.wait(USAGE)
    (folder.root / "choice").write_text("no: for this test\n")
    helper.start(folder, at(catcher), upload=True).wait()
    assert catcher.all == []


def test_after_a_no_and_a_yes_one_is_somebody_else(folder: Folder, catcher: Catcher) -> None:
    use(folder, at(catcher))
    assert folder.withdraw()
    use(folder, at(catcher))  # it finds the no that nobody has told yet
    assert catcher.kinds == ["usage", "deletion-request", "usage"]
    before, _, after = (caught.body["client_info"]["client_id"] for caught in catcher.all)
    assert before != after


# ---------------------------------------------------------------- hazards 4, 5, 7: panics, forks, two at a time

RUN_THAT_ENDS_AT_ONCE = """
import os, sys
from datetime import date
from mozbisect.core.journal import Listed
from mozbisect.options import Options
from mozbisect.telemetry.helper import Destination
from mozbisect.telemetry.use import Wish, counted

wish = Wish(destination=Destination(sys.argv[1]))
with counted(wish, lambda wish: wish.usage(Options(), date(2026, 9, 30)), lambda line: None) as use:
    use.begun()
    {end}
"""


def run_that_ends(how: str, folder: Folder, catcher: Catcher) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "MOZBISECT_STATE_DIR": str(folder.root.parent), "HOME": str(folder.root.parent)}
    line = [sys.executable, "-c", RUN_THAT_ENDS_AT_ONCE.format(end=how), catcher.url]
    return subprocess.Popen(line, env=environment, start_new_session=True)


def test_twenty_runs_that_exit_at_once_deliver_twenty_pings(folder: Folder, catcher: Catcher) -> None:
    runs = [run_that_ends("os._exit(0)", folder, catcher) for _ in range(20)]
    assert [run.wait() for run in runs] == [0] * 20
    caught = [catcher.next() for _ in range(20)]
    assert len({ping.document for ping in caught}) == 20
    assert sorted(ping.body["ping_info"]["seq"] for ping in caught) == list(range(20))


@pytest.mark.parametrize(
    "how", ["os.kill(os.getpid(), 9)", "os.killpg(0, 9)", "os.killpg(0, 15)"], ids=["kill", "group", "term"]
)
def test_a_run_that_is_killed_has_sent_its_ping(folder: Folder, catcher: Catcher, how: str) -> None:
    assert run_that_ends(how, folder, catcher).wait() in (-signal.SIGKILL, -signal.SIGTERM)
    assert catcher.next().kind == "usage"


def test_helpers_at_the_same_time_send_every_ping_once(folder: Folder, catcher: Catcher) -> None:
    helpers = []
    for _ in range(6):
        folder.wait(USAGE)
        helpers.append(helper.start(folder, at(catcher), upload=True))
    assert {process.wait() for process in helpers} == {0}
    assert len(catcher.all) == len({caught.document for caught in catcher.all}) == 6
    assert sorted(caught.body["ping_info"]["seq"] for caught in catcher.all) == list(range(6))


def test_a_helper_that_is_killed_while_it_sends_leaves_the_ping_to_the_next(folder: Folder, catcher: Catcher) -> None:
    catcher.silent.set()
    folder.wait(USAGE)
    process = helper.start(folder, at(catcher), upload=True)
    first = catcher.next()
    process.kill()
    process.wait()
    with catching() as other:
        folder.wait(USAGE)
        helper.start(folder, at(other), upload=True).wait()
        assert first.document in {caught.document for caught in other.all}
        assert len(other.all) == 2


# ------------------------------------------------------------------------- hazards 8, 9: values, and other Gleans


def test_a_server_that_refuses_ends_the_matter(folder: Folder, catcher: Catcher) -> None:
    catcher.answer = lambda caught: 404
    use(folder, at(catcher))
    assert len(catcher.all) == 1
    assert folder.waiting == 0


@pytest.mark.parametrize("what", ["raise ImportError('no wheel')", "raise SystemExit(1)", "def load_pings(*a): 1 / 0"])
def test_an_sdk_that_does_not_work_costs_only_the_ping(
    folder: Folder, catcher: Catcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "glean.py").write_text(what)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    use(folder, at(catcher))
    assert catcher.all == []


@pytest.fixture
def old_parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As where a glean-parser of before 2025 was installed over the one that the SDK needs."""
    place = tmp_path / "path"
    place.mkdir()
    (place / "sitecustomize.py").write_text(
        "import glean_parser, glean_parser.pings\n"
        "glean_parser.__version__ = '15.0.1'\n"
        "old = glean_parser.pings.Ping.__init__\n"
        "def init(self, *args, **more):\n"
        "    old(self, *args, **more)\n"
        "    del self.uploader_capabilities\n"
        "glean_parser.pings.Ping.__init__ = init\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(place))
    return place


def test_an_old_glean_parser_is_seen_by_a_trial(old_parser: Path) -> None:
    assert "it cannot use glean-parser 15.0.1 (TypeError: " in helper.trial()
    assert "uploader_capabilities" in helper.trial()


def test_a_trial_of_what_works_finds_nothing() -> None:
    assert helper.trial() == ""


def test_a_trial_looks_where_the_helper_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is only on our own path, behind everything else, is no trouble."""
    (tmp_path / "glean_parser.py").write_text("raise SystemExit(1)")
    monkeypatch.syspath_prepend(tmp_path)
    assert helper.trial() == ""


def test_what_an_sdk_that_does_not_work_cannot_send_does_not_pile_up(
    folder: Folder, catcher: Catcher, old_parser: Path
) -> None:
    for _ in range(12):
        folder.wait(USAGE)
    use(folder, at(catcher))
    assert folder.waiting == 0
    (old_parser / "sitecustomize.py").unlink()
    use(folder, at(catcher))
    assert [caught.values for caught in catcher.all] == [USAGE]


def test_the_folder_one_stands_in_cannot_slip_in_an_sdk(
    folder: Folder, catcher: Catcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "glean.py").write_text("raise SystemExit(1)")
    (tmp_path / "json.py").write_text("raise SystemExit(1)")
    monkeypatch.chdir(tmp_path)
    use(folder, at(catcher))
    assert catcher.kinds == ["usage"]


def test_no_more_than_a_hundred_wait(folder: Folder) -> None:
    for _ in range(120):
        folder.wait(USAGE)
    assert folder.waiting == 100
