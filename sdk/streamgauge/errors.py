"""What the contract raises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamgauge.events import Event, Refusal


class StreamgaugeError(Exception):
    """Root of all that streamgauge raises on purpose."""


class RefusedError(StreamgaugeError, ValueError):
    """An event that breaks the contract.

    Attributes
    ----------
    refusal
        Which field, why, and the mend.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.message}; {refusal.hint}" if refusal.hint else refusal.message)
        self.refusal = refusal


class UnreachableError(StreamgaugeError, ConnectionError):
    """No broker answered, or a topic does not exist there."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """One event that the broker did not acknowledge, and why. It may have been stored all the same."""

    event: Event
    reason: str


class DeliveryError(StreamgaugeError):
    """Some events were not acknowledged.

    Attributes
    ----------
    undelivered
        Each of them with its reason, in the order of their failure. Sending them again is harmless: an event
        with the same identity within the label horizon is counted as a duplicate.
    """

    def __init__(self, undelivered: Sequence[Undelivered]) -> None:
        self.undelivered = tuple(undelivered)
        first = self.undelivered[0]
        super().__init__(
            f"{len(self.undelivered)} events were not acknowledged; the first is "
            f"{first.event.prediction_id!r} of {first.event.model!r}: {first.reason}"
        )
