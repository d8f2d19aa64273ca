"""The command line. Only click is imported at the top: ``--help`` must be quick.

clicking ◄── options ◄── meaning ◄── root ◄── cache, config, telemetry ◄── door
how click     one row     what was    the commands: each tells              errors become
is used       each        said        ``commands`` what is wanted           sentences
"""

from __future__ import annotations

from mozbisect.cli import cache, config, telemetry  # noqa: F401  (they add themselves to the root)
from mozbisect.cli.clicking import Option, grammar
from mozbisect.cli.door import UNHEARD, answered, main
from mozbisect.cli.meaning import VARIANT, checked
from mozbisect.cli.options import keys
from mozbisect.cli.root import mozbisect

__all__ = ["UNHEARD", "VARIANT", "Option", "answered", "checked", "grammar", "keys", "main", "mozbisect"]
