"""Who types a command, for what is kept with what they asked for."""

from __future__ import annotations

import getpass


def whoami() -> str:
    """Return the name of the user that runs this; ``cli`` if the system has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "cli"
