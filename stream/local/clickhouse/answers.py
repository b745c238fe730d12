"""What an answer looks like: headers, content types, counts, errors, and the greeting of clickhouse-go."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiohttp import web

from stream.local.clickhouse import codecs, errors

if TYPE_CHECKING:
    from stream.local.clickhouse.engine import Answer, Engine
    from stream.local.clickhouse.request import Query

HELLO = "SELECT displayName(), version(), revision(), timezone()"
DISPLAY = "streamgauge"
# Formats whose pieces can be sent one after the other: no head or foot around the rows.
STREAMED = frozenset(
    [
        "native",
        "tabseparated",
        "tabseparatedraw",
        "tsv",
        "csv",
        "jsoneachrow",
        "ndjson",
        "jsonlines",
        "jsoncompacteachrow",
        "rowbinary",
        "lineasstring",
    ]
)
_BINARY = frozenset(
    [
        "native",
        "arrow",
        "arrowstream",
        "parquet",
        "orc",
        "rowbinary",
        "rowbinarywithnames",
        "rowbinarywithnamesandtypes",
    ]
)
_TYPES = {
    "json": "application/json; charset=UTF-8",
    "jsoncompact": "application/json; charset=UTF-8",
    "jsoneachrow": "application/x-ndjson; charset=UTF-8",
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "tabseparatedwithnames": "text/tab-separated-values; charset=UTF-8",
    "csv": "text/csv; charset=UTF-8",
    "csvwithnames": "text/csv; charset=UTF-8; header=present",
    "prometheus": "text/plain; version=0.0.4",
}
_COUNTS = [
    "read_rows",
    "read_bytes",
    "written_rows",
    "written_bytes",
    "total_rows_to_read",
    "result_rows",
    "result_bytes",
    "memory_usage",
]
_PLAIN = "text/plain; charset=UTF-8"


def base_headers(engine: Engine, query_id: str) -> dict[str, str]:
    """Return the headers of every answer."""
    return {
        "X-ClickHouse-Query-Id": query_id,
        "X-ClickHouse-Timezone": engine.timezone,
        "X-ClickHouse-Server-Display-Name": DISPLAY,
    }


def content_type(fmt: str) -> str:
    """Return the media type of a format.

    Examples
    --------
    >>> content_type("Native"), content_type("JSON")
    ('application/octet-stream', 'application/json; charset=UTF-8')
    """
    return "application/octet-stream" if fmt.lower() in _BINARY else _TYPES.get(fmt.lower(), _PLAIN)


def summary(started_s: float, counts: Mapping[str, int]) -> str:
    """Return ``X-ClickHouse-Summary``: all its counts, those not given as 0."""
    known = dict.fromkeys(_COUNTS, "0") | {name: str(count) for name, count in counts.items()}
    return json.dumps(known | {"elapsed_ns": str(int((time.perf_counter() - started_s) * 1e9))})


def counted(answer: Answer) -> dict[str, int]:
    """Return the counts of a whole answer for `summary`."""
    return {
        "read_rows": answer.read_rows,
        "read_bytes": answer.read_bytes,
        "written_rows": answer.written_rows,
        "written_bytes": answer.written_bytes,
        "result_rows": answer.written_rows,
        "result_bytes": len(answer.data),
    }


def whole(data: bytes, query: Query, headers: dict[str, str]) -> web.Response:
    """Return a result in one piece, compressed as the client asked."""
    if query.native:
        return web.Response(body=codecs.pack_blocks(data), headers=headers)
    encoder = codecs.encoder(query.accept) if data else None
    if encoder is not None:
        headers["Content-Encoding"] = encoder.name
        data = encoder.update(data) + encoder.finish()
    return web.Response(body=data, headers=headers)


def failure(error: Exception, headers: Mapping[str, str], *, native: bool) -> web.Response:
    """Return an error with its code, in the words that clients parse."""
    text = errors.message(error)
    code, status = errors.code_and_status(text)
    body = (text + "\n").encode("utf-8", "replace")
    kept = {name: value for name, value in headers.items() if not name.startswith("Content-")}
    kept |= {"X-ClickHouse-Exception-Code": str(code), "Content-Type": _PLAIN}
    kept.pop("X-ClickHouse-Format", None)
    return web.Response(status=status, body=codecs.pack_blocks(body) if native else body, headers=kept)


def broken_off(error: Exception, tag: str) -> bytes:
    """Return the tail of a stream whose headers are out already: a tagged message that clients look for."""
    text = errors.message(error).encode("utf-8", "replace")[:16_384] + b"\n"
    mark = b"__exception__\r\n"
    return b"\r\n" + mark + tag.encode() + b"\r\n" + text + b"%d %s\r\n" % (len(text), tag.encode()) + mark


def hello(version: str, timezone: str) -> bytes:
    """Return the first answer to clickhouse-go, in the revision that it asked in.

    Its ``revision()`` is 0, after which that client takes plain Native blocks.
    """
    head = b"\x01\x00\x02\xff\xff\xff\xff\x00\x04\x01"
    return head + b"".join(
        [
            _column("displayName()", "String", _string(DISPLAY)),
            _column("version()", "String", _string(version)),
            _column("revision()", "UInt32", struct.pack("<I", 0)),
            _column("timezone()", "String", _string(timezone)),
        ]
    )


def _column(name: str, kind: str, data: bytes) -> bytes:
    return _string(name) + _string(kind) + b"\0" + data


def _string(text: str) -> bytes:
    return bytes([len(text.encode())]) + text.encode()
