"""How Sphinx makes the documentation: Markdown through MyST, and every reference that leads nowhere is a warning."""

from mozbisect import __version__

project = "mozbisect"
author = "The mozbisect contributors"
project_copyright = "The mozbisect contributors; Mozilla Public License 2.0"
release = version = __version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True
myst_heading_anchors = 3

html_theme = "furo"
html_title = "mozbisect"
html_copy_source = False
html_show_sphinx = False
