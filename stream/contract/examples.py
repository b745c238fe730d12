"""One flight as the messages of the contract."""

from __future__ import annotations

import json
from typing import Any, Final

from streamgauge.events import Kind
from streamgauge.kserve import REQUEST, RESPONSE

Example = dict[str, Any]

_ID: Final = {"prediction_id": "UA1545-2013-01-01", "model": "flight-delay"}
_FEATURES: Final = {"distance": 1400, "carrier": "UA", "gate": None}
_TIMED: Final = {**_ID, "event_time": "2013-01-01T10:15:00Z"}

EVENTS: Final[dict[Kind, list[Example]]] = {
    "features": [{"name": "to-be-scored", "payload": {**_TIMED, "features": _FEATURES}}],
    "predictions": [
        {
            "name": "made-elsewhere",
            "payload": {
                **_ID, "event_time": 1357035300000, "features": _FEATURES, "version": "3", "score": 0.23, "label": 0,
                "shadow": {"4": 0.31}, "latency_ms": 1.7, "source": "gates-api",
            },
        },
        {"name": "least", "payload": _TIMED},
    ],
    "labels": [
        {"name": "truth", "payload": {**_ID, "event_time": "2013-01-01T13:30:00Z", "label": 1}},
        {
            "name": "revised",
            "payload": {**_ID, "event_time": "2013-01-02T09:00:00Z", "label": 0, "kind": "truth", "revision": 1},
        },
    ],
}  # fmt: skip
"""Examples of each kind, as JSON."""


def lines(kind: Kind) -> Example:
    """Return the examples of a kind as lines."""
    text = "\n".join(json.dumps(each["payload"], separators=(",", ":")) for each in EVENTS[kind])
    return {"name": "lines", "payload": text}


def cloudevent(kind: Kind) -> Example:
    """Return an example as a CloudEvent that says what the event leaves out."""
    payload = {name: value for name, value in EVENTS[kind][0]["payload"].items() if name not in _FILLED}
    envelope = {
        "specversion": "1.0", "type": f"com.example.{kind}", "source": "/gates", "time": "2013-01-01T10:15:00Z",
        "id": _ID["prediction_id"], "subject": _ID["prediction_id"], "data": payload,
    }  # fmt: skip
    return {"name": "structured", "payload": envelope}


_FILLED: Final = frozenset({"prediction_id", "event_time", "source"})
_HEADERS: Final = {
    "ce_specversion": "1.0", "ce_id": "9d1c", "ce_source": "http://localhost:9081/", "ce_time": "2013-01-01T10:15:00Z",
    "ce_inferenceservicename": "flight-delay", "ce_namespace": "ml", "ce_endpoint": "default",
}  # fmt: skip
INFERENCE: Final[tuple[Example, Example]] = (
    {
        "name": "request",
        "headers": {**_HEADERS, "ce_type": REQUEST},
        "payload": {
            "inputs": [
                {"name": "distance", "shape": [2], "datatype": "FP64", "data": [1400, 760.5]},
                {"name": "carrier", "shape": [2], "datatype": "BYTES", "data": ["UA", "AA"]},
            ]
        },
    },
    {
        "name": "response",
        "headers": {**_HEADERS, "ce_type": RESPONSE},
        "payload": {
            "model_name": "flight-delay",
            "model_version": "3",
            "outputs": [{"name": "late", "shape": [2], "datatype": "FP64", "data": [0.23, 0.5]}],
        },
    },
)
"""A request and its response, as KServe logs them."""

SENT: Final[dict[str, Example]] = {
    "alerts": {
        "name": "lost-performance",
        "payload": {
            "version": 1, "id": "al-3f0c", "incident": "INC-9a41", "state": "open", "level": "page",
            "kind": "performance", "model": "flight-delay", "monitor": "flight-delay",
            "title": "flight-delay predicts worse than promised", "what": "log loss 0.61, promised 0.52",
            "features": [], "where": {"features": []}, "since": "2013-06-24T00:00:00Z",
            "opened": "2013-06-26T04:00:00Z", "closed": None, "sent": "2013-06-26T04:00:00Z",
            "evidence": {"lineage": "5be2", "verdicts": ["v-11"], "positions": {"0": 8123}},
            "dedup": "INC-9a41/open/1",
        },
    },
    "retrain": {
        "name": "lost-performance",
        "payload": {
            "id": "rt-77d0", "model": "flight-delay", "monitor": "flight-delay", "lineage": "5be2",
            "incident": "INC-9a41", "trigger": "performance", "reason": "log loss 0.61, promised 0.52",
            "evidence": {"verdict": "v-11"}, "cut": {"0": 8123}, "trainer": "river-default", "metric": "log_loss",
            "task": "binary", "features": {"distance": "number", "carrier": "category"}, "from_ms": 1364443200000,
            "to_ms": 1372219200000, "champion": "3", "asked_ms": 1372219200000,
        },
    },
    "dead-letters": {
        "name": "mistyped",
        "payload": {
            "topic": "labels", "partition": 1, "offset": 8, "line": 0, "reason": "unknown-field",
            "field": "/predicton_id", "message": "unknown field predicton_id", "hint": "did you mean prediction_id?",
            "excerpt": '{"predicton_id":"UA1545"}', "model": "", "source": "", "size": 25, "at_ms": 1357035300000,
        },
    },
}  # fmt: skip
"""What streamgauge writes, by topic."""
