"""Scripts that drive a browser: a stand-in that speaks Marionette, and (where it is installed) a real Firefox."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mozbisect.core.errors import BrokenBuild, CommandBroken, UsageError
from mozbisect.core.model import FIX, REGRESSION, Side, Terms, Verdict
from mozbisect.judge.marionette import MarionetteJudge, check_script
from tests.judge.builds import HAS_FIREFOX, REAL, Builds
from tests.judge.conftest import FakeApp
from tests.test_processes import lives

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")

GOOD, BAD, SKIP = Side.OLD, Side.NEW, Side.UNTESTABLE
BROWSER = Path(__file__).parent / "browser.py"

Script = Callable[[str], Path]


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    return Builds(tmp_path)


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A script with this body of ``test``, or with this whole text."""

    def make(text: str) -> Path:
        if not re.search(r"^def test|\btest =", text, re.MULTILINE):
            text = "def test(marionette):\n" + "".join(f"    {line}\n" for line in text.splitlines())
        path = tmp_path / "my script.py"
        path.write_text(text)
        return path

    return make


def browser(mode: str = "plain") -> str:
    return f'exec {sys.executable} {BROWSER} {mode} "$@"'


def judge(
    script: Path, *, within: float = 30, timeout: float | None = 30, on_timeout: str = "bad", terms: Terms = REGRESSION
) -> MarionetteJudge:
    return MarionetteJudge(str(script), within=within, timeout=timeout, on_timeout=on_timeout, terms=terms)


# --------------------------------------------------------------------------------------------- verdicts


@pytest.mark.parametrize(
    ("body", "side", "reason"),
    [
        ("assert marionette.title == 'a title'", GOOD, ""),
        ("return True", GOOD, ""),
        ("return 'good'", GOOD, ""),
        ("return False", BAD, r"test\(\) returned False"),
        ("return 'bad'", BAD, ""),
        ("assert marionette.title == 'x'", BAD, r"line 2: assert marionette.title == 'x': AssertionError"),
        ("assert 1 == 2, 'no\\nway'", BAD, r"line 2: AssertionError: no way"),
        (
            "marionette.find_element('id', 'x')",
            BAD,
            r"line 2: NoSuchElementException: WebDriver:FindElement failed",
        ),
        ("return 'skip'", SKIP, ""),
        ("import unittest\nraise unittest.SkipTest('no sound card')", SKIP, "no sound card"),
        ("marionette.go_back()", SKIP, r"this build does not know the command: UnknownCommandException: .*"),
    ],
)
def test_how_the_script_ends_is_the_verdict(builds: Builds, script: Script, body: str, side: Side, reason: str) -> None:
    answer = builds.judged(judge(script(body)), browser())
    assert isinstance(answer, Verdict)
    assert answer.side is side
    assert re.fullmatch(reason, answer.reason)
    assert list(builds.temp.iterdir()) == []


def test_when_a_fix_is_looked_for_good_is_the_new_side(builds: Builds, script: Script) -> None:
    answer = builds.judged(judge(script("pass"), terms=FIX), browser())
    assert answer == Verdict(Side.NEW)


@pytest.mark.parametrize(
    ("url", "reason"),
    [("crash:", r"it crashed \(killed by SIGSEGV\): line 2: \w+Error: .*"), ("close:", r"line 2: \w+Error: .*")],
)
def test_a_browser_that_hangs_up_is_bad(builds: Builds, script: Script, url: str, reason: str) -> None:
    answer = builds.judged(judge(script(f"marionette.navigate({url!r})")), browser())
    assert isinstance(answer, Verdict)
    assert answer.side is BAD
    assert re.fullmatch(reason, answer.reason)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("nothing", "NameError: name 'nothing' is not defined"),
        ("open('/no/such/file')", "FileNotFoundError"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 1))", "ConnectionRefusedError"),
        ("return 1", r"test\(\) returned 1, which is no verdict"),
        ("return 'Good'", "returned 'Good', which is no verdict"),
        ("import sys\nsys.exit(0)", "SystemExit: 0"),
        ("import os\nos._exit(0)", r"its process ended before test\(\) did \(exit status 0\)"),
        ("import os\nos.kill(os.getpid(), 11)", r"its process ended before test\(\) did \(killed by SIGSEGV\)"),
        ("import no_such_module\ndef test(marionette): pass", "ModuleNotFoundError"),
        ("def test(): pass", "TypeError"),
        ("assert False\ndef test(marionette): pass", "AssertionError"),
    ],
)
def test_a_script_that_is_wrong_itself_stops_the_run(builds: Builds, script: Script, body: str, why: str) -> None:
    with pytest.raises(CommandBroken, match=why) as caught:
        builds.judged(judge(script(body)), browser())
    assert "my script.py" in caught.value.what
    assert "marionette_child" not in caught.value.what
    assert "unittest.SkipTest" in caught.value.advice
    assert list(builds.temp.iterdir()) == []


