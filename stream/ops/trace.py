"""Where one event is, what became of it, and why: from what ClickHouse holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.clickhouse.read import stored_positions
from stream.ops import trace_reads as reads
from stream.ops.controls import KafkaSilentError, require_kafka
from stream.ops.lag import Behind, lag
from stream.ops.reader import reader
from stream.ops.trace_panes import Pane, number, panes_of, when
from stream.ops.trace_reads import Row
from stream.ops.trace_words import LETTER, NO_LABEL, fate_words
from stream.settings import Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

FOLDS = ("measure", "decide", "store")
Fates = dict[tuple[object, ...], Row]


@dataclass(frozen=True, slots=True)
class Seen:
    """One event with the id that is in the ledger.

    Attributes
    ----------
    kind
        ``prediction`` or ``label``.
    topic, partition, offset, line
        Where its producer put it.
    ledger_partition, ledger_position
        Where the ledger has it.
    event_ms, arrival_ms
        When it happened, and when the ledger stored it, epoch milliseconds.
    value
        Score of a prediction, label of a label, as text; empty if there is none.
    detail
        Version that served, or lane and revision of a label.
    fate
        ``used``, ``late``, ``waiting`` (not folded yet), ``pending`` (label without its prediction), ``duplicate``,
        ``invalid``, ``unmatched`` or another that `measure` tells.
    reason
        Why, as `measure` says it; may be empty.
    sentence, next
        The same for people, and what to do.
    revision
        Of a label.
    """

    kind: str
    model: str
    topic: str
    partition: int
    offset: int
    line: int
    ledger_partition: int
    ledger_position: int
    event_ms: int
    arrival_ms: int
    source: str
    value: str
    detail: str
    fate: str
    reason: str
    sentence: str
    next: str
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Trace:
    """What is known of one id.

    Attributes
    ----------
    events
        Predictions first, each kind in the order of the ledger.
    label
        How it stands with the label, one sentence; empty without a prediction.
    letters
        Dead letters that name it.
    stored
        Up to which position each ledger partition is in ClickHouse.
    behind
        How far the folds are behind; ``None`` if Kafka does not answer.
    """

    prediction_id: str
    model: str
    events: list[Seen]
    panes: list[Pane]
    incidents: list[Row]
    label: str
    letters: list[Row]
    stored: dict[int, int]
    behind: list[Behind] | None

    @property
    def found(self) -> bool:
        """Whether anything names the id."""
        return bool(self.events or self.letters)


def trace(settings: Settings, prediction_id: str, model: str = "") -> Trace:
    """Look for an id.

    Parameters
    ----------
    model
        Empty: in all models; ids are unique within one only.
    """
    behind = _behind(settings)
    with reader(settings) as client:
        return _trace(client, prediction_id, model, behind)


def _behind(settings: Settings) -> list[Behind] | None:
    try:
        require_kafka(settings)
    except KafkaSilentError:
        return None
    return lag(settings, FOLDS)


def _trace(client: Client, prediction_id: str, model: str, behind: list[Behind] | None) -> Trace:
    stored = stored_positions(client)  # first: what is read after it is there up to here
    predictions = reads.rows(client, "prediction_rows", model, prediction_id)
    labels = reads.rows(client, "label_rows", model, prediction_id)
    fates = reads.fates(client, model, prediction_id)
    used = [row for row in predictions if _key(row, "prediction") not in fates]
    panes = {_place(row): list(panes_of(client, row)) for row in used}
    events = [_prediction(row, fates, panes.get(_place(row), []), behind) for row in predictions]
    events += [_label(row, fates, used, behind) for row in labels]
    flat = [pane for some in panes.values() for pane in some]
    incidents = {str(row["id"]): row for p in flat for row in reads.incidents(client, p.lineage, p.start_ms)}
    letters = [row | {"sentence": LETTER} for row in reads.letters(client, model, prediction_id)]
    return Trace(
        prediction_id, model, events, flat, list(incidents.values()), _label_words(events), letters, stored, behind
    )


def _key(row: Row, kind: str) -> tuple[object, ...]:
    return (*(row[name] for name in ("model", "topic", "partition", "place")), kind)


def _place(row: Row) -> tuple[object, ...]:
    return tuple(row[name] for name in ("model", "topic", "partition", "place"))


def _prediction(
    row: Row, fates: dict[tuple[object, ...], Row], panes: Sequence[Pane], behind: list[Behind] | None
) -> Seen:
    told = fates.get(_key(row, "prediction"))
    if told is not None:
        fate, reason = str(told["fate"]), str(told["reason"])
    elif is_waiting(row, behind):
        fate, reason = "waiting", ""
    else:
        fate, reason = ("late" if any(pane.state == "late" for pane in panes) else "used"), ""
    score = row["score"]
    return _seen("prediction", row, fate, reason, "" if score is None else f"{score:g}", _version(row))


def _version(row: Row) -> str:
    return f"version {row['model_version']}" if row["model_version"] else "no version"


def _label(row: Row, fates: Fates, predictions: Sequence[Row], behind: list[Behind] | None) -> Seen:
    told = fates.get(_key(row, "label"))
    if told is not None:
        fate, reason = str(told["fate"]), str(told["reason"])
    elif is_waiting(row, behind):
        fate, reason = "waiting", ""
    else:
        fate, reason = ("used" if any(p["model"] == row["model"] for p in predictions) else "pending"), ""
    detail = f"{row['lane']}, revision {row['revision']}" if row["revision"] else str(row["lane"])
    return _seen("label", row, fate, reason, str(row["label"]), detail)


def _seen(kind: str, row: Row, fate: str, reason: str, value: str, detail: str) -> Seen:
    numbers = (number(row[name]) for name in ("partition", "offset", "line", "ledger_partition", "ledger_position"))
    partition, offset, line, ledger_partition, ledger_position = numbers
    sentence, following = fate_words(kind, fate, reason, str(row["model"]))
    return Seen(
        kind, str(row["model"]), str(row["topic"]), partition, offset, line, ledger_partition, ledger_position,
        number(row["event_ms"]), number(row["arrival_ms"]), str(row["source"]), value, detail, fate, reason,
        sentence, following, number(row.get("revision", 0)),
    )  # fmt: skip


def is_waiting(row: Row, behind: list[Behind] | None) -> bool:
    """Say whether `measure` is known not to have come to a row of the ledger yet."""
    return any(
        at.fold == "measure"
        and at.partition == row["ledger_partition"]
        and at.position <= number(row["ledger_position"])
        for at in behind or ()
    )


def _label_words(events: Sequence[Seen]) -> str:
    """Say how it stands with the label of a prediction."""
    if not any(event.kind == "prediction" for event in events):
        return ""
    labels = [event for event in events if event.kind == "label" and event.fate == "used"]
    if not labels:
        return NO_LABEL
    newest = max(labels, key=lambda event: (event.revision, -event.ledger_position))
    return f"Its label {newest.value} ({newest.detail}) came at {when(newest.arrival_ms)}."
