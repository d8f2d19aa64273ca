"""What a test command can be told about the build, as ``{name}`` on its command line and in its environment.

The names are a promise to people's scripts: none is ever renamed. What is not known is an empty string.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from mozbisect.core.errors import UsageError
from mozbisect.core.model import Build, Kind
from mozbisect.core.ports import App


def _date(build: Build) -> str:
    """The moment of a push (``2026-09-14T09:21:33+00:00``), the day of any other build (``2026-09-14``)."""
    when = build.candidate.when
    return when.isoformat() if build.candidate.kind is Kind.PUSH else when.date().isoformat()


_VALUES: dict[str, Callable[[App, Build], str | None]] = {
    "binary": lambda app, _: str(app.binary),
    "app_name": lambda _, build: build.app,
    "build_type": lambda _, build: build.build_type,
    "build_url": lambda _, build: build.url,
    "build_file": lambda _, build: build.file_name,
    "build_date": lambda _, build: _date(build),
    "build_id": lambda app, build: build.build_id or app.facts.get("application_buildid"),
    "changeset": lambda app, build: build.revision or app.facts.get("application_changeset"),
    "git_changeset": lambda _, build: build.git_revision,
    "repository": lambda _, build: build.repo,
    "repo_name": lambda _, build: build.repo,
    "repo_url": lambda app, _: app.facts.get("application_repository"),
    "task_id": lambda _, build: build.task_id,
}

NAMES = tuple(_VALUES)

_PART = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|[{}]")
_LITERAL = {"{{": "{", "}}": "}"}


def values(app: App, build: Build) -> dict[str, str]:
    """Every name and what it stands for."""
    return {name: value(app, build) or "" for name, value in _VALUES.items()}


def environment(known: Mapping[str, str], build: Build) -> dict[str, str]:
    """``MOZBISECT_BINARY`` and so on; beside them ``MOZREGRESSION_BINARY``, so that scripts for either will do.

    The one name that means something else there: ``MOZREGRESSION_BUILD_TYPE`` is nightly or integration.
    """
    ours = {f"MOZBISECT_{name.upper()}": value for name, value in known.items()}
    theirs = {f"MOZREGRESSION_{name.upper()}": value for name, value in known.items()}
    theirs["MOZREGRESSION_BUILD_TYPE"] = "integration" if build.candidate.kind is Kind.PUSH else "nightly"
    return ours | theirs


def fill(word: str, known: Mapping[str, str]) -> str:
    """The word with every ``{name}`` replaced; ``{{`` and ``}}`` are single braces. Raises ``UsageError``."""

    def one(part: re.Match[str]) -> str:
        name = part["name"]
        if name is None:
            return _LITERAL.get(part[0]) or _alone(part[0], word)
        return known[name] if name in known else _unknown(name)

    return _PART.sub(one, word)


def check(word: str) -> None:
    """Raises ``UsageError`` for a word that ``fill`` would refuse."""
    fill(word, dict.fromkeys(NAMES, ""))


def names_in(word: str) -> tuple[str, ...]:
    """The placeholders of a word, in its order."""
    return tuple(part["name"] for part in _PART.finditer(word) if part["name"] is not None)


def _unknown(name: str) -> str:
    raise UsageError(
        f"The test command has an unknown placeholder {{{name}}}.",
        advice=f"There are {', '.join(f'{{{known}}}' for known in NAMES)}. Write {{{{ and }}}} for braces.",
    )


def _alone(brace: str, word: str) -> str:
    raise UsageError(f"The test command has a single {brace} in {word!r}.", advice="Write {{ and }} for braces.")
