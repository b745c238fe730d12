"""The way of the data in code: topics, and which fold reads and writes which (docs/architecture.md).

Topic creation, the diagram in the docs and the wiring of the workers come from here. Names are logical;
`kafka_name` puts the prefix before them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

MIB = 1 << 20
CONTROL_BYTES = 8_000_000
"""The largest control record: a spec carries its reference, in base64 4 kB for each number, and 2 MB for all groups."""
DAY_MS = 86_400_000
FOR_EVER = -1


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of the system.

    Attributes
    ----------
    name
        Logical name, without the prefix.
    key
        What its records are keyed by, in words.
    partitions
        Number of partitions on one machine; settings may give another for public topics, ledger and partials.
    cleanup
        ``delete`` or ``compact``.
    retention
        Milliseconds that records are kept, at least; `FOR_EVER` for no end. Without meaning where compacted.
    timestamps
        Whose clock stamps the records: the ``producer``'s or the ``broker``'s (LogAppendTime).
    max_message_bytes
        The largest record batch that the broker takes, compressed, with settings as they are by default.
    public
        Whether others write or read it: part of the contract.
    """

    name: str
    key: str
    partitions: int
    cleanup: Literal["delete", "compact"]
    retention: int
    timestamps: Literal["producer", "broker"]
    max_message_bytes: int
    description: str
    public: bool = False


@dataclass(frozen=True, slots=True)
class TopicInfo:
    """The broker's id of a topic, which a new topic of the same name does not have, and how many partitions it has."""

    id: str
    partitions: int


@dataclass(frozen=True, slots=True)
class FoldWiring:
    """Which topics a fold reads and writes, by logical name."""

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    description: str


FEATURES = Topic(
    "features", "any", 4, "delete", 7 * DAY_MS, "producer", 4 * MIB,
    "Feature events to be scored.", public=True,
)  # fmt: skip
PREDICTIONS = Topic(
    "predictions", "any", 4, "delete", 7 * DAY_MS, "producer", 4 * MIB,
    "Predictions: of the models served here, and of any other.", public=True,
)  # fmt: skip
LABELS = Topic(
    "labels", "any", 4, "delete", 7 * DAY_MS, "producer", 4 * MIB,
    "Truth and feedback, whenever it is known.", public=True,
)  # fmt: skip
INFERENCE = Topic(
    "inference", "any: both halves of a request must meet in one partition", 1, "delete", 7 * DAY_MS, "broker", 4 * MIB,
    "Requests and responses of KServe's inference logger, to be paired.", public=True,
)  # fmt: skip
SPECS = Topic(
    "specs", "monitor/revision", 1, "compact", FOR_EVER, "broker", 8 * MIB,
    "Monitor specs with their references, one record a revision; written by the API and the CLI.",
)  # fmt: skip
COMMANDS = Topic(
    "commands", "model", 1, "delete", 30 * DAY_MS, "broker", 8 * MIB,
    "What people and jobs ask for: retrain, close, promote, rollback, step.",
)  # fmt: skip
MODELS = Topic(
    "models", "model/version/VERSION or model/roles", 1, "delete", FOR_EVER, "broker", 8 * MIB,
    "The registry: version records of trainers, role records of decide; immutable, kept for ever.",
)  # fmt: skip
LEDGER = Topic(
    "ledger", "none: the partition is chosen", 4, "delete", 30 * DAY_MS, "broker", 9 * MIB,
    "The one log: rows in columns, facts and ticks, each with the range of its source. "
    "Its number of partitions never changes.",
)  # fmt: skip
PARTIALS = Topic(
    "partials", "none: the partition is murmur2(model)", 4, "delete", 30 * DAY_MS, "broker", 9 * MIB,
    "Sealed sums, forwarded facts and marks, one record a tick and partition.",
)  # fmt: skip
PANES = Topic(
    "panes", "lineage", 4, "delete", 7 * DAY_MS, "broker", 4 * MIB,
    "Rows that decide settles about panes: upserts for ClickHouse.",
)  # fmt: skip
VERDICTS = Topic(
    "verdicts", "lineage", 4, "delete", 7 * DAY_MS, "broker", 4 * MIB,
    "Verdicts and the states of incidents: upserts for ClickHouse.",
)  # fmt: skip
ALERTS = Topic(
    "alerts", "incident", 1, "delete", 30 * DAY_MS, "broker", MIB,
    "One record for each change of an incident.", public=True,
)  # fmt: skip
RETRAIN = Topic(
    "retrain", "model", 1, "delete", 30 * DAY_MS, "broker", MIB,
    "Requests to retrain a model, with their evidence and their cut of the ledger.", public=True,
)  # fmt: skip
DEAD_LETTERS = Topic(
    "dead-letters", "topic/partition", 4, "delete", 30 * DAY_MS, "broker", MIB,
    "What could not be read, with position, reason and an excerpt.", public=True,
)  # fmt: skip
CHECKPOINTS = Topic(
    "checkpoints", "fold/partition/cut mod 8", 1, "compact", FOR_EVER, "broker", MIB,
    "Pointers to the files that hold the states of folds.",
)  # fmt: skip

