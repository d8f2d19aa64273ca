"""The library: one search, from Python, judged by a function. What is public here is listed in ``mozbisect.__all__``.

It prints nothing, asks nobody, installs no signal handler but that of a deadline, and reads no configuration: what is
not an argument has its default, whatever the environment or a file says (``MOZBISECT_STATE_DIR`` excepted, which says
where sessions are kept).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from mozbisect.core import model
from mozbisect.core.errors import MozbisectError, UsageError
from mozbisect.core.model import Side, Terms, Verdict
from mozbisect.core.ports import App, Judge, Question, Reporter
from mozbisect.options import Options
from mozbisect.report.document import document
from mozbisect.report.words import result_of
from mozbisect.running import FINAL, Running, how_to_go_on, options_from

Word = Literal["good", "bad", "skip"]


# ----------------------------------------------------------------------------------------------- what is judged


@dataclass(frozen=True, slots=True)
class Build:
    """One installed build, as the judge gets it. ``None`` where nobody knows.

    Nothing runs yet: ``start`` starts it with a fresh profile, or ``binary`` can be started in any other way. What was
    started with ``start`` is stopped when the judge returns.
    """

    binary: Path
    app: str
    title: str
    """"nightly of 2026-09-14 09:37": for people."""
    date: datetime
    repository: str
    revision: str | None
    git_revision: str | None
    build_id: str | None
    build_type: str
    url: str
    question: int
    """Which test of the search this is, from 1."""
    _app: App

    @classmethod
    def _of(cls, app: App, build: model.Build, question: Question) -> Build:
        return cls(
            binary=app.binary,
            app=build.app,
            title=build.candidate.title,
            date=build.candidate.when,
            repository=build.repo,
            revision=build.revision,
            git_revision=build.git_revision or build.candidate.git_revision,
            build_id=build.build_id,
            build_type=build.build_type,
            url=build.url,
            question=question.number,
            _app=app,
        )

    def start(self, args: Sequence[str] = (), prefs: Mapping[str, bool | int | str] = {}) -> None:
        """Start it. Raises ``BrokenBuild`` if it cannot start; let it pass, and the build counts as not testable."""
        self._app.start(args, prefs)

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait until it ends; its exit status, or ``None`` if it still runs after ``seconds``."""
        return self._app.wait(seconds)

    def running(self) -> bool:
        return self._app.running()

    def output(self) -> str:
        """What it has written since its start, at most the last MiB."""
        return self._app.output()

    def crashed(self) -> str | None:
        """Why it counts as crashed, in a few words; ``None`` if it does not."""
        return self._app.crashed()

    def stop(self) -> None:
        """End it, with all its processes. Harmless when it does not run."""
        self._app.stop()


Judging = Callable[[Build], Word | bool]
"""Says "good", "bad" or "skip" of a build; True is good and False is bad."""


# ----------------------------------------------------------------------------------------------- what was found


@dataclass(frozen=True, slots=True)
class End:
    """One of the two builds between which the change happened. ``None`` where nobody knows."""

    key: str
    kind: str
    """nightly, release or push"""
    repository: str
    date: datetime
    revision: str | None
    git_revision: str | None
    build_id: str | None
    build_type: str | None
    url: str | None
    tested: bool
    """Was it really judged? If not, it is what was said in ``good`` or ``bad``."""
    digest: str | None
    """"sha512:…", as it was published; its file had it."""
    signed_by: str | None
    """The fingerprint of the key with which the list of that digest is signed, where that was checked."""
    unverified: str | None
    """What could not be verified."""


@dataclass(frozen=True, slots=True)
class Step:
    """One verdict."""

    key: str
    title: str
    verdict: Word
    reason: str
    """An exit status, why it cannot be tested; often empty."""
    asked: bool
    """Did the judge say it? If not, the build could not be fetched or started."""
    seconds: float
    revision: str | None


