"""streamgauge: what producers of events and owners of models import to be watched.

Events (`FeatureEvent`, `PredictionEvent`, `LabelEvent`), the Kafka `Producer` that loses nothing in silence, the
`MonitorSpec` that says what to watch, and the wire formats.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from streamgauge.batching import Batching
from streamgauge.durations import format_duration, parse_duration
from streamgauge.errors import DeliveryError, RefusedError, StreamgaugeError, Undelivered, UnreachableError
from streamgauge.events import Code, Event, FeatureEvent, Kind, LabelEvent, PredictionEvent, Refusal, to_ms
from streamgauge.partition import murmur2, partition_of
from streamgauge.positions import Position
from streamgauge.wire import decode, encode, encode_lines

if TYPE_CHECKING:
    from streamgauge.producer import Producer, Stats
    from streamgauge.spec import MonitorSpec
    from streamgauge.spec_errors import Problem, SpecError

__all__ = [
    "Producer", "Batching", "Stats",
    "FeatureEvent", "PredictionEvent", "LabelEvent", "Event", "Kind", "to_ms",
    "MonitorSpec", "SpecError", "Problem",
    "decode", "encode", "encode_lines", "Refusal", "Code",
    "Position", "murmur2", "partition_of", "parse_duration", "format_duration",
    "StreamgaugeError", "RefusedError", "DeliveryError", "Undelivered", "UnreachableError",
]  # fmt: skip

# Loaded at first use: kafka-python and pydantic take half a second, and who only decodes needs neither.
_LATER: Final = {
    "Producer": "streamgauge.producer",
    "Stats": "streamgauge.producer",
    "MonitorSpec": "streamgauge.spec",
    "SpecError": "streamgauge.spec_errors",
    "Problem": "streamgauge.spec_errors",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value: object = getattr(import_module(_LATER[name]), name)
    globals()[name] = value
    return value
