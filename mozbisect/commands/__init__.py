"""What each command does: options in, the answer on standard output, an error raised.

A front end beside ``cli`` (mach, a web page) calls these as well. Everything that outlives a command is the session on
disk. Each module is loaded by the command that needs it.
"""
