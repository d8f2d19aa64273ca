"""Options → what is asked: words get their meaning here, and nobody is asked for it but this machine.

``wiring`` makes the ports for it; whether a revision or a day exists is found out later, by a ``Source``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mozbisect.catalog import apps, keys, names, versions
from mozbisect.catalog.apps import App
from mozbisect.catalog.build_types import types_in_order
from mozbisect.catalog.platforms import ANDROID, DESKTOP
from mozbisect.catalog.repos import Repo, repo
from mozbisect.core import bounds, plan
from mozbisect.core.errors import CannotRun, UsageError
from mozbisect.core.model import FIX, REGRESSION, Bound, Leg, LegKind, Release, Tag, Target, Terms
from mozbisect.core.plan import Place, Reach
from mozbisect.core.words import known, wrong_with_url
from mozbisect.options import Options


@dataclass(frozen=True, slots=True)
class Request:
    """What one search is for. ``notes``: what was understood where it is not obvious, as sentences."""

    terms: Terms
    old: Bound
    new: Bound
    target: Target
    leg: Leg
    reach: Reach
    notes: tuple[str, ...] = ()


def read(options: Options, *, today: date, launch: str | None = None) -> Request:
    """The meaning of the options. Raises ``UsageError``, and ``CannotRun`` for a platform without builds.

    ``launch``: the one bound that is wanted, in place of a good and a bad one; it is the new end of the request.
    """
    _check_places(options)
    terms = FIX if options.find_fix else REGRESSION
    target = target_of(options)
    row = apps.app(options.app)
    said = {"good": options.good, "bad": options.bad} if launch is None else {terms.new: launch}
    option = "--{}" if launch is None else "--launch"
    bounds_said = {word: bound(text, option.format(word), today) for word, text in said.items() if text is not None}
    settled = {word: _settled(one, row, options) for word, one in bounds_said.items()}
    searched = _searched(row, options, settled)
    given = {word: item.bound for word, item in settled.items()}
    old, new = plan.with_defaults(
        given.get(terms.old), given.get(terms.new), today=today, search_back=options.search_back
    )
    reach = _reach(row, searched, target, old, new)
    leg = plan.first_leg(
        old,
        new,
        reach=reach,
        check_ends=options.mode != "no-first-check",
        terms=terms,
        search_back=options.search_back,
    )
    if options.repo and leg.kind is LegKind.RELEASES:
        raise UsageError(
            f"--repo {options.repo}: {row.name} is searched by version, and a version tells its branch itself.",
            advice="Leave --repo out; or give two revisions, to search the pushes between them.",
        )
    notes = [item.note for item in settled.values() if item.note] + list(_arch_notes(row, options))
    return Request(terms, old, new, target, leg, reach, tuple(dict.fromkeys(notes)))


def bound(text: str, option: str, today: date) -> Bound:
    """The bound that was given with an option. Raises ``UsageError`` that names the option."""
    try:
        return bounds.parse(text, today=today)
    except UsageError as error:
        raise UsageError(f"{option}: {error.what}", advice=error.advice) from None


def _check_places(options: Options) -> None:
    for name in ("archive_base_url", "taskcluster_root_url", "hg_url", "lando_url", "product_details_url"):
        if wrong := wrong_with_url(getattr(options, name)):
            option, usual = f"--{name.replace('_', '-')}", getattr(Options(), name)
            raise UsageError(f"{option} {wrong}.", advice=f"For example: {option} {usual}")
    keys.fingerprint(options.release_key)
    if options.persist and Path(options.persist).exists() and not Path(options.persist).is_dir():
        raise UsageError(
            f"--persist: {options.persist} is no folder.",
            advice="Name a folder, or a place for a new one.",
        )


# ----------------------------------------------------------------------------------------- which repository


@dataclass(frozen=True, slots=True)
class Settled:
    """A bound as it is searched for; ``repo``: the repository that it picks, if it is of one only."""

    bound: Bound
    repo: str | None = None
    note: str = ""


def _settled(bound: Bound, row: App, options: Options) -> Settled:
    """A release of a branch is the tag that it was built from there; a bare number stays a time on the trunk."""
    family = repo(row.repo).family
    if isinstance(bound, Tag) and not options.repo:
        return Settled(bound, versions.repo_of_tag(bound.name))
    if not isinstance(bound, Release) or row.releases or row.tasks is None:
        return Settled(bound)
    if options.repo:
        return _on_branch(bound, repo(options.repo, family=family), family)
    version = versions.parse(bound.version)
    return Settled(bound) if version is None else _on_branch(bound, repo(version.repo(family)), family)


def _on_branch(bound: Release, branch: Repo, family: str) -> Settled:
    tag = versions.tag_on(bound.version, branch.name, family)
    if tag is None:
        return Settled(bound)
    return Settled(Tag(tag), branch.name, f"{bound} is taken as {tag} on {branch.name}.")


def _searched(row: App, options: Options, settled: dict[str, Settled]) -> Repo:
    """The repository to search: the one that was named, else the one that the bounds are of, else the app's own."""
    family = repo(row.repo).family
    if options.repo:
        named = repo(options.repo, family=family)
        if named.family != family and named.path != "try":
            raise UsageError(f"{row.name} is not built from {named.name}.", advice=f"It is built from {row.repo}.")
        return named
    picked = sorted({item.repo for item in settled.values() if item.repo})
    if len(picked) > 1:
        raise UsageError(
            f"The two bounds are of different branches, {' and '.join(picked)}.",
            advice="Search the released versions instead (--app firefox-release), or give days.",
        )
    return repo(picked[0]) if picked else repo(row.repo)


