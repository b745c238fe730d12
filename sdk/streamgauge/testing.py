"""For the tests of applications that send events."""

from __future__ import annotations

from types import TracebackType

from streamgauge.batching import Batching
from streamgauge.events import Event
from streamgauge.sender import Sender, checked_line


class FakeProducer(Sender):
    """A producer that keeps its events in memory, in order, after the same checks as the real one.

    >>> with FakeProducer(model="flight-delay") as producer:
    ...     producer.label("UA1545", 1, at=1357035300000)
    >>> producer.events[0].model
    'flight-delay'
    """

    def __init__(
        self,
        bootstrap: str = "",
        *,
        model: str | None = None,
        version: str | None = None,
        source: str | None = None,
        batching: Batching | None = None,
    ) -> None:
        super().__init__(model, version, source)
        self._limit = (Batching() if batching is None else batching).event_bytes
        self.bootstrap = bootstrap
        self.events: list[Event] = []
        self.closed = False

    def send(self, event: Event) -> None:
        """Keep one event; RefusedError if it breaks the contract."""
        if self.closed:
            msg = "the producer is closed"
            raise ValueError(msg)
        checked_line(event, self._limit)
        self.events.append(event)

    def flush(self) -> None:
        """Do nothing: all is delivered."""

    def close(self) -> None:
        """Refuse all that comes later."""
        self.closed = True

    def __enter__(self) -> FakeProducer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
