"""Listings as archive.mozilla.org writes them: a page of HTML, or JSON for who asks for it. Pure.

The page is that of mozilla-services/product-delivery-tools (bucketlister/services/templates.go): absolute links,
folders first, sizes cut down to whole K and M.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mozbisect.practice.reply import JSON

_HEAD = """
<!DOCTYPE html>
<html>
\t<head>
\t\t<meta charset="UTF-8">
\t\t<title>Directory Listing: {path}</title>
\t</head>
\t<body>
\t\t<h1>Index of {path}</h1>
\t\t<table>
\t\t\t<tr>
\t\t\t\t<th>Type</th>
\t\t\t\t<th>Name</th>
\t\t\t\t<th>Size</th>
\t\t\t\t<th>Last Modified</th>
\t\t\t</tr>
"""
_ROW = """\
\t\t\t<tr>
\t\t\t\t<td>{kind}</td>
\t\t\t\t<td><a href="{href}">{name}</a></td>
\t\t\t\t<td>{size}</td>
\t\t\t\t<td>{when}</td>
\t\t\t</tr>
"""
_GAP = "\t\t\t\n"  # what a Go template leaves where it has an {{end}}
_FOOT = """\
\t\t</table>
\t</body>
</html>"""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a folder; ``size`` in bytes."""

    name: str
    size: int
    modified: datetime


def as_html(path: str, folders: Sequence[str], files: Sequence[File]) -> str:
    """The page of the folder at ``path``. Names of folders end in a slash, as the path does."""
    page = [_HEAD.format(path=_shown(path)), _GAP]
    parent = path.rstrip("/").rpartition("/")[0] + "/"
    page += [_ROW.format(kind="Dir", href=parent, name="..", size="", when=""), _GAP]
    for name in sorted(folders, key=str.encode):
        href = path + name.replace(":", "%3A")
        page += [_GAP, _ROW.format(kind="Dir", href=href, name=_shown(name), size="", when="")]
    page += [_GAP, _GAP]
    for file in sorted(files, key=lambda file: file.name.encode()):
        row = {"kind": "File", "href": path + _escaped(file.name), "name": _shown(file.name)}
        row |= {"size": _rounded(file.size), "when": f"{file.modified:%d-%b-%Y %H:%M}"}
        page += [_GAP, _ROW.format_map(row), _GAP, _GAP]
    return "".join(page) + _FOOT


def as_rows(folders: Sequence[str], files: Sequence[File]) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "prefixes": sorted(folders),
        "files": [
            {"name": file.name, "last_modified": f"{file.modified:%Y-%m-%dT%H:%M:%SZ}", "size": file.size}
            for file in sorted(files, key=lambda file: file.name)
        ],
    }


def wants_json(accept: str) -> bool:
    return JSON in accept


def _escaped(name: str) -> str:
    """A file's name in a link: plus and colon by the server's own hand, the rest by Go's html/template."""
    return name.replace("+", "%2B").replace(":", "%3A").replace(" ", "%20")


def _shown(text: str) -> str:
    return html.escape(text).replace("+", "&#43;")


def _rounded(size: int) -> str:
    for unit, shift in (("M", 20), ("K", 10)):
        if size >= 1 << shift:
            return f"{size >> shift}{unit}"
    return str(size)
