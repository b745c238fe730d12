"""One incident, explained: what it rests on, and what happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from detectors.evidence.days import in_words
from stream.ops import explain_reads as reads
from stream.ops.explain import Explained, explained, the_one
from stream.ops.explain_reads import Row
from stream.ops.trace_panes import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clickhouse_connect.driver.client import Client

NEXT = {
    "drift": "Look at the causes; drift alone wakes nobody and never retrains.",
    "performance": "A retrain is asked for where the spec says so; look at where the loss is.",
    "estimate": "Look at what drifted; labels will say whether the estimate was right.",
    "data-fault": "Ask who sends it; retrains wait while a fault is a page.",
    "volume": "Ask who sends it.",
    "no-data": "Ask who sends it; `streamgauge lag` says whether the pipeline is behind.",
    "no-labels": "Ask who sends the labels; `streamgauge query label_delay model=…` says how long they take.",
    "pipeline": "`streamgauge doctor` says what is wrong here.",
}
"""What to do next, by kind."""


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as it stands; times in epoch milliseconds, `closed_ms` 0 while it is open.

    Attributes
    ----------
    sure
        How sure, in a sentence.
    verdicts
        What it rests on, as far as it is stored.
    events
        What happened to it, in order.
    """

    id: str
    model: str
    monitor: str
    lineage: str
    kind: str
    level: str
    title: str
    features: list[str]
    since_ms: int
    opened_ms: int
    closed_ms: int
    evidence_days: float | None
    budget_days: float | None
    sure: str
    next: str
    verdicts: list[Explained]
    events: list[Row]


def incident(client: Client, begin: str) -> Incident:
    """Return the incident whose id begins so.

    Raises
    ------
    UnknownError
        If there is none, or more than one.
    """
    row = the_one(reads.incident(client, begin), begin, "incident")
    return Incident(
        id=str(row["id"]),
        model=str(row["model"]),
        monitor=str(row["monitor"]),
        lineage=str(row["lineage"]),
        kind=str(row["kind"]),
        level=str(row["level"]),
        title=str(row["title"]),
        features=[str(name) for name in cast("Sequence[object]", row["features"])],
        since_ms=number(row["since_ms"]),
        opened_ms=number(row["opened_ms"]),
        closed_ms=number(row["closed_ms"]),
        evidence_days=cast("float | None", row["evidence_days"]),
        budget_days=cast("float | None", row["budget_days"]),
        sure=sure_of(row),
        next=NEXT.get(str(row["kind"]), ""),
        verdicts=list(_verdicts(client, row)),
        events=reads.events(client, str(row["model"]), str(row["id"])),
    )


def sure_of(row: Row) -> str:
    """Return how sure an incident is beside the budget.

    >>> sure_of({"evidence_days": 400.0, "budget_days": 90.0})
    'By chance, once in 13 months; the budget: once in 90 d'
    """
    days, budget = cast("float | None", row["evidence_days"]), cast("float | None", row["budget_days"])
    if days is None or budget is None:
        return "It was seen, not inferred"
    chance = in_words(days)
    return f"{chance[:1].upper()}{chance[1:]}; the budget: once in {budget:,.3g} d"


def _verdicts(client: Client, row: Row) -> Sequence[Explained]:
    ids = [str(name) for name in cast("Sequence[object]", row["verdicts"])]
    found = [one for name in ids for one in reads.verdict(client, name)]
    return [explained(client, one) for one in found]
