"""JSON Schemas of all public messages, from the types that the code reads and writes."""

from __future__ import annotations

import inspect
import re
from typing import Any, Final

import msgspec
from streamgauge.arrow_stream import MAX_ROWS
from streamgauge.events import EVENTS, MAX_FEATURES, MAX_LINES, Kind
from streamgauge.lines import WRITTEN

from stream.contract.records import Alert, RetrainRequest
from stream.folds.deadletters import DeadLetter

Schema = dict[str, Any]

_WHAT: Final[dict[str, type]] = {"Alert": Alert, "RetrainRequest": RetrainRequest, "DeadLetter": DeadLetter}
_TIME: Final = "When it happened: RFC 3339 with a zone, or epoch milliseconds, from 1900 to 2299."


def schemas() -> dict[str, Schema]:
    """Return the schema of each message by its name: draft 07, without references.

    >>> schemas()["LabelEvent"]["properties"]["revision"]["anyOf"][0]
    {'type': 'integer', 'minimum': 0, 'maximum': 127}
    """
    events = {EVENTS[kind].__name__: _event(kind) for kind in EVENTS}
    written = {name: _described(_schema(type_), type_) for name, type_ in _WHAT.items()}
    return {**events, "CloudEvent": _CLOUDEVENT, "InferenceEvent": _INFERENCE, **written}


def enveloped_event(kind: Kind) -> Schema:
    """Return the schema of an event inside a CloudEvent, which may say its id and its time."""
    schema = _event(kind)
    return schema | {"required": [name for name in schema["required"] if name not in _ENVELOPED]}


_ENVELOPED: Final = frozenset({"prediction_id", "event_time"})


def _schema(type_: type) -> Schema:
    _, components = msgspec.json.schema_components([type_])
    return dict(components[type_.__name__])


def _event(kind: Kind) -> Schema:
    schema = _described(_schema(WRITTEN[kind]), EVENTS[kind])
    for name, field in schema["properties"].items():
        if field.pop("default", 0) is None:
            field["description"] = f"{field.get('description', name)} Null: absent."
    schema["properties"]["event_time"]["description"] = _TIME
    return schema


def _described(schema: Schema, type_: type) -> Schema:
    """Return a schema with the words of a type's docstring."""
    told = {name: text for each in reversed(type_.__mro__) for name, text in _attributes(each.__doc__).items()}
    properties = {
        name: {**field, **({"description": told[name]} if name in told else {})}
        for name, field in schema["properties"].items()
    }
    summary = (inspect.getdoc(type_) or "").partition("\n\n")[0].replace("\n", " ")
    return {**schema, "title": type_.__name__, "description": summary, "properties": properties}


def _attributes(doc: str | None) -> dict[str, str]:
    """Return the attributes of a numpydoc docstring with their meaning."""
    _, _, section = inspect.cleandoc(doc or "").partition("Attributes\n----------\n")
    found: dict[str, str] = {}
    for names, text in re.findall(r"^(\w[\w, ]*)\n((?:    .*(?:\n|$))+)", section, re.MULTILINE):
        found |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return found


_TEXT: Final[Schema] = {"type": "string", "minLength": 1}
_CLOUDEVENT: Final[Schema] = {
    "title": "CloudEvent",
    "description": "A CloudEvent 1.0 in structured mode around one event. Its attributes fill in what the event leaves "
    "out: event_time from time, source from source, traceparent from traceparent, prediction_id from id; that of a "
    "label from subject.",
    "type": "object",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": _TEXT,
        "source": _TEXT,
        "type": _TEXT,
        "time": {"type": "string", "format": "date-time"},
        "subject": {"type": "string"},
        "traceparent": {"type": "string"},
        "datacontenttype": {"type": "string"},
        "data": {"description": "The event; a text for content types that are no JSON."},
        "data_base64": {"type": "string", "contentEncoding": "base64"},
    },
    "required": ["specversion", "id", "source", "type"],
    "anyOf": [{"required": ["data"]}, {"required": ["data_base64"]}],
}
_TENSOR: Final[Schema] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}},
        "datatype": {"type": "string"},
        "data": {"type": "array"},
    },
    "required": ["name", "shape", "data"],
}
_INFERENCE: Final[Schema] = {
    "title": "InferenceEvent",
    "description": "The body of a request or a response of KServe's V2 or V1 protocol, as its logger sends it.",
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "inputs": {"type": "array", "items": _TENSOR},
        "outputs": {"type": "array", "items": _TENSOR},
        "instances": {"type": "array"},
        "predictions": {"type": "array"},
    },
    "anyOf": [{"required": [name]} for name in ("inputs", "instances", "outputs", "predictions")],
}

LIMITS: Final = (
    f"At most {MAX_FEATURES} features an event, {MAX_LINES} lines or {MAX_ROWS} rows of Arrow a record, "
    "500 kB an event."
)
