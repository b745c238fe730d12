"""The AsyncAPI 3.0 document of an installation, from its topology, its settings and the contract's types.

https://www.asyncapi.com/docs/reference/specification/v3.0.0, Kafka bindings 0.5.0. The number of replicas is not
named: the broker's default decides it.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final

import msgspec
from streamgauge.arrow import ARROW
from streamgauge.cloudevents import STRUCTURED
from streamgauge.events import EVENTS, Kind
from streamgauge.kserve import REQUEST, RESPONSE
from streamgauge.wire import LINES

from stream.contract import examples
from stream.contract.schemas import LIMITS, enveloped_event, schemas
from stream.settings import Settings
from stream.topics import configuration, partitions
from stream.topology import TOPICS, WIRINGS, Topic, group_name, kafka_name

Object = dict[str, Any]

BINDING: Final = "0.5.0"
_JSON: Final = "application/json"
_KINDS: Final[dict[str, Kind]] = {"features": "features", "predictions": "predictions", "labels": "labels"}
_SENT: Final = {"alerts": "Alert", "retrain": "RetrainRequest", "dead-letters": "DeadLetter"}


def asyncapi(settings: Settings, topics: Iterable[Topic] = TOPICS) -> Object:
    """Return the document: what this installation receives, and what it sends.

    >>> asyncapi(Settings())["channels"]["labels"]["address"]
    'streamgauge.labels'
    """
    public = [topic for topic in topics if topic.public]
    messages = {name: message for topic in public for name, message in _messages(topic).items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "streamgauge",
            "version": version("streamgauge-server"),
            "description": f"Watches machine-learning models while they run. {LIMITS}",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": _JSON,
        "servers": {"kafka": {"host": settings.kafka.bootstrap, "protocol": "kafka"}},
        "channels": {topic.name: _channel(settings, topic) for topic in public},
        "operations": {_operation_name(topic): _operation(settings, topic) for topic in public},
        "components": {"messages": messages, "schemas": schemas()},
    }


def _channel(settings: Settings, topic: Topic) -> Object:
    address = kafka_name(settings.kafka.prefix, topic)
    return {
        "address": address,
        "title": topic.name,
        "description": topic.description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _messages(topic)},
        "bindings": {
            "kafka": {
                "topic": address,
                "partitions": partitions(settings, topic),
                "topicConfiguration": _configuration(topic),
                "bindingVersion": BINDING,
            }
        },
    }


def _configuration(topic: Topic) -> Object:
    said: Object = dict(configuration(topic))
    said["cleanup.policy"] = [said["cleanup.policy"]]
    return said | {name: int(said[name]) for name in ("retention.ms", "max.message.bytes") if name in said}


def _operation_name(topic: Topic) -> str:
    return f"{_action(topic)}-{topic.name}"


def _action(topic: Topic) -> str:
    return "send" if topic.name in _SENT else "receive"


def _operation(settings: Settings, topic: Topic) -> Object:
    operation: Object = {
        "action": _action(topic),
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": topic.description,
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in _messages(topic)],
    }
    groups = [group_name(settings.kafka.prefix, wiring.name) for wiring in WIRINGS if topic.name in wiring.reads]
    if groups and topic.name not in _SENT:
        binding = {"groupId": {"type": "string", "enum": groups}, "bindingVersion": BINDING}
        operation["bindings"] = {"kafka": binding}
    return operation


# Messages: one for each format of a topic.


def _messages(topic: Topic) -> dict[str, Object]:
    """Return the messages of a public topic by name; KeyError if the contract does not know it."""
    if topic.name in _KINDS:
        found = _event_messages(_KINDS[topic.name])
    elif topic.name == "inference":
        found = _inference_messages()
    else:
        name = _SENT[topic.name]
        found = {name: _message(name, _JSON, _ref(name), [examples.SENT[topic.name]])}
    key = {"type": "string", "description": topic.key}
    bindings = {"kafka": {"key": key, "bindingVersion": BINDING}}
    return {name: {**message, "bindings": bindings} for name, message in found.items()}


def _event_messages(kind: Kind) -> dict[str, Object]:
    name = EVENTS[kind].__name__
    lines = {"type": "string", "description": f"One {name} as JSON on each line."}
    table = {
        "type": "string",
        "format": "binary",
        "description": f"An Arrow IPC stream: a column for each field of {name}; features as one struct, or as columns "
        "features.<name>.",
    }
    inside = {"anyOf": [enveloped_event(kind), {"type": "string"}]}
    wrapped = {"allOf": [_ref("CloudEvent"), {"properties": {"data": inside}}]}
    alone, many, enveloped = examples.EVENTS[kind], examples.lines(kind), examples.cloudevent(kind)
    return {
        name: {**_message(name, _JSON, _ref(name), alone), "headers": _BINARY},
        f"{name}Lines": {**_message(f"{name}Lines", LINES, lines, [many]), "headers": _BINARY},
        f"{name}Table": {**_message(f"{name}Table", ARROW, table, []), "headers": _BINARY},
        f"{name}CloudEvent": _message(f"{name}CloudEvent", STRUCTURED, wrapped, [enveloped]),
    }


def _inference_messages() -> dict[str, Object]:
    headers = {
        "type": "object",
        "properties": {
            "ce_specversion": {"const": "1.0"},
            "ce_type": {"enum": [REQUEST, RESPONSE]},
            **{f"ce_{name}": {"type": "string"} for name in ("id", "source", "inferenceservicename")},
        },
        "required": ["ce_specversion", "ce_type", "ce_id", "ce_source"],
    }
    name = "InferenceEvent"
    return {name: {**_message(name, _JSON, _ref(name), list(examples.INFERENCE)), "headers": headers}}


def _message(name: str, content_type: str, payload: Object, shown: list[Object]) -> Object:
    message: Object = {"name": name, "contentType": content_type, "payload": payload}
    return {**message, "examples": msgspec.to_builtins(shown)} if shown else message


def _ref(name: str) -> Object:
    return {"$ref": f"#/components/schemas/{name}"}


_BINARY: Final[Object] = {
    "type": "object",
    "description": "With ce_ headers it is a CloudEvent in binary mode, whose attributes fill in what the event leaves "
    "out.",
    "properties": {
        "content-type": {"type": "string"},
        "ce_specversion": {"const": "1.0"},
        **{f"ce_{name}": {"type": "string"} for name in ("id", "source", "type", "time", "subject", "traceparent")},
    },
}
