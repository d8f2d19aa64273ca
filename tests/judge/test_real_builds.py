"""The judges and the real launcher: builds that are shell scripts, and a real Firefox."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mozbisect.core.errors import BrokenBuild
from mozbisect.core.model import REGRESSION, Side, Verdict
from mozbisect.core.ports import Judge
from mozbisect.judge import table
from mozbisect.judge.table import Wish
from tests.judge.builds import FIREFOX, HAS_FIREFOX, QUESTION, REAL, Builds
from tests.judge.conftest import NIGHTLY

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")

PROFILE = "for profile; do :; done\n"  # the last argument
STAY = "exec sleep 60"


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    return Builds(tmp_path)


def judge(wish: Wish) -> Judge:
    return table.judge(wish, REGRESSION, say=print, show=print)


def side(builds: Builds, wish: Wish, script: str) -> Side:
    answer = builds.judged(judge(wish), script)
    assert isinstance(answer, Verdict)
    assert list(builds.temp.iterdir()) == []
    return answer.side


CRASH, STARTS = Wish("crash", within=1.5), Wish("starts", within=1.5)
DUMP = PROFILE + 'mkdir -p "$profile/minidumps"\ntouch "$profile/minidumps/$$.dmp"\n'


@pytest.mark.parametrize(
    ("script", "crash", "starts"),
    [
        (STAY, Side.OLD, Side.OLD),
        ("exit 0", Side.OLD, Side.OLD),
        ("kill -SEGV $$", Side.NEW, Side.NEW),
        ("sleep 0.1; kill -ABRT $$", Side.NEW, Side.NEW),
        ("sleep 0.1; exit 3", Side.UNTESTABLE, Side.NEW),
        ("sleep 0.1; kill -KILL $$", Side.UNTESTABLE, Side.NEW),
        (DUMP + STAY, Side.NEW, Side.NEW),  # a child crashed
        (DUMP + "exit 0", Side.NEW, Side.NEW),
        (DUMP + "exit 1", Side.NEW, Side.NEW),
    ],
)
def test_how_a_program_ends_is_seen_from_outside(builds: Builds, script: str, crash: Side, starts: Side) -> None:
    assert side(builds, CRASH, script) is crash
    assert side(builds, STARTS, script) is starts


def test_a_program_that_cannot_run_has_not_started_and_is_no_crash(builds: Builds) -> None:
    with pytest.raises(BrokenBuild, match="exit status 127"):
        builds.judged(judge(CRASH), "exec /no/such/program")
    assert side(builds, STARTS, "exec /no/such/program") is Side.NEW


def test_a_crash_of_another_build_in_the_same_profile_is_not_this_ones(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    for persistence in ("clone", "clone-first", "reuse"):
        (tmp_path / persistence).mkdir()
        (mine / "minidumps").mkdir(parents=True, exist_ok=True)
        (mine / "minidumps" / "of-last-week.dmp").touch()
        builds = Builds(tmp_path / persistence, profile=mine, persistence=persistence)
        for script, expected in ((STAY, Side.OLD), (DUMP + STAY, Side.NEW), (STAY, Side.OLD)):
            answer = builds.judged(judge(CRASH), script)
            assert isinstance(answer, Verdict)
            assert answer.side is expected, (persistence, script)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo assertion 7 failed; exec sleep 60", Side.NEW),
        ("echo assertion 7 failed >&2", Side.NEW),
        ("echo assertion 7 failed; exit 3", Side.NEW),
        ("seq 300000; echo assertion 7 failed", Side.NEW),  # what it says last is read, however much there was
        ("echo assertion 7 held", Side.OLD),
        ("sleep 0.1; echo assertion 7 held; exit 3", Side.OLD),
        ("sleep 0.1; echo assertion 7 held; kill -SEGV $$", Side.UNTESTABLE),
    ],
)
def test_what_a_program_prints_is_read_whole(builds: Builds, script: str, expected: Side) -> None:
    assert side(builds, Wish("output:assertion [0-9]+ failed$", within=1), script) is expected


# ------------------------------------------------------------------------------------------- profiles

TELL = PROFILE + 'echo "$profile $(ls "$profile" | grep -c used)" >>"{told}"\ntouch "$profile/used"\n'


def profiles_of(builds: Builds, told: Path, wish: Wish, count: int) -> list[tuple[str, int]]:
    """Each start's profile, and whether an earlier start has left something in it."""
    with builds.app(TELL.format(told=told) + "exit 0") as app:
        for _ in range(count):
            judge(wish).judge(app, NIGHTLY, QUESTION)
    rows = [line.rpartition(" ") for line in told.read_text().splitlines()]
    return [(name, int(used)) for name, _, used in rows]


def test_each_run_has_a_profile_that_no_other_start_has_used(builds: Builds, tmp_path: Path) -> None:
    seen = profiles_of(builds, tmp_path / "told", Wish("crash", within=5, runs=3, required=3), 2)
    assert [used for _, used in seen] == [0, 0]  # good at once: three bad runs cannot come any more
    (tmp_path / "told").unlink()
    seen = profiles_of(builds, tmp_path / "told", Wish("crash", within=5, runs=5, required=2), 2)
    assert len(seen) == 8
    assert len({name for name, _ in seen}) == 8
    assert not any(used for _, used in seen)
    assert list(builds.temp.iterdir()) == []


def test_runs_share_a_profile_only_if_the_person_said_so(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    wish = Wish("crash", within=5, runs=3, required=1)
    for persistence, shared in (("clone", False), ("clone-first", True), ("reuse", True)):
        (tmp_path / persistence).mkdir()
        builds = Builds(tmp_path / persistence, profile=mine, persistence=persistence)
        seen = profiles_of(builds, tmp_path / persistence / "told", wish, 1)
        assert [used for _, used in seen] == ([0, 1, 1] if shared else [0, 0, 0])
        assert (mine / "used").exists() is (persistence == "reuse")


def test_a_bug_of_every_second_start_is_found_by_several_runs(builds: Builds, tmp_path: Path) -> None:
    count = tmp_path / "count"
    flaky = f'echo x >>"{count}"\n[ $(($(wc -l <"{count}") % 2)) = 0 ] && kill -SEGV $$\nexit 0'
    answer = builds.judged(judge(Wish("crash", within=5, runs=4, required=2)), flaky)
    assert isinstance(answer, Verdict)
    assert answer.side is Side.NEW
    assert answer.reason == "2 of 4 runs bad (it crashed: killed by SIGSEGV)"


# ----------------------------------------------------------------------------------------- real Firefox

LATER = f'MOZ_HEADLESS=1 {FIREFOX}/firefox-esr "$@" & pid=$!\nsleep 3\nkill -SEGV $pid\nwait $pid'
SHOT = f'MOZ_HEADLESS=1 exec {FIREFOX}/firefox-esr --screenshot "$(mktemp -d)/x.png" about:blank "$@"'


@pytest.mark.firefox
@pytest.mark.skipif(not HAS_FIREFOX, reason="firefox-esr is not installed")
def test_a_real_firefox_is_watched(builds: Builds) -> None:
    assert side(builds, Wish("starts", within=3), REAL) is Side.OLD
    assert side(builds, Wish("crash", within=30), SHOT) is Side.OLD  # ends by itself
    assert side(builds, Wish("crash", within=30), LATER) is Side.NEW
    assert side(builds, Wish("output:headless mode", within=30), SHOT) is Side.NEW  # "*** You are running in …"
