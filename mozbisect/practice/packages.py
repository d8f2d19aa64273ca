"""Which package a nightly, or a push, of a world has for a platform: the one place where recipes are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mozbisect.catalog.repos import repo
from mozbisect.practice import builds
from mozbisect.practice.world import Nightly, Package, Push, World, version_on

BUILT: Mapping[str, str] = {"linux-x86_64": ".tar.xz", "linux-aarch64": ".tar.xz", "win64": ".zip"}
"""The platforms for which there is something to download, and how it ends. Others have only names."""


@dataclass(frozen=True, slots=True)
class Bakery:
    """Makes packages when they are asked for. ``hg_url`` is what builds give as their source."""

    world: World
    hg_url: str
    size_mb: int = 0
    firefox_dir: Path | None = None
    bulk: Path | None = None

    def of(self, origin: Push | Nightly, platform: str) -> builds.Archive:
        """``platform`` is one of ``BUILT``. A dead package is made as if it were fine: the server has lost it."""
        push = origin.push if isinstance(origin, Nightly) else origin
        package = self.world.package(origin)
        return builds.build(
            builds.Recipe(
                ending=BUILT[platform],
                version=version_on(origin.when.date()),
                build_id=origin.build_id,
                repository=self.repository(push.repo),
                revision=push.head.node,
                good=self.world.is_good(push.head.node),
                package=Package.FINE if package is Package.DEAD else package,
                size_mb=self.size_mb,
                firefox_dir=self.firefox_dir,
                bulk=self.bulk,
            )
        )

    def repository(self, name: str) -> str:
        return f"{self.hg_url}/{repo(name).path}"

    def target_json(self, origin: Push | Nightly, platform: str) -> dict[str, str]:
        """What ``target.json`` says of a build; the keys of 2025."""
        push = origin.push if isinstance(origin, Nightly) else origin
        version = version_on(origin.when.date())
        return {
            "as": "/builds/worker/fetches/clang/bin/clang -std=gnu99",
            "buildid": origin.build_id,
            "cc": "/builds/worker/fetches/clang/bin/clang -std=gnu99",
            "cxx": "/builds/worker/fetches/clang/bin/clang++",
            "host_alias": "x86_64-pc-linux-gnu",
            "moz_app_id": "{ec8030f7-c20a-464f-9b0e-13a3a9e97384}",
            "moz_app_maxversion": f"{version.partition('.')[0]}.*",
            "moz_app_name": "firefox",
            "moz_app_vendor": "Mozilla",
            "moz_app_version": version,
            "moz_pkg_platform": platform,
            "moz_source_repo": self.repository(push.repo),
            "moz_source_stamp": push.head.node,
            "moz_update_channel": "nightly",
            "target_alias": "x86_64-pc-linux-gnu",
        }

    def txt(self, origin: Push | Nightly) -> str:
        """What ``target.txt`` says: the build id, and where the source is."""
        push = origin.push if isinstance(origin, Nightly) else origin
        return f"{origin.build_id}\n{self.repository(push.repo)}/rev/{push.head.node}\n"
