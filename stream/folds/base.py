"""What every fold is: a pure function over one partition of a log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a log partition.

    Attributes
    ----------
    position
        Offset in the partition, 0 or more, strictly rising.
    append_ms
        When the broker stored it (or the producer made it, for topics in producer time), epoch milliseconds.
    key, value
        The bytes on the wire; a record without a value is empty bytes.
    headers
        Name and value of each header, in wire order.
    """

    position: int
    append_ms: int
    value: bytes
    key: bytes = b""
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """One record that a fold writes.

    Attributes
    ----------
    topic
        The topic's name in the topology, without the prefix.
    partition
        Where it goes; ``None`` leaves it to murmur2 of the key.
    """

    topic: str
    value: bytes
    key: bytes = b""
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class Fold(Protocol[State]):
    """A pure function over a log: same records, same state and outputs, whatever the cuts.

    For all runs ``a`` and ``b``, ``step(s, a + b)`` and ``step(s, a); step(s, b)`` leave equal states and give equal
    outputs, and so does ``decode(encode(s))`` in place of ``s``.
    """

    def start(self) -> State:
        """Return the state before the first record."""
        ...

    def step(self, state: State, run: Sequence[Record]) -> list[Output]:
        """Fold a run into `state`, in place, and return what it settles, in order."""
        ...

    def encode(self, state: State) -> bytes:
        """Return the state as bytes, with the version of its schema."""
        ...

    def decode(self, data: bytes) -> State:
        """Return the state that `encode` was given; ValueError on another schema."""
        ...
