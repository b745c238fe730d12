"""Where an event is in Kafka."""

from __future__ import annotations

import re
from typing import NamedTuple

_WRITTEN = re.compile(r"([A-Za-z0-9._-]{1,249})/(\d{1,10})@(\d{1,19})(?:#(\d{1,5}))?")


class Position(NamedTuple):
    """A topic, a partition, an offset, and a line of the record there (0 for the first or only one).

    >>> str(Position("predictions", 3, 8114, 17))
    'predictions/3@8114#17'
    >>> Position.parse("predictions/3@8114")
    Position(topic='predictions', partition=3, offset=8114, line=0)
    """

    topic: str
    partition: int
    offset: int
    line: int = 0

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}" + (f"#{self.line}" if self.line else "")

    @classmethod
    def parse(cls, text: str) -> Position:
        """Return the position that `str` wrote; ValueError on anything else."""
        match = _WRITTEN.fullmatch(text)
        if match is None:
            msg = f"{text!r} is no position; write topic/partition@offset#line, as in predictions/3@8114#17"
            raise ValueError(msg)
        topic, partition, offset, line = match.groups()
        return cls(topic, int(partition), int(offset), 0 if line is None else int(line))
