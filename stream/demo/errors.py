"""What can go wrong in a demo, said in a sentence."""

from __future__ import annotations

from stream.errors import StreamgaugeError


class DemoError(StreamgaugeError):
    """The demo cannot go on, and why."""
