"""Settings for every test."""

from __future__ import annotations

import os

from hypothesis import settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# Nobody's own configuration is to change what a test says.
os.environ["MOZBISECT_CONFIG"] = os.devnull
# Nor what was remembered on this machine; and nothing can be, in a file that is no folder.
os.environ["MOZBISECT_CACHE_DIR"] = os.devnull

# A test is no use of mozbisect. The second of the two also reaches programs that are given no variable of ours.
os.environ["MOZBISECT_TELEMETRY"] = "0"
os.environ["DO_NOT_TRACK"] = "1"
