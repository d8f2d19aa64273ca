"""The process in which the script of ``--judge marionette`` runs: ``… marionette_child SCRIPT PORT MARK``.

Connects to the Marionette of a running build, calls ``test(marionette)`` of the script, and writes a word and a
reason to standard output, as JSON. It starts and stops no browser. How ``test`` ends is the verdict:

    returns True, None or "good"                              good
    returns False or "bad"; a failed assert                   bad
    MarionetteException; the browser hung up                  bad: the browser did not do what it should
    returns "skip"; unittest.SkipTest                         skip
    the build does not know the command, or opens no session  skip
    returns anything else; any other exception                broken: the script itself

What the script prints goes to standard error.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

MARK_PREF = "mozbisect.judge.mark"
"""A preference that only the build which we have started has: another that answers on its port is found out."""

Outcome = tuple[str, str]
"""One of good, bad, skip and broken; and why."""

_READ_PREF = """
return Components.classes["@mozilla.org/preferences-service;1"]
  .getService(Components.interfaces.nsIPrefBranch).getCharPref(arguments[0]);
"""

_PATIENCE = 10  # seconds: it has just answered
_LONGEST = 2000  # characters of a reason


def main(script: Path, port: int, mark: str) -> Outcome:
    """Run the script against the build that listens on ``port`` and bears ``mark``."""
    try:
        test = _function(script)
    except BaseException as error:  # noqa: BLE001  # it is a person's file: SystemExit, too, may come from it
        return "broken", _trace(error, script)
    from marionette_driver.errors import MarionetteException
    from marionette_driver.marionette import Marionette

    marionette = Marionette(port=port, startup_timeout=_PATIENCE)
    try:
        marionette.start_session()
        if not _bears(marionette, mark):
            return "skip", f"another program answered on port {port}"
    except (MarionetteException, OSError, ValueError) as error:  # ValueError: a protocol of before Firefox 45
        return "skip", f"no Marionette session: {_said(error)}"
    return outcome(test, marionette, script)


def _bears(marionette: Any, mark: str) -> bool:
    from marionette_driver.errors import JavascriptException

    try:
        with marionette.using_context("chrome"):
            return bool(marionette.execute_script(_READ_PREF, script_args=[MARK_PREF]) == mark)
    except JavascriptException:  # there is no such preference
        return False


def _function(script: Path) -> Callable[[Any], object]:
    """``test`` of the script, which finds its neighbours as if it had been started by itself."""
    sys.path[0] = str(script.parent.absolute())
    sys.dont_write_bytecode = True  # the folder is the person's
    loader = importlib.machinery.SourceFileLoader("marionette_script", str(script))
    spec = importlib.util.spec_from_file_location("marionette_script", script, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    loader.exec_module(module)
    test: Callable[[Any], object] = module.test
    return test


def outcome(test: Callable[[Any], object], marionette: object, script: Path) -> Outcome:
    """Call ``test`` and understand how it ends."""
    import unittest

    from marionette_driver.errors import MarionetteException, UnknownCommandException

    try:
        returned = test(marionette)
    except unittest.SkipTest as skip:
        return "skip", str(skip)
    except AssertionError as error:
        return "bad", _where(error, script)
    except UnknownCommandException as error:
        return "skip", f"this build does not know the command: {_said(error)}"
    except MarionetteException as error:
        return "bad", _where(error, script)
    except BaseException as error:  # noqa: BLE001  # SystemExit is no verdict, either
        return ("bad", _where(error, script)) if _hung_up(error) else ("broken", _trace(error, script))
    return _meant(returned)


def _meant(returned: object) -> Outcome:
    if returned is None or returned is True:
        return "good", ""
    if returned is False:
        return "bad", "test() returned False"
    if isinstance(returned, str) and returned in ("good", "bad", "skip"):
        return returned, ""
    return "broken", f"test() returned {returned!r}, which is no verdict"


def _hung_up(error: BaseException) -> bool:
    """Did the connection to the browser break? The script may open files and connections of its own."""
    import marionette_driver

    frames = traceback.extract_tb(error.__traceback__)
    driver = os.path.dirname(marionette_driver.__file__)  # noqa: PTH120
    return isinstance(error, OSError) and bool(frames) and frames[-1].filename.startswith(driver)


def _said(error: BaseException) -> str:
    message = str(getattr(error, "message", error)).strip()
    name = type(error).__name__
    return f"{name}: {message}" if message else name


def _where(error: BaseException, script: Path) -> str:
    """What went wrong, and in which line of the script, in one line; a bare assert tells what it asserts."""
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(script)]
    if not lines:
        return _said(error)
    code = f"{lines[-1].line}: " if isinstance(error, AssertionError) and not str(error) else ""
    return " ".join(f"line {lines[-1].lineno}: {code}{_said(error)}".split())


def _trace(error: BaseException, script: Path) -> str:
    """As Python shows it, from the script on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != str(script):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()


if __name__ == "__main__":
    # The answer has a stream for itself: what the script prints must not be taken for it.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    word, reason = main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    json.dump((word, reason[-_LONGEST:]), answer)
    for stream in (answer, sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)  # a thread of the script, or a farewell to a browser that hangs, must not hold us
