"""Stand-ins for the packages of phones: small zips with a manifest, and a file that says good or bad.

mozversion reads what a Fennec says of itself, as from real ones, which have an ``application.ini`` at their top. Of
Fenix, Focus and GeckoView's example it can read nothing, here as there. No phone would install them: who plays the
phone reads ``assets/practice.txt``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from mozbisect.practice.builds import (
    APPLICATION_INI,
    NO_PACKAGE,
    PLATFORM_INI,
    Archive,
    Brand,
    Recipe,
    told,
    whole,
    zipped,
)
from mozbisect.practice.world import Package

FENNEC = Brand("Fennec", "org.mozilla.fennec", "{aa3c5121-dab2-40e2-81ca-7ea25febc110}")
FENIX = Brand("Fenix", "org.mozilla.fenix", "")
FOCUS = Brand("Focus", "org.mozilla.focus.nightly", "")
GECKOVIEW = Brand("GeckoView example", "org.mozilla.geckoview_example", "")

_MANIFEST = """\
<manifest xmlns:android="http://schemas.android.com/apk/res/android" package="{directory}"
          android:versionName="{version}"/>
"""
_SAID = "practice {name} {version} {build_id} rev {revision}\nwindow colour: {colour}\n"


@lru_cache(maxsize=4096)
def build(recipe: Recipe) -> Archive:
    """The package of a recipe. One that dies says so; one without a binary has no manifest."""
    if recipe.package is Package.NO_ARCHIVE:
        return whole(NO_PACKAGE)
    return whole(zipped(_files(recipe)))


def _files(recipe: Recipe) -> Iterator[tuple[str, str, bool]]:
    words = told(recipe)
    if recipe.package is not Package.NO_BINARY:
        yield "AndroidManifest.xml", _MANIFEST.format_map(words), False
    if recipe.brand == FENNEC:
        yield "application.ini", APPLICATION_INI.format_map(words), False
        yield "platform.ini", PLATFORM_INI.format_map(words), False
        yield "package-name.txt", f"{recipe.brand.directory}\n", False
    died = "practice {name} {version}: has stopped\n" if recipe.package is Package.DIES else _SAID
    yield "assets/practice.txt", died.format_map(words), False
