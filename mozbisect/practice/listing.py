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

# One row, with the empty lines that the template leaves before it.
_HEAD = """
<!DOCTYPE html>
<html>
	<head>
		<meta charset="UTF-8">
		<title>Directory Listing: {path}</title>
	</head>
	<body>
		<h1>Index of {path}</h1>
		<table>
			<tr>
				<th>Type</th>
				<th>Name</th>
				<th>Size</th>
				<th>Last Modified</th>
			</tr>
			
			<tr>
				<td>Dir</td>
				<td><a href="{parent}">..</a></td>
				<td></td>
				<td></td>
			</tr>
			
			"""  # noqa: E101, W191, W291, W293
_FOLDER = """
			<tr>
				<td>Dir</td>
				<td><a href="{href}">{name}</a></td>
				<td></td>
				<td></td>
			</tr>
			"""  # noqa: E101, W191, W293
_FILE = """
			
			<tr>
				<td>File</td>
				<td><a href="{href}">{name}</a></td>
				<td>{size}</td>
				<td>{when}</td>
			</tr>
			
			"""  # noqa: E101, W191, W293
_FOOT = """
		</table>
	</body>
</html>"""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a folder; ``size`` in bytes."""

    name: str
    size: int
    modified: datetime


def as_html(path: str, folders: Sequence[str], files: Sequence[File]) -> str:
    """The page of the folder at ``path``. Names of folders end in a slash, as the path does."""
    parent = path.rstrip("/").rpartition("/")[0] + "/"
    rows = [
        _FOLDER.format(href=path + name.replace(":", "%3A"), name=_shown(name))
        for name in sorted(folders, key=str.encode)
    ]
    if not rows:
        rows = [""]
    between = "\n\t\t\t"
    page = _HEAD.format(path=_shown(path), parent=parent) + "".join(rows) + between
    for file in sorted(files, key=lambda file: file.name.encode()):
        page += _FILE.format(
            href=path + _escaped(file.name),
            name=_shown(file.name),
            size=_rounded(file.size),
            when=f"{file.modified:%d-%b-%Y %H:%M}",
        )
    return page + _FOOT


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
