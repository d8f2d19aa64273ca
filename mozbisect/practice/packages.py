"""Which package a nightly, or a push, of a world has, by product and platform: all recipes are written here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mozbisect.practice import apk, builds, shell
from mozbisect.practice.places import path_of
from mozbisect.practice.signing import Key
from mozbisect.practice.world import Nightly, Package, Push, World

BUILT: Mapping[str, str] = {
    "linux-i686": ".tar.xz",
    "linux-x86_64": ".tar.xz",
    "linux-aarch64": ".tar.xz",
    "win32": ".zip",
    "win64": ".zip",
}
"""The desktop platforms for which there is something to download, and how it ends. Others have only names."""

LANGS = ("de", "fr", "ja")
"""The languages, beside en-US, in which there are packages."""

BRANDS: Mapping[str, builds.Brand] = {
    "firefox": builds.FIREFOX,
    "thunderbird": builds.THUNDERBIRD,
    "fennec": apk.FENNEC,
    "fenix": apk.FENIX,
    "focus": apk.FOCUS,
    "gve": apk.GECKOVIEW,
    "jsshell": shell.JAVASCRIPT,
}

_PHONES = ("fennec", "fenix", "focus", "gve")


@dataclass(frozen=True, slots=True)
class Bakery:
    """Makes packages when they are asked for. ``hg_url`` is what builds give as their source; ``key`` signs lists."""

    world: World
    hg_url: str
    size_mb: int = 0
    firefox_dir: Path | None = None
    bulk: Path | None = None
    key: Key | None = None

    @property
    def product(self) -> str:
        """What a desktop package is when nothing else is asked for."""
        return "thunderbird" if self.world.parameters.family == "comm" else "firefox"

    def of(
        self, origin: Push | Nightly, platform: str, *, product: str | None = None, lang: str = "en-US"
    ) -> builds.Archive:
        """``platform``: for the desktop one of ``BUILT``. A dead package is made as if it were fine."""
        push = origin.push if isinstance(origin, Nightly) else origin
        package = self.world.package(origin)
        product = product or self.product
        recipe = builds.Recipe(
            ending=BUILT.get(platform, ".zip"),
            version=self.world.version(origin),
            build_id=origin.build_id,
            repository=self.repository(push.repo),
            revision=push.head.node,
            good=self.world.is_good(push.head.node),
            package=Package.FINE if package is Package.DEAD else package,
            size_mb=self.size_mb,
            firefox_dir=self.firefox_dir if product == "firefox" else None,
            bulk=self.bulk if product == "firefox" else None,
            brand=BRANDS[product],
            lang=lang,
        )
        return _baked(recipe, product, platform)

    def repository(self, name: str) -> str:
        return f"{self.hg_url}/{path_of(name)}"

    def target_json(self, origin: Push | Nightly, platform: str) -> dict[str, str]:
        """What ``target.json`` says of a build; the keys of 2025."""
        push = origin.push if isinstance(origin, Nightly) else origin
        version = self.world.version(origin)
        brand = BRANDS[self.product]
        return {
            "as": "/builds/worker/fetches/clang/bin/clang -std=gnu99",
            "buildid": origin.build_id,
            "cc": "/builds/worker/fetches/clang/bin/clang -std=gnu99",
            "cxx": "/builds/worker/fetches/clang/bin/clang++",
            "host_alias": "x86_64-pc-linux-gnu",
            "moz_app_id": brand.id,
            "moz_app_maxversion": f"{version.partition('.')[0]}.*",
            "moz_app_name": brand.directory,
            "moz_app_vendor": "Mozilla",
            "moz_app_version": version,
            "moz_pkg_platform": platform,
            "moz_source_repo": self.repository(push.repo),
            "moz_source_stamp": push.head.node,
            "moz_update_channel": _channel(push.repo),
            "target_alias": "x86_64-pc-linux-gnu",
        }

    def txt(self, origin: Push | Nightly) -> str:
        """What ``target.txt`` says: the build id, and where the source is."""
        push = origin.push if isinstance(origin, Nightly) else origin
        return f"{origin.build_id}\n{self.repository(push.repo)}/rev/{push.head.node}\n"


def _channel(repo: str) -> str:
    branch = repo.partition("-")[2].rstrip("0123456789")
    return branch if branch in ("beta", "release", "esr") else "nightly"


def _baked(recipe: builds.Recipe, product: str, platform: str) -> builds.Archive:
    if product in _PHONES:
        return apk.build(recipe)
    if product == "jsshell":
        return shell.build(recipe, windows=platform.startswith("win"))
    return builds.build(recipe)
