"""The arrows of the architecture, read from the imports themselves. They point one way."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "mozbisect"

# What a part may import of ours. A folder may always import itself; `cli` and the rest of the doors are below.
MAY = {
    "core": set(),
    "catalog": {"core"},
    "memory": set(),
    "net": {"core", "memory", "__init__"},
    "options": {"core"},
    "engine": {"core"},
    "sessions": {"core"},
    "argv": set(),
    "config": {"core", "catalog"},
    "credentials": {"core"},
    "processes": {"core"},
    "sources": {"core", "catalog", "memory", "net"},
    "fetch": {"core", "catalog", "net"},
    "launch": {"core", "catalog", "processes"},
    "judge": {"core", "catalog", "processes"},
    "report": {"core", "catalog"},
    "practice": {"core", "catalog"},
    "request": {"core", "catalog", "options"},
    "telemetry": {"core", "catalog", "options", "config", "__init__"},
    "wiring": {
        "core",
        "catalog",
        "memory",
        "net",
        "options",
        "credentials",
        "engine",
        "sources",
        "fetch",
        "launch",
        "judge",
        "report",
        "request",
    },
}
DOORS = {
    *("cli", "checks", "commands", "completions", "known", "single", "__main__", "__init__"),
    *("mach_interface", "api", "running", "updates", "alarm"),
}

# Within a folder the arrows point one way, too.
WITHIN = {
    "fetch": {
        "transfer": {"locks", "scratch", "stop", "verify"},
        "unpack": {"scratch"},
        "cache": {"locks", "scratch", "stop", "transfer", "verify"},
        "ahead": {"stop"},
    },
    "net": {
        "troubles": set(),
        "stream": {"troubles"},
        "page": {"stream", "troubles"},
        "http": {"page", "stream", "troubles"},
    },
    "fetch/unpack": {
        "measure": set(),
        "member": set(),
        "flow": set(),
        "programs": set(),
        "streams": set(),
        "xz": {"streams"},
        "bzip2_marks": {"streams"},
        "bzip2": {"bzip2_marks", "streams"},
        "dmg": set(),
        "packing": {"measure", "programs", "xz", "bzip2", "bzip2_marks"},
        "tarred": {"measure", "member"},
        "zipped": {"measure", "member"},
        "tree": {"measure", "member"},
        "archive": {"measure", "member", "flow", "packing", "tarred", "zipped", "dmg", "tree", "xz"},
        "streaming": {"archive", "flow", "measure"},
    },
    "cli": {
        "clicking": set(),
        "options": {"clicking"},
        "meaning": {"options"},
        "root": {"clicking", "options", "meaning"},
        "cache": {"options", "root"},
        "config": {"options", "meaning", "root"},
        "telemetry": {"options", "meaning", "root"},
        "door": {"root"},
    },
    "commands": {
        "printing": set(),
        "answers": {"printing"},
        "search": {"answers", "printing"},
        "looking": {"answers", "printing"},
        "listing": {"printing"},
        "practice": {"printing", "search"},
        "cache": {"printing"},
        "config": {"printing"},
        "telemetry": {"printing"},
    },
}

# A third-party package is touched in one place.
ONLY_IN = {
    "requests": {"net"},
    "urllib3": {"net"},
    "bs4": {"sources/listing"},
    "click": {"cli", "mach_interface", "api"},
    "tqdm": {"report/terminal"},
    "mozinfo": {"request"},
    "mozversion": {"launch"},
    "mozprofile": {"launch"},
    "mozrunner": {"launch"},
    "mozdevice": {"launch/adb"},
    "mozlog": {"launch/adb"},
    "marionette_driver": {"judge/marionette_child"},
    "platformdirs": {"running", "config/places", "telemetry/folder"},
    "glean": {"telemetry/child"},
    "tomlkit": {"config/write"},
    "duckdb": {"telemetry/insights/engine"},
    "plotly": {"telemetry/insights/page"},
    "lzma_mt": {"fetch/unpack/xz"},
    "mohawk": {"credentials"},
    "pysequoia": {"sources/signatures", "practice/signing"},
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> list[tuple[str, bool]]:
    """(dotted name, is at the top of the module) of every import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = set(tree.body)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [(f"{node.module}.{alias.name}", node in top) for alias in node.names]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_imports_only_what_lies_below_it(path: Path) -> None:
    part = part_of(path)
    for name, _ in imports(path):
        if not name.startswith("mozbisect"):
            continue
        target = name.split(".")[1] if "." in name else "__init__"
        if target == "__version__":
            target = "__init__"
        if target == part or part in DOORS:
            continue
        assert target in MAY[part], f"{part} must not import {name}"


@pytest.mark.parametrize(("folder", "part"), [(folder, part) for folder, parts in WITHIN.items() for part in parts])
def test_the_parts_of_a_folder_import_only_what_lies_below_them(folder: str, part: str) -> None:
    paths = [
        path
        for path in (PACKAGE / folder).rglob("*.py")
        if path.relative_to(PACKAGE / folder).parts[0] in {part, f"{part}.py"}
    ]
    assert paths, f"{folder} has no {part}"
    inside = f"mozbisect.{folder.replace('/', '.')}."
    for path in paths:
        for name, _ in imports(path):
            if name.startswith(inside):
                target = name.removeprefix(inside).split(".")[0]
                assert target in {part, *WITHIN[folder][part]}, f"{part} must not import {name}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").glob("*.py")), ids=lambda path: path.name)
def test_the_core_uses_the_standard_library_only_and_no_clock_file_or_thread(path: Path) -> None:
    for name, _ in imports(path):
        root = name.partition(".")[0]
        assert root == "mozbisect" or root in sys.stdlib_module_names, name
        if path.name != "ports.py":  # names Path in its signatures
            assert root not in {"os", "io", "time", "random", "threading", "socket", "subprocess", "logging", "pathlib"}


def test_the_helper_of_telemetry_imports_nothing_of_ours() -> None:
    roots = {name.partition(".")[0] for name, _ in imports(PACKAGE / "telemetry" / "child.py")}
    assert roots - {"glean", "glean_parser"} <= sys.stdlib_module_names


@pytest.mark.parametrize("package", sorted(ONLY_IN))
def test_a_third_party_package_is_touched_in_one_place(package: str) -> None:
    places = set()
    for path in MODULES:
        if any(name.partition(".")[0] == package for name, _ in imports(path)):
            places.add(str(path.relative_to(PACKAGE).with_suffix("")))
    assert places, f"{package} is used nowhere"
    for place in places:
        assert any(place == allowed or place.startswith(f"{allowed}/") for allowed in ONLY_IN[package]), place


def test_heavy_packages_are_imported_late() -> None:
    heavy = set(ONLY_IN) - {"click"}
    for path in MODULES:
        for name, at_top in imports(path):
            if name.partition(".")[0] in heavy and at_top:
                # `if TYPE_CHECKING:` blocks are not at the top of the tree.
                pytest.fail(f"{path.relative_to(PACKAGE)} imports {name} at its top")
