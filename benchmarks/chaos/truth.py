"""What became of the load by right: read from the public topics, by what each event's producer said of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from streamgauge.events import Event, LabelEvent, Refusal
from streamgauge.events import Kind as Topic
from streamgauge.wire import decode

from benchmarks.chaos.feeds import Acked
from benchmarks.chaos.watched import NOBODY
from stream.folds.base import Record
from stream.folds.blocks import place
from stream.runtime.file_port import read_topic
from stream.settings import Settings

COUNTED, REFUSED, WAITING, UNSAID = "counted", "refused", "waiting", "unsaid"
INTENDED = {
    "good": COUNTED, "late": COUNTED, "too-late": REFUSED, "future": REFUSED, "bad-score": REFUSED,
    "bad-label": REFUSED, "nobody": REFUSED, "orphan": WAITING, "lapsed": WAITING, "revised": UNSAID,
}  # fmt: skip
"""What is to become of the events of a producer: the first of each identity, that is."""
OTHER = "__other__"

Place = tuple[str, int, int]
"""Topic, partition, and position of an event in it."""
Kind = tuple[str, str, str]
"""Model, ``prediction`` or ``label``, and the producer's name."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be found of one kind of events: all of them, and by fate."""

    received: int
    counted: int
    duplicate: int
    refused: int
    waiting: int


@dataclass(slots=True)
class Truth:
    """What lies in the public topics.

    Attributes
    ----------
    due
        By kind; ``unsaid`` holds those whose duplicates depend on the order in which partitions are read.
    predictions, labels
        Places of all events.
    letters
        Places of all lines that are no events.
    absent
        Acknowledged records that are not there.
    rows
        Predictions to be counted, by model.
    """

    due: dict[Kind, Due] = field(default_factory=dict)
    unsaid: set[Kind] = field(default_factory=set)
    predictions: set[Place] = field(default_factory=set)
    labels: set[Place] = field(default_factory=set)
    letters: set[Place] = field(default_factory=set)
    absent: set[Acked] = field(default_factory=set)
    rows: Counter[str] = field(default_factory=Counter)

    @property
    def events(self) -> int:
        """Return how many events and broken lines there are."""
        return len(self.predictions) + len(self.labels) + len(self.letters)


def truth(settings: Settings, acked: Iterable[Acked]) -> Truth:
    """Read the public topics and say what is due."""
    found = Truth()
    there: set[Acked] = set()
    ids: dict[Kind, Counter[str]] = defaultdict(Counter)
    for topic in ("predictions", "labels"):
        for partition, records in read_topic(settings, topic).items():
            for record in records:
                there.add((topic, partition, record.position))
                _take(found, ids, topic, partition, record)
    found.absent = set(acked) - there
    predicted = {(kind[0], an_id) for kind, some in ids.items() if kind[1] == "prediction" for an_id in some}
    for kind, some in ids.items():
        found.due[kind] = _due(kind, some, predicted)
        if INTENDED[kind[2]] == UNSAID:
            found.unsaid.add(kind)
        if kind[1] == "prediction":
            found.rows[kind[0]] += found.due[kind].counted
    return found


def _take(found: Truth, ids: dict[Kind, Counter[str]], topic: str, partition: int, record: Record) -> None:
    kind: Topic = "predictions" if topic == "predictions" else "labels"
    for line, event in enumerate(decode(kind, record.value, record.headers)):
        at = (topic, partition, place(record.position, line))
        if isinstance(event, Refusal):
            found.letters.add(at)
        else:
            (found.labels if isinstance(event, LabelEvent) else found.predictions).add(at)
            ids[_kind(event)][event.prediction_id] += 1


def _kind(event: Event) -> Kind:
    model = OTHER if event.model == NOBODY else event.model
    return model, "label" if isinstance(event, LabelEvent) else "prediction", event.source


def _due(kind: Kind, ids: Counter[str], predicted: set[tuple[str, str]]) -> Due:
    """Return what is due: the first of an identity is counted, the others are duplicates; labels need predictions."""
    received, first = ids.total(), len(ids)
    intended = INTENDED[kind[2]]
    if intended == REFUSED:
        return Due(received, 0, 0, received, 0)
    if intended == WAITING:
        return Due(received, 0, received - first, 0, first)
    alone = sum((kind[0], an_id) not in predicted for an_id in ids) if kind[1] == "label" else 0
    return Due(received, first - alone, received - first, 0, alone)
