"""``streamgauge trace``: where one event is, and why."""

from __future__ import annotations

import json as json_
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.ops.trace import Seen, Trace
    from stream.ops.trace_panes import Pane

FOUND, USAGE = 1, 2

Words = Annotated[list[str], typer.Argument(metavar="[MODEL] PREDICTION_ID", help="An id, its model before it.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def trace(words: Words, json: Json = False) -> None:
    """Say where an event is, what became of it, in which pane it counts, and what to do next.

    Looks into ClickHouse: rows, fates, panes, incidents, dead letters. Example: streamgauge trace flight-delay UA1545

    Exit code 1: nothing names the id, 3: ClickHouse does not answer.
    """
    from dataclasses import asdict

    from stream.ops.trace import trace as look
    from stream.settings import load

    if len(words) > 2:
        typer.secho("give one id, or a model and an id; quote an id with spaces", fg=typer.colors.RED, err=True)
        raise typer.Exit(USAGE)
    found = look(load(), words[-1], words[0] if len(words) == 2 else "")
    if json:
        typer.echo(json_.dumps({"found": found.found, **asdict(found)}, default=str))
    else:
        typer.echo("\n".join(_lines(found)))
    raise typer.Exit(0 if found.found else FOUND)


def _lines(found: Trace) -> Iterator[str]:
    named = f"{found.model} {found.prediction_id}".strip()
    if not found.found:
        yield f"Nothing in ClickHouse names {named}."
    for event in found.events:
        yield from _event(event)
        if event.kind == "prediction" and event.fate in ("used", "late"):
            yield from (line for pane in found.panes if pane.model == event.model for line in _pane(pane))
    if found.label:
        yield found.label
    for incident in found.incidents:
        yield f"Incident {incident['id']} ({incident['level']}) touches its pane: {incident['title']}"
    for letter in found.letters:
        place = f"{letter['topic']}/{letter['partition']}/{letter['offset']}/{letter['line']}"
        yield f"Dead letter {place}: {letter['reason']} {letter['field']} {letter['message']} {letter['hint']}".rstrip()
        yield f"  {letter['sentence']}"
    yield from _searched(found)


def _event(event: Seen) -> Iterator[str]:
    from stream.ops.trace_panes import when

    value = f" {event.value}" if event.value else ""
    source = f", from {event.source}" if event.source else ""
    what = f"{event.kind.capitalize()}{value} of {event.model} ({event.detail}{source})"
    yield f"{what}, event time {when(event.event_ms)}"
    yield (
        f"  at {event.topic}/{event.partition}, offset {event.offset}, line {event.line}; "
        f"ledger/{event.ledger_partition}, offset {event.ledger_position}, since {when(event.arrival_ms)}"
    )
    yield f"  {event.fate}: {event.sentence} {event.next}".rstrip()


def _pane(pane: Pane) -> Iterator[str]:
    yield f"  {pane.monitor}: {pane.sentence} {pane.next}".rstrip()


def _searched(found: Trace) -> Iterator[str]:
    """Say up to where this has looked."""
    stored = ", ".join(f"{partition}: {position}" for partition, position in sorted(found.stored.items()))
    yield f"Looked at the ledger up to {stored or 'nothing, for nothing is stored'} (partition: offset)."
    if found.behind is None:
        yield "Kafka does not answer, so how far ClickHouse is behind is not known."
        return
    for fold in ("store", "measure", "decide"):
        mine = [at for at in found.behind if at.fold == fold]
        records, ages = sum(at.records for at in mine), [at.seconds for at in mine if at.seconds is not None]
        if records:
            yield f"{fold} is {records:,} records and {max(ages, default=0.0):,.1f} s behind: look again then."
    if not found.found:
        yield "If it was sent just now, or is not in the ledger: see `streamgauge lag` and the producer's errors."
