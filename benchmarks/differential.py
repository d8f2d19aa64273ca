"""Asks mozregression 7.6.0 and mozbisect the same questions on the same archive, and lists where they differ.

    python benchmarks/differential.py --peer …/bin/python            compare; 1 if a difference has no reason
    python benchmarks/differential.py --peer …/bin/python --record   write what the peer says to tests/data/peer

The archive is that of ``tests/eras.py``, served on loopback. mozregression runs in an environment of its own, through
the script below.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from mozbisect.net.http import Http
from tests import differential, eras
from tests.differential import Answer, Case, Found, Meaning, Push, Word
from tests.rendered import rendered

ASK = """
import json, os, re, sys, threading
from datetime import date
from types import SimpleNamespace
from mozlog import structuredlog
structuredlog.set_default_logger(structuredlog.StructuredLogger("quiet"))
threading.excepthook = lambda args: None
from mozregression import releases
from mozregression.errors import MozRegressionError
from mozregression.fetch_build_info import NightlyInfoFetcher
from mozregression.fetch_configs import create_config
asked = json.load(sys.stdin)
base = asked["base"]


def config_of(case):
    config = create_config(case["app"], case["os"], case["bits"], case["processor"], case["arch"])
    if case.get("lang"):
        config.set_lang(case["lang"])
    else:
        config.set_build_type(case["build_type"])
    return config


def nightly(case):
    try:
        config = config_of(case)
        config.set_base_url(base)
        config.set_repo(None)
        info = NightlyInfoFetcher(config).find_build_info(date.fromisoformat(case["day"]))
        return {"path": info.build_url[len(base) + 1:], "revision": info.changeset, "why": ""}
    except MozRegressionError as error:
        return {"path": None, "revision": None, "why": str(error).replace(base, "…/pub")}


def push(case):
    try:
        config = config_of(case)
    except MozRegressionError:
        return {"routes": [], "artifact": None}
    config.set_repo(case["repo"])
    routes = list(config.tk_routes(SimpleNamespace(changeset="R", timestamp=case["timestamp"])))
    wanted = re.compile(config.build_regex())
    names = [name for name in case["names"] if wanted.search(os.path.basename(name))]
    return {"routes": routes, "artifact": names[0] if names else None}


def word(case):
    if case["option"] == "bits":
        config = create_config("firefox", case["os"], int(case["text"]), "x86_64", None)
        wanted = re.compile(config.build_regex())
        return {"is_": next((name for name in asked["packages"] if wanted.search(name)), None)}
    repo, app = case["repo"] or "", case["app"]
    tag = releases.tag_of_release if "release" in repo else releases.tag_of_beta if "beta" in repo else None
    return {"is_": tag(case["text"], app) if tag else releases.date_of_release(case["text"])}


releases.retry_get = lambda url: SimpleNamespace(status_code=404)  # only what it knows by itself
json.dump({
    "nightlies": [nightly(case) for case in asked["nightlies"]],
    "pushes": [push(case) for case in asked["pushes"]],
    "words": [word(case) for case in asked["words"]],
}, sys.stdout)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True, help="the Python that has mozregression 7.6.0")
    parser.add_argument("--record", action="store_true", help="keep the peer's answers for the tests")
    words = parser.parse_args()
    nightlies, pushes, said = (list(made()) for made in (differential.cases, differential.pushes, differential.words))
    with rendered(eras.archive()) as archive_url:
        theirs, their_pushes, their_words = ask(words.peer, nightlies, pushes, said, archive_url)
        http = Http()
        ours = {case: differential.ours(case, http, archive_url) for case in nightlies}
        http.close()
    if words.record:
        differential.record("nightlies", theirs)
        differential.record("pushes", their_pushes)
        differential.record("words", their_words)
    found = compare("nightlies", theirs, ours, lambda _, a, b: (a.path, a.revision) == (b.path, b.revision))
    our_pushes = {push: differential.our_push(push) for push in pushes}
    found |= compare("pushes", their_pushes, our_pushes, differential.agrees)
    our_words = {word: differential.our_meaning(word) for word in said}
    return found | compare("words", their_words, our_words, lambda _, a, b: a == b)


def ask(
    peer: str, nightlies: list[Case], pushes: list[Push], words: list[Word], base: str
) -> tuple[dict[Case, Answer], dict[Push, Found], dict[Word, Meaning]]:
    rows = [{**asdict(push), "names": differential.artifacts_of(push)} for push in pushes]
    asked = json.dumps(
        {
            "base": base,
            "nightlies": [asdict(case) for case in nightlies],
            "pushes": rows,
            "words": [asdict(word) for word in words],
            "packages": differential.PACKAGES,
        }
    )
    done = subprocess.run([peer, "-c", ASK], input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    said = json.loads(done.stdout)
    return (
        {case: Answer(**row) for case, row in zip(nightlies, said["nightlies"], strict=True)},
        {push: Found(tuple(row["routes"]), row["artifact"]) for push, row in zip(pushes, said["pushes"], strict=True)},
        {word: Meaning(row["is_"]) for word, row in zip(words, said["words"], strict=True)},
    )


def compare(title: str, theirs: dict[Any, Any], ours: dict[Any, Any], agree: Callable[[Any, Any, Any], bool]) -> int:
    counts: Counter[str] = Counter()
    unexplained = []
    for case, answer in ours.items():
        if agree(case, theirs[case], answer):
            counts["the same" if answer.found else "none on either side"] += 1
        elif difference := differential.explained(case, theirs[case], answer):
            counts[difference.what] += 1
        else:
            unexplained.append(case)
    print(f"{title}: {len(ours)} questions")
    for key, count in counts.most_common():
        print(f"{count:6}  {key}")
    if unexplained:
        print(f"{len(unexplained):6}  WITHOUT A REASON")
    for case in unexplained[:20]:
        print(f"{case}\n  mozregression: {theirs[case]}\n  mozbisect:     {ours[case]}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
