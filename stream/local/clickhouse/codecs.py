"""Compression on the wire: HTTP's content encodings and ClickHouse's own block format."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import cramjam
import lz4.block
import lz4.frame
import zstandard
from clickhouse_cityhash.cityhash import CityHash128

from stream.local.clickhouse.errors import QueryError

_LZ4, _ZSTD = 0x82, 0x90
_BLOCK = 1 << 20
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class Encoder:
    """An open content encoding of one answer.

    Attributes
    ----------
    name
        What ``Content-Encoding`` says.
    update, finish
        Compress a piece; end the stream.
    """

    name: str
    update: Callable[[bytes], bytes]
    finish: Callable[[], bytes]


def decode(data: bytes, encoding: str) -> bytes:
    """Undo the ``Content-Encoding`` of a body; the HTTP library may have undone it already.

    Raises
    ------
    QueryError
        For an encoding that is not known.
    """
    match encoding:
        case "" | "identity":
            return data
        case "gzip" | "x-gzip":
            return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        case "deflate":
            return _inflate(data)
        case "lz4":
            return bytes(lz4.frame.decompress(data))
        case "zstd":
            return zstandard.ZstdDecompressor().decompressobj().decompress(data) if data[:4] == _ZSTD_MAGIC else data
        case "br":
            return bytes(cramjam.brotli.decompress(data))
        case _:
            raise QueryError(36, f"Unknown Content-Encoding {encoding}. (BAD_ARGUMENTS)")


def encoder(accepted: str) -> Encoder | None:
    """Open the best encoding that ``Accept-Encoding`` names; ``None`` when we have none of them."""
    if "zstd" in accepted:
        zstd = zstandard.ZstdCompressor(level=1).compressobj()
        return Encoder("zstd", zstd.compress, zstd.flush)
    if "lz4" in accepted:
        return _lz4_encoder()
    if "gzip" in accepted:
        packed = zlib.compressobj(1, wbits=31)
        return Encoder("gzip", packed.compress, packed.flush)
    if "deflate" in accepted:
        packed = zlib.compressobj(1)
        return Encoder("deflate", packed.compress, packed.flush)
    return None


def pack_blocks(data: bytes) -> bytes:
    """Wrap bytes in ClickHouse's block format with LZ4 (``?compress=1``), at most 1 MiB a block."""
    out = []
    for at in range(0, len(data), _BLOCK):
        raw = data[at : at + _BLOCK]
        packed = lz4.block.compress(raw, store_size=False)
        body = struct.pack("<BII", _LZ4, len(packed) + 9, len(raw)) + packed
        out.append(_checksum(body) + body)
    return b"".join(out)


def unpack_blocks(data: bytes) -> bytes:
    """Take bytes out of ClickHouse's block format (``?decompress=1``): LZ4, ZSTD or plain blocks.

    Raises
    ------
    QueryError
        When a checksum does not match or a block is cut.
    """
    out, at = [], 0
    while at < len(data):
        if len(data) < at + 25:
            raise QueryError(40, "Compressed block is cut. (CHECKSUM_DOESNT_MATCH)")
        method, size, raw = struct.unpack_from("<BII", data, at + 16)
        body = data[at + 16 : at + 16 + size]
        if _checksum(body) != data[at : at + 16]:
            raise QueryError(40, "Checksum doesn't match: corrupted data. (CHECKSUM_DOESNT_MATCH)")
        out.append(_block(method, body[9:], raw))
        at += 16 + size
    return b"".join(out)


def _block(method: int, packed: bytes, raw: int) -> bytes:
    if method == _LZ4:
        return bytes(lz4.block.decompress(packed, uncompressed_size=raw))
    if method == _ZSTD:
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=raw)
    return packed


def _checksum(body: bytes) -> bytes:
    value: int = CityHash128(body)
    return struct.pack("<QQ", value >> 64, value & (2**64 - 1))


def _inflate(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error:
        return data  # already undone


def _lz4_encoder() -> Encoder:
    frame = lz4.frame.LZ4FrameCompressor()
    head = [frame.begin()]

    def update(piece: bytes) -> bytes:
        return (head.pop() if head else b"") + bytes(frame.compress(piece))

    def finish() -> bytes:
        return (head.pop() if head else b"") + bytes(frame.flush())

    return Encoder("lz4", update, finish)
