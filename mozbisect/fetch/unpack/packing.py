"""How a tar is packed, by its first bytes, and who unpacks it here: a quicker program, or Python."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from mozbisect.fetch.unpack import bzip2, xz
from mozbisect.fetch.unpack.bzip2_marks import Watched
from mozbisect.fetch.unpack.measure import Check
from mozbisect.fetch.unpack.programs import ProgramLacking, piped, quicker

log = logging.getLogger(__name__)

_PACKINGS: dict[bytes, Callable[[Any], AbstractContextManager[Any]]] = {
    b"\xfd7zXZ\x00": xz.open_plain,
    b"BZh": bzip2.open_plain,
    b"\x1f\x8b": gzip.open,
}
MAGICS = tuple(_PACKINGS)
LONGEST_MAGIC = max(map(len, MAGICS))


@contextmanager
def plain(start: bytes, packed: Any, check: Check) -> Iterator[Any]:
    """What a packed tar, given as a file, unpacks to; ``start`` says how it is packed."""
    magic = next(magic for magic in _PACKINGS if start.startswith(magic))
    with ExitStack() as stack:
        command = quicker(magic)
        if command is not None:
            try:
                yield stack.enter_context(piped(command, Watched(packed).read, check))
                return
            except ProgramLacking as error:
                log.debug("%s: Python unpacks instead", error)
        yield stack.enter_context(_PACKINGS[magic](packed))
