"""Which build a day means, held against what mozregression 7.6.0 answered on the same archive."""

from __future__ import annotations

import pytest

from mozbisect.net.http import Http
from tests import eras
from tests.differential import (
    DIFFERENCES,
    ROUTE_DIFFERENCES,
    WORD_DIFFERENCES,
    Case,
    agrees,
    cases,
    explained,
    our_meaning,
    our_push,
    ours,
    pushes,
    recorded,
    recorded_pushes,
    recorded_words,
    words,
)
from tests.rendered import Style, rendered

THEIRS = recorded()


def test_the_recording_is_of_the_cases_that_are_asked_today() -> None:
    assert list(THEIRS) == list(cases())
    assert len(THEIRS) > 800
    assert sum(answer.path is not None for answer in THEIRS.values()) > 400


@pytest.mark.parametrize(
    ("json", "style"),
    [(True, "bucketlister"), (False, "bucketlister"), (False, "apache")],
    ids=["json", "html", "apache"],
)
def test_every_day_platform_and_type_means_the_same_build_or_the_difference_has_a_reason(
    *, json: bool, style: Style
) -> None:
    http = Http()
    used = set()
    asked = list(THEIRS) if json else list(THEIRS)[::10]  # a page of HTML takes a hundred times as long to read
    with rendered(eras.archive(), json=json, style=style) as url:
        for case in asked:
            answer = ours(case, http, url)
            if (answer.path, answer.revision) != (THEIRS[case].path, THEIRS[case].revision):
                difference = explained(case, THEIRS[case], answer)
                assert difference, f"{case}\n{THEIRS[case]}\n{answer}"
                used.add(difference)
    http.close()
    if json:
        assert used == set(DIFFERENCES), "a reason that nothing needs any more is no reason"


def test_a_wrong_answer_has_no_reason() -> None:
    case = Case("firefox", "linux", 64, "x86_64", None, "opt", None, "2020-01-06")
    theirs = THEIRS.get(case) or next(iter(THEIRS.values()))
    assert explained(case, theirs, type(theirs)(None)) is None


def test_every_push_is_looked_for_where_mozregression_looks_and_the_same_artifact_is_taken() -> None:
    theirs = recorded_pushes()
    assert list(theirs) == list(pushes())
    used = set()
    for push, found in theirs.items():
        ours = our_push(push)
        if not agrees(push, found, ours):
            difference = explained(push, found, ours)
            assert difference, f"{push}\n{found}\n{ours}"
            used.add(difference)
    assert used == set(ROUTE_DIFFERENCES)
    assert sum(found.artifact is not None for found in theirs.values()) > 50


def test_every_release_number_and_width_means_the_same_or_the_difference_has_a_reason() -> None:
    theirs = recorded_words()
    assert list(theirs) == list(words())
    used = set()
    for word, meant in theirs.items():
        ours = our_meaning(word)
        if ours != meant:
            difference = explained(word, meant, ours)
            assert difference, f"{word}\n{meant}\n{ours}"
            used.add(difference)
    assert used == set(WORD_DIFFERENCES)
