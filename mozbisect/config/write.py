"""``--write-config``: a few questions, and their answers in the configuration file.

What an existing file says stays, comments and all; what mozregression's file says is taken over when ours is new.
Nothing is written before the last answer, and then in one step.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mozbisect.config.model import Settings
from mozbisect.core.errors import CacheTrouble, UsageError

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

HEAD = """\
# mozbisect's configuration: the long names of its options, without the dashes, for example

# bits = "32"
# persist-size-limit = 15.0

# `mozbisect config show` tells what is in force.

"""

Ask = Callable[[str], str]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Question:
    """``read`` makes the value of an answer ("" for none), and raises ``ValueError`` with what an answer must be."""

    key: str
    text: str
    read: Callable[[str], object]


def questions(builds: Path) -> Iterator[Question]:
    """``builds``: the folder that is proposed for kept builds."""
    yield Question(
        "persist",
        f"In which folder shall downloaded builds be kept for later runs? Empty: {builds}. NONE: in none.",
        lambda said: _folder(said, builds),
    )
    yield Question(
        "persist-size-limit",
        "How large may that folder become, in GiB? Empty: 20. NONE: without limit.",
        lambda said: _size(said, 20.0),
    )
    if sys.platform != "darwin" and sys.maxsize > 2**32:
        yield Question("bits", "Builds of 64 bits are tested here. For builds of 32 bits, type 32.", _bits)


def answered(document: TOMLDocument, builds: Path, ask: Ask, say: Say) -> None:
    """Put the answers to what the document does not say yet into it. Raises ``UsageError`` at the end of input."""
    written = {name.replace("_", "-") for name in document}
    for question in questions(builds):
        if question.key in written:
            say(f"{question.key} is set already.")
            continue
        value = _answer(question, ask, say)
        if value is not None:
            document[question.key] = value
            say(f"{question.key}: {value if value != '' else 'none'}")


def document_of(path: Path, left: Settings) -> TOMLDocument:
    """The file as it is, or the beginning of one, with what ``left`` says. Raises ``UsageError``."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        pass
    except (TOMLKitError, UnicodeDecodeError) as error:
        line = getattr(error, "line", None)
        where = f"{path}:{line}" if line else str(path)
        raise UsageError(f"{where}: this is no TOML: {error}.", advice="Mend it first; nothing was written.") from None
    except OSError as error:
        raise UsageError(f"{path}: the configuration file cannot be read: {error.strerror}.") from None
    document = tomlkit.parse(HEAD)
    if left.values:
        document.add(tomlkit.comment(f"Taken over from {left.path}:"))
        for name, setting in left.values.items():
            document.add(name, list(setting.value) if isinstance(setting.value, tuple) else setting.value)
        document.add(tomlkit.nl())
    return document


def save(path: Path, document: TOMLDocument) -> None:
    """In one step: whoever reads the file meanwhile, or pulls the plug, finds the old one or the new one.

    A link stays a link. A new file is for its owner only: it may come to hold a token. Raises ``CacheTrouble``.
    """
    import tomlkit

    target = path.resolve()
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, delete=False) as file:
            temporary = Path(file.name)
            file.write(tomlkit.dumps(document))
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
        raise CacheTrouble(f"{path} cannot be written: {error.strerror}.") from error


def _answer(question: Question, ask: Ask, say: Say) -> object:
    say("")
    say(question.text)
    while True:
        try:
            said = ask(f"{question.key}: ").strip()
        except EOFError:
            raise UsageError(
                f"The input ended at the question for {question.key}: nothing was written.",
                advice="Answer all of them, or write the file by hand.",
            ) from None
        try:
            return question.read(said)
        except ValueError as error:
            say(f"{error}")


def _folder(said: str, proposed: Path) -> str:
    if said == "NONE":
        return ""
    try:
        folder = Path(said).expanduser().absolute() if said else proposed
    except RuntimeError as error:
        raise ValueError(f"{error}.") from None
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is no folder.")
    return str(folder)


def _size(said: str, proposed: float) -> float:
    if said == "NONE":
        return 0.0
    try:
        size = float(said) if said else proposed
    except ValueError:
        size = -1.0
    if not 0 <= size < float("inf"):
        raise ValueError("Give a number of GiB, for example 20 or 0.5.")
    return size


def _bits(said: str) -> str | None:
    if said not in ("", "32", "64"):
        raise ValueError("Type 32, 64 or nothing.")
    return said or None
