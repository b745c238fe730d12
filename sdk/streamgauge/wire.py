"""Bytes to events and back: the formats of a record's value, chosen by its headers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from streamgauge import mend
from streamgauge.arrow import ARROW, read_arrow
from streamgauge.cloudevents import JSON, STRUCTURED, media_type, unwrap
from streamgauge.errors import RefusedError
from streamgauge.events import Code, Event, FeatureEvent, Kind, LabelEvent, Refusal
from streamgauge.kserve import is_inference
from streamgauge.lines import NOTHING_GIVEN, Given, read_lines, read_one

LINES: Final = "application/x-ndjson"
LINES_HEADERS: Final = (("content-type", LINES.encode()),)
ARROW_HEADERS: Final = (("content-type", ARROW.encode()),)

Reader = Callable[[Kind, bytes, Given], "list[Event | Refusal]"]


def decode(kind: Kind, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> list[Event | Refusal]:
    """Return what a record holds, one element per line or row. Depends on its arguments only; never raises.

    Parameters
    ----------
    kind
        The public topic that the record came from, without prefix.
    value
        The record's value.
    headers
        The record's headers: ``content-type`` names the format, without it the value is one JSON object. What
        is a CloudEvent is unwrapped first; its attributes fill in what the event leaves out.

    >>> decode("labels", b'{"prediction_id":"a","model":"m","event_time":0,"label":1}')[0].event_time_ms
    0
    >>> decode("labels", b'{"predicton_id":"a"}')[0].hint
    'did you mean prediction_id?'
    """
    if not headers:
        return read_one(kind, value)
    try:
        sent = unwrap(value, headers)
    except RefusedError as error:
        return [error.refusal]
    if sent is None:
        return _read(kind, content_type_of(headers), value, NOTHING_GIVEN)
    if is_inference(sent.type):
        message = f"a CloudEvent of type {sent.type} is half of a prediction"
        return [mend.refused(Code.WRONG_TOPIC, message, "write it to the topic inference", value)]
    return _read(kind, sent.content_type, sent.data, sent.given(kind))


def content_type_of(headers: Sequence[tuple[str, bytes]]) -> str:
    """Return the record's content type, without parameters, in lower case; JSON if it names none."""
    for name, value in headers:
        if name.lower() == "content-type":
            return media_type(value.decode("ascii", "replace"))
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
    return json.dumps(_said(event), separators=(",", ":")).encode()


def _said(event: Event) -> dict[str, object]:
    """Return the fields that an event says something in, by their name on the wire."""
    said = {}
    for field in msgspec.structs.fields(event):
        value = getattr(event, field.name)
        unsaid = {} if field.default_factory is dict else field.default
        if value != unsaid:
            said[field.encode_name] = value
    return said


def encode_lines(events: Iterable[Event]) -> bytes:
    """Return many events as JSON lines, to be sent with `LINES_HEADERS`."""
    return b"\n".join(map(encode, events))


def _read(kind: Kind, content_type: str, value: bytes, given: Given) -> list[Event | Refusal]:
    reader = readers.get(content_type)
    if reader is not None:
        return reader(kind, value, given)
    named = (*readers, STRUCTURED)
    hint = mend.closest(content_type, named) or f"send one of {', '.join(named)}"
    message = f"no reader for content-type {content_type[:256]!r}"
    return [mend.refused(Code.UNKNOWN_CONTENT_TYPE, message, hint, value)]


def _all_finite(event: Event) -> bool:
    if isinstance(event, LabelEvent):
        return _finite((event.label,))
    if isinstance(event, FeatureEvent):
        return _finite(event.features.values())
    singles = (event.score, event.label, event.latency_ms)
    return _finite(singles) and _finite(event.features.values()) and _finite(event.shadow.values())


def _finite(values: Iterable[object]) -> bool:
    return all(value.__class__ is not float or math.isfinite(value) for value in values)


_encoder: Final = msgspec.json.Encoder()

readers: Final[dict[str, Reader]] = {JSON: read_one, LINES: read_lines, ARROW: read_arrow}
"""The formats: content type to reader. A new format is one entry here."""
