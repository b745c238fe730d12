"""Creates the topics that are missing and checks those that are there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TypedDict

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from stream.errors import StreamgaugeError
from stream.settings import Settings
from stream.topology import LEDGER, PARTIALS, TOPICS, Topic, kafka_name


class _Described(TypedDict):
    name: str
    topic_id: object
    partitions: list[object]
    error_code: int


class TopicError(StreamgaugeError):
    """A topic cannot be used as it is."""


@contextmanager
def admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    """Open an admin client, and close it at the end."""
    client = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap.split(","), client_id="streamgauge-admin")
    try:
        yield client
    finally:
        client.close()


def partitions(settings: Settings, topic: Topic) -> int:
    """Return how many partitions the settings want for a topic.

    >>> partitions(Settings(), LEDGER)
    4
    """
    if topic == LEDGER:
        return settings.runtime.ledger_partitions
    if topic == PARTIALS:
        return settings.runtime.partials_partitions
    return settings.kafka.public_partitions if topic.name in ("features", "predictions", "labels") else topic.partitions


def ensure_topics(settings: Settings) -> None:
    """Create what is missing; safe to call from several processes at once.

    Raises
    ------
    TopicError
        If the ledger or the partials exist with another number of partitions than the settings want.
    """
    with admin(settings) as client:
        _create(client, settings, set(client.list_topics()))
        _check(client, settings)


def topic_ids(settings: Settings, names: Collection[str]) -> dict[str, str]:
    """Return the broker's id of each topic, by logical name.

    Raises
    ------
    TopicError
        If one does not exist.
    """
    with admin(settings) as client:
        described = _describe(client, settings, names)
    return {name: str(found["topic_id"]) for name, found in described.items()}


def _create(client: KafkaAdminClient, settings: Settings, there: set[str]) -> None:
    missing = [topic for topic in TOPICS if kafka_name(settings.kafka.prefix, topic) not in there]
    if not missing:
        return
    wanted = {
        kafka_name(settings.kafka.prefix, topic): {
            "num_partitions": partitions(settings, topic),
            "replication_factor": -1,
            "configs": configuration(topic),
        }
        for topic in missing
    }
    try:
        client.create_topics(wanted, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        _create(client, settings, set(client.list_topics()))
    except KafkaError as error:
        raise TopicError(f"the broker did not create {', '.join(wanted)}: {error}") from error


def configuration(topic: Topic) -> dict[str, str]:
    """Return the settings of a topic on the broker.

    >>> configuration(LEDGER)["message.timestamp.type"]
    'LogAppendTime'
    """
    values = {
        "cleanup.policy": topic.cleanup,
        "max.message.bytes": str(topic.max_message_bytes),
        "message.timestamp.type": "LogAppendTime" if topic.timestamps == "broker" else "CreateTime",
    }
    if topic.cleanup == "delete":
        values["retention.ms"] = str(topic.retention)
    else:
        # Readers read these from the start: keep them short.
        values |= {"segment.bytes": str(1 << 20), "segment.ms": "600000", "min.cleanable.dirty.ratio": "0.1"}
    return values


def _check(client: KafkaAdminClient, settings: Settings) -> None:
    described = _describe(client, settings, [LEDGER.name, PARTIALS.name])
    for topic, name in ((LEDGER, "LEDGER"), (PARTIALS, "PARTIALS")):
        there, wanted = len(described[topic.name]["partitions"]), partitions(settings, topic)
        if there != wanted:
            raise TopicError(
                f"{kafka_name(settings.kafka.prefix, topic)} has {there} partitions, the settings want {wanted}; "
                f"it cannot change: set STREAMGAUGE_RUNTIME__{name}_PARTITIONS={there}, or use another prefix"
            )


def _describe(client: KafkaAdminClient, settings: Settings, names: Collection[str]) -> dict[str, _Described]:
    full = {kafka_name(settings.kafka.prefix, name): name for name in names}
    found = {item["name"]: item for item in client.describe_topics(list(full)) if not item["error_code"]}
    missing = sorted(full.keys() - found.keys())
    if missing:
        raise TopicError(f"these topics do not exist: {', '.join(missing)}; `streamgauge up` creates them")
    return {full[name]: item for name, item in found.items()}
