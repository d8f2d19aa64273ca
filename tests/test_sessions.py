"""Sessions on disk: private, durable, one run at a time, and never lost to a torn line."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mozbisect.core.errors import CacheTrouble, JournalDamaged, UsageError
from mozbisect.core.journal import FORMAT, Ended, Opened
from mozbisect.core.model import REGRESSION
from mozbisect.sessions import KEEP_DAYS, KEEP_NEWEST, Sessions

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
OPENED = Opened(FORMAT, "mozbisect test", NOW, REGRESSION, {"good": "2026-09-01"})


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path / "state" / "sessions")


def begun(sessions: Sessions, now: datetime = NOW) -> str:
    with sessions.create(now) as journal:
        journal.write(OPENED)
        return journal.name


def test_what_was_written_is_read_and_can_be_gone_on_with(sessions: Sessions) -> None:
    name = begun(sessions)
    journal, session = sessions.open(name)
    with journal:
        assert session.opened == OPENED
        journal.write(Ended("done"))
    assert sessions.read(name).ended == Ended("done")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_session_is_private(sessions: Sessions) -> None:
    name = begun(sessions)
    assert stat.S_IMODE((sessions.root / name).stat().st_mode) == 0o700
    assert stat.S_IMODE((sessions.root / name / "journal.jsonl").stat().st_mode) == 0o600


def test_a_line_that_was_cut_off_is_dropped_and_written_over(sessions: Sessions) -> None:
    name = begun(sessions)
    path = sessions.root / name / "journal.jsonl"
    with path.open("ab") as file:
        file.write(b'{"is":"Ended","why":"cut of')
    assert sessions.read(name).ended is None
    journal, _ = sessions.open(name)
    with journal:
        journal.write(Ended("whole"))
    assert sessions.read(name).ended == Ended("whole")
    assert path.read_text().count("\n") == 2


def test_a_damaged_line_is_said_with_its_file(sessions: Sessions) -> None:
    name = begun(sessions)
    with (sessions.root / name / "journal.jsonl").open("ab") as file:
        file.write(b"nonsense\n")
    with pytest.raises(JournalDamaged, match=name):
        sessions.read(name)


def test_a_running_session_cannot_be_opened_a_second_time(sessions: Sessions) -> None:
    with sessions.create(NOW) as journal:
        journal.write(OPENED)
        with pytest.raises(UsageError, match="running in another process"):
            sessions.open(journal.name)
        assert sessions.read(journal.name).opened == OPENED  # to look is always possible


def test_the_lock_dies_with_its_process(sessions: Sessions) -> None:
    code = f"""
import os, signal
from datetime import UTC, datetime
from pathlib import Path
from mozbisect.core.journal import Opened, FORMAT
from mozbisect.core.model import REGRESSION
from mozbisect.sessions import Sessions
journal = Sessions(Path({str(sessions.root)!r})).create(datetime(2026, 11, 23, tzinfo=UTC))
journal.write(Opened(FORMAT, "t", datetime(2026, 11, 23, tzinfo=UTC), REGRESSION, {{}}))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    journal, session = sessions.open(None)
    with journal:
        assert session.opened.program == "t"


def test_the_newest_is_meant_when_none_is_named_and_a_beginning_will_do(sessions: Sessions) -> None:
    old, new = begun(sessions), begun(sessions, NOW + timedelta(days=1))
    assert sessions.name_of(None) == new
    assert sessions.name_of(old[:10]) == old


def test_the_newest_that_has_not_ended_is_gone_on_with(sessions: Sessions) -> None:
    open_one = begun(sessions)
    with sessions.create(NOW + timedelta(days=1)) as journal:
        journal.write(OPENED)
        journal.write(Ended("done"))
    sessions.create(NOW + timedelta(days=2)).close()  # killed before its first line
    journal, _ = sessions.open(None)
    with journal:
        assert journal.name == open_one


def test_sessions_of_one_second_keep_their_order(sessions: Sessions) -> None:
    names = [begun(sessions, NOW + timedelta(milliseconds=at)) for at in (1, 20, 300)]
    assert names == sorted(names)


def test_the_one_that_runs_is_not_the_one_to_go_on_with(sessions: Sessions) -> None:
    stopped = begun(sessions)
    with sessions.create(NOW + timedelta(days=1)) as running:
        running.write(OPENED)
        journal, _ = sessions.open(None)
        with journal:
            assert journal.name == stopped


@pytest.mark.parametrize(("name", "says"), [("nothing", "There is no session"), ("2026", "Several sessions")])
def test_a_name_that_fits_none_or_several_is_refused(sessions: Sessions, name: str, says: str) -> None:
    begun(sessions)
    begun(sessions, NOW + timedelta(days=1))
    with pytest.raises(UsageError, match=says):
        sessions.read(name)


def test_without_any_session_it_says_how_to_begin(sessions: Sessions) -> None:
    with pytest.raises(UsageError, match="no session to go on with"):
        sessions.open(None)


def test_old_sessions_are_pruned_but_not_the_newest_nor_the_young(sessions: Sessions) -> None:
    names = [begun(sessions, NOW + timedelta(seconds=at)) for at in range(KEEP_NEWEST + 3)]
    for name in names[:-1]:
        stamp = (NOW - timedelta(days=KEEP_DAYS + 1)).timestamp()
        if name != names[1]:  # this one is beyond the newest, but young
            os.utime(sessions.root / name / "journal.jsonl", (stamp, stamp))
    begun(sessions, NOW + timedelta(hours=1))
    left = {folder.name for folder in sessions.root.iterdir()}
    assert names[0] not in left
    assert names[1] in left
    assert set(names[4:]) <= left


def test_a_state_folder_that_cannot_be_made_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file is in the way")
    with pytest.raises(CacheTrouble) as caught:
        Sessions(tmp_path / "state" / "sessions").create(NOW)
    assert "MOZBISECT_STATE_DIR" in caught.value.advice


def test_a_full_disk_loses_nothing_that_was_written(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    with sessions.create(NOW) as journal:
        journal.write(OPENED)

        def full(number: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(CacheTrouble, match="No space left"):
            journal.write(Ended("lost"))
        monkeypatch.undo()
        assert sessions.read(journal.name).ended is None
        journal.write(Ended("found"))
    assert sessions.read(None).ended == Ended("found")


def test_a_separator_inside_a_reason_is_no_line_end(sessions: Sessions) -> None:
    with sessions.create(NOW) as journal:
        journal.write(OPENED)
        journal.write(Ended("one\u2028two\x85three"))
    assert sessions.read(None).ended == Ended("one\u2028two\x85three")


def test_two_sessions_of_one_second_have_two_names(sessions: Sessions) -> None:
    assert len({begun(sessions) for _ in range(40)}) == 40
