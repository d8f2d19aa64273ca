"""``mozbisect practice``: a search in an invented history."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

from mozbisect.commands.printing import print_line, say
from mozbisect.commands.search import bisect
from mozbisect.running import kept_sessions


def practice(
    *,
    play: bool,
    serve: bool,
    seed: int,
    days: int,
    find_fix: bool,
    firefox: str | None,
    port: int,
    app: str,
    output: str,
) -> None:
    """Serve an invented history and, unless it is only to be served, bisect it and compare with the truth."""
    from mozbisect.practice import trial

    real = Path(firefox) if firefox else None
    made = trial.Trial.invent(seed=seed, days=days, find_fix=find_fix, firefox=real, app=app)
    with made.served(port) as served:
        if serve:
            _serve(served)
            return
        say(f"A history of {days} days was invented (seed {seed}); one of its pushes holds the culprit.")
        words = served.words(play=play)
        with trial.private_state():
            bisect(words, output, resumable=False)
            session = kept_sessions().read(None)
    right, sentence = made.compare(session)
    (say if output == "json" else print_line)(sentence)
    if not right:
        sys.exit(1)


def _serve(served: Any) -> None:
    print_line(shlex.join(["mozbisect", *served.command_line()]))
    say("Serving until Ctrl-C.")
    try:
        served.server.serve_forever()
    except KeyboardInterrupt:
        say("Stopped serving.")