@dataclass(frozen=True, slots=True)
class Bisection:
    """What a search came to. The older end is ``before`` the change, the newer ``after`` it."""

    session: str
    """The name for ``mozbisect report`` and ``mozbisect log``."""
    looking_for: Literal["regression", "fix"]
    before: End
    after: End
    exact: bool
    """Do two neighbouring pushes disagree, with nothing between them that stayed open?"""
    pushlog_url: str | None
    bugs: tuple[int, ...]
    """Those that the changesets between the two name."""
    why_no_closer: str
    steps: tuple[Step, ...]
    document: Mapping[str, Any]
    """All of it, as ``--output json`` prints it."""

    @property
    def last_good(self) -> End:
        """The older end. Of a search for a fix there is none: that has ``last_bad``."""
        return self._end("regression", self.before, "last_bad")

    @property
    def first_bad(self) -> End:
        """The newer end. Of a search for a fix there is none: that has ``first_good``."""
        return self._end("regression", self.after, "first_good")

    @property
    def last_bad(self) -> End:
        """The older end of a search for a fix."""
        return self._end("fix", self.before, "last_good")

    @property
    def first_good(self) -> End:
        """The newer end of a search for a fix."""
        return self._end("fix", self.after, "first_bad")

    def _end(self, of: str, end: End, other: str) -> End:
        if self.looking_for != of:
            raise AttributeError(f"A {self.looking_for} was looked for: ask for {other}.")
        return end

    @classmethod
    def _of(cls, running: Running) -> Bisection:
        session, terms = running.session, running.session.opened.terms
        result = result_of(session, running.options.hg_url)
        assert result is not None, "a search that has ended has found something"
        told = document(running.name, session, result)
        found = told["result"]
        judged = [event for stage in session.stages for event in stage.judged]
        return cls(
            session=running.name,
            looking_for=told["looking_for"],
            before=_end(found[f"last_{terms.old}"]),
            after=_end(found[f"first_{terms.new}"]),
            exact=found["exact"],
            pushlog_url=found["pushlog_url"],
            bugs=tuple(found["bugs"]),
            why_no_closer=found["why_no_closer"] or "",
            steps=tuple(
                Step(
                    key=event.key,
                    title=event.build.candidate.title,
                    verdict=_word(terms, event.side),
                    reason=event.reason,
                    asked=event.asked,
                    seconds=event.seconds,
                    revision=event.build.revision or event.build.candidate.revision,
                )
                for event in judged
            ),
            document=told,
        )


def _end(row: Mapping[str, Any]) -> End:
    return End(**{**row, "date": datetime.fromisoformat(row["date"])})


def _word(terms: Terms, side: Side) -> Word:
    words: dict[str, Word] = {"good": "good", "bad": "bad", "skip": "skip"}
    return words[terms.word(side)]


# --------------------------------------------------------------------------------------------------- the search


class SearchOptions(TypedDict, total=False):
    """Further arguments of ``bisect``: the options of the command line, with its defaults."""

    find_fix: bool
    search_back: bool
    exclude: Sequence[str]
    repo: str
    lang: str
    arch: str
    bits: str
    build_type: str
    mode: Literal["classic", "no-first-check"]
    within: float
    runs: int
    required: int
    treat_broken_as: Literal["bad", "skip"]
    command_timeout: float
    on_timeout: Literal["bad", "good", "skip"]
    profile: str | os.PathLike[str]
    profile_persistence: Literal["clone", "clone-first", "reuse"]
    adb_profile_dir: str
    headless: bool
    pref: Sequence[str]
    preferences: Sequence[str]
    addon: Sequence[str]
    arg: Sequence[str]
    process_output: Literal["none", "stdout"]
    persist: str | os.PathLike[str]
    persist_size_limit: float
    http_timeout: float
    remember: Literal["auto", "always", "never"]
    connections: int
    verify: Literal["auto", "require", "off"]
    release_key: str
    background_dl: bool
    background_dl_policy: Literal["cancel", "keep"]
    approx_policy: Literal["auto", "none"]
    archive_base_url: str
    taskcluster_root_url: str
    hg_url: str
    lando_url: str
    product_details_url: str


def bisect(
    good: str | date | None = None,
    bad: str | date | None = None,
    *,
    judge: Judging | str | None = None,
    watch: str | None = None,
    app: str = "firefox",
    listen: Callable[[object], None] | None = None,
    deadline: datetime | timedelta | None = None,
    **options: Unpack[SearchOptions],
) -> Bisection:
    """Search between two bounds until there is no closer stretch.

    ``judge`` is a function that is called with each ``Build``, or a test command, as for ``--command``; ``watch``
    names one of the built-in judges instead, as for ``--judge`` ("crash"). ``listen`` is told each event as it happens.

    Raises ``UsageError`` for arguments that make no sense, and the other errors of ``MozbisectError``; what the judge
    or ``listen`` raises comes through. Whatever was answered by then is kept: ``resume`` goes on.
    """
    if (judge is None) == (watch is None):
        raise UsageError(
            "bisect needs one judge.",
            advice="judge= is a function or a test command, watch= the name of a judge that is built in.",
        )
    if "command" in options:
        raise UsageError("bisect has no option 'command'.", advice="Give the test command as judge=.")
    if callable(judge):
        _refuse(options, ("within", "command_timeout", "on_timeout"))
    words = {
        **options,
        "app": app,
        "good": _bound(good),
        "bad": _bound(bad),
        "judge": watch,
        "command": judge if isinstance(judge, str) else None,
    }
    until = _until(deadline)
    with Running.begin(options_from(_checked(words)), now=datetime.now(UTC)) as running:
        return _run(running, judge, listen, until)