def test_what_the_script_prints_is_for_the_person_and_no_verdict(
    builds: Builds, script: Script, capfd: pytest.CaptureFixture[str]
) -> None:
    body = """import os, subprocess\nprint('["bad", ""]')\nsubprocess.run(["echo", "from below"])\nreturn True"""
    assert builds.judged(judge(script(body)), browser()) == Verdict(GOOD)
    out, err = capfd.readouterr()
    assert out == ""
    assert '["bad", ""]\n' in err
    assert "from below\n" in err


def test_the_script_finds_its_neighbours_and_knows_the_build(builds: Builds, script: Script, tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("TITLE = 'a title'\n")
    text = """import os
from neighbour import TITLE
def test(marionette):
    assert marionette.title == TITLE
    assert os.environ["MOZBISECT_APP_NAME"] == "firefox"
    assert os.environ["MOZBISECT_BINARY"].endswith("tree/firefox/firefox")
"""
    assert builds.judged(judge(script(text)), browser()) == Verdict(GOOD)
    assert not (tmp_path / "__pycache__").exists()


def test_a_script_is_read_anew_each_time(builds: Builds, script: Script) -> None:
    made = judge(script("return True"))
    assert builds.judged(made, browser()) == Verdict(GOOD)
    script("return 'bad'")
    assert builds.judged(made, browser()) == Verdict(BAD)


# ---------------------------------------------------------------------------------------------- time


@pytest.mark.parametrize(("on_timeout", "side"), [("bad", BAD), ("good", GOOD)])
def test_a_script_that_hangs_is_ended_and_the_timeout_is_the_verdict(
    builds: Builds, script: Script, tmp_path: Path, on_timeout: str, side: Side
) -> None:
    told = tmp_path / "pid"
    body = f"import os, time\nopen({str(told)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    answer = builds.judged(judge(script(body), timeout=3, on_timeout=on_timeout), browser())
    assert answer == Verdict(side, "timed out after 3 s")
    assert not lives(int(told.read_text()))


def test_a_browser_that_hangs_is_a_timeout_too(builds: Builds, script: Script) -> None:
    answer = builds.judged(judge(script("marionette.navigate('hang:')"), timeout=3, on_timeout="skip"), browser())
    assert answer == Verdict(SKIP, "timed out after 3 s")


# ------------------------------------------------------------------------------------- builds that cannot


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (browser("mute"), "Marionette did not answer within 1 s"),
        (browser("dies"), r"it ended (at once|before Marionette answered) \(exit status 3\)"),
        ("sleep 1; kill -SEGV $$", r"it ended before Marionette answered \(killed by SIGSEGV\)"),
        ("exit 0", r"it ended before Marionette answered \(exit status 0\)"),
        ("sleep 0.01; exit 1", r"it ended (at once|before)"),
    ],
)
def test_a_build_whose_marionette_never_answers_cannot_be_tested(
    builds: Builds, script: Script, build: str, why: str
) -> None:
    within = 1 if "mute" in build else 30
    with pytest.raises(BrokenBuild, match=why):
        builds.judged(judge(script("pass"), within=within), build)
    assert list(builds.temp.iterdir()) == []


def test_another_program_on_the_port_is_never_judged(builds: Builds, script: Script) -> None:
    answer = builds.judged(judge(script("pass")), browser("foreign"))
    assert isinstance(answer, Verdict)
    assert answer.side is SKIP
    assert "another program answered on port" in answer.reason


def test_a_build_that_is_too_old_for_the_driver_is_skipped(builds: Builds, script: Script) -> None:
    answer = builds.judged(judge(script("pass")), browser("old"))
    assert isinstance(answer, Verdict)
    assert answer.side is SKIP
    assert "no Marionette session: ValueError: Earliest supported protocol level is '3' but got '1'" in answer.reason


