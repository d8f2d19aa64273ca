"""Stand-ins for the JavaScript shell: a zip with a script named ``js`` that says good or bad and is done.

mozversion can read nothing from it, as from the real one.
"""

from __future__ import annotations

from functools import lru_cache

from mozbisect.practice.builds import DYING_SCRIPT, NO_PACKAGE, Archive, Brand, Recipe, told, whole, zipped
from mozbisect.practice.world import Package

JAVASCRIPT = Brand("JavaScript shell", "js", "")

_SCRIPT = """\
#!/bin/sh
# A stand-in for the JavaScript shell, made by "mozbisect practice". It ignores what it is given to run.
for word in "$@"; do
  case "$word" in
    --version) echo "JavaScript-C{version}"; exit 0 ;;
  esac
done
echo "practice {name} {version} {build_id} rev {revision}"
echo "answer: {colour}"
exit {status}
"""


@lru_cache(maxsize=4096)
def build(recipe: Recipe, *, windows: bool) -> Archive:
    """The package of a recipe."""
    if recipe.package is Package.NO_ARCHIVE:
        return whole(NO_PACKAGE)
    words = told(recipe)
    files = [("README.practice", "Made by mozbisect for practice; this is no JavaScript shell.\n", False)]
    if recipe.package is not Package.NO_BINARY:
        script = DYING_SCRIPT if recipe.package is Package.DIES else _SCRIPT
        files.append(("js.exe" if windows else "js", script.format_map(words), True))
    return whole(zipped(files))
