"""Where files are that belong to no single search: our configuration, mozregression's, what is kept to be faster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

VARIABLE = "MOZBISECT_CONFIG"
CACHE_VARIABLE = "MOZBISECT_CACHE_DIR"


def own_file(environment: Mapping[str, str]) -> Path:
    """Our file, whether it exists or not: the one that MOZBISECT_CONFIG names, else the platform's usual place."""
    if named := environment.get(VARIABLE):
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_config_dir("mozbisect", appauthor=False)) / "config.toml"


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where that lies which could be had again: what MOZBISECT_CACHE_DIR names, else the platform's usual place."""
    if named := environment.get(CACHE_VARIABLE):
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("mozbisect", appauthor=False))


def peer_file() -> Path | None:
    """mozregression's file, always at this place; None when there is no home."""
    try:
        return Path("~/.mozilla/mozregression/mozregression.cfg").expanduser()
    except RuntimeError:
        return None
