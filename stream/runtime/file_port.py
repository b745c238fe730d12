"""Reads ranges of logs whole, and keeps them in files: for audit, backtest and replay.

The format of a log file: the magic bytes ``sglog1`` and a line feed, then for each record its length as four bytes, big
endian, and a MessagePack array ``[partition, position, append_ms, value, key, headers]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
from streamgauge.kafka_client import KafkaConsumer
from streamgauge.kafka_client import TopicPartition as KafkaPartition

from stream.folds.base import Record
from stream.runtime.port import LogError, TopicPartition
from stream.settings import Settings
from stream.topology import kafka_name

MAGIC = b"sglog1\n"
_Line = tuple[int, int, int, bytes, bytes, tuple[tuple[str, bytes], ...]]
_decoder = msgspec.msgpack.Decoder(_Line)
_encoder = msgspec.msgpack.Encoder()


def read_topic(settings: Settings, topic: str) -> dict[int, list[Record]]:
    """Return all records of a topic that the broker has now, by partition; see `records` for large ones."""
    with KafkaReader(settings) as reader:
        ranges = {tp: reader.bounds(tp) for tp in reader.partitions(topic)}
        return {tp.partition: list(reader.records(tp, *bounds)) for tp, bounds in ranges.items()}


class KafkaReader:
    """Reads ranges of partitions without a group; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._prefix = settings.kafka.prefix
        self._client = KafkaConsumer(
            bootstrap_servers=settings.kafka.bootstrap.split(","),
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=4 << 20,
            max_poll_records=5_000,
        )

    def __enter__(self) -> KafkaReader:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self._client.close()

    def partitions(self, topic: str) -> list[TopicPartition]:
        """Return the partitions of a topic, in order; LogError if there is no such topic."""
        found = self._client.partitions_for_topic(kafka_name(self._prefix, topic))
        if not found:
            raise LogError(f"there is no topic {kafka_name(self._prefix, topic)}")
        return [TopicPartition(topic, partition) for partition in sorted(found)]

    def bounds(self, tp: TopicPartition) -> tuple[int, int]:
        """Return the offsets of the first record that is kept and of the next one to be written."""
        name = self._name(tp)
        return self._client.beginning_offsets([name])[name], self._client.end_offsets([name])[name]

    def offset_at(self, tp: TopicPartition, at_ms: int) -> int:
        """Return the offset of the first record stored at `at_ms` (epoch ms) or later; the end if none was."""
        name = self._name(tp)
        found = self._client.offsets_for_times({name: max(0, at_ms)})[name]
        return self.bounds(tp)[1] if found is None else int(found.offset)

    def records(self, tp: TopicPartition, first: int, end: int) -> Iterator[Record]:
        """Yield the records with offsets from `first` to before `end`, in order.

        Raises
        ------
        LogError
            If the broker has not all of them.
        """
        kept_from, kept_to = self.bounds(tp)
        if first < kept_from or end > kept_to:
            raise LogError(f"{tp.topic}/{tp.partition} holds {kept_from} to {kept_to}, asked for {first} to {end}")
        name = self._name(tp)
        self._client.assign([name])
        self._client.seek(name, first)
        while self._client.position(name) < end:
            for fetched in self._client.poll(timeout_ms=500).values():
                for r in fetched:
                    if r.offset < end:
                        headers = tuple((key, value) for key, value in r.headers)
                        yield Record(r.offset, r.timestamp, r.value or b"", r.key or b"", headers)

    def _name(self, tp: TopicPartition) -> KafkaPartition:
        return KafkaPartition(kafka_name(self._prefix, tp.topic), tp.partition)


def write_log(path: Path, partitions: Mapping[int, Iterable[Record]]) -> int:
    """Write records of a topic's partitions into a file, partition by partition; return how many."""
    count = 0
    with path.open("wb") as file:
        file.write(MAGIC)
        for partition, records in sorted(partitions.items()):
            for r in records:
                line = _encoder.encode((partition, r.position, r.append_ms, r.value, r.key, r.headers))
                file.write(len(line).to_bytes(4, "big") + line)
                count += 1
    return count


def read_log(path: Path) -> dict[int, list[Record]]:
    """Return the records of a log file by partition.

    Raises
    ------
    LogError
        If it is no log file, or was cut.
    """
    partitions: dict[int, list[Record]] = {}
    for partition, record in _lines(path):
        partitions.setdefault(partition, []).append(record)
    return partitions


def _lines(path: Path) -> Iterator[tuple[int, Record]]:
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise LogError(f"{path} is no log file")
        while head := file.read(4):
            line = file.read(int.from_bytes(head, "big"))
            try:
                partition, position, append_ms, value, key, headers = _decoder.decode(line)
            except msgspec.DecodeError as error:
                raise LogError(f"{path} is cut or damaged") from error
            yield partition, Record(position, append_ms, value, key, headers)
