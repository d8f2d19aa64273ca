"""One bisection as one JSON document, for programs. Its schema is published in docs/reference/report.schema.json.

Absent values are null, never missing; times are ISO 8601 in UTC.
"""

from __future__ import annotations

from typing import Any

from mozbisect.core.journal import Session
from mozbisect.core.model import Build, Candidate, Side
from mozbisect.report.words import Result, revision

SCHEMA = 1


def document(name: str, session: Session, result: Result | None) -> dict[str, Any]:
    """The report on a session. ``result`` is None as long as no leg was searched to its end."""
    terms = session.opened.terms
    return {
        "schema": SCHEMA,
        "program": session.opened.program,
        "session": name,
        "started": session.opened.started.isoformat(),
        "state": "found" if session.ended else "open",
        "looking_for": "fix" if terms.old == "bad" else "regression",
        "result": _result(result) if result else None,
        "steps": [_step(session, stage_at, judged_at) for stage_at, judged_at in _steps(session)],
    }


def _result(result: Result) -> dict[str, Any]:
    finding = result.finding
    old, new = finding.old_build, finding.new_build
    return {
        "exact": result.exact,
        "repository": result.repo,
        f"last_{result.terms.old}": _end(
            finding.last_old, old, tested=result.was_tested(old), git=result.git_revision(finding.last_old, old)
        ),
        f"first_{result.terms.new}": _end(
            finding.first_new, new, tested=result.was_tested(new), git=result.git_revision(finding.first_new, new)
        ),
        "pushlog_url": result.pushlog,
        "changesets": [
            {"node": item.node, "git": item.git, "summary": item.summary or None, "bugs": list(item.bugs)}
            for item in result.changesets
        ],
        "bugs": list(result.bugs),
        "untested": [{"key": item.candidate.key, "reason": item.reason} for item in finding.untested],
        "why_no_closer": result.ended.why if result.ended else None,
    }


def _end(candidate: Candidate, build: Build | None, *, tested: bool, git: str | None) -> dict[str, Any]:
    return {
        "key": candidate.key,
        "kind": candidate.kind.value,
        "repository": candidate.repo,
        "date": candidate.when.isoformat(),
        "revision": revision(candidate, build),
        "git_revision": git,
        "build_id": build.build_id if build else None,
        "build_type": build.build_type if build else None,
        "url": build.url if build else None,
        "tested": tested,
        "digest": f"{build.digest.algorithm}:{build.digest.hex}" if build and build.digest else None,
        "signed_by": build.signed_by if build else None,
        "unverified": build.unverified or None if build else None,
    }


def _steps(session: Session) -> list[tuple[int, int]]:
    return [(at, step) for at, stage in enumerate(session.stages) for step in range(len(stage.judged))]


def _step(session: Session, stage_at: int, judged_at: int) -> dict[str, Any]:
    stage = session.stages[stage_at]
    judged = stage.judged[judged_at]
    return {
        "leg": stage_at + 1,
        "leg_kind": stage.timeline.leg.kind.value,
        **_end(
            judged.build.candidate,
            judged.build,
            tested=judged.side is not Side.UNTESTABLE,
            git=judged.build.candidate.git_revision or judged.build.git_revision,
        ),
        "key": judged.key,
        "verdict": session.opened.terms.word(judged.side),
        "reason": judged.reason or None,
        "asked": judged.asked,
        "seconds": judged.seconds,
    }
