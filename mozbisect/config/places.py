"""Where configuration files are: ours, and the one that mozregression left behind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

VARIABLE = "MOZBISECT_CONFIG"


def own_file(environment: Mapping[str, str]) -> Path:
    """Our file, whether it exists or not: the one that MOZBISECT_CONFIG names, else the platform's usual place."""
    if named := environment.get(VARIABLE):
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_config_dir("mozbisect", appauthor=False)) / "config.toml"


def peer_file() -> Path | None:
    """mozregression's file, always at this place; None when there is no home."""
    try:
        return Path("~/.mozilla/mozregression/mozregression.cfg").expanduser()
    except RuntimeError:
        return None
