"""``--verify``: what may run and what is said of it, over a practice archive with everything that real ones publish."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mozbisect import request, wiring
from mozbisect.core.errors import CannotRun, MozbisectError, NoBuild, NothingToSearch
from mozbisect.core.journal import FORMAT, Opened, Session
from mozbisect.core.model import Build, Candidate, Kind, Leg
from mozbisect.core.news import Note
from mozbisect.engine import Engine
from mozbisect.memory import Memory
from mozbisect.options import Options
from mozbisect.practice.history import make_world
from mozbisect.practice.server import PracticeServer
from mozbisect.practice.signing import Key
from mozbisect.practice.tampering import Tamper
from mozbisect.practice.trial import Served, Trial
from mozbisect.practice.world import LAST_DAY, World, WorldParameters
from mozbisect.report.document import document
from mozbisect.report.words import result_of
from mozbisect.running import options_from
from tests.fakes import START, Listener

DAYS = tuple(LAST_DAY - timedelta(days=at) for at in (8, 5, 2))


@pytest.fixture(scope="module")
def trial() -> Trial:
    return Trial.invent(seed=4, days=12, find_fix=False, firefox=None, app="firefox-release")


@pytest.fixture(scope="module")
def signed() -> World:
    """Nightlies as of 2016: their lists are signed."""
    start = LAST_DAY - timedelta(days=11)
    return make_world(
        WorldParameters(
            seed=3, start=start, days=12, pushes_per_day=12, trains=True, train_days=DAYS, signed_nightlies=True
        )
    )


def options(server: PracticeServer, **more: Any) -> Options:
    key = {"release_key": server.key.fingerprint} if server.key else {}
    return Options(
        arch="x86_64",
        command="{binary} --check",
        archive_base_url=server.archive_url,
        taskcluster_root_url=server.taskcluster_url,
        hg_url=server.hg_url,
        lando_url=server.lando_url,
        product_details_url=server.product_details_url,
        **{**key, **more},
    )


def world_of(asked: Options, memory: Memory | None = None) -> tuple[wiring.World, Leg]:
    asked_for = request.read(asked, today=LAST_DAY)
    seen = wiring.world(asked, asked_for.target, today=LAST_DAY, memory=memory)
    seen.http.sleep = lambda seconds: None
    return seen, asked_for.leg


def first_release(asked: Options, trial: Trial, memory: Memory | None = None) -> Build:
    versions = [one.version for one in trial.world.releases if one.channel == "release"]
    seen, leg = world_of(replace(asked, app="firefox-release", good=versions[0], bad=versions[-1]), memory)
    try:
        return seen.source.find(seen.source.timeline(leg).candidates[0])
    finally:
        seen.http.close()


def nightlies(asked: Options, world: World) -> Iterator[Callable[[], Build]]:
    """How the first, the last and one between them are found."""
    days = [str(one.when.date()) for one in world.nightlies]
    seen, leg = world_of(replace(asked, good=days[0], bad=days[-1]))
    timeline = seen.source.timeline(leg)
    places = (timeline.old_at, timeline.new_at, (timeline.old_at + timeline.new_at) // 2)

    def find(candidate: Candidate) -> Callable[[], Build]:
        return lambda: seen.source.find(candidate)

    yield from (find(timeline.candidates[at]) for at in places)
    seen.http.close()


# ------------------------------------------------------------------------------------------------ what is found


@pytest.mark.parametrize("verify", ["auto", "require"])
def test_a_release_is_proved_by_its_longest_digest_and_the_signature_of_the_list(trial: Trial, verify: str) -> None:
    with PracticeServer(trial.world) as server:
        build = first_release(options(server, verify=verify), trial)
        assert server.key
        assert build.digest
        assert (build.digest.algorithm, build.signed_by, build.unverified) == ("sha512", server.key.fingerprint, "")


def test_nightlies_are_proved_by_their_own_lists(signed: World) -> None:
    with PracticeServer(signed) as server:
        assert server.key
        for find in nightlies(options(server, verify="require"), signed):
            build = find()
            assert build.digest
            assert (build.digest.algorithm, build.signed_by, build.unverified) == ("sha512", server.key.fingerprint, "")
        server.forget()
        for find in nightlies(options(server), signed):
            build = find()
            assert build.digest
            assert (build.signed_by, build.unverified) == (None, "")
        assert not [one for one in server.log if one.path.endswith((".asc", "KEY"))], "nobody asked for that"


def test_nightlies_of_today_are_not_signed_and_nothing_is_missed(signed: World) -> None:
    plain = make_world(replace(signed.parameters, signed_nightlies=False))
    with PracticeServer(plain) as server:
        for find in nightlies(options(server, verify="require"), plain):
            assert find().digest


def test_off_looks_for_no_digest_and_says_nothing(trial: Trial, signed: World) -> None:
    with PracticeServer(trial.world) as server:
        build = first_release(options(server, verify="off"), trial)
        assert (build.digest, build.signed_by, build.unverified) == (None, None, "")
        assert not [one for one in server.log if "SUMS" in one.path or one.path.endswith("KEY")]
    with PracticeServer(signed) as server:
        for find in nightlies(options(server, verify="off"), signed):
            build = find()
            assert build.digest is None
            assert build.size, "the length is looked at all the same"


# What auto says of a release whose lists were tampered with; None: it is as it should be. "!": there is no such build.
TAMPERED = {
    Tamper.DIGEST: None,  # it is signed so: the file will not have that digest
    Tamper.UNLISTED: "the digests that are published with it cannot be read, or do not name it",
    Tamper.SIGNATURE: "!",
    Tamper.SIGNER: "it was made with another key than",
    Tamper.KEY: "no KEY file with the key",
    Tamper.CHANGED: None,
    Tamper.HTML: "the digests that are published with it cannot be read, or do not name it",
    Tamper.HTML_KEY: "no KEY file with the key",
}


@pytest.mark.parametrize("tamper", list(Tamper))
def test_lists_that_were_tampered_with_are_seen_through(trial: Trial, tamper: Tamper) -> None:
    said = TAMPERED[tamper]
    with PracticeServer(trial.world, tamper=tamper) as server:
        auto, require = options(server), options(server, verify="require")
        if said == "!":
            with pytest.raises(NoBuild, match="is not the one that"):
                first_release(auto, trial)
        else:
            assert (said or "") in first_release(auto, trial).unverified
            assert bool(first_release(auto, trial).unverified) == bool(said)
    with PracticeServer(trial.world, tamper=tamper) as server:
        require = options(server, verify="require")
        if said is None:
            assert first_release(require, trial).signed_by
        else:
            with pytest.raises(NoBuild, match=r"is not the one that|\(--verify require\)"):
                first_release(require, trial)


@pytest.mark.parametrize("tamper", [Tamper.SIGNATURE, Tamper.SIGNER, Tamper.KEY])
def test_required_signatures_of_nightlies_are_seen_through_as_well(signed: World, tamper: Tamper) -> None:
    with PracticeServer(signed, tamper=tamper) as server:
        for find in nightlies(options(server, verify="require"), signed):
            with pytest.raises(NoBuild, match=r"is not the one that|\(--verify require\)"):
                find()


def test_an_archive_elsewhere_does_not_bring_its_own_key(trial: Trial) -> None:
    """What is believed follows from no address."""
    with PracticeServer(trial.world) as server:
        theirs = options(server, release_key=Options().release_key)
        build = first_release(theirs, trial)
        assert build.signed_by is None
        assert Options().release_key in build.unverified
        with pytest.raises(NoBuild, match="--verify require"):
            first_release(replace(theirs, verify="require"), trial)


def test_a_release_without_a_signature_is_not_verified(trial: Trial) -> None:
    with PracticeServer(trial.world, signed=False) as server:
        assert first_release(options(server), trial).unverified.endswith("was not checked: there is none")
        with pytest.raises(NoBuild, match="there is none"):
            first_release(options(server, verify="require"), trial)


def test_a_list_that_was_remembered_and_has_changed_is_asked_for_again(trial: Trial, tmp_path: Path) -> None:
    memory, key = Memory(tmp_path, loopback=True), Key()
    with PracticeServer(trial.world, signed=key, tamper=Tamper.CHANGED) as server:
        port = int(server.archive_url.rpartition(":")[2].partition("/")[0])
        first_release(options(server, release_key="0" * 40), trial, memory)  # the older list is kept, unchecked
    with PracticeServer(trial.world, signed=key, port=port) as server:
        assert first_release(options(server, verify="require"), trial, memory).signed_by


def test_without_the_library_auto_says_so_and_require_does_not_begin(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PracticeServer(trial.world) as server:
        auto, require = options(server), options(server, verify="require")
        monkeypatch.setitem(sys.modules, "pysequoia", None)
        build = first_release(auto, trial)
        assert build.digest
        assert "pip install 'mozbisect[signatures]'" in build.unverified
        server.forget()
        with pytest.raises(CannotRun, match="pip install"):
            first_release(require, trial)
        assert server.log == []


# ------------------------------------------------------------------------------------------------- whole searches


def search(asked: Options) -> tuple[Session, list[str]]:
    asked_for = request.read(asked, today=LAST_DAY)
    seen = wiring.world(asked, asked_for.target, today=LAST_DAY)
    seen.http.sleep = lambda seconds: None
    listener = Listener()
    opened = Opened(FORMAT, "test", START, asked_for.terms, asked.to_row())
    with wiring.ports(asked, asked_for, seen, [listener], say=lambda line: None) as ports:
        engine = Engine(Session(opened), ports, lambda event: None, asked_for.reach)
        engine.run(asked_for.leg)
    return engine.session, [one.text for one in listener.heard if isinstance(one, Note)]


def of_trial(trial: Trial, server: PracticeServer, **more: Any) -> Options:
    served = Served(server, trial.searched, "{binary} --check", real_firefox=False, app=trial.app)
    return options_from({**served.words(play=False), **more})


def test_a_whole_search_that_requires_proof_finds_the_culprit_and_the_report_tells_the_proof(trial: Trial) -> None:
    with PracticeServer(trial.world) as server:
        session, notes = search(of_trial(trial, server, verify="require"))
        assert trial.compare(session)[0]
        assert not [note for note in notes if "not verified" in note]
        told = json.loads(json.dumps(document("s", session, result_of(session, server.hg_url))))
        steps = [step for step in told["steps"] if step["kind"] == "release"]
        assert server.key
        assert {step["signed_by"] for step in steps} == {server.key.fingerprint}
        assert all(step["digest"].startswith("sha512:") and step["unverified"] is None for step in steps)


def test_what_was_not_verified_is_said_once_and_the_report_tells_it_of_each_build(trial: Trial) -> None:
    with PracticeServer(trial.world, signed=False) as server:
        session, notes = search(of_trial(trial, server))
        assert trial.compare(session)[0]
        assert len([note for note in notes if "there is none" in note]) == 1
        told = document("s", session, result_of(session, server.hg_url))
        steps = [step for step in told["steps"] if step["kind"] == "release"]
        assert len(steps) > 1
        assert all("there is none" in step["unverified"] for step in steps)


def test_builds_whose_digest_is_another_never_run_and_the_search_says_what_is_wrong(signed: World) -> None:
    with PracticeServer(signed, tamper=Tamper.DIGEST) as server:
        days = [str(one.when.date()) for one in signed.nightlies]
        with pytest.raises(MozbisectError, match=r"could not be fetched; the last: .* where .* was published"):
            search(options(server, good=days[0], bad=days[-1]))


def test_where_nothing_can_be_verified_a_search_that_requires_it_stops_and_nothing_is_downloaded(signed: World) -> None:
    with PracticeServer(signed, tamper=Tamper.SIGNATURE, chain_of_trust=False) as server:
        days = [str(one.when.date()) for one in signed.nightlies]
        with pytest.raises(
            NothingToSearch, match=r"None of the .* pushes .*no digest is published for it \(--verify require\)"
        ):
            search(options(server, good=days[0], bad=days[-1], verify="require"))
        assert not [one for one in server.log if one.path.endswith(".tar.xz")]


@pytest.mark.parametrize("chain_of_trust", [True, False])
def test_a_push_is_proved_by_its_chain_of_trust_and_may_not_run_without_when_that_is_required(
    signed: World, *, chain_of_trust: bool
) -> None:
    push = signed.pushes["autoland"][40]
    changesets = tuple(commit.node for commit in push.commits)
    candidate = Candidate(Kind.PUSH, str(push.number), "autoland", push.when, changesets)
    days = {"good": str(signed.nightlies[0].when.date()), "bad": str(signed.nightlies[-1].when.date())}
    with PracticeServer(signed, chain_of_trust=chain_of_trust) as server:
        auto = world_of(options(server, **days))[0].source.find(candidate)
        require = world_of(options(server, verify="require", **days))[0].source
        if chain_of_trust:
            assert auto == require.find(candidate)
            assert auto.digest
            assert (auto.digest.algorithm, auto.unverified) == ("sha256", "")
        else:
            assert auto.unverified == "no digest is published for it"
            with pytest.raises(NoBuild, match=r"no digest is published for it \(--verify require\)"):
                require.find(candidate)
