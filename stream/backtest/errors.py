"""What is said about files and settings that cannot be backtested."""

from __future__ import annotations

from collections.abc import Sequence

from stream.errors import StreamgaugeError


class BacktestError(StreamgaugeError, ValueError):
    """Files or settings that cannot be backtested.

    Attributes
    ----------
    problems
        A sentence each: the column, the value and the mend.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))
