"""One usage ping for each search and each launch, sent by a process of its own, for whoever has not said no.

What is sent: ``usage``. Whether it is sent: ``decision``. What is kept on disk about it: ``folder``. Who sends it:
``helper`` starts ``child``, which alone knows Glean. ``use`` puts these together for the commands.
"""
