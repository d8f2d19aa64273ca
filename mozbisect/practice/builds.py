"""Stand-ins for Firefox and Thunderbird: small packages that unpack, start, say who they are, and are good or bad as
the world wills. (For phones see ``apk``, for the JavaScript shell ``shell``.)

The same build always has the same bytes. Nothing is made before it is asked for. A package is made of two parts:
padding, equal for all packages of a size, and the few files that differ. So a large build costs no more than a
small one once its padding is made.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import lzma
import os
import random
import shlex
import tarfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from mozbisect.practice.world import Package

GOOD_COLOUR = "green"
BAD_COLOUR = "red"

NO_PACKAGE = b"This was to be a package.\n" * 40

BROKEN_PREF = "mozbisect.practice.broken"
"""True in the profile of a bad build that runs in a real Firefox; false in that of a good one."""

_SCRIPT = """\
#!/bin/sh
# A stand-in for {name}, made by "mozbisect practice".
check=
for word in "$@"; do
  case "$word" in
    --version) echo "Mozilla {name} {version}"; exit 0 ;;
    --check) check=yes ;;
  esac
done
echo "practice {name} {version} {build_id} rev {revision}"
echo "window colour: {colour}"
[ -n "$check" ] && exit {status}
exec sleep 86400
"""

DYING_SCRIPT = """\
#!/bin/sh
# A stand-in for a {name} that cannot start, made by "mozbisect practice".
echo "practice {name} {version}: error while loading shared libraries: libpractice.so.1" >&2
for word in "$@"; do
  [ "$word" = --check ] && exit 125
done
exit 1
"""

# The real Firefox lies elsewhere and stays as it is: what differs between two builds is put into the profile.
_WRAPPER = """\
#!/bin/sh
# A real Firefox that "mozbisect practice" makes good or bad through the profile it is started with.
before=
for word in "$@"; do
  case "$before" in
    -profile|--profile) cat >> "$word/user.js" <<'END'
{prefs}END
    ;;
  esac
  before=$word
done
exec {binary} "$@"
"""

_PAGE = "data:text/html,<title>practice {build_id}</title><body style='background:{colour}'><h1>{colour}</h1>"

APPLICATION_INI = """\
[App]
Vendor=Mozilla
Name={name}
RemotingName={directory}
CodeName=Nightly
Version={version}
BuildID={build_id}
SourceRepository={repository}
SourceStamp={revision}
ID={id}

[Gecko]
MinVersion={version}
MaxVersion={version}
"""

PLATFORM_INI = """\
[Build]
BuildID={build_id}
Milestone={version}
SourceRepository={repository}
SourceStamp={revision}
"""


@dataclass(frozen=True, slots=True)
class Brand:
    """Whose package it is: ``directory`` is the one folder in it, and what its program is called."""

    name: str
    directory: str
    id: str


FIREFOX = Brand("Firefox", "firefox", "{ec8030f7-c20a-464f-9b0e-13a3a9e97384}")
THUNDERBIRD = Brand("Thunderbird", "thunderbird", "{3550f703-e582-4d05-9a08-453d09bdfdc6}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one package is made from. ``ending`` is that of its file name: ".tar.xz" or ".zip" (never padded).

    ``firefox_dir``: where a real Firefox is installed, or its program; the package then starts that one.
    ``bulk``: a file of ``pack_bulk``, to unpack as much as from a real package.
    """

    ending: str
    version: str
    build_id: str
    repository: str  # the URL that the build gives as its source
    revision: str
    good: bool
    package: Package = Package.FINE
    size_mb: int = 0
    firefox_dir: Path | None = None
    bulk: Path | None = None
    brand: Brand = FIREFOX
    lang: str = "en-US"


@dataclass(frozen=True, slots=True)
class Archive:
    """A package: its bytes are ``padding`` and then ``own``."""

    padding: bytes
    own: bytes
    sha256: str
    sha512: str
    md5: bytes

    def __len__(self) -> int:
        return len(self.padding) + len(self.own)


@lru_cache(maxsize=4096)
def build(recipe: Recipe) -> Archive:
    """The package of a recipe. Raises ``OSError`` if ``firefox_dir`` holds no Firefox."""
    if recipe.package is Package.NO_ARCHIVE:
        return whole(NO_PACKAGE)
    files = list(_files(recipe))
    if recipe.ending == ".zip":
        return whole(zipped(files))
    padding = _tar_padding(recipe.size_mb, recipe.bulk, recipe.brand.directory)
    # An archive may consist of several streams, but all of one kind: bzip2 is what packages were until 2024-12.
    pack = bz2.compress if padding.data.startswith(b"BZh") else partial(lzma.compress, preset=0)
    return _archive(padding, pack(_tar(files)))


def whole(data: bytes) -> Archive:
    """Bytes as a package without padding."""
    return _archive(_Padding(b""), data)


