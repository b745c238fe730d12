"""Writes Kafka's record batches as a producer and a broker do, for tests; plain and slow."""

import struct
from collections.abc import Sequence

from aiokafka import codec
from aiokafka.record.util import calc_crc32c

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
APPEND_TIME, TRANSACTIONAL, CONTROL = 0x08, 0x10, 0x20
ABORT, COMMIT = b"\0\0\0\0", b"\0\0\0\1"
_ENCODE = {
    NONE: bytes,
    GZIP: codec.gzip_encode,
    SNAPPY: codec.snappy_encode,
    LZ4: codec.lz4_encode,
    ZSTD: codec.zstd_encode,
}
# Offset, time, key, value, headers; None as on the wire.
Written = tuple[int, int, bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]


def varint(value: int) -> bytes:
    rest, found = (value << 1) ^ (value >> 63), bytearray()
    while rest > 127:
        found.append(rest & 127 | 128)
        rest >>= 7
    return bytes((*found, rest))


def sized(data: bytes | None) -> bytes:
    return varint(-1) if data is None else varint(len(data)) + data


def payload(records: Sequence[Written], base: int, base_ms: int) -> bytes:
    parts = []
    for offset, ms, key, value, headers in records:
        body = b"\0" + varint(ms - base_ms) + varint(offset - base) + sized(key) + sized(value) + varint(len(headers))
        body += b"".join(sized(name.encode()) + sized(content) for name, content in headers)
        parts.append(sized(body))
    return b"".join(parts)


def sealed(
    body: bytes, count: int, base: int, last: int, base_ms: int, max_ms: int, attributes: int = 0, producer: int = -1
) -> bytes:
    """A batch of bytes that are already compressed, with the right length and checksum."""
    tail = struct.pack(">hiqqqhii", attributes, last - base, base_ms, max_ms, producer, 0, 0, count) + body
    return struct.pack(">qiibI", base, len(tail) + 9, 0, 2, calc_crc32c(tail)) + tail


def batch(
    records: Sequence[Written],
    *,
    codec: int = NONE,
    base: int | None = None,
    last: int | None = None,
    append_ms: int | None = None,
    attributes: int = 0,
    producer: int = -1,
) -> bytes:
    """A batch; its bounds are those of its records if they are not given."""
    base = records[0][0] if base is None else base
    last = records[-1][0] if last is None else last
    base_ms = records[0][1] if records else 0
    attributes |= codec | (0 if append_ms is None else APPEND_TIME)
    max_ms = max((record[1] for record in records), default=0) if append_ms is None else append_ms
    body = _ENCODE[codec](payload(records, base, base_ms))
    return sealed(body, len(records), base, last, base_ms, max_ms, attributes, producer)


def mark(offset: int, producer: int, kind: bytes) -> bytes:
    """The batch that ends a transaction."""
    record = (offset, 0, kind, b"\0\0\0\0\0\0", ())
    return batch([record], attributes=TRANSACTIONAL | CONTROL, producer=producer)
