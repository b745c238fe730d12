"""Bytes to events and back: the formats of a record's value, chosen by its ``content-type`` header."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from streamgauge import mend
from streamgauge.events import (
    EVENTS,
    MAX_LINES,
    MAX_TIME_MS,
    MIN_TIME_MS,
    Code,
    Event,
    FeatureEvent,
    Features,
    Id,
    Kind,
    LabelEvent,
    Lane,
    Name,
    Refusal,
    Scores,
    to_ms,
)

JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
LINES_HEADERS: Final = (("content-type", LINES.encode()),)

Reader = Callable[[Kind, bytes], "list[Event | Refusal]"]


def decode(kind: Kind, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> list[Event | Refusal]:
    """Return what a record holds, one element per line. Depends on its arguments only; never raises.

    Parameters
    ----------
    kind
        The public topic that the record came from, without prefix.
    value
        The record's value.
    headers
        The record's headers; without ``content-type`` the value is one JSON object.

    >>> decode("labels", b'{"prediction_id":"a","model":"m","event_time":0,"label":1}')[0].event_time_ms
    0
    >>> decode("labels", b'{"predicton_id":"a"}')[0].hint
    'did you mean prediction_id?'
    """
    content_type = content_type_of(headers)
    reader = readers.get(content_type)
    if reader is not None:
        return reader(kind, value)
    hint = mend.closest(content_type, readers) or f"send one of {', '.join(readers)}"
    message = f"no reader for content-type {content_type[:256]!r}"
    return [_refusal(Code.UNKNOWN_CONTENT_TYPE, message, hint, value)]


def content_type_of(headers: Sequence[tuple[str, bytes]]) -> str:
    """Return the record's content type, without parameters, in lower case; JSON if it names none."""
    for name, value in headers:
        if name.lower() == "content-type":
            return value.decode("ascii", "replace").partition(";")[0].strip().lower()
    return JSON


def encode(event: Event) -> bytes:
    """Return one event as a line of JSON without its newline.

    Invalid feature values are written as ``NaN``, which `decode` reads, though strict JSON readers do not:
    as null they would count as missing.

    >>> encode(LabelEvent(prediction_id="a", model="m", event_time_ms=0, label=1))
    b'{"prediction_id":"a","model":"m","event_time":0,"label":1}'
    """
    if _all_finite(event):
        return _encoder.encode(event)
    fields = {_WIRE_NAMES.get(name, name): value for name, value in msgspec.structs.asdict(event).items()}
    return json.dumps(fields, separators=(",", ":")).encode()


def encode_lines(events: Iterable[Event]) -> bytes:
    """Return many events as JSON lines, to be sent with `LINES_HEADERS`."""
    return b"\n".join(map(encode, events))


def _all_finite(event: Event) -> bool:
    if isinstance(event, LabelEvent):
        return _finite((event.label,))
    if isinstance(event, FeatureEvent):
        return _finite(event.features.values())
    singles = (event.score, event.label, event.latency_ms)
    return _finite(singles) and _finite(event.features.values()) and _finite(event.shadow.values())


def _finite(values: Iterable[object]) -> bool:
    return all(value.__class__ is not float or math.isfinite(value) for value in values)


_WIRE_NAMES: Final = {"event_time_ms": "event_time"}
_encoder: Final = msgspec.json.Encoder()

# Reading: an event in its usual form (time in milliseconds, nothing null) is one call; then one call and a
# copy for times as text and nulls; what still fails is read field by field.


class _Written(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Any event with its time as text and optional fields null."""

    prediction_id: Id
    model: Id
    event_time: Annotated[datetime, Meta(tz=True)] | int
    source: Name | None = None
    traceparent: Name | None = None


class _WrittenFeatures(_Written, kw_only=True):
    features: Features


class _WrittenPrediction(_Written, kw_only=True):
    features: Features | None = None
    version: Name | None = None
    score: float | None = None
    label: float | bool | Name | None = None
    shadow: Scores | None = None
    latency_ms: float | None = None


class _WrittenLabel(_Written, kw_only=True):
    label: float | bool | Name
    kind: Lane | None = None


_exact: Final = {kind: msgspec.json.Decoder(event) for kind, event in EVENTS.items()}
_written: Final[dict[Kind, msgspec.json.Decoder[_Written]]] = {
    "features": msgspec.json.Decoder(_WrittenFeatures),
    "predictions": msgspec.json.Decoder(_WrittenPrediction),
    "labels": msgspec.json.Decoder(_WrittenLabel),
}


def _read_line(kind: Kind, line: bytes) -> Event | Refusal:
    try:
        return _exact[kind].decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        event = _event(kind, _written[kind].decode(line))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        event = None
    return mend.read(kind, line) if event is None else event


def _event(kind: Kind, written: _Written) -> Event | None:
    ms = to_ms(written.event_time)
    if not MIN_TIME_MS <= ms <= MAX_TIME_MS:
        return None
    fields = {name: value for name in written.__struct_fields__ if (value := getattr(written, name)) is not None}
    del fields["event_time"]
    return EVENTS[kind](event_time_ms=ms, **fields)


def _read_one(kind: Kind, value: bytes) -> list[Event | Refusal]:
    return [_read_line(kind, value)]


def _read_lines(kind: Kind, value: bytes) -> list[Event | Refusal]:
    if value.count(b"\n") >= MAX_LINES:
        message = f"more than {MAX_LINES} lines in one record"
        return [_refusal(Code.TOO_MANY_LINES, message, "send several records", value)]
    events = [_read_line(kind, line) for line in value.split(b"\n") if line and not line.isspace()]
    return events if events else [mend.read(kind, value)]


def _refusal(code: Code, message: str, hint: str, value: bytes) -> Refusal:
    return Refusal(code=code, field="", message=message, hint=hint, excerpt=mend.excerpt(value), size=len(value))


readers: Final[dict[str, Reader]] = {JSON: _read_one, LINES: _read_lines}
"""The formats: content type to reader. A new format is one entry here."""
