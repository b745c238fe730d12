"""Investigations in ClickHouse: what each test said, beside what was decided here."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stream.ops.flagged import Flagged, Ours
from stream.ops.opinion import Opinion

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_COLUMNS = (
    "id", "at", "who", "model", "lineage", "monitor", "incident", "feature", "window_from", "window_to", "library",
    "test", "finds", "statistic", "unit", "p", "threshold", "note", "reference_rows", "rows", "verdict", "status",
    "evidence_days", "budget_days", "effect", "effect_name", "floor",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Investigation:
    """All that was asked and answered.

    Attributes
    ----------
    library
        Who answered, with its version.
    reference_rows, rows
        In ClickHouse, of the reference and of the window; a test may take fewer.
    """

    id: str
    at_ms: int
    who: str
    library: str
    flagged: Flagged
    reference_rows: int
    rows: int
    opinions: tuple[Opinion, ...]

    @property
    def finding(self) -> tuple[Opinion, ...]:
        """Those that find a change."""
        return tuple(each for each in self.opinions if each.finds)

    def ours(self, opinion: Opinion) -> Ours | None:
        """Return our verdict on the feature; of all inputs together the surest one."""
        if opinion.feature:
            return self.flagged.ours.get(opinion.feature)
        return max(self.flagged.ours.values(), key=lambda one: one.evidence_days or 0.0, default=None)


def new_id(flagged: Flagged, now_ms: int) -> str:
    """Return the id of an investigation: of the same window at another time it is another one."""
    parts = (flagged.lineage, flagged.incident, flagged.features, flagged.from_ms, flagged.to_ms, now_ms)
    return f"IV-{hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"


def keep(client: Client, done: Investigation) -> None:
    """Store it: one row for each test and feature."""
    rows = [list(_row(done, opinion)) for opinion in done.opinions]
    if rows:
        client.insert("investigations_rows", rows, column_names=_COLUMNS, settings={"async_insert": 0})


def _row(done: Investigation, opinion: Opinion) -> Iterator[object]:
    flagged, ours = done.flagged, done.ours(opinion)
    yield from (done.id, _at(done.at_ms), done.who, flagged.spec.model, flagged.lineage, flagged.spec.monitor)
    yield from (flagged.incident, opinion.feature, _at(flagged.from_ms), _at(flagged.to_ms), done.library, opinion.test)
    yield {None: "", True: "yes", False: "no"}[opinion.finds]
    yield from (opinion.statistic, opinion.unit, opinion.p, opinion.threshold, opinion.note)
    yield from (opinion.reference_rows, opinion.rows)
    if ours is None:
        yield from ("", "", math.nan, math.nan, math.nan, "", math.nan)
        return
    yield from (ours.id, ours.status, _number(ours.evidence_days), _number(ours.budget_days))
    yield from (_number(ours.effect), ours.effect_name, _number(ours.floor))


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
