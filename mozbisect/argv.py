"""The words of a command line, as people type them, into those that click reads: words in, words out.

Whoever has a mozregression command line in a script, a wiki page or the fingers can put ``mozbisect`` in its place:

    --pref a:1 b:2        →  --pref=a:1 --pref=b:2     several values after one option (or none)
    --persist-size 20     →  --persist-size-limit=20   an abbreviation that can mean one option only
    -n=fenix -dP stdout   →  --app=fenix -d --process-output=stdout
    --good-rev 8850aa0f   →  NotUnderstood             with what is written instead today

After this every value stands in one word with its option (``--arg=--foo``), so that no value can be taken for an
option or for a command. Nothing is imported, asked or printed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

SEVERAL = ("--pref", "--preferences")
"""Options that take all words up to the next option (argparse's ``nargs="*"``)."""

_PEER = """
    --adb-profile-dir --addon --app --approx-policy --arch --archive-base-url --arg --background-dl-policy --bad --bits
    --build-type --command --debug --find-fix --good --help --http-timeout --lang --launch --list-build-types
    --list-releases --mode --no-background-dl --persist --persist-size-limit --pref --preferences --process-output
    --profile --profile-persistence --repo --version --write-config
"""
PEER = frozenset(_PEER.split())
"""The long options of mozregression 7.6.0: an abbreviation that was clear there means the same here."""


class Former(NamedTuple):
    """An option of an older mozregression (or of one of its tools). ``{}`` in ``instead`` is the value that was given;
    a ``name`` that ends in a star stands for all that begin so."""

    name: str
    instead: str
    why: str = ""


_FITS_ALL = "--good and --bad take days, build ids, releases and revisions alike"

FORMER = (
    Former("--good-rev", "--good {}", _FITS_ALL),  # until 2.0 (2015)
    Former("--bad-rev", "--bad {}", _FITS_ALL),
    Former("--good-release", "--good {}", _FITS_ALL),
    Former("--bad-release", "--bad {}", _FITS_ALL),
    Former("--good-date", "--good {}", _FITS_ALL),
    Former("--bad-date", "--bad {}", _FITS_ALL),
    Former("--last-good-revision", "--good {}", _FITS_ALL),
    Former("--first-bad-revision", "--bad {}", _FITS_ALL),
    Former("--start-rev", "--good {}", _FITS_ALL),  # moz-inbound-finder, until 2014
    Former("--end-rev", "--bad {}", _FITS_ALL),
    Former("--inbound", "", "two revisions, or --repo, say that pushes are searched"),  # until 0.35 (2015)
    Former("--inbound-branch", "--repo {}"),  # until 1.2 (2015)
    Former("-r", "--repo {}"),
    Former("--bisect*", "", "a good and a bad bound are all that a search needs"),
    Former("--force32bit", "--bits 32"),
    Former("--addons", "--addon {}", "once for each add-on"),  # one list, until 2014
    Former("--extensions", "--addon {}", "once for each add-on"),
    Former("--args", "--arg={}", "once for each argument"),
    Former("--date", "--launch {}"),  # moznightly, until 2014
    Former("--timestamp", "--launch {}", "with a build id of 14 digits"),
    Former("--allow-downgrade", "--arg=--allow-downgrade", "it is Firefox's own"),
    Former("--http-cache-dir", "", "--persist FOLDER keeps the builds"),  # until 0.42 (2015)
    Former("--taskcluster", "", "Firefox OS is no longer built"),  # b2g devices, 2015
    Former("--artifact-name", "", "Firefox OS is no longer built"),
    Former("--b2g*", "", "Firefox OS is no longer built"),
    Former("--log-*", "--debug", "it tells what is done and asked"),  # mozlog's, until 2.3 (2016)
)

# What word processors and wikis make of two dashes.
_OTHER_DASHES = "\N{EN DASH}\N{EM DASH}\N{HORIZONTAL BAR}\N{MINUS SIGN}\N{HYPHEN}\N{NON-BREAKING HYPHEN}"


class NotUnderstood(Exception):
    """A word that means nothing today; the message says what to write instead."""


class Grammar(NamedTuple):
    """What one command takes. ``takes``: every spelling of an option with a value → its long name. ``commands`` are
    the names of subcommands: the first word that is no option is one of them, and all that follows is theirs."""

    takes: Mapping[str, str]
    flags: frozenset[str]
    commands: frozenset[str] = frozenset()

    def knows(self, name: str) -> bool:
        return name in self.takes or name in self.flags


def tidy(words: Sequence[str], grammar: Grammar, *, lenient: bool = False) -> list[str]:
    """The same command line in its one normal form. ``lenient``: of a half-typed line nothing is refused.

    Raises ``NotUnderstood``.
    """
    tidied: list[str] = []
    at = 0
    while at < len(words):
        word, at = words[at], at + 1
        if word == "--" or (grammar.commands and not _is_option(word)):
            if word and not lenient:
                _no_foreign_dash(word)
            return [*tidied, word, *words[at:]]
        if not _is_option(word):
            tidied.append(word)
            continue
        try:
            parts = _long(word, grammar) if word.startswith("--") else _short(word, grammar)
        except NotUnderstood as error:
            if lenient:
                tidied.append(word)
                continue
            raise NotUnderstood(_filled(str(error), words[at : at + 1])) from None
        *flags, (name, value) = parts
        tidied += [flag for flag, _ in flags]
        if value is None and name in SEVERAL and grammar.knows(name):
            while at < len(words) and not _is_option(words[at]) and words[at] not in grammar.commands:
                tidied.append(f"{name}={words[at]}")
                at += 1
        elif value is None and name in grammar.takes and at < len(words):
            tidied.append(f"{name}={words[at]}")
            at += 1
        else:
            tidied.append(name if value is None else f"{name}={value}")
    return tidied


Part = tuple[str, str | None]
"""An option and the value that was in one word with it."""


def _is_option(word: str) -> bool:
    return len(word) > 1 and word.startswith("-")


def _long(word: str, grammar: Grammar) -> list[Part]:
    name, equals, value = word.partition("=")
    return [(_full_name(name, grammar, value), value if equals else None)]


def _short(word: str, grammar: Grammar) -> list[Part]:
    """``-dgX`` is ``-d`` and ``--good=X``. What is not known is left for click to complain about."""
    long = f"--{word[1:].partition('=')[0]}"
    if len(long) > 3 and grammar.knows(long):
        raise NotUnderstood(f"{word}: the long name of an option begins with two dashes: -{word}.")
    parts: list[Part] = []
    for at, letter in enumerate(word[1:], 1):
        name = f"-{letter}"
        if name in grammar.takes:
            rest = word[at + 1 :]
            return [*parts, (grammar.takes[name], rest.removeprefix("=") if rest else None)]
        if name not in grammar.flags:
            if at == 1:
                _no_former(name, word[2:].removeprefix("="))
            return [*parts, (f"-{word[at:]}", None)]
        parts.append((name, None))
    return parts


def _full_name(name: str, grammar: Grammar, value: str) -> str:
    """The option that a name means, perhaps by its beginning."""
    if grammar.knows(name):
        return grammar.takes.get(name, name)
    _no_former(name, value)
    every = {spelled for spelled in (*grammar.takes, *grammar.flags) if spelled.startswith("--")}
    for names in (PEER & every, every):
        meant = sorted(full for full in names if full.startswith(name))
        if len(meant) == 1:
            return meant[0]
        if meant:
            raise NotUnderstood(f"{name} could be {', '.join(meant[:-1])} or {meant[-1]}.")
    for row in FORMER:
        if row.name.startswith(name) and len(name) > 3:
            _no_former(row.name, value)
    return name


def _no_former(name: str, value: str) -> None:
    for row in FORMER:
        if name in (row.name, row.name.replace("-", "_").replace("__", "--")) or (
            row.name.endswith("*") and name.startswith(row.name[:-1])
        ):
            write = f"write {row.instead.replace('{}', value or '{}')}" if row.instead else "leave it out"
            raise NotUnderstood(f"{name} was an option of older tools: {write}{f' ({row.why})' if row.why else ''}.")


def _filled(sentence: str, following: Sequence[str]) -> str:
    """With the value that was given in the next word, so that the right words can be copied."""
    value = next((word for word in following if not _is_option(word)), "VALUE")
    return sentence.replace("{}", value)


def _no_foreign_dash(word: str) -> None:
    if word[0] in _OTHER_DASHES:
        rest = word.lstrip(_OTHER_DASHES + "-")
        raise NotUnderstood(f"{word} begins with another dash than that of the keyboard: {'--'[: len(rest)]}{rest}.")


def misread(word: str) -> str:
    """Advice about a first word that is neither an option nor a command."""
    if word[:1].isdigit():
        return f"A place in history follows an option: --good {word}, --bad {word} or --launch {word}."
    if "://" in word:
        return f"What is meant for the app follows an option: --arg {word}"
    return ""
