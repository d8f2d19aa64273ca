"""What is remembered of servers: whole or not at all, whatever happens to the file."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mozbisect.memory import A_DAY, FOREVER, Answer, Memory

PAGE = Answer("https://archive.example/final", "text/html", "a page\n", etag='"1"', modified="yesterday")


class Clock:
    def __init__(self) -> None:
        self.now = 1_789_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


Make = Callable[..., Memory]


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Iterator[Make]:
    """Runs, one after the other or at once, on one folder."""
    made: list[Memory] = []

    def new(**words: int) -> Memory:
        made.append(Memory(tmp_path / "cache", now=clock, **words))
        return made[-1]

    yield new
    for memory in made:
        memory.close()


def file_of(folder: Path) -> Path:
    (path,) = (folder / "cache").iterdir()
    return path


def test_an_answer_is_known_to_the_next_run_as_it_was(make: Make) -> None:
    first = make()
    first.keep("key", PAGE, FOREVER)
    first.close()
    known = make().recall("key")
    assert known == PAGE
    assert make().recall("another") is None


@given(text=st.text(), etag=st.text(), modified=st.text(), times=st.sampled_from([1, 1000]))
def test_every_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, text: str, etag: str, modified: str, times: int
) -> None:
    memory = Memory(tmp_path_factory.mktemp("memory"))
    answer = Answer("https://x/", "text/plain", text * times, etag, modified)
    memory.keep("key", answer, FOREVER)
    assert memory.recall("key") == answer
    memory.close()


def test_an_answer_is_believed_for_its_time_and_known_for_longer(make: Make, clock: Clock) -> None:
    memory = make()
    memory.keep("day", PAGE, A_DAY)
    memory.keep("ever", PAGE, FOREVER)
    memory.keep("ask", PAGE, 0)
    clock.now += A_DAY - 1
    fresh = {key: memory.fresh(known) for key in ("day", "ever", "ask") if (known := memory.recall(key))}
    assert fresh == {"day": True, "ever": True, "ask": False}
    clock.now += 400 * A_DAY
    fresh = {key: memory.fresh(known) for key in ("day", "ever", "ask") if (known := memory.recall(key))}
    assert fresh == {"day": False, "ever": True, "ask": False}


@pytest.mark.parametrize(
    ("url", "takes"),
    [
        ("https://archive.mozilla.org/pub/", True),
        ("http://127.0.0.1:8000/pub/", False),
        ("http://127.8.0.1/pub/", False),
        ("http://[::1]:8000/", False),
        ("http://0.0.0.0:8000/", False),
        ("http://localhost:8000/", False),
        ("http://tc.localhost/", False),
        ("http://localhost.example.org/", True),
        ("http://192.168.0.7/", True),
    ],
)
def test_this_machine_is_not_remembered_unless_that_is_asked_for(tmp_path: Path, url: str, takes: bool) -> None:
    assert Memory(tmp_path).takes(url) is takes
    assert Memory(tmp_path, loopback=True).takes(url)


# ------------------------------------------------------------------------------------------------- the size of it


def texts(number: int, size: int) -> Answer:
    """Something that cannot be packed."""
    return Answer(f"https://x/{number}", "text/plain", random.Random(number).randbytes(size // 2).hex())


def test_what_was_not_used_for_the_longest_time_goes_first(make: Make, clock: Clock) -> None:
    memory = make(most=100_000)
    for number in range(9):
        clock.now += 2 * A_DAY
        memory.keep(str(number), texts(number, 3000), FOREVER)
    clock.now += 2 * A_DAY
    assert memory.recall("0")  # used again
    for number in range(9, 60):
        clock.now += 2 * A_DAY
        memory.recall("0")
        memory.keep(str(number), texts(number, 3000), FOREVER)
    memory.close()
    left = [number for number in range(60) if make().recall(str(number))]
    assert left[0] == 0
    assert left[1:] == list(range(left[1], 60))
    assert len(left) < 40
    assert memory.size() < 150_000


def test_an_answer_that_is_too_long_is_not_kept(make: Make) -> None:
    memory = make(most=10_000)
    memory.keep("long", texts(1, 30_000), FOREVER)
    assert memory.recall("long") is None


def test_clear_leaves_nothing_and_other_runs_do_not_mind(make: Make) -> None:
    here, there = make(), make()
    here.keep("key", PAGE, FOREVER)
    assert there.recall("key") == PAGE
    assert here.size() > 0
    here.clear()
    assert (here.size(), here.recall("key"), make().recall("key")) == (0, None, None)
    there.keep("key", PAGE, FOREVER)  # into a file that is gone
    there.close()
    here.keep("key", PAGE, FOREVER)
    assert make().recall("key") == PAGE


def test_the_size_of_nothing_is_nothing_and_makes_no_file(make: Make, tmp_path: Path) -> None:
    memory = make()
    assert (memory.size(), memory.recall("key")) == (0, None)
    memory.clear()
    memory.close()
    assert not (tmp_path / "cache").exists()


# ------------------------------------------------------------------------------------------------------- bad luck


def filled(make: Make) -> None:
    memory = make()
    for number in range(20):
        memory.keep(str(number), texts(number, 2000), FOREVER)
    memory.close()


def test_a_file_that_is_none_of_ours_is_begun_anew(make: Make, tmp_path: Path) -> None:
    filled(make)
    file_of(tmp_path).write_bytes(b"This was a database once. " * 500)
    memory = make()
    assert memory.recall("1") is None
    memory.keep("1", PAGE, FOREVER)
    assert make().recall("1") == PAGE


def test_a_table_of_another_form_is_begun_anew(make: Make, tmp_path: Path) -> None:
    filled(make)
    path = file_of(tmp_path)
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE answers (key TEXT)")
    memory = make()
    assert memory.recall("1") is None
    memory.keep("1", PAGE, FOREVER)
    assert memory.recall("1") == PAGE


@settings(max_examples=60)
@given(data=st.data())
def test_whatever_the_disk_does_to_the_file_no_answer_is_wrong(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("memory")
    memory = Memory(folder)
    answers = {str(number): texts(number, 1500) for number in range(12)}
    for key, answer in answers.items():
        memory.keep(key, answer, FOREVER)
    memory.close()
    (path,) = folder.iterdir()
    body = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 30))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(body[: data.draw(st.integers(0, len(body)))] if data.draw(st.booleans()) else body)
    after = Memory(folder)
    for key, answer in answers.items():
        assert after.recall(key) in (answer, None)
    after.keep("new", PAGE, FOREVER)
    assert after.recall("new") in (PAGE, None)
    after.close()
    # Also where the damage was not noticed, it can be cleared away.
    after.clear()
    again = Memory(folder)
    again.keep("new", PAGE, FOREVER)
    assert again.recall("new") == PAGE
    again.close()


def test_without_a_folder_nothing_is_remembered_and_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    memory = Memory(tmp_path / "file" / "cache")
    memory.keep("key", PAGE, FOREVER)
    assert (memory.recall("key"), memory.size()) == (None, 0)
    memory.clear()
    memory.close()


def unprivileged(script: str, folder: Path) -> str:
    """Run a script as somebody for whom the permissions of files hold: not as root."""
    python = [sys.executable, "-c"]
    if os.getuid() == 0:
        python = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *python]
        if (
            not shutil.which("setpriv")
            or subprocess.run([*python, "import mozbisect"], check=False, cwd="/").returncode
        ):
            pytest.skip("nobody but root can run this Python: its libraries lie in a folder of root's own")
    line = [*python, script, str(folder)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, cwd="/")
    assert not done.stderr, done.stderr
    return done.stdout.strip()


ONLY_READ = """
import sys; from pathlib import Path
from mozbisect.memory import FOREVER, Answer, Memory
memory = Memory(Path(sys.argv[1]))
memory.keep("other", Answer("u", "t", "new"), FOREVER)
known = memory.recall("key")
print(known and known.text.strip(), memory.recall("other"))
memory.close()
"""


def test_what_cannot_be_written_is_read_all_the_same(make: Make, tmp_path: Path) -> None:
    first = make()
    first.keep("key", PAGE, FOREVER)
    first.close()
    folder = tmp_path / "cache"
    file_of(tmp_path).chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
    folder.chmod(0o555)
    for above in [tmp_path, *tmp_path.parents[:3]]:
        above.chmod(above.stat().st_mode | 0o055)
    assert unprivileged(ONLY_READ, folder) == "a page None"


def test_several_runs_at_once_lose_nothing_that_was_kept(tmp_path: Path) -> None:
    script = """
import sys; from pathlib import Path
from mozbisect.memory import FOREVER, Answer, Memory
memory = Memory(Path(sys.argv[1]))
for number in range(60):
    memory.keep(f"{sys.argv[2]}-{number}", Answer("u", "t", f"{sys.argv[2]} {number}"), FOREVER)
memory.close()
"""
    runs = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(name)]) for name in range(4)]
    assert [run.wait(60) for run in runs] == [0] * 4
    memory = Memory(tmp_path)
    found = [memory.recall(f"{name}-{number}") for name in range(4) for number in range(60)]
    assert sum(one is not None for one in found) > 200  # one that would have had to wait for long may be missing
    texts = [f"{name} {number}" for name in range(4) for number in range(60)]
    assert all(one is None or one.text == text for one, text in zip(found, texts, strict=True))
    memory.close()


def test_threads_share_one_memory(make: Make) -> None:
    memory = make()

    def work(name: int) -> None:
        for number in range(40):
            memory.keep(f"{name}-{number}", texts(number, 100), FOREVER)
            assert memory.recall(f"{name}-{number}") == texts(number, 100)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(memory.recall(f"{name}-39") for name in range(6))