def resume(
    session: str,
    *,
    judge: Judging | None = None,
    listen: Callable[[object], None] | None = None,
    deadline: datetime | timedelta | None = None,
) -> Bisection:
    """Go on with a session by its name. A function that judged it is not remembered, and has to be given again."""
    until = _until(deadline)
    with Running.of(session) as running:
        if judge is None and running.options.command is None and running.options.judge == Options().judge:
            raise UsageError(f"The session {session} was judged by a function or a person: give a judge.")
        return _run(running, judge, listen, until)


def _run(
    running: Running,
    judge: Judging | str | None,
    listen: Callable[[object], None] | None,
    until: datetime | None,
) -> Bisection:
    from mozbisect.credentials import credentials

    reporters: list[Reporter] = [_Listening(listen)] if listen else []
    by: Judge | None = None if judge is None or isinstance(judge, str) else _Judge(judge, running.session.opened.terms)
    try:
        running.go_on(reporters, say=_quiet, by=by, until=until, credentials=credentials(os.environ, {}))
    except MozbisectError as error:
        error.session = running.name if running.session.stages else None
        if not isinstance(error, FINAL):
            error.advice = "\n".join(filter(None, (error.advice, how_to_go_on(running.name))))
        raise
    except BaseException as error:  # the judge's own
        error.add_note(how_to_go_on(running.name))
        raise
    return Bisection._of(running)


@dataclass(frozen=True, slots=True)
class _Judge:
    """A function as the ``Judge`` port."""

    function: Judging
    terms: Terms

    def judge(self, app: App, build: model.Build, question: Question) -> Verdict:
        try:
            said = self.function(Build._of(app, build, question))
        finally:
            app.stop()
        word = {True: "good", False: "bad"}[said] if isinstance(said, bool) else said
        if word not in ("good", "bad", "skip"):
            raise UsageError(
                f'The judge gave {said!r} for the {build.candidate.title}, not "good", "bad", "skip", True or False.',
                advice="A function without a return gives None.",
            )
        return Verdict(self.terms.side(word))


@dataclass(frozen=True, slots=True)
class _Listening:
    """A function as the ``Reporter`` port."""

    function: Callable[[object], None]

    def tell(self, news: object) -> None:
        self.function(news)


def _refuse(options: Mapping[str, Any], names: Sequence[str]) -> None:
    """What would have no effect is not passed over in silence."""
    for name in names:
        if name in options:
            raise UsageError(f"{name} has no meaning for a judge that is a function.")


def _quiet(_: str) -> None:
    """Notes for a person at a terminal."""


def _bound(value: str | date | None) -> str | None:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise UsageError(f"{value!r} has no time zone: a moment is meant as a build id, in UTC.")
        return f"{value.astimezone(UTC):%Y%m%d%H%M%S}"
    return value.isoformat() if isinstance(value, date) else value


def _until(deadline: datetime | timedelta | None) -> datetime | None:
    now = datetime.now(UTC)
    until = now + deadline if isinstance(deadline, timedelta) else deadline
    if until is not None and until.tzinfo is None:
        until = until.astimezone()
    if until is not None and until <= now:
        raise UsageError(f"The deadline is over already: {deadline}.")
    return until


def _checked(words: Mapping[str, Any]) -> dict[str, Any]:
    """As the command line takes them. Raises ``UsageError``, also for one that it does not know."""
    import click

    from mozbisect import cli

    usual = {field.name: field.default for field in fields(Options) if field.name != "folder"}
    unknown = sorted(words.keys() - usual)
    if unknown:
        taken = sorted(usual.keys() - {"app", "good", "bad", "judge", "command", "os"})
        raise UsageError(f"bisect has no option {', '.join(unknown)}.", advice=f"It has {', '.join(taken)}.")
    for name, value in words.items():
        if isinstance(usual[name], tuple) and isinstance(value, str):
            raise UsageError(f"{name} is a list of texts, not one text.", advice=f"Write {name}=[{value!r}].")
    texts = {name: os.fspath(value) if isinstance(value, os.PathLike) else value for name, value in words.items()}
    try:
        return cli.checked(texts, click.Context(cli.mozbisect))
    except click.UsageError as error:
        raise UsageError(error.format_message()) from None