TOPICS = (
    FEATURES, PREDICTIONS, LABELS, INFERENCE, SPECS, COMMANDS, MODELS, LEDGER, PARTIALS, PANES, VERDICTS,  ALERTS,
    RETRAIN, DEAD_LETTERS, CHECKPOINTS,
)  # fmt: skip
TOPIC = {topic.name: topic for topic in TOPICS}
CARRY_CONTROL = (SPECS, COMMANDS, MODELS, LEDGER, PARTIALS)
"""Topics through which control records go."""

SCORE = FoldWiring("score", ("features",), ("predictions", "dead-letters"), "serves champion and shadows")
BRIDGE = FoldWiring("bridge", ("inference",), ("predictions", "dead-letters"), "pairs KServe's requests and answers")
INTAKE = FoldWiring(
    "intake", ("predictions", "labels", "specs", "commands", "models"), ("ledger", "dead-letters"),
    "decodes once, splits by key, adds ticks; keeps no state",
)  # fmt: skip
MEASURE = FoldWiring("measure", ("ledger",), ("partials",), "deduplicates, joins labels, sums panes")
DECIDE = FoldWiring(
    "decide", ("partials",), ("panes", "verdicts", "alerts", "retrain", "models"),
    "merges, finds panes final, tests, incidents, roles",
)  # fmt: skip
STORE = FoldWiring(
    "store", ("ledger", "panes", "verdicts", "alerts", "retrain", "models", "dead-letters"), (),
    "writes batches to ClickHouse",
)  # fmt: skip
RETRAINER = FoldWiring(
    "retrain", ("retrain",), ("models", "commands", "specs", "dead-letters"),
    "trains, validates, registers; builds references of first panes",
)  # fmt: skip

WIRINGS = (SCORE, BRIDGE, INTAKE, MEASURE, DECIDE, STORE, RETRAINER)
WIRING = {wiring.name: wiring for wiring in WIRINGS}


def kafka_name(prefix: str, topic: str | Topic) -> str:
    """Return a topic's name on the broker.

    >>> kafka_name("streamgauge.", LEDGER)
    'streamgauge.ledger'
    """
    return prefix + (topic if isinstance(topic, str) else topic.name)


def logical_name(prefix: str, name: str) -> str:
    """Return the logical name of a topic on the broker; ValueError if it is not under `prefix`.

    >>> logical_name("streamgauge.", "streamgauge.dead-letters")
    'dead-letters'
    """
    if not name.startswith(prefix):
        raise ValueError(f"topic {name!r} does not begin with the prefix {prefix!r}")
    return name[len(prefix) :]


def group_name(prefix: str, fold: str) -> str:
    """Return the consumer group of a fold.

    >>> group_name("streamgauge.", "measure")
    'streamgauge.measure'
    """
    return prefix + fold


def diagram(wirings: Iterable[FoldWiring] = WIRINGS) -> str:
    """Return the wiring as a Mermaid flowchart: topics as cylinders, folds as boxes.

    >>> print(diagram([MEASURE]))
    flowchart LR
      ledger[(ledger)] --> measure
      measure[measure]
      measure --> partials[(partials)]
    """
    lines = ["flowchart LR"]
    for wiring in wirings:
        box = f"{wiring.name}-fold" if wiring.name in TOPIC else wiring.name
        lines += [f"  {topic}[({topic})] --> {box}" for topic in wiring.reads]
        lines.append(f"  {box}[{wiring.name}]")
        lines += [f"  {box} --> {topic}[({topic})]" for topic in wiring.writes]
    lines.append("  models[(models)] -.-> score" if any(w.name == "score" for w in wirings) else "")
    return "\n".join(line for line in lines if line)
