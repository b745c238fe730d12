"""What keeps a local part from running, said with the mend."""

from __future__ import annotations

from stream.errors import StreamgaugeError


class LocalError(StreamgaugeError):
    """A local part cannot run.

    Parameters
    ----------
    what
        One sentence that says what is wrong, with the value that was found.
    mend
        One sentence that says what to do about it.

    Examples
    --------
    >>> str(LocalError("Port 9092 is taken.", "Set STREAMGAUGE_KAFKA__BOOTSTRAP to another port."))
    'Port 9092 is taken. Set STREAMGAUGE_KAFKA__BOOTSTRAP to another port.'
    """

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what} {mend}".strip())
        self.what = what
        self.mend = mend
