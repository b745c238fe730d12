"""The root of all errors that the shell raises on purpose."""

from __future__ import annotations


class StreamgaugeError(Exception):
    """Something that the reader of the message can mend: it says what is wrong, where, and what to do."""
