from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.launch import crash

DEADLY = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP", "SIGSYS")


@pytest.mark.parametrize("name", DEADLY)
def test_a_deadly_signal_is_a_crash_also_through_a_shell(name: str) -> None:
    number = signal.Signals[name].value
    assert crash.by_status(-number) == f"killed by {name}"
    assert crash.by_status(128 + number) == f"killed by {name}"


@pytest.mark.parametrize("status", [None, 0, 1, 3, 126, 127, -signal.SIGTERM, -signal.SIGKILL, -signal.SIGINT, 255])
def test_an_end_that_is_no_crash(status: int | None) -> None:
    assert crash.by_status(status) is None


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (0xC0000005, "ended by exception 0xC0000005"),
        (0x80000003, "ended by exception 0x80000003"),
        (0xC000013A, None),
    ],
)
def test_an_exception_of_windows_is_a_crash_and_its_ctrl_c_is_not(status: int, says: str | None) -> None:
    assert crash.by_status(status) == says


@given(st.integers(0, 120))
def test_no_exit_status_that_a_program_chooses_is_a_crash(status: int) -> None:
    assert crash.by_status(status) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "a\n=================\n==42==ERROR: AddressSanitizer: heap-use-after-free on address 0x1\n",
            "AddressSanitizer: heap-use-after-free",
        ),
        ("==42==ERROR: UndefinedBehaviorSanitizer: SEGV on x", "UndefinedBehaviorSanitizer: SEGV"),
        ("==42==ERROR: LeakSanitizer: detected memory leaks", None),
        ("we speak of ERROR: AddressSanitizer: x", None),
        ("", None),
    ],
)
def test_what_a_sanitizer_says_counts_but_for_leaks(text: str, says: str | None) -> None:
    assert crash.by_output(text) == says


def test_crash_reports_are_looked_for_where_firefox_leaves_them(tmp_path: Path) -> None:
    for name in ("minidumps/a.dmp", "crashes/b.dmp", "minidumps/a.extra", "crashes/store.json.mozlz4", "c.dmp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert crash.reports(tmp_path) == {"a.dmp", "b.dmp"}
    assert crash.by_reports({"b.dmp", "a.dmp"}) == "a crash report was left: a.dmp"
    assert crash.by_reports(()) is None
