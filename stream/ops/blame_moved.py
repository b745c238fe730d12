"""Inputs that moved while performance was lost, from the raw rows: those of the reference, else those before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors.blame.moved import Compared, Panes, compared
from stream.folds.decide.moved_words import moved_words
from stream.ops.blame_rows import Around, rows_of
from stream.ops.explain import spec_of

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client
    from streamgauge.spec import MonitorSpec

    from stream.ops.incident import Incident

PANES_BEFORE = 60
"""Panes before the onset that are taken where the reference's rows are not known here, at least."""

TIMES_BEFORE = 20


@dataclass(frozen=True, slots=True)
class Together:
    """What moved at the time of a loss, in words too."""

    compared: Compared
    sentence: str


def of_incident(client: Client, incident: Incident) -> Together | None:
    """Return what moved until a loss of performance was proven; None for other incidents, and with too few panes.

    The same log gives the same answer. Costs a look at the rows of the reference.
    """
    if incident.kind != "performance" or incident.opened_ms <= incident.since_ms:
        return None
    return together(client, spec_of(client, incident.lineage), incident)


def together(client: Client, spec: MonitorSpec, incident: Incident) -> Together | None:
    """Return what moved, held against the first of the spans that holds panes enough."""
    kinds = {name: feature.type for name, feature in spec.features.items()}
    from_ms, to_ms = judged_span(incident)
    for whose, span in _held_against(spec, from_ms, to_ms):
        normal, every = _panes(client, spec, *span)
        now, _ = _panes(client, spec, from_ms, to_ms, every)
        found = compared(kinds, normal, now, spec.cycle_ms)
        if found is not None:
            sentence = moved_words(found, whose)
            return Together(found, f"{sentence[:1].upper()}{sentence[1:]}.")
    return None


def judged_span(incident: Incident) -> tuple[int, int]:
    """Return which panes the loss was proven by: those of its first verdict; else all until it was raised."""
    spans = [(one.to_ms, one.from_ms) for one in incident.verdicts if one.kind == "performance"]
    to_ms, from_ms = min(spans, default=(incident.opened_ms, incident.since_ms))
    return from_ms, to_ms


def _held_against(spec: MonitorSpec, from_ms: int, to_ms: int) -> Iterator[tuple[str, tuple[int, int]]]:
    if spec.reference is not None and spec.reference.kind == "range":
        yield "the reference", spec.reference.range_ms
    length = max(PANES_BEFORE * spec.pane_ms, TIMES_BEFORE * (to_ms - from_ms))
    yield "the time before", (from_ms - length, from_ms)


def _panes(client: Client, spec: MonitorSpec, from_ms: int, to_ms: int, every: int = 0) -> tuple[Panes, int]:
    """Return the rows of a span; of more than a question may cost one of so many."""
    rows = rows_of(client, spec, Around(from_ms, to_ms, to_ms), labels=False, every=every)
    return Panes(rows.columns, rows.event_ms - rows.event_ms % spec.pane_ms), rows.every
