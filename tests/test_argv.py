"""The words that people type: mozregression's habits in, one normal form out."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.argv import FORMER, PEER, SEVERAL, Grammar, NotUnderstood, misread, tidy
from mozbisect.cli import grammar, mozbisect

CONTEXT = click.Context(mozbisect)
OURS = grammar(mozbisect, CONTEXT)
LONG = sorted(name for name in (*OURS.takes, *OURS.flags) if name.startswith("--"))


def of(line: str) -> list[str]:
    return tidy(line.split(), OURS)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("--good 2014-12-25 --bad=2015-01-07", "--good=2014-12-25 --bad=2015-01-07"),
        ("-g 1 -b2", "--good=1 --bad=2"),
        ("-n=fenix", "--app=fenix"),
        ("-dP stdout", "-d --process-output=stdout"),
        ("-dPstdout -g x", "-d --process-output=stdout --good=x"),
        ("--pref a:1 b:2 --find-fix", "--pref=a:1 --pref=b:2 --find-fix"),
        ("--pref a:1 --pref b:2", "--pref=a:1 --pref=b:2"),
        ("--pref --good x", "--good=x"),
        ("--pref", ""),
        ("--preferences one.json two.ini:x -d", "--preferences=one.json --preferences=two.ini:x -d"),
        ("--pref a:1 resume --undo", "--pref=a:1 resume --undo"),
        ("--preferences f builds", "--preferences=f builds"),
        ("-a --foo -a -P", "--arg=--foo --arg=-P"),
        ("--arg=--foo", "--arg=--foo"),
        ("--command resume", "--command=resume"),
        ("--write-conf", "--write-config"),
        ("--persist-size=20", "--persist-size-limit=20"),
        ("--find --back keep --no-back", "--find-fix --background-dl-policy=keep --no-background-dl"),
        ("--comm x --re y --lan de --lau 34", "--command=x --repo=y --lang=de --launch=34"),
        ("--headl --taskcluster-root http://x", "--headless --taskcluster-root-url=http://x"),
        ("--persist x -- --good", "--persist=x -- --good"),
        ("--nonsense x", "--nonsense x"),
        ("-q", "-q"),
        ("--app", "--app"),
        ("builds --pref a:1 b:2", "builds --pref a:1 b:2"),
    ],
)
def test_what_is_typed_becomes_its_normal_form(typed: str, meant: str) -> None:
    assert of(typed) == meant.split()


def test_an_empty_value_and_one_with_spaces_stay_one_value() -> None:
    assert tidy(["--persist", "", "-c", "run {binary} -x"], OURS) == ["--persist=", "--command=run {binary} -x"]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("--good-rev 8850aa0f --bad-rev 2a193b7f", "write --good 8850aa0f"),
        ("--bad-rev=2a193b7f", "write --bad 2a193b7f"),
        ("--good-release 33", "write --good 33"),
        ("--good_date 2011-01-01", "write --good 2011-01-01"),
        ("--good-rel=33", "write --good 33"),
        ("--last-good-revision abc", "write --good abc"),
        ("--inbound --good x", "leave it out"),
        ("--inbound-branch fx-team", "write --repo fx-team"),
        ("-r mozilla-aurora", "write --repo mozilla-aurora"),
        ("--addons /a.xpi", "write --addon /a.xpi"),
        ("--date 2012-01-01", "write --launch 2012-01-01"),
        ("--force32bit", "write --bits 32"),
        ("--log-mach-level debug", "write --debug"),
        ("--log-mach=-", "write --debug"),
        ("--http-cache-dir", "leave it out"),
        ("--good-rev --bad-rev x", "write --good VALUE"),
        ("-good 2014-01-01", "--good"),
        ("-find-fix", "--find-fix"),
        ("--per x", "--persist or --persist-size-limit"),
        ("--ba x", "--background-dl-policy or --bad"),
        ("\N{EN DASH}good 2014-01-01", ": --good."),
        ("\N{EM DASH}g 2014-01-01", ": -g."),
    ],
)
def test_what_means_nothing_today_is_refused_with_the_right_words(typed: str, says: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        of(typed)
    assert says in str(caught.value)
    assert of_lenient(typed)


def of_lenient(line: str) -> list[str]:
    return tidy(line.split(), OURS, lenient=True)


def test_no_former_option_is_one_of_today_and_each_says_an_option_of_today() -> None:
    for row in FORMER:
        assert not OURS.knows(row.name)
        assert not any(name.startswith(row.name.rstrip("*")) for name in LONG if row.name.endswith("*"))
        if row.instead:
            tidied = tidy(row.instead.replace("{}", "VALUE").split(), OURS)
            assert OURS.knows(tidied[0].partition("=")[0])


def test_a_front_end_that_makes_a_context_of_a_list_has_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--pref", "a:1", "b:2", "--persist-size", "20", "-a", "--foo"]
    params = mozbisect.make_context("mozbisect", words).params
    assert (params["pref"], params["persist_size_limit"], params["arg"]) == (("a:1", "b:2"), 20.0, ("--foo",))
    with pytest.raises(click.UsageError, match="write --good 8850aa0f"):
        mozbisect.make_context("mozbisect", ["--good-rev", "8850aa0f"])
    with pytest.raises(click.UsageError, match="write --good 8850aa0f"):
        mozbisect.commands["builds"].make_context("builds", ["--good-rev", "8850aa0f"])


def test_the_options_of_the_peer_are_all_ours() -> None:
    assert set(LONG) >= PEER


def test_a_first_word_that_is_a_place_in_history_gets_advice() -> None:
    assert "--good 2014-12-25" in misread("2014-12-25")
    assert misread("resum") == ""


# ------------------------------------------------------------------------------------------------ properties

VALUES = st.text(st.sampled_from("-=:ab1 /{}"), max_size=6)
NAMED = st.sampled_from(sorted(name for name in OURS.takes if name not in SEVERAL))
FLAGS = st.sampled_from(sorted(OURS.flags))
PIECES = st.one_of(st.tuples(NAMED, VALUES), FLAGS.map(lambda name: (name,)))


@st.composite
def spelled(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str | None]]]:
    """A command line, in one of its many spellings, and what it means."""
    words: list[str] = []
    meant: list[tuple[str, str | None]] = []
    for piece in draw(st.lists(PIECES, max_size=6)):
        name = piece[0]
        if len(piece) == 1:
            words.append(name)
            meant.append((name, None))
            continue
        value = piece[1]
        long = OURS.takes[name]
        meant.append((long, value))
        forms = [[name, value]]
        if name.startswith("--"):
            forms.append([f"{name}={value}"])
            shorter = [name[:at] for at in range(4, len(name)) if unambiguous(name[:at], name)]
            forms += [[short, value] for short in shorter] + [[f"{short}={value}"] for short in shorter]
        else:
            forms.append([f"{name}={value}"])
            if value and not value.startswith("="):
                forms.append([f"{name}{value}"])
        words += draw(st.sampled_from(forms))
    return words, meant


def unambiguous(short: str, name: str) -> bool:
    """As argparse had it for the peer's options; for ours among all of them."""
    if OURS.knows(short) or any(short == row.name or short.startswith("--log-") for row in FORMER):
        return False
    peers = [long for long in PEER if long.startswith(short)]
    return peers == [name] if peers else [long for long in LONG if long.startswith(short)] == [name]


