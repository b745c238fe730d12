"""What is said where no reference can be made."""

from __future__ import annotations

from stream.errors import StreamgaugeError


class ReferenceError(StreamgaugeError):
    """A reference cannot be made of what is there; the sentence says why, and what would mend it."""
