"""What is configured: our own file if there is one, else what mozregression left behind."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from mozbisect.config import own, peer
from mozbisect.config.model import TELEMETRY, Key, Setting, Settings
from mozbisect.config.places import VARIABLE, own_file, peer_file
from mozbisect.core.errors import UsageError


def load(keys: Sequence[Key], environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises ``UsageError`` when our own file cannot be understood, or when the one that was named is missing."""
    path = own_file(environment)
    if path.exists():
        return _still_no(own.read(path, keys), keys)
    if environment.get(VARIABLE):
        raise UsageError(f"There is no file {path}.", advice=f"{VARIABLE} names it.")
    return _left_behind(keys)


def _left_behind(keys: Sequence[Key]) -> Settings:
    """What mozregression's file says; nothing when there is none."""
    path = peer_file()
    return peer.read(path, keys) if path else Settings()


def _still_no(settings: Settings, keys: Sequence[Key]) -> Settings:
    """A no to telemetry that was said to mozregression holds until our own file says something about it."""
    if TELEMETRY.name in settings.values:
        return settings
    said = _left_behind(keys).values.get(TELEMETRY.name)
    if said is None or said.value:
        return settings
    return Settings({**settings.values, TELEMETRY.name: Setting(value=False, where=said.where)}, path=settings.path)
