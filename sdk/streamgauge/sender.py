"""What every producer of events offers: the verbs, checked against the contract before anything leaves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Protocol, SupportsFloat, runtime_checkable

from streamgauge.errors import RefusedError
from streamgauge.events import Event, FeatureEvent, Kind, LabelEvent, Lane, PredictionEvent, Refusal, Value, to_ms
from streamgauge.wire import decode, encode

KIND_OF: dict[type[Event], Kind] = {
    FeatureEvent: "features",
    PredictionEvent: "predictions",
    LabelEvent: "labels",
}


@runtime_checkable
class _Scalar(Protocol):
    """A scalar of numpy and its like."""

    def item(self) -> object: ...


def checked_line(event: Event, limit: int) -> bytes:
    """Return an event as its line on the wire, after reading it back as the other side will.

    Raises
    ------
    RefusedError
        If the other side would refuse it: with the field, the reason and the mend. It is a ValueError.
    ValueError
        If the line has more than `limit` bytes.
    """
    line = encode(event)
    if len(line) > limit:
        msg = f"the event {event.prediction_id[:100]!r} has {len(line)} bytes, above the limit of {limit}"
        raise ValueError(msg)
    read = decode(KIND_OF[type(event)], line)[0]
    if isinstance(read, Refusal):
        raise RefusedError(read)
    return line


def plain(name: str, value: object) -> Value:
    """Return a feature's or label's value as the contract knows it; numpy scalars and decimals become plain.

    >>> plain("distance", Decimal("1.5"))
    1.5
    """
    if value is None or isinstance(value, str | float | int):
        return value if type(value) in _PLAIN else _unwrapped(name, value)
    return _unwrapped(name, value)


_PLAIN = frozenset({str, float, int, bool, type(None)})


def _unwrapped(name: str, value: object) -> Value:
    if isinstance(value, Decimal):
        return float(value)
    inner = value.item() if isinstance(value, _Scalar) else value
    for kind in (bool, int, float, str):
        if isinstance(inner, kind):
            return kind(inner)
    if inner is None:
        return None
    msg = f"{name} is a {type(value).__name__}; a value is a number, a text, a boolean or None"
    raise TypeError(msg)


class Sender(ABC):
    """The verbs of a producer.

    Parameters
    ----------
    model, version, source
        What events carry that do not say otherwise.
    """

    def __init__(self, model: str | None = None, version: str | None = None, source: str | None = None) -> None:
        self._model, self._version = model, "" if version is None else version
        self._source = "" if source is None else source

    @abstractmethod
    def send(self, event: Event) -> None:
        """Take one event of any kind; it is checked here, and on its way when this returns."""

    def features(
        self, id: str, features: Mapping[str, object], at: datetime | int, *, model: str | None = None
    ) -> None:
        """Send features to be scored.

        Parameters
        ----------
        id
            The prediction's id, unique for its model within the label horizon.
        features
            Values by name: numbers, texts, booleans, None for missing.
        at
            Event time: a datetime with a zone, or epoch milliseconds.
        model
            Another model than this producer's.
        """
        self.send(
            FeatureEvent(
                prediction_id=id,
                model=self._named(model),
                event_time_ms=to_ms(at),
                features={name: plain(name, value) for name, value in features.items()},
                source=self._source,
            )
        )

    def prediction(
        self,
        id: str,
        features: Mapping[str, object],
        *,
        at: datetime | int,
        score: SupportsFloat | None = None,
        label: object = None,
        version: str | None = None,
        latency_ms: float | None = None,
        model: str | None = None,
    ) -> None:
        """Send a prediction that was made; `score` and `label` as far as the model gives them."""
        self.send(
            PredictionEvent(
                prediction_id=id,
                model=self._named(model),
                event_time_ms=to_ms(at),
                features={name: plain(name, value) for name, value in features.items()},
                score=None if score is None else float(score),
                label=plain("label", label),
                version=self._version if version is None else version,
                latency_ms=latency_ms,
                source=self._source,
            )
        )

    def label(
        self,
        id: str,
        value: object,
        *,
        at: datetime | int,
        kind: Lane = "truth",
        model: str | None = None,
        revision: int = 0,
    ) -> None:
        """Send what came true for a prediction, or a user's feedback; a higher `revision` (to 127) replaces it."""
        known = plain("label", value)
        if known is None:
            msg = "a label is a class or a value, got None: send it when it is known"
            raise ValueError(msg)
        self.send(
            LabelEvent(
                prediction_id=id,
                model=self._named(model),
                event_time_ms=to_ms(at),
                label=known,
                kind=kind,
                revision=revision,
                source=self._source,
            )
        )

    def _named(self, model: str | None) -> str:
        name = self._model if model is None else model
        if name is None:
            msg = "which model? give model= to the producer or to the call"
            raise ValueError(msg)
        return name
