from __future__ import annotations

import os
import queue
import sys

import pytest

from mozbisect.launch.run import KEPT, Run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")


def sh(script: str, shown: queue.Queue[str] | None = None) -> Run:
    return Run(["/bin/sh", "-c", script], os.environ, shown.put if shown else None)


def test_what_was_written_to_both_streams_is_there_also_without_an_end_of_line() -> None:
    run = sh("printf 'one\\n'; printf two >&2")
    assert run.wait() == 0
    assert run.output() == "one\ntwo"
    assert run.last_lines(1) == ["two"]
    run.kill()


def test_a_prompt_is_there_while_it_runs() -> None:
    shown: queue.Queue[str] = queue.Queue()
    run = sh("printf 'first\\nready> '; exec sleep 60", shown)
    assert shown.get(timeout=20) == "first"
    while "ready> " not in run.output():
        assert run.poll() is None
    assert run.wait(0) is None
    run.kill()


def test_only_the_end_of_a_long_output_is_kept_and_no_line_is_too_long() -> None:
    run = Run([sys.executable, "-c", f"print('a' * {2 * KEPT} + 'end')"], os.environ, None)
    assert run.wait() == 0
    text = run.output()
    assert len(text) == KEPT
    assert text.endswith("aend\n")
    run.kill()


def test_bytes_that_are_no_text_do_no_harm() -> None:
    run = sh("printf '\\377x\\n'")
    run.wait()
    assert run.output() == "\ufffdx\n"
    run.kill()


def test_somebody_far_away_who_holds_the_pipe_does_not_hold_us() -> None:
    run = sh("echo said; sleep 60 & exit 3")
    assert run.wait() == 3
    assert run.output() == "said\n"
    run.kill()
