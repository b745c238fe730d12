"""What a step of `decide` settles: rows for ClickHouse and records for people and models, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from stream.folds.base import Output
from stream.folds.rows import IncidentRow, Result, VerdictRow, encode_rows

ROWS_PER_RECORD = 1_000
_JUDGED = frozenset({VerdictRow, IncidentRow})


@dataclass(slots=True)
class Emit:
    """Collects what one record of `partials` brings about.

    Attributes
    ----------
    partition
        Of `partials`, and of the topics of rows.
    position, known_ms
        Version and log clock of every row (rows.Row).
    shows
        Whether rows are wanted that are for people to look at, and that nothing follows from.
    """

    partition: int
    position: int
    known_ms: int
    rows: list[Result] = field(default_factory=list)
    records: list[Output] = field(default_factory=list)
    shows: bool = True

    def json(self, topic: str, key: str, value: object) -> None:
        """Emit one public record."""
        self.records.append(Output(topic, msgspec.json.encode(value), key.encode()))

    def outputs(self) -> list[Output]:
        """Return all of it: panes and their kin, verdicts and incidents, then public records."""
        judged = [r for r in self.rows if type(r) in _JUDGED]
        measured = [r for r in self.rows if type(r) not in _JUDGED]
        return [*self._records("panes", measured), *self._records("verdicts", judged), *self.records]

    def _records(self, topic: str, rows: Sequence[Result]) -> list[Output]:
        cuts = range(0, len(rows), ROWS_PER_RECORD)
        return [Output(topic, encode_rows(rows[i : i + ROWS_PER_RECORD]), partition=self.partition) for i in cuts]
