"""The three events of the contract, and what is said about one that breaks it.

A feature's value is a number, a text, a boolean (the numbers 0 and 1), or ``None``: missing. NaN is an
*invalid* number: the event is used, and that value is counted. NaN and infinities elsewhere refuse the event.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

Kind = Literal["features", "predictions", "labels"]
Lane = Literal["truth", "feedback"]

MAX_TEXT: Final = 256  # characters of an id, a name, a text label
MAX_FEATURES: Final = 2_000
MAX_SHADOWS: Final = 64
MAX_REVISION: Final = 127
MAX_LINES: Final = 65_535  # of one record: a line's number has 16 bits
MIN_TIME_MS: Final = -2_208_988_800_000  # 1900-01-01 and 2299-12-31: what ClickHouse's DateTime64 can hold
MAX_TIME_MS: Final = 10_413_791_999_999

Value = float | bool | str | None
Id = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
Name = Annotated[str, Meta(max_length=MAX_TEXT)]
TimeMs = Annotated[int, Meta(ge=MIN_TIME_MS, le=MAX_TIME_MS)]
Revision = Annotated[int, Meta(ge=0, le=MAX_REVISION)]
Features = Annotated[dict[Name, Value], Meta(max_length=MAX_FEATURES)]
Scores = Annotated[dict[Name, float], Meta(max_length=MAX_SHADOWS)]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


class _Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """What all events carry.

    Attributes
    ----------
    prediction_id
        What joins features, prediction and label; unique for its model within the label horizon.
    model
        The model's name.
    event_time_ms
        When it happened, epoch milliseconds. It is ``event_time`` on the wire, where RFC 3339 with a zone is
        read too.
    source
        The producer's name; empty: not said.
    traceparent
        W3C trace context; empty: none.
    """

    prediction_id: Id
    model: Id
    event_time_ms: TimeMs = msgspec.field(name="event_time")
    source: Name = ""
    traceparent: Name = ""


class FeatureEvent(_Event, frozen=True, kw_only=True):
    """Features of one prediction to make; `features` by name."""

    features: Features


class PredictionEvent(_Event, frozen=True, kw_only=True):
    """A prediction that was made, or features for which no model served.

    Attributes
    ----------
    features
        What the model saw, by name.
    version
        The serving version; empty: none served.
    score
        The model's score (a probability, or the predicted value), finite.
    label
        The predicted class or value.
    shadow
        Scores of the versions that ran in the shadow, by version.
    latency_ms
        How long the prediction took.
    """

    features: Features = msgspec.field(default_factory=dict)
    version: Name = ""
    score: float | None = None
    label: float | bool | Name | None = None
    shadow: Scores = msgspec.field(default_factory=dict)
    latency_ms: float | None = None


class LabelEvent(_Event, frozen=True, kw_only=True):
    """What came true for one prediction.

    Attributes
    ----------
    label
        The class or value.
    kind
        ``truth``, or a user's ``feedback``.
    revision
        0 to 127. A higher one replaces the label of the lower in all sums; an equal or lower one is a duplicate.
    """

    label: float | bool | Name
    kind: Lane = "truth"
    revision: Revision = 0


Event = FeatureEvent | PredictionEvent | LabelEvent
EVENTS: Final[dict[Kind, type[Event]]] = {
    "features": FeatureEvent,
    "predictions": PredictionEvent,
    "labels": LabelEvent,
}


class Code(StrEnum):
    """Why an event is refused."""

    NOT_JSON = "not-json"  # not UTF-8, not JSON, or nested too deep
    NOT_AN_OBJECT = "not-an-object"  # JSON, but a list, a text, a number
    MISSING_FIELD = "missing-field"  # a required field is absent or null
    UNKNOWN_FIELD = "unknown-field"  # a field that the contract does not name
    WRONG_TYPE = "wrong-type"  # a text where a number belongs, and so on
    BAD_TIME = "bad-time"  # no RFC 3339 time with a zone, no whole milliseconds, or outside 1900 to 2299
    INVALID_NUMBER = "invalid-number"  # NaN or infinite, outside of features
    OUT_OF_RANGE = "out-of-range"  # a whole number that its field does not take
    EMPTY_ID = "empty-id"  # prediction_id or model is an empty text
    TOO_LONG = "too-long"  # a name or id above 256 characters, above 2,000 features
    TOO_MANY_LINES = "too-many-lines"  # a record of above 65,535 lines, or an Arrow stream of above 10,000 rows
    UNKNOWN_CONTENT_TYPE = "unknown-content-type"  # no reader for this format
    NOT_ARROW = "not-arrow"  # no Arrow IPC stream, or one that is not valid
    NOT_CLOUDEVENT = "not-cloudevent"  # a CloudEvent of another version, or without what each one has
    WRONG_TOPIC = "wrong-topic"  # it belongs to another topic
    UNPAIRED = "unpaired"  # a response to a request that never came
    # These are found by `intake`, not by `decode`.
    TOO_LARGE = "too-large"  # a single event above the size of a ledger record
    DECODE_ERROR = "decode-error"  # a fault in the decoder: please report it


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why one line is no event, and what would mend it.

    Attributes
    ----------
    code
        One of `Code`.
    field
        The first wrong field as a JSON pointer, ``/features/distance``; empty if the whole line is wrong.
    message
        What is wrong, with the value received.
    hint
        The mend; empty if there is none to offer.
    model, source
        As far as the line says them.
    excerpt
        The line's first 1,000 characters.
    size
        The line's bytes.
    """

    code: Code
    field: str
    message: str
    hint: str = ""
    model: str = ""
    source: str = ""
    excerpt: str = ""
    size: int = 0


def to_ms(at: datetime | int) -> int:
    """Return epoch milliseconds of a time.

    Parameters
    ----------
    at
        A datetime with a zone, or epoch milliseconds.

    Raises
    ------
    ValueError
        On a datetime without a zone: it could mean any of 38 times.
    TypeError
        On anything else.

    >>> to_ms(datetime(2013, 1, 1, 10, 15, tzinfo=UTC))
    1357035300000
    """
    if isinstance(at, datetime):
        if at.tzinfo is None or at.utcoffset() is None:
            msg = f"{at.isoformat()} needs a zone; use datetime(..., tzinfo=UTC) or .astimezone()"
            raise ValueError(msg)
        return (at - _EPOCH) // _MS
    if type(at) is not int:
        msg = f"a time is a datetime with a zone or whole epoch milliseconds, got {at!r}"
        raise TypeError(msg)
    return at
