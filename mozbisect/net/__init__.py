"""Everything that comes over HTTP comes through here, with patience and with limits; all that knows ``requests``."""