class _Padding:
    """The part that packages share, with its hashes begun."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.sha256 = hashlib.sha256(data)
        self.sha512 = hashlib.sha512(data)
        self.md5 = hashlib.md5(data, usedforsecurity=False)


def _archive(padding: _Padding, own: bytes) -> Archive:
    sha256, sha512, md5 = (begun.copy() for begun in (padding.sha256, padding.sha512, padding.md5))
    for digest in (sha256, sha512, md5):
        digest.update(own)
    return Archive(padding.data, own, sha256.hexdigest(), sha512.hexdigest(), md5.digest())


def _files(recipe: Recipe) -> Iterable[tuple[str, str, bool]]:
    """Name, text, is a program."""
    brand, name = recipe.brand, f"{recipe.brand.directory}/{recipe.brand.directory}"
    words = told(recipe)
    yield f"{brand.directory}/application.ini", APPLICATION_INI.format_map(words), False
    yield f"{brand.directory}/platform.ini", PLATFORM_INI.format_map(words), False
    yield f"{brand.directory}/README.practice", f"Made by mozbisect for practice; this is no {brand.name}.\n", False
    if recipe.lang != "en-US":
        yield f"{brand.directory}/update.locale", f"{recipe.lang}\n", False
    if recipe.package is Package.NO_BINARY:
        return
    if recipe.ending == ".zip":
        name += ".exe"
    if recipe.package is Package.DIES:
        yield name, DYING_SCRIPT.format_map(words), True
    elif recipe.firefox_dir is not None:
        page = _PAGE.format_map(words)
        yield name, _WRAPPER.format(prefs=_prefs(recipe, page), binary=shlex.quote(str(_real(recipe)))), True
    else:
        yield name, _SCRIPT.format_map(words), True


def told(recipe: Recipe) -> dict[str, object]:
    """The words of a recipe that scripts and files are filled with."""
    return {
        "name": recipe.brand.name,
        "directory": recipe.brand.directory,
        "id": recipe.brand.id,
        "version": recipe.version,
        "build_id": recipe.build_id,
        "repository": recipe.repository,
        "revision": recipe.revision,
        "colour": GOOD_COLOUR if recipe.good else BAD_COLOUR,
        "status": 0 if recipe.good else 1,
    }


def installed(place: Path) -> Path | None:
    """The program of the Firefox in a folder, or the place itself if it is a program."""
    binaries = (place, *(place / name for name in ("firefox", "firefox-esr", "firefox-bin")))
    return next((path.absolute() for path in binaries if path.is_file() and os.access(path, os.X_OK)), None)


def _real(recipe: Recipe) -> Path:
    assert recipe.firefox_dir is not None
    binary = installed(recipe.firefox_dir)
    if binary is None:
        raise FileNotFoundError(f"There is no Firefox in {recipe.firefox_dir}.")
    return binary


def _prefs(recipe: Recipe, page: str) -> str:
    bad = "false" if recipe.good else "true"
    return (
        f'user_pref("{BROKEN_PREF}", {bad});\n'
        f'user_pref("ui.systemUsesDarkTheme", {0 if recipe.good else 1});\n'
        'user_pref("browser.startup.page", 1);\n'
        f'user_pref("browser.startup.homepage", "{page}");\n'
    )


def _tar(files: Iterable[tuple[str, str, bool]]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text, is_program in files:
            _add(tar, name, text.encode(), 0o755 if is_program else 0o644)
    return target.getvalue()


def _add(tar: tarfile.TarFile, name: str, body: bytes, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(body), mode
    tar.addfile(member, io.BytesIO(body))


@lru_cache(maxsize=4)
def _tar_padding(size_mb: int, bulk: Path | None, directory: str) -> _Padding:
    """The beginning of a ``.tar.xz`` (an xz file may consist of several streams): one file that does not compress."""
    if bulk is not None:
        return _Padding(bulk.read_bytes())
    if not size_mb:
        return _Padding(b"")
    target = io.BytesIO()
    tar = tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115  (never closed: no end)
    _add(tar, f"{directory}/libxul.so", random.Random("padding").randbytes(size_mb << 20), 0o644)
    return _Padding(lzma.compress(target.getvalue(), preset=0))


def pack_bulk(folder: Path, target: Path, *, preset: int = 6) -> None:
    """Write the files of a folder, a real Firefox for example, as the beginning of packages. Slow: keep the file."""
    own = {"application.ini", "platform.ini", "README.practice", "firefox"}
    with lzma.open(target, "wb", preset=preset) as stream:
        tar = tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115  (see above)
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not path.is_symlink() and name not in own:
                _add(tar, f"firefox/{name}", path.read_bytes(), path.stat().st_mode & 0o777)


def zipped(files: Iterable[tuple[str, str, bool]]) -> bytes:
    """Name, text, is a program."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text, is_program in files:
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = (0o755 if is_program else 0o644) << 16
            archive.writestr(entry, text)
    return target.getvalue()