# ------------------------------------------------------------------------------------- found out at once


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"def test(marionette:\n", r"is no Python: .*line 1"),
        (b"def nothing(): pass\n", "has no function test"),
        (b"test\n", "has no function test"),
        (b"class A:\n  def test(self): pass\n", "has no function test"),
        (b"\xff\xfe", "is no Python"),
        (b"x = '\0'\ndef test(m): pass", "is no Python"),
    ],
)
def test_a_script_that_cannot_be_one_is_refused_at_once(tmp_path: Path, text: bytes, why: str) -> None:
    path = tmp_path / "script.py"
    path.write_bytes(text)
    with pytest.raises(UsageError, match=why) as caught:
        judge(path)
    assert str(path) in caught.value.what


@pytest.mark.parametrize(
    "text", ["def test(m): pass", "test = lambda m: True", "from x import test", "import y as test"]
)
def test_a_test_may_come_from_anywhere(tmp_path: Path, text: str) -> None:
    path = tmp_path / "script"
    path.write_text(text)
    check_script(path)


def test_a_folder_or_nothing_is_refused_and_home_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path, tmp_path / "none.py"):
        with pytest.raises(UsageError, match="cannot be read"):
            judge(path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.py").write_text("def test(m): pass\n")
    judge(Path("~/mine.py"))


def test_the_build_is_stopped_when_we_are_interrupted(script: Script) -> None:
    app = FakeApp(error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        judge(script("pass")).judge(app, None, None)  # type: ignore[arg-type]
    assert app.done == ["start", "stop"]


# ----------------------------------------------------------------------------------------- real Firefox

LOOK = """
PAGE = "data:text/html,<title>hello</title><p id=x>text"

def test(marionette):
    marionette.navigate(PAGE)
    assert marionette.title == "hello"
    assert marionette.find_element("id", "x").text == "text"
    assert marionette.get_pref("mozbisect.test") == "yes"
    assert marionette.get_pref("browser.shell.checkDefaultBrowser") is False
"""


@pytest.mark.firefox
@pytest.mark.skipif(not HAS_FIREFOX, reason="firefox-esr is not installed")
def test_a_real_firefox_is_driven(tmp_path: Path, script: Script) -> None:
    right = Builds(tmp_path, prefs=(("mozbisect.test", "yes"),))
    assert right.judged(judge(script(LOOK), within=60, timeout=60), REAL) == Verdict(GOOD)
    (tmp_path / "other").mkdir()
    wrong = Builds(tmp_path / "other", prefs=(("mozbisect.test", "no"),))
    answer = wrong.judged(judge(script(LOOK), within=60, timeout=60), REAL)
    assert isinstance(answer, Verdict)
    assert answer.side is BAD
    assert "mozbisect.test" in answer.reason
    assert [*right.temp.iterdir(), *wrong.temp.iterdir()] == []


@pytest.mark.firefox
@pytest.mark.skipif(not HAS_FIREFOX, reason="firefox-esr is not installed")
def test_the_script_of_the_docs_works(builds: Builds, script: Script) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "judges" / "marionette.md"
    found = re.search(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    right, wrong = found[1], found[1].replace("type=date", "type=checkbox")
    assert builds.judged(judge(script(right), within=60, timeout=60), REAL) == Verdict(GOOD)
    answer = builds.judged(judge(script(wrong), within=60, timeout=60), REAL)
    assert isinstance(answer, Verdict)
    assert answer.side is BAD


@pytest.mark.firefox
@pytest.mark.skipif(not HAS_FIREFOX, reason="firefox-esr is not installed")
def test_a_real_firefox_that_crashes_under_the_script_is_bad(builds: Builds, script: Script) -> None:
    body = "import os, signal\nos.kill(marionette.process_id, signal.SIGSEGV)\nmarionette.navigate('about:blank')"
    answer = builds.judged(judge(script(body), within=60, timeout=60), REAL)
    assert isinstance(answer, Verdict)
    assert answer.side is BAD
    assert re.match(r"it crashed \((killed by SIGSEGV|a crash report .*)\): line 4: \w+Error: ", answer.reason)
