"""The store as the retraining consumer sees it: how far it is, and the labelled rows of a cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from clickhouse_connect.driver.exceptions import ClickHouseError

from retrain.edges import NotThereError
from stream.clickhouse.client import ClickHouseUnreachable, connect, first_line, is_transient
from stream.clickhouse.read import stored_positions, training_rows
from stream.settings import ClickHouseSettings

if TYPE_CHECKING:
    import pyarrow as pa
    from clickhouse_connect.driver.client import Client

    from retrain.event import RetrainEvent

Answer = TypeVar("Answer")


class ClickHouseStore:
    """A `Store` on ClickHouse; connects when it is asked."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._settings = settings

    def stored(self) -> Mapping[int, int]:
        """Return the position up to which each partition of the ledger is stored."""
        return self._ask(stored_positions)

    def rows(self, event: RetrainEvent) -> pa.Table:
        """Return the labelled rows of an event."""
        return self._ask(lambda client: training_rows(client, event.model, event.from_ms, event.to_ms, event.positions))

    def _ask(self, question: Callable[[Client], Answer]) -> Answer:
        try:
            client = connect(self._settings, wait_s=1.0)
        except ClickHouseUnreachable as error:
            raise NotThereError(str(error)) from error
        try:
            return question(client)
        except ClickHouseError as error:
            if is_transient(error):
                raise NotThereError(first_line(error)) from error
            raise
        finally:
            client.close()