@given(spelled())
def test_every_spelling_comes_to_the_same_form(case: tuple[list[str], list[tuple[str, str | None]]]) -> None:
    words, meant = case
    tidied = tidy(words, OURS)
    assert tidied == [name if value is None else f"{name}={value}" for name, value in meant]


@given(st.lists(st.one_of(VALUES, st.sampled_from([*LONG, *OURS.flags, *OURS.takes, *OURS.commands, "--pref"]))))
def test_the_normal_form_stays_as_it_is_and_a_half_typed_line_never_fails(words: list[str]) -> None:
    tidy(words, OURS, lenient=True)
    try:
        once = tidy(words, OURS)
    except NotUnderstood:
        return
    assert tidy(once, OURS) == once


@given(st.lists(st.text(st.sampled_from("ab:1/."), min_size=1, max_size=5), max_size=4), st.sampled_from(SEVERAL))
def test_several_values_are_as_many_options(values: list[str], name: str) -> None:
    assert tidy([name, *values, "--debug"], OURS) == [*(f"{name}={value}" for value in values), "--debug"]


@given(st.lists(st.tuples(NAMED, VALUES), max_size=5))
def test_click_reads_from_the_normal_form_what_it_reads_from_the_plain_one(pairs: list[tuple[str, str]]) -> None:
    plain = [word for pair in pairs for word in pair]
    parser = click.Command.make_parser(mozbisect, CONTEXT)
    assert parser.parse_args(list(plain))[0] == parser.parse_args(tidy(plain, OURS))[0]


def test_a_grammar_without_commands_lets_arguments_and_options_mix() -> None:
    small = Grammar({"--output": "--output"}, frozenset({"--undo"}))
    assert tidy(["2026", "--undo", "--outp", "json"], small) == ["2026", "--undo", "--output=json"]
