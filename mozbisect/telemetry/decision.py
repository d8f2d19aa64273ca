"""Whether a use is sent: one table of reasons, of which the first that holds decides. Any no wins over any yes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from mozbisect.config.model import Setting, yes_or_no

OURS = "MOZBISECT_TELEMETRY"
FLAG = "MOZBISECT_NO_TELEMETRY"
EVERYBODYS = "DO_NOT_TRACK"


@dataclass(frozen=True, slots=True)
class Choice:
    """What was said once and for all: by ``mozbisect telemetry``, or by an earlier no. ``how``: a sentence."""

    yes: bool
    how: str


@dataclass(frozen=True, slots=True)
class Asked:
    """All that a decision rests on. ``hindrance``: a sentence, when nothing could be sent anyway."""

    flag: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)
    configured: Setting | None = None
    chosen: Choice | None = None
    hindrance: str = ""


class Word(Enum):
    YES = auto()
    NOT_HERE = auto()  # nobody has said no; what was sent stays
    NO = auto()
    NEVER = auto()  # a no that also holds for runs which do not repeat it


@dataclass(frozen=True, slots=True)
class Decision:
    """``why``: a sentence."""

    word: Word
    why: str

    @property
    def enabled(self) -> bool:
        return self.word is Word.YES

    @property
    def refused(self) -> bool:
        """Has a person said no?"""
        return self.word in (Word.NO, Word.NEVER)


def decide(asked: Asked) -> Decision:
    for word, reason in _RULES:
        if why := reason(asked):
            return Decision(word, why)
    return Decision(Word.YES, "Nobody has said no.")


def in_ci(environ: Mapping[str, str]) -> bool:
    """Does nobody sit before this? Every service that runs scripts for people sets CI."""
    return yes_or_no(environ.get("CI", "")) is not False


def _flag(asked: Asked) -> str:
    return "--no-telemetry was given." if asked.flag else ""


def _flag_variable(asked: Asked) -> str:
    said = asked.environ.get(FLAG, "")
    return "" if yes_or_no(said) is False else f"{FLAG} is set to {said!r}."


def _our_variable(asked: Asked) -> str:
    """Whoever sets it to anything that is no clear yes means no."""
    said = asked.environ.get(OURS)
    return "" if said is None or yes_or_no(said) else f"{OURS} is set to {said!r}."


def _everybodys_variable(asked: Asked) -> str:
    said = asked.environ.get(EVERYBODYS, "")
    return "" if yes_or_no(said) is False else f"{EVERYBODYS} is set to {said!r}."


def _configured_no(asked: Asked) -> str:
    return f"{asked.configured.where} says no." if asked.configured and not asked.configured.value else ""


def _chosen_no(asked: Asked) -> str:
    return asked.chosen.how if asked.chosen and not asked.chosen.yes else ""


def _ci(asked: Asked) -> str:
    return "CI is set, and nobody has said yes." if in_ci(asked.environ) and not _yes(asked) else ""


def _yes(asked: Asked) -> str:
    """A yes that a person has said: it counts where the default is no."""
    if yes_or_no(asked.environ.get(OURS, "")):
        return f"{OURS} is set to {asked.environ[OURS]!r}."
    if asked.configured and asked.configured.value:
        return f"{asked.configured.where} says yes."
    return asked.chosen.how if asked.chosen and asked.chosen.yes else ""


_RULES: tuple[tuple[Word, Callable[[Asked], str]], ...] = (
    # For good is a no that must not need repeating; the configuration file repeats its own.
    (Word.NEVER, _flag),
    (Word.NEVER, _flag_variable),
    (Word.NEVER, _our_variable),
    (Word.NEVER, _everybodys_variable),
    (Word.NO, _configured_no),
    (Word.NO, _chosen_no),
    (Word.NOT_HERE, _ci),
    (Word.NOT_HERE, lambda asked: asked.hindrance),
    (Word.YES, _yes),
)
"""Who is heard, in this order. A reason is a sentence, or nothing when it does not apply."""
