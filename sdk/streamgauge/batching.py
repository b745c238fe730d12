"""How events are packed into records: many JSON lines, cut by number, size and age."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from streamgauge.events import MAX_LINES, Event

MAX_RECORD_BYTES: Final = 4 << 20  # what the public topics take


class Place(NamedTuple):
    """Where a record goes: the topic's name on the broker, and the partition."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Batching:
    """When a pack of events is sent, and how much may wait.

    Attributes
    ----------
    lines
        Events in one record.
    record_bytes
        Bytes of one record; a larger event travels alone.
    linger_ms
        The longest that an event waits for others.
    buffer_bytes
        Bytes that may wait for their acknowledgement, at most; then sending blocks.
    event_bytes
        The largest event, encoded.
    """

    lines: int = 200
    record_bytes: int = 64 << 10
    linger_ms: float = 20.0
    buffer_bytes: int = 64 << 20
    event_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        if not 1 <= self.lines <= MAX_LINES:
            raise ValueError(f"lines must be 1 to {MAX_LINES}, got {self.lines}")
        if self.linger_ms < 0:
            raise ValueError(f"linger_ms must be 0 or more, got {self.linger_ms}")
        if not 1 <= self.event_bytes <= self.buffer_bytes:
            raise ValueError(f"event_bytes must be 1 to buffer_bytes, got {self.event_bytes}")
        if max(self.event_bytes, self.record_bytes) > MAX_RECORD_BYTES - 1024:
            raise ValueError(f"event_bytes and record_bytes must leave room in {MAX_RECORD_BYTES} bytes")


@dataclass(slots=True)
class Pack:
    """Events for one record: `opened_s` is when the first came, on the clock of whoever packs."""

    place: Place
    opened_s: float
    events: list[Event] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, event: Event, line: bytes) -> None:
        """Take one event."""
        self.events.append(event)
        self.lines.append(line)
        self.size += len(line) + 1

    @property
    def value(self) -> bytes:
        """The record's value: JSON lines."""
        return b"\n".join(self.lines)


class Packer:
    """Collects events by place until a pack is full or old enough. Knows no clock and no thread.

    >>> from streamgauge.events import LabelEvent
    >>> packer = Packer(Batching(lines=2))
    >>> event = LabelEvent(prediction_id="a", model="m", event_time_ms=0, label=1)
    >>> [len(pack.lines) for _ in range(3) for pack in packer.add(Place("labels", 0), event, b"{}", now_s=0.0)]
    [2]
    >>> [len(pack.lines) for pack in packer.take_all()]
    [1]
    """

    def __init__(self, batching: Batching) -> None:
        self._batching = batching
        self._open: dict[Place, Pack] = {}

    def add(self, place: Place, event: Event, line: bytes, now_s: float) -> Iterator[Pack]:
        """Take one event, and yield the packs that it fills: the one before it, its own, both, or none."""
        limits = self._batching
        pack = self._open.get(place)
        if pack is not None and pack.size + len(line) + 1 > limits.record_bytes:
            yield self._open.pop(place)
            pack = None
        if pack is None:
            pack = self._open[place] = Pack(place, now_s)
        pack.add(event, line)
        if len(pack.lines) >= limits.lines or pack.size >= limits.record_bytes:
            yield self._open.pop(place)

    def take_older(self, now_s: float) -> list[Pack]:
        """Return the packs that have waited long enough, oldest first."""
        due = now_s - self._batching.linger_ms / 1_000
        return [self._open.pop(pack.place) for pack in list(self._open.values()) if pack.opened_s <= due]

    def take_all(self) -> list[Pack]:
        """Return all open packs, oldest first."""
        packs = list(self._open.values())
        self._open.clear()
        return packs

    def next_due_s(self) -> float | None:
        """Return when the oldest open pack is due; none if there is none."""
        oldest = next(iter(self._open.values()), None)
        return None if oldest is None else oldest.opened_s + self._batching.linger_ms / 1_000
