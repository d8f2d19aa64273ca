"""A test command for practice builds that wrap a real Firefox: is the one pref changed?

    python -m mozbisect.practice.look BINARY

Starts the build headless with a new profile, lets it take one screenshot and end by itself, and reads what the
running browser wrote into the profile. Leaves with 0 for good, 1 for bad, 125 if the browser wrote nothing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from mozbisect.practice.builds import BROKEN_PREF

SKIP = 125
PATIENCE = 120  # seconds; a first start takes about three


def look(binary: str) -> int:
    """0, 1 or 125, as a test command leaves."""
    with tempfile.TemporaryDirectory(prefix="mozbisect-look-", ignore_cleanup_errors=True) as folder:
        picture = Path(folder) / "window.png"
        line = [binary, "--headless", "--no-remote", "--profile", folder, "--screenshot", str(picture), "about:blank"]
        subprocess.run(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE, check=False)
        written = Path(folder) / "prefs.js"
        if not written.is_file():
            return SKIP
        return 1 if f'"{BROKEN_PREF}", true' in written.read_text(encoding="utf-8") else 0


if __name__ == "__main__":
    sys.exit(look(sys.argv[1]))
