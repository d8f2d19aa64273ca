"""Listings against a recorded page of archive.mozilla.org (tests/data/README.md says where it is from)."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from mozbisect.practice.listing import File, as_html, as_rows

RECORDED = Path(__file__).parent.parent / "data" / "archive" / "cnpmcore_pub_firefox_releases_131.0.3.html"
FILE = re.compile(r'<td>File</td>\s*<td><a href="[^"]*">([^<]*)</a></td>\s*<td>(\d+)([KM]?)</td>\s*<td>([^<]*)</td>')
NOON = datetime(2026, 9, 1, 12, 0)


def test_a_page_is_the_recorded_one_to_the_letter() -> None:
    # It was saved with its tabs turned into spaces.
    recorded = re.sub(r"^ +", lambda spaces: "\t" * (len(spaces[0]) // 8), RECORDED.read_text(), flags=re.MULTILINE)
    folders = re.findall(r'<td>Dir</td>\s*<td><a href="[^"]*">([^.<][^<]*)</a>', recorded)
    files = [
        File(name, int(size) << {"": 0, "K": 10, "M": 20}[unit], datetime.strptime(when, "%d-%b-%Y %H:%M"))
        for name, size, unit, when in FILE.findall(recorded)
    ]
    assert len(folders) == 12
    assert len(files) == 7
    assert as_html("/pub/firefox/releases/131.0.3/", folders[::-1], files[::-1]) == recorded


def test_names_are_escaped_as_the_server_does() -> None:
    page = as_html("/pub/x/", ["a:b/"], [File("one+two three.txt", 1, NOON)])
    assert '<a href="/pub/x/a%3Ab/">a:b/</a>' in page
    assert '<a href="/pub/x/one%2Btwo%20three.txt">one&#43;two three.txt</a>' in page


def test_folders_come_first_each_in_byte_order_with_its_slash() -> None:
    page = as_html("/pub/x/", ["38.0.5/", "38.0.5-funnelcake37/"], [File("b", 1, NOON), File("B", 1, NOON)])
    names = re.findall(r">([^<]+)</a>", page)
    assert names == ["..", "38.0.5-funnelcake37/", "38.0.5/", "B", "b"]


def test_sizes_are_cut_down_to_whole_units() -> None:
    sizes = [1023, 1024, 2047, (1 << 20) - 1, 1 << 20, 80_000_000_000]
    page = as_html("/pub/x/", [], [File(str(at), size, NOON) for at, size in enumerate(sizes)])
    assert re.findall(r"<td>(\d+[KM]?)</td>", page) == ["1023", "1K", "1K", "1023K", "1M", "76293M"]


def test_json_gives_exact_sizes() -> None:
    assert as_rows(["b/", "a/"], [File("f", 80_000_123, NOON)]) == {
        "prefixes": ["a/", "b/"],
        "files": [{"name": "f", "last_modified": "2026-09-01T12:00:00Z", "size": 80_000_123}],
    }
