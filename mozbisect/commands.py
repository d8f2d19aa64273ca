"""What each command does: options in, the answer on standard output, an error raised.

A front end beside ``cli`` (mach, a web page) calls these as well. Everything that outlives a command is the
session on disk.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mozbisect import known
from mozbisect.core.errors import Interrupted, MozbisectError, NetworkError, NoBuild, UsageError
from mozbisect.core.journal import Judged, Session
from mozbisect.core.model import Before, Build, Candidate
from mozbisect.core.news import Note
from mozbisect.options import Options, ThisRun
from mozbisect.report.bug import paste, summary
from mozbisect.report.document import document
from mozbisect.report.terminal import Terminal, final_lines
from mozbisect.report.words import result_of, so_far
from mozbisect.running import (
    FINAL,
    Running,
    absolute,
    how_to_go_on,
    kept_sessions,
    memory_of,
    must_run_here,
    options_from,
    options_of,
    sessions_folder,
    state_folder,
)

if TYPE_CHECKING:
    from mozbisect.config.model import Key, Settings
    from mozbisect.core.ports import Reporter
    from mozbisect.credentials import Credentials
    from mozbisect.telemetry.use import Wish


def bisect(
    words: Mapping[str, Any],
    output: str,
    *,
    resumable: bool = True,
    credentials: Credentials | None = None,
    this_run: ThisRun = ThisRun(),  # noqa: B008  (frozen)
    telemetry: Wish | None = None,
) -> None:
    """Search from the options of a command line to the end. ``resumable``: the session outlives this process.

    ``telemetry``: how this use is counted; without it, it is not.
    """
    from mozbisect.telemetry.use import counted

    now = datetime.now(UTC)
    with (
        Running.begin(options_from(words), now=now) as running,
        counted(telemetry, lambda wish: wish.usage(running.options, now.date()), _say) as use,
    ):
        if (folder := sessions_folder()).parent != state_folder():
            _say(f"{state_folder()} cannot be written: this session is kept in {folder}, while that lasts.")
        go_on = how_to_go_on(running.name) if resumable else ""
        _run(running, output, go_on=go_on, credentials=credentials, this_run=this_run, told=[use])


def resume(
    name: str | None,
    output: str,
    *,
    undo: bool,
    credentials: Credentials | None = None,
    this_run: ThisRun = ThisRun(),  # noqa: B008  (frozen)
) -> None:
    """Go on with a session. It remembers its options, also the folder that relative paths in them mean."""
    with Running.of(name, ended=undo) as running:
        if Path(running.options.folder).is_dir():
            os.chdir(running.options.folder)
        go_on = how_to_go_on(running.name)
        _run(running, output, go_on=go_on, undo=undo, credentials=credentials, this_run=this_run)


def _run(
    running: Running,
    output: str,
    *,
    go_on: str,
    undo: bool = False,
    credentials: Credentials | None,
    this_run: ThisRun,
    told: Sequence[Reporter] = (),
) -> None:
    terminal = Terminal(running.session.opened.terms)
    try:
        with _ends_like_ctrl_c():
            running.go_on([terminal, *told], say=_say, until=this_run.until, undo=undo, credentials=credentials)
    except MozbisectError as error:
        _so_far(running.session, running.options)
        if not isinstance(error, FINAL):
            error.advice = "\n".join(filter(None, (error.advice, go_on)))
        _sum_up(running, this_run, stopped=str(error))
        raise
    _sum_up(running, this_run)
    _answer(running.name, running.session, running.options, output)


def _sum_up(running: Running, this_run: ThisRun, *, stopped: str = "") -> None:
    """Add the answer, or why there is none, to the file that was asked for. That must not cost the answer itself."""
    if this_run.summary is None:
        return
    session, options = running.session, running.options
    result = result_of(session, options.hg_url) if session.questions else None
    text = summary(session, result, _command_line(options, session), stopped=stopped)
    try:
        with this_run.summary.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        _say(f"The summary could not be written to {this_run.summary}: {error.strerror}.")


def _so_far(session: Session, options: Options) -> None:
    """What is known already when a run stops early, for the person at the terminal."""
    if not session.questions:
        return
    result = result_of(session, options.hg_url)
    if result and (known := so_far(result)):
        _say(f"\n{known}")


def sessions() -> None:
    """List all sessions, newest first."""
    rows = list(kept_sessions().all())
    if not rows:
        _say("There are no sessions yet.")
    for name, session in rows:
        options = options_of(session)
        state = "done" if session.ended else f"open, {_answers(session)}"
        _print(f"{name}  {state:<22} {_title(options)}")


def log(name: str | None) -> None:
    """The command of a session and its answers: without a --command it takes them back as standard input."""
    session = kept_sessions().read(name)
    _print(f"# {_command_line(options_of(session), session)}")
    for event in session.events:
        if isinstance(event, Judged):
            word = session.opened.terms.word(event.side)
            reason = f" ({event.reason})" if event.reason else ""
            by = "" if event.asked else "# not asked: "
            _print(f"{by}{word:<5} # {event.key} {event.build.revision or ''}{reason}")


def report(name: str | None, output: str) -> None:
    """Print what a session came to."""
    sessions = kept_sessions()
    session = sessions.read(name)
    _answer(sessions.name_of(name), session, options_of(session), output)


def builds(words: Mapping[str, Any], output: str, *, resolve: bool, credentials: Credentials | None = None) -> None:
    """List the candidates between two bounds."""
    from mozbisect import request, wiring
    from mozbisect.engine import first_listed

    options = options_from(words)
    today = datetime.now(UTC).date()
    asked = request.read(options, today=today)
    memory = memory_of(options)
    world = wiring.world(options, asked.target, today=today, credentials=credentials, memory=memory, origin_later=False)
    source = world.source
    timeline = first_listed(asked.leg, asked.reach, source, _say_note)
    for note in dict.fromkeys((*asked.notes, *timeline.notes)):
        _say(note)
    shut = {at: run.reason for run in timeline.shut for at in range(run.first, run.last + 1)}
    shown = {at: timeline.candidates[at] for at in range(timeline.old_at, timeline.new_at + 1)}
    if resolve:
        source.look_up([candidate for at, candidate in shown.items() if at not in shut])
    rows = [
        _row(candidate, None, shut[at]) if at in shut else _row(candidate, *_found(source.find, candidate, resolve))
        for at, candidate in shown.items()
    ]
    world.http.close()
    if output == "json":
        _print(json.dumps(rows, indent=2))
        return
    for row in rows:
        _print("  ".join(str(row[key]) for key in ("date", "key", "revision", "url", "missing") if row[key]))


def _say_note(news: object) -> None:
    if isinstance(news, Note):
        _say(news.text)


def _found(find: Callable[[Candidate], Build], candidate: Candidate, resolve: bool) -> tuple[Build | None, str | None]:
    if not resolve:
        return None, None
    try:
        return find(candidate), None
    except NoBuild as none:
        return None, none.what


def _row(candidate: Candidate, build: Build | None, missing: str | None) -> dict[str, Any]:
    return {
        "key": candidate.key,
        "date": candidate.when.isoformat(),
        "repo": build.repo if build else candidate.repo,
        "revision": build.revision if build else candidate.revision,
        "build_id": build.build_id if build else None,
        "build_type": build.build_type if build else None,
        "url": build.url if build else None,
        "missing": missing,
    }


def launch(
    words: Mapping[str, Any],
    text: str,
    *,
    nearest: bool = False,
    credentials: Credentials | None = None,
    telemetry: Wish | None = None,
) -> None:
    """Fetch and start one build; with a judge, have it judged and leave with 0 for good and 1 for bad.

    ``nearest``: when there is no such build, the one that is nearest in time will do. ``telemetry`` as for ``bisect``.
    """
    from mozbisect import request, wiring
    from mozbisect.single import launch_one
    from mozbisect.telemetry.use import counted

    options = options_from(words)
    must_run_here(options)
    for name in ("good", "bad", "find_fix", "search_back", "exclude"):
        if getattr(options, name):
            raise UsageError(f"--launch searches nothing: --{name.replace('_', '-')} has no place beside it.")
    today = datetime.now(UTC).date()
    asked = request.read(options, today=today, launch=text)
    for note in asked.notes:
        _say(note)
    seen = wiring.world(options, asked.target, today=today, credentials=credentials, memory=memory_of(options))
    with (
        counted(telemetry, lambda wish: wish.usage(options, today, launch=text), _say) as use,
        _ends_like_ctrl_c(),
        wiring.ports(options, asked, seen, [Terminal(asked.terms)], say=_say) as ports,
    ):
        try:
            judged = _is_judged(options)
            status = launch_one(
                asked.new, seen, ports, asked, judged=judged, nearest=nearest, say=_say, found=use.begun
            )
        except KeyboardInterrupt:
            raise Interrupted("Interrupted.") from None
    sys.exit(status)


def _is_judged(options: Options) -> bool:
    """Was a judge asked for? Without one, ``--launch`` just starts the build."""
    return options.command is not None or options.judge != Options().judge


# ------------------------------------------------------------------------------------------------- what is known


def list_build_types() -> None:
    """Each app, and the build types that it has."""
    for line in known.build_types():
        _print(line)


def list_releases(words: Mapping[str, Any]) -> None:
    """Every release that can be a bound; with the day it came out, when the service that knows it answers."""
    for line in known.releases(_released(options_from(words))):
        _print(line)


def _released(options: Options) -> Mapping[int, date]:
    from mozbisect.net import Http

    http = Http(timeout=min(options.http_timeout, 10.0), tries=2)
    url = f"{options.product_details_url.rstrip('/')}/{known.HISTORY}"
    try:
        return known.released(http.json(url))
    except NetworkError as error:
        reason = error.what
    except ValueError as error:
        reason = f"{url} cannot be understood: {error}"
    finally:
        http.close()
    _say(f"On which days they were released could not be asked: {reason}")
    return {}


# ------------------------------------------------------------------------------------------------- configuration


def config_path() -> None:
    """Where our configuration file is, or would be."""
    from mozbisect.config.places import own_file

    _print(str(own_file(os.environ)))


def config_show(rows: Sequence[tuple[str, object, str]], settings: Settings, output: str) -> None:
    """Every value in force, and where it comes from. ``rows`` are the options; what is no option is added here."""
    shown = [*rows, *_beside_options(settings)]
    if output == "json":
        _print(json.dumps([{"name": name, "value": value, "source": where} for name, value, where in shown], indent=2))
        return
    width = max(len(name) for name, *_ in shown)
    for name, value, where in shown:
        _print(f"{name:<{width}}  {_in_words(value)}  ({where})")


def _beside_options(settings: Settings) -> Iterator[tuple[str, object, str]]:
    from mozbisect.config import model
    from mozbisect.credentials import VARIABLES

    telemetry = settings.values.get(model.TELEMETRY.name)
    yield model.TELEMETRY.name, telemetry.value if telemetry else True, telemetry.where if telemetry else "default"
    for key, variable in zip((model.CLIENT_ID, model.ACCESS_TOKEN), VARIABLES, strict=True):
        value, where = os.environ.get(variable), f"environment variable {variable}"
        if not value and key.name in settings.values:
            value, where = str(settings.values[key.name].value), settings.values[key.name].where
        hidden = "set, hidden" if value and key.kind is model.Kind.SECRET else value
        yield key.name, hidden or None, where if value else "default"


def _in_words(value: object) -> str:
    match value:
        case None | ():
            return "-"
        case bool():
            return "yes" if value else "no"
        case tuple():
            return shlex.join(map(str, value))
        case _:
            return str(value) or "-"


def write_config(keys: Sequence[Key]) -> None:
    """Ask a person for the settings that nearly everybody wants, and write them down."""
    from mozbisect.config import own, peer, write
    from mozbisect.config.model import Settings
    from mozbisect.config.places import cache_folder, own_file, peer_file

    path = own_file(os.environ)
    if not sys.stdin.isatty():
        raise UsageError(
            "--write-config asks questions, and standard input is no terminal: nothing was written.",
            advice=f"Call it in a terminal, or write {path} by hand.",
        )
    left = peer_file()
    document = write.document_of(path, peer.read(left, keys) if left else Settings())
    write.answered(document, cache_folder(os.environ) / "builds", input, _say)
    write.save(path, document)
    _say(f"\n{path} is written. mozbisect config show tells what is in force.")
    _, slips = own.looked_at(path, keys)
    if slips:
        _say("What was in it is kept, and must be mended before it is of use:")
    for slip in slips:
        _say(f"  {slip}")


# ------------------------------------------------------------------------------------------------- telemetry


def telemetry_status(wish: Wish, output: str) -> None:
    """Whether anything is sent, and why."""
    from mozbisect.telemetry import state

    now = state.read(wish)
    if output == "json":
        _print(json.dumps(now.row(), indent=2))
        return
    for line in now.lines():
        _print(line)


def telemetry_show(wish: Wish, words: Mapping[str, Any], launch: str | None, wishes: Sequence[str]) -> None:
    """The very ping that a command line would send."""
    from mozbisect import request
    from mozbisect.telemetry import state
    from mozbisect.telemetry.usage import as_if

    options = options_from(words)
    today = datetime.now(UTC).date()
    request.read(options, today=today, launch=launch)
    usage = as_if(wish.usage(options, today, launch=launch), wishes)
    shown = state.ping(wish, usage)
    for note in shown.notes:
        _say(note)
    _print(json.dumps(shown.body, indent=2))


def telemetry_enable(wish: Wish) -> None:
    """From now on a ping may be sent, unless something else says no."""
    from mozbisect.telemetry import state

    for line in state.enable(wish).lines():
        _print(line)


def telemetry_disable(wish: Wish) -> None:
    """From now on nothing is sent, and what was sent is to be deleted."""
    from mozbisect.telemetry import state

    for line in state.disable(wish):
        _print(line)


def telemetry_insights(places: Sequence[str], *, output: str, question: str | None, since: str | None) -> None:
    """What exported pings say of the two questions, or of one."""
    from mozbisect.telemetry.insights import page, words
    from mozbisect.telemetry.insights.ask import ask

    questions = [question] if question else words.QUESTIONS
    if output == "html":
        page.script()  # rather missed now than after all has been counted
        if sys.stdout.isatty():
            raise UsageError("--output html is a page of several megabytes.", advice="Write it to a file: > page.html")
        if question:
            raise UsageError("--output html answers both questions: --question has no place beside it.")
    answer = ask(places, since=_day_of("--since", since) if since else None)
    match output:
        case "html":
            _print(page.page(answer))
        case "json":
            _print(json.dumps(words.document(answer, questions), indent=2))
        case "csv":
            _print(words.table(answer, questions).removesuffix("\n"))
            for line in words.beside(answer):
                _say(line)
        case _:
            for line in words.lines(answer, questions):
                _print(line)


def _day_of(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text}: this is no day.", advice="Days are written YYYY-MM-DD.") from None


def telemetry_synthetic(number: int, *, seed: int) -> None:
    """Invented pings of the year until yesterday."""
    from mozbisect.telemetry.insights import synthetic

    for ping in synthetic.pings(number, seed=seed, until=datetime.now(UTC).date() - timedelta(days=1)):
        _print(ping.line)


# ------------------------------------------------------------------------------------------------- the cache


def cache(action: str, persist: str | None, limit: float = 0.0) -> None:
    """``info``, ``prune``, ``clear`` or ``verify`` the folder of --persist."""
    from mozbisect.fetch import upkeep

    if not persist:
        raise UsageError(
            "Which folder?", advice="Name it: --persist FOLDER, MOZBISECT_PERSIST, or the configuration file."
        )
    folder = absolute(persist)
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise UsageError(f"--persist: {folder} {what}.", advice="The first run with --persist FOLDER makes it.")
    match action:
        case "prune" if not limit:
            raise UsageError("Prune to which size?", advice="Say it in GiB: --persist-size-limit GIB.")
        case "prune":
            upkeep.prune(folder, limit)
        case "clear":
            upkeep.clear(folder)
        case "verify":
            for name, what in upkeep.verify(folder):
                _print(f"{name}: {what}")
    _print_contents(folder, upkeep.info(folder))


def _print_contents(folder: Path, found: Any) -> None:
    _print(str(folder))
    for number, size, what in (
        (found.archives, found.archive_bytes, "downloaded builds"),
        (found.trees, found.tree_bytes, "unpacked builds"),
        (found.parts, found.part_bytes, "downloads broken off"),
        (found.theirs, found.their_bytes, "builds of mozregression"),
    ):
        _print(f"{number:6}  {what:<24}{size / 2**30:8.2f} GiB")


# ------------------------------------------------------------------------------------------------- practice


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
        _say(f"A history of {days} days was invented (seed {seed}); one of its pushes holds the culprit.")
        words = served.words(play=play)
        with trial.private_state():
            bisect(words, output, resumable=False)
            session = kept_sessions().read(None)
    right, sentence = made.compare(session)
    (_say if output == "json" else _print)(sentence)
    if not right:
        sys.exit(1)


def _serve(served: Any) -> None:
    _print(shlex.join(["mozbisect", *served.command_line()]))
    _say("Serving until Ctrl-C.")
    try:
        served.server.serve_forever()
    except KeyboardInterrupt:
        _say("Stopped serving.")


# ------------------------------------------------------------------------------------------------- pieces


def _answer(name: str, session: Session, options: Options, output: str) -> None:
    result = result_of(session, options.hg_url) if session.questions else None
    if output == "json":
        _print(json.dumps(document(name, session, result), indent=2))
        return
    if session.ended is None:
        _say(f"The session {name} has not ended: {_answers(session)} so far.")
    if result is None:
        return
    if output == "markdown":
        _print(paste(session, result, _command_line(options, session)))
    else:
        for line in final_lines(result):
            _print(line)


def _answers(session: Session) -> str:
    return f"{session.questions} answer{'' if session.questions == 1 else 's'}"


def _title(options: Options) -> str:
    words = [options.app, f"{options.good or '…'} → {options.bad or '…'}"]
    if options.find_fix:
        words.append("(fix)")
    return " ".join(words)


def _command_line(options: Options, session: Session) -> str:
    """The line that repeats a session; a bound that was left out is written as it was understood."""
    plain = Options()
    words = ["mozbisect"]
    for field in fields(Options):
        value = getattr(options, field.name)
        if field.name == "folder" or value == getattr(plain, field.name):
            continue
        words += _as_words(field.name.replace("_", "-"), value)
    if session.stages:
        for word, text in _understood(session).items():
            if getattr(options, word) is None:
                words += [f"--{word}", text]
    return shlex.join(words)


def _understood(session: Session) -> dict[str, str]:
    """Both bounds as they were understood; without one that is to be looked for again."""
    timeline, terms = session.stages[0].timeline, session.opened.terms
    leg = timeline.leg
    bounds = {terms.old: str(leg.old), terms.new: str(leg.new)}
    if isinstance(leg.old, Before):
        bounds[terms.old] = f"{timeline.candidates[timeline.old_at].when:%Y-%m-%d}"
    if leg.back:
        del bounds[terms.old]
    return bounds


def _as_words(name: str, value: object) -> Iterator[str]:
    match value:
        case True:
            yield f"--{name}"
        case False:
            yield f"--no-{name}"
        case tuple():
            for item in value:
                yield f"--{name}={item}"
        case _:
            yield from (f"--{name}", str(value))


@contextmanager
def _ends_like_ctrl_c() -> Iterator[None]:
    """While a build runs, a TERM or a lost terminal ends it as tidily as Ctrl-C does. For the main thread."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    here = threading.current_thread() is threading.main_thread()
    names = [name for name in ("SIGTERM", "SIGHUP") if here and hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), interrupt) for name in names}
    try:
        yield
    finally:
        for name, old in before.items():
            signal.signal(getattr(signal, name), old)


def _print(line: str) -> None:
    """The answer: standard output."""
    print(line)  # noqa: T201


def _say(line: str) -> None:
    """Talk beside the answer: standard error."""
    with suppress(OSError):  # that nobody listens is no reason to stop a search
        print(line, file=sys.stderr, flush=True)  # noqa: T201
