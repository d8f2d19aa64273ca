"""What the shell may complete: names of apps, repositories, languages and so on. Asks no server; prints nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_LANGS = """
    ach af an ar ast az be bg bn bo bqi br brx bs ca ca-valencia cak ckb cs cy da de dsb el en-CA en-GB en-US eo es-AR
    es-CL es-ES es-MX et eu fa ff fi fr fur fy-NL ga-IE gd gl gn gu-IN he hi-IN hr hsb hu hy-AM hye ia id is it ja
    ja-JP-mac ka kab kk km kn ko lij lo lt ltg lv meh mk ml mr ms my nb-NO ne-NP nl nn-NO oc pa-IN pl pt-BR pt-PT rm ro
    ru sat sc scn sco si sk skr sl son sq sr sv-SE szl ta te tg th tl tr trs uk ur uz vi wo xh zh-CN zh-TW
"""
LANGS = _LANGS.split()
"""browser/locales/all-locales of mozilla-central in 2025, and en-US."""


def complete(what: str, typed: Mapping[str, Any]) -> list[str]:
    """All words that fit; ``typed`` are the options before. Never raises: what fails completes nothing."""
    try:
        return _SOURCES[what](typed)
    except Exception:  # noqa: BLE001 — a traceback in the middle of a half-typed line helps nobody
        return []


def _apps(_: Mapping[str, Any]) -> list[str]:
    from mozbisect.catalog import apps

    return [row.name for row in apps.APPS]


def _build_types(typed: Mapping[str, Any]) -> list[str]:
    from mozbisect.catalog import apps

    return list(apps.app(typed.get("app") or "firefox").build_types)


def _repos(_: Mapping[str, Any]) -> list[str]:
    from mozbisect.catalog.repos import REPOS

    return [row.name for row in REPOS]


def _releases(_: Mapping[str, Any]) -> list[str]:
    from mozbisect.catalog.releases import LEFT_CENTRAL

    return [str(version) for version in sorted(LEFT_CENTRAL, reverse=True)]


def _judges(_: Mapping[str, Any]) -> list[str]:
    from mozbisect.judge import table

    return [word for word, _ in table.completions("")]


def _sessions(_: Mapping[str, Any]) -> list[str]:
    from mozbisect import running

    return [name for name, _ in running.kept_sessions().all()]


_SOURCES: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "apps": _apps,
    "build_types": _build_types,
    "judges": _judges,
    "langs": lambda _: LANGS,
    "releases": _releases,
    "repos": _repos,
    "sessions": _sessions,
}
