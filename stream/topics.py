"""Creates the topics that are missing and checks those that are there."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TypedDict

import structlog
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from stream.errors import StreamgaugeError
from stream.settings import Settings
from stream.topology import CARRY_CONTROL, CONTROL_BYTES, LEDGER, MIB, PARTIALS, TOPICS, Topic, TopicInfo, kafka_name

APPLIED_S = 10.0
"""How long a broker may take to apply another size of a topic."""
_SIZES = ("max.message.bytes", "segment.bytes")
_log = structlog.get_logger()


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
    """Create what is missing, and let control records be as large as the settings say; several processes may at once.

    Raises
    ------
    TopicError
        If the ledger or the partials exist with another number of partitions than the settings want.
    """
    with admin(settings) as client:
        _create(client, settings, set(client.list_topics()))
        _check(client, settings)
        _enlarge(client, settings)


def topic_infos(settings: Settings, names: Collection[str]) -> dict[str, TopicInfo]:
    """Return the broker's id of each topic, and how many partitions it has, by logical name.

    Raises
    ------
    TopicError
        If one does not exist.
    """
    with admin(settings) as client:
        described = _describe(client, settings, names)
    return {name: TopicInfo(str(found["topic_id"]), len(found["partitions"])) for name, found in described.items()}


def topic_ids(settings: Settings, names: Collection[str]) -> dict[str, str]:
    """Return the ids of `topic_infos` alone."""
    return {name: info.id for name, info in topic_infos(settings, names).items()}


def _create(client: KafkaAdminClient, settings: Settings, there: set[str]) -> None:
    missing = [topic for topic in TOPICS if kafka_name(settings.kafka.prefix, topic) not in there]
    if not missing:
        return
    wanted = {
        kafka_name(settings.kafka.prefix, topic): {
            "num_partitions": partitions(settings, topic),
            "replication_factor": -1,
            "configs": configuration(topic, settings),
        }
        for topic in missing
    }
    try:
        client.create_topics(wanted, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        _create(client, settings, set(client.list_topics()))
    except KafkaError as error:
        raise TopicError(f"the broker did not create {', '.join(wanted)}: {error}") from error


def message_bytes(topic: Topic, settings: Settings | None = None) -> int:
    """Return the largest batch that a topic takes: what carries control records has room for the largest of them."""
    more = settings.kafka.control_bytes - CONTROL_BYTES if settings and topic in CARRY_CONTROL else 0
    return topic.max_message_bytes + more


def configuration(topic: Topic, settings: Settings | None = None) -> dict[str, str]:
    """Return the settings of a topic on the broker.

    >>> configuration(LEDGER)["message.timestamp.type"]
    'LogAppendTime'
    """
    values = {
        "cleanup.policy": topic.cleanup,
        "max.message.bytes": str(message_bytes(topic, settings)),
        "message.timestamp.type": "LogAppendTime" if topic.timestamps == "broker" else "CreateTime",
    }
    if topic.cleanup == "delete":
        values["retention.ms"] = str(topic.retention)
    else:
        # Readers read these from the start: keep them short. No batch is larger than a segment.
        segment = max(MIB, message_bytes(topic, settings))
        values |= {"segment.bytes": str(segment), "segment.ms": "600000", "min.cleanable.dirty.ratio": "0.1"}
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


def _enlarge(client: KafkaAdminClient, settings: Settings) -> None:
    """Raise what topics take that were made with less; never lower it, since larger records may be on their way."""
    wanted = {kafka_name(settings.kafka.prefix, topic): _sizes(topic, settings) for topic in CARRY_CONTROL}
    try:
        if small := _too_small(client, wanted):
            answers = client.alter_configs([_resource(name, sizes) for name, sizes in small.items()])
            _log.info("topics are made larger for control records", sizes=small, answers=answers)
        deadline = time.monotonic() + APPLIED_S
        while small and time.monotonic() < deadline:  # a broker answers before it has applied it
            time.sleep(0.05)
            small = _too_small(client, wanted)
    except KafkaError as error:  # the broker may be run by others: it is theirs to say who changes topics
        _log.warning("it is not known whether control records fit into topics", wanted=wanted, error=str(error))
        return
    if small:
        _log.warning("topics are too small for control records", wanted=small)


def _too_small(client: KafkaAdminClient, wanted: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Return which sizes are above what is there."""
    there = _sizes_there(client, wanted)
    more = {name: {k: v for k, v in sizes.items() if v > there[name][k]} for name, sizes in wanted.items()}
    return {name: sizes for name, sizes in more.items() if sizes}


def _sizes(topic: Topic, settings: Settings) -> dict[str, int]:
    """Return what must be large enough for a record: a segment holds one batch at least."""
    return {name: int(value) for name, value in configuration(topic, settings).items() if name in _SIZES}


def _sizes_there(client: KafkaAdminClient, wanted: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    asked = [_resource(name, dict.fromkeys(sizes)) for name, sizes in wanted.items()]
    (found,) = client.describe_configs(asked, config_filter="all").values()
    return {name: {key: int(found[name][key]["value"]) for key in sizes} for name, sizes in wanted.items()}


def _resource(name: str, configs: Mapping[str, int | None]) -> ConfigResource:
    values = {key: None if value is None else str(value) for key, value in configs.items()}
    return ConfigResource(ConfigResourceType.TOPIC, name, values)


def _describe(client: KafkaAdminClient, settings: Settings, names: Collection[str]) -> dict[str, _Described]:
    full = {kafka_name(settings.kafka.prefix, name): name for name in names}
    found = {item["name"]: item for item in client.describe_topics(list(full)) if not item["error_code"]}
    missing = sorted(full.keys() - found.keys())
    if missing:
        raise TopicError(f"these topics do not exist: {', '.join(missing)}; `streamgauge up` creates them")
    return {full[name]: item for name, item in found.items()}