def _reach(row: App, searched: Repo, target: Target, old: Bound, new: Bound) -> Reach:
    """Where there are builds for this, in the order in which it is searched."""
    each_push = row.tasks is not None and row.tasks.each_push
    pushes = (Place(LegKind.PUSHES, searched.name),) if each_push else ()
    if row.releases is not None:
        # Of two revisions, which are no versions, the pushes between them are what there is.
        places = plan.in_order((Place(LegKind.RELEASES, searched.name), *pushes), old, new)[:1]
        family = searched.family
        return Reach(places, each_push, trunk=versions.TRUNKS[family], left=versions.LEFT_TRUNK[family])
    nightlies = _nightlies_of(row, searched, target, old, new)
    if nightlies == searched.name:
        return Reach(plan.in_order((Place(LegKind.NIGHTLIES, nightlies), *pushes), old, new), each_push)
    if not pushes:
        raise UsageError(
            f"{row.name} has nightlies of {row.repo} only, none of {searched.name}.", advice="Leave --repo out."
        )
    return Reach((*pushes, *([Place(LegKind.NIGHTLIES, nightlies)] if nightlies else [])), each_push)


def _nightlies_of(row: App, searched: Repo, target: Target, old: Bound, new: Bound) -> str | None:
    """The repository whose nightlies hold, a little later, all that lands on the searched one; None if there is none.

    What is uplifted to a release branch is in no nightly of the trunk.
    """
    if not names.has_nightlies(row, target.build_types[0], plan.moment_of(old), plan.moment_of(new)):
        return None
    if searched.nightlies:
        return searched.name
    return row.repo if row.repo in searched.origins and "releases/" not in searched.path else None


# ------------------------------------------------------------------------------------------------ what is tested

_SYSTEMS = {"linux": "linux", "darwin": "mac", "win32": "win"}


def this_system() -> str:
    return _SYSTEMS.get(sys.platform, sys.platform)


def target_of(options: Options) -> Target:
    """What is tested. Raises ``UsageError`` for what the app has not, ``CannotRun`` for a platform without builds."""
    row = apps.app(options.app)
    wanted = (options.build_type or row.default_type).lower()
    if wanted not in row.build_types:
        advice = known(wanted, row.build_types, "It has")
        raise UsageError(f"{row.name} has no build type {wanted!r}.", advice=advice)
    lang = _lang(row, options)
    os = _system(row, options)
    target = Target(row.name, os, _arch(row, options, os), types_in_order(wanted, row.build_types), lang)
    try:
        names.platform_of(target)
    except CannotRun as none:
        if options.arch or options.bits or options.os:  # a word of the command line, and not this machine
            raise UsageError(none.what, advice=none.advice) from None
        raise
    return target


def _lang(row: App, options: Options) -> str:
    if row.needs_lang and not options.lang:
        raise UsageError(f"{row.name} has a build for each language.", advice="Name one, for example --lang de.")
    if row.needs_lang and (options.lang or "").lower() == "en-us":
        app = row.name.removesuffix("-l10n")
        raise UsageError(f"{row.name} is for the other languages.", advice=f"en-US is --app {app}, without --lang.")
    if options.lang and not (row.needs_lang or row.releases):
        localised = [other.name for other in apps.APPS if other.needs_lang or other.releases]
        raise UsageError(
            f"{row.name} is built in one language only, without --lang.", advice=f"Try --app {' or '.join(localised)}."
        )
    return apps.lang_of(options.lang) if options.lang else "en-US"


def _system(row: App, options: Options) -> str:
    if row.systems == ANDROID:
        if options.os:
            raise UsageError(f"{row.name} runs on Android only.", advice="Leave --os out.")
        return ANDROID[0]
    os = options.os or this_system()
    if os not in row.systems:
        raise CannotRun(f"There are no {row.name} builds for {os}.", advice=f"There are: {', '.join(DESKTOP)}.")
    return os


def _arch(row: App, options: Options, os: str) -> str:
    """``--arch`` wins over ``--bits``, the older word: 32 means x86, 64 whatever this machine has with so many."""
    if options.arch:
        return apps.arch_of(row, options.arch)
    if row.arch:
        return row.arch
    own = _processor() if os == this_system() else "x86_64"
    wide = {None: row.archs, "32": ("x86",), "64": ("x86_64", "aarch64")}[options.bits]
    return own if own in wide else wide[0] if options.bits else own


def _arch_notes(row: App, options: Options) -> Iterator[str]:
    if options.arch and options.bits:
        yield "Both --arch and --bits were given: --arch counts."
    if row.arch and not options.arch:
        yield f"No --arch was given: {row.arch} is taken, of {', '.join(row.archs)}."


def _processor() -> str:
    # Late, and only if nobody said it: this import starts five subprocesses.
    import mozinfo

    return str(mozinfo.processor)
