"""CloudEvents 1.0 on Kafka, binary and structured mode: an envelope around an event in any of the formats.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from streamgauge import mend
from streamgauge.errors import RefusedError
from streamgauge.events import Code, Kind
from streamgauge.lines import Given

STRUCTURED: Final = "application/cloudevents+json"
JSON: Final = "application/json"
PREFIX: Final = "ce_"  # of the headers, in binary mode

_REQUIRED: Final = ("id", "source", "type")
_ANY: Final = "application/cloudevents"
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One CloudEvent.

    Attributes
    ----------
    id, source, type
        What each one has; `source` and `id` together name the event.
    content_type
        Of `data`, without parameters, in lower case.
    attributes
        The optional ones and the extensions that are texts: ``time``, ``subject``, ``traceparent``, ….
    """

    id: str
    source: str
    type: str
    data: bytes
    content_type: str = JSON
    attributes: Mapping[str, str] = field(default_factory=dict)

    def given(self, kind: Kind) -> Given:
        """Return what the attributes say of an event that does not say it itself.

        A CloudEvent's id names the event, so it names the prediction if the event is one. A label is another
        event: what it is about is its `subject`.

        >>> CloudEvent("7", "/shop", "com.example.sold", b"", attributes={"subject": "a"}).given("labels")
        {'prediction_id': 'a', 'source': '/shop'}
        """
        about = self.attributes.get("subject") if kind == "labels" else self.id
        said = {
            "prediction_id": about,
            "event_time": self.attributes.get("time"),
            "source": self.source,
            "traceparent": self.attributes.get("traceparent"),
        }
        return {name: value for name, value in said.items() if value}


def unwrap(value: bytes, headers: Sequence[tuple[str, bytes]]) -> CloudEvent | None:
    """Return the CloudEvent that a record is, or None if it is none.

    Raises
    ------
    RefusedError
        If it is one of another version, in batch mode, or without a required attribute.

    >>> headers = [("ce_specversion", b"1.0"), ("ce_id", b"7"), ("ce_source", b"/shop"), ("ce_type", b"sold")]
    >>> unwrap(b"{}", headers).id
    '7'
    """
    content_type, binary = "", False
    for name, said in headers:
        lower = name.lower()
        if lower == "content-type":
            content_type = media_type(said.decode("utf-8", "replace"))
        elif lower == "ce_specversion":
            binary = True
    if content_type.startswith(_ANY):
        return _structured(content_type, value)
    return _binary(content_type, value, headers) if binary else None


def media_type(text: str) -> str:
    """Return a content type without its parameters, in lower case.

    >>> media_type("Application/JSON; charset=utf-8")
    'application/json'
    """
    return text.partition(";")[0].strip().lower()


def _binary(content_type: str, value: bytes, headers: Sequence[tuple[str, bytes]]) -> CloudEvent:
    attributes: dict[str, str] = {}
    for name, said in headers:
        if name.lower().startswith(PREFIX):
            try:
                attributes[name.lower()[len(PREFIX) :]] = said.decode("utf-8")
            except UnicodeDecodeError as error:
                raise _refuse(
                    f"the header {name} is not UTF-8 at byte {error.start}", "encode it as UTF-8", value
                ) from None
    return _event(attributes, PREFIX, value, content_type or JSON, value)


def _structured(content_type: str, value: bytes) -> CloudEvent:
    if content_type != STRUCTURED:
        raise _refuse(
            f"a CloudEvent as {content_type[:256]}", f"send one event as {STRUCTURED}, or in binary mode", value
        )
    try:
        members = _object.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refuse(f"a CloudEvent in structured mode is a JSON object: {error}"[:1_000], "", value) from None
    attributes = _texts(members)
    inner = media_type(attributes.get("datacontenttype", JSON))
    return _event(attributes, "", _data(members, inner, value), inner, value)


def _texts(members: Mapping[str, msgspec.Raw]) -> dict[str, str]:
    """Return the members that are texts, but the data."""
    values = {name: raw for name, raw in members.items() if name not in {"data", "data_base64"}}
    return {name: msgspec.json.decode(raw, type=str) for name, raw in values.items() if bytes(raw)[:1] == b'"'}


def _data(members: Mapping[str, msgspec.Raw], content_type: str, value: bytes) -> bytes:
    """Return the data as it would be the value of a record of its own."""
    if "data_base64" in members:
        try:
            return base64.b64decode(msgspec.json.decode(members["data_base64"], type=str), validate=True)
        except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
            raise _refuse(
                f"data_base64 is no base64: {error}"[:1_000], "encode it anew", value, "/data_base64"
            ) from None
    if "data" not in members:
        raise _refuse("the CloudEvent has no data", "put the event under data, or data_base64", value, "/data")
    raw = bytes(members["data"])
    is_text = content_type != JSON and raw[:1] == b'"'
    return msgspec.json.decode(raw, type=str).encode() if is_text else raw


def _event(attributes: dict[str, str], prefix: str, data: bytes, content_type: str, value: bytes) -> CloudEvent:
    version = attributes.get("specversion", "")
    if version != "1.0":
        hint = 'write specversion "1.0"'
        raise _refuse(f'specversion is "{version[:256]}"', hint, value, f"/{prefix}specversion")
    for name in _REQUIRED:
        if not attributes.get(name):
            message = f"the CloudEvent has no {prefix}{name}"
            raise _refuse(message, "each one has specversion, id, source and type", value, f"/{prefix}{name}")
    rest = {name: said for name, said in attributes.items() if name not in _REQUIRED}
    return CloudEvent(attributes["id"], attributes["source"], attributes["type"], data, content_type, rest)


def _refuse(message: str, hint: str, value: bytes, at: str = "") -> RefusedError:
    return RefusedError(msgspec.structs.replace(mend.refused(Code.NOT_CLOUDEVENT, message, hint, value), field=at))
