"""An invented history with a known culprit, and a small server for it."""

APPS = ("firefox", "thunderbird", "jsshell", "firefox-release")
"""What can be played with on a desktop, without a phone."""
