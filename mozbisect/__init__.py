"""mozbisect: from a good and a bad date to the push that did it."""

__version__ = "0.1.0"
