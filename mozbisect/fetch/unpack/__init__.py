"""Makes a tree of an archive, also while it is still coming, and lets nothing out of that tree."""
