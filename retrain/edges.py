"""The two edges of the retraining consumer: the registry's books, and the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from models.registry import Registry, Version
from retrain.event import RetrainEvent, Step

if TYPE_CHECKING:
    import pyarrow as pa


class Books(Protocol):
    """Where versions are registered and steps are told; both return once they are acknowledged."""

    def registry(self) -> Registry:
        """Return the registry with all that is acknowledged by now."""
        ...

    def register(self, version: Version) -> None:
        """Write a version record."""
        ...

    def tell(self, step: Step) -> None:
        """Write a step as a command."""
        ...


class NotThereError(Exception):
    """The store does not answer now; asking again may help."""


class Store(Protocol):
    """What is asked of the store; both raise `NotThereError` if it does not answer."""

    def stored(self) -> Mapping[int, int]:
        """Return the position up to which each partition of the ledger is stored."""
        ...

    def rows(self, event: RetrainEvent) -> pa.Table:
        """Return the labelled rows of an event, as `stream.clickhouse.read.training_rows` gives them."""
        ...
