"""The kinds in which the same source is built: one literal row each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from mozbisect.core.errors import UsageError
from mozbisect.core.words import known


@dataclass(frozen=True, slots=True)
class BuildType:
    """``suffixes``: how a Taskcluster job ends, newest form first; ``middle``: what stands before ``revision`` in its
    route; ``instead``: the types that are taken where this one is absent; ``until``: when it was made no more."""

    name: str
    suffixes: tuple[str, ...]
    middle: str = ""
    instead: tuple[str, ...] = ()
    until: date = date.max


# An optimised sanitizer build is linux64-asan-opt today and was linux64-asan before.
BUILD_TYPES = (
    BuildType("shippable", ("opt",), middle=".shippable", instead=("opt", "pgo")),
    BuildType("opt", ("opt",), instead=("shippable", "pgo")),
    BuildType("pgo", ("pgo",), until=date(2020, 1, 1)),  # from 2019 on, shippable builds are
    BuildType("debug", ("debug",)),
    BuildType("asan", ("asan-opt", "asan")),
    BuildType("asan-debug", ("asan-debug",)),
    BuildType("tsan", ("tsan-opt", "tsan")),
    BuildType("tsan-debug", ("tsan-debug",)),
    BuildType("ccov", ("ccov-opt", "ccov")),
    BuildType("noopt-debug", ("noopt-debug",)),
    BuildType("valgrind", ("valgrind-opt", "valgrind")),
    BuildType("fuzzing", ("fuzzing-opt", "fuzzing")),
    BuildType("fuzzing-debug", ("fuzzing-debug",)),
    BuildType("fuzzing-ccov", ("ccov-fuzzing-opt",)),
    BuildType("fuzzing-asan", ("fuzzing-asan-opt", "asan-fuzzing-opt", "asan-fuzzing")),
    BuildType("fuzzing-tsan", ("fuzzing-tsan-opt",)),
    BuildType("fuzzing-asan-afl", ("fuzzing-asan-afl-opt",)),
    BuildType("fuzzing-asan-nyx", ("fuzzing-asan-nyx-opt",)),
    BuildType("fuzzilli", ("fuzzilli-debug", "fuzzilli-opt")),
    BuildType("searchfox", ("searchfox-debug",)),
)

ALL = tuple(row.name for row in BUILD_TYPES)


def build_type(name: str) -> BuildType:
    """The row of a build type. Raises ``UsageError`` for a name that has none."""
    for row in BUILD_TYPES:
        if row.name == name:
            return row
    raise UsageError(f"There is no build type {name!r}.", advice=known(name, ALL, "The build types are"))


def types_in_order(wanted: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The build type asked for, then those of the ``known`` that are taken in its place."""
    return (wanted, *(name for name in build_type(wanted).instead if name in known))
