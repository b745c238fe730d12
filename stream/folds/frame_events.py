"""Events to frames, one by one: the general way, for what the scanner leaves, and for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from streamgauge.events import LabelEvent, PredictionEvent, Value

from stream.folds.frame import (
    FEEDBACK_LANE,
    MISSING,
    NO_TEXT,
    TEXT,
    TRUTH_LANE,
    Frame,
    identity,
    number_word,
    text_hash,
)

RowEvent = PredictionEvent | LabelEvent


def frame_of(events: Sequence[RowEvent], positions: Sequence[int]) -> Frame:
    """Return events of one kind as a frame. O(values), in Python.

    >>> event = PredictionEvent(prediction_id="a", model="m", event_time_ms=7, features={"x": 1.5, "y": "red"})
    >>> frame = frame_of([event], [0])
    >>> frame.texts, frame.columns().cells.view("f8")[0]
    (('m', 'x', 'y', 'red'), np.float64(1.5))
    """
    texts = _Texts()
    models = [texts.code(event.model) for event in events]
    rows = [list(_row(event, texts)) for event in events]
    shapes = _Shapes()
    row_shapes = [shapes.code(tuple([name for name, _ in row])) for row in rows]
    predictions = [event for event in events if isinstance(event, PredictionEvent)]
    labels = [event for event in events if isinstance(event, LabelEvent)]
    ids = [event.prediction_id.encode() for event in events]
    versions = [texts.optional(event.version) for event in predictions] or [NO_TEXT] * len(labels)
    return Frame(
        n=len(events),
        positions=np.array(positions, "<i8").tobytes(),
        event_ms=np.array([event.event_time_ms for event in events], "<i8").tobytes(),
        hashes=np.array([identity(event.model, event.prediction_id) for event in events], "<u8").tobytes(),
        ids=b"".join(ids),
        id_sizes=np.array([len(each) for each in ids], "<u2").tobytes(),
        producers=np.array([texts.optional(event.source) for event in events], "<i4").tobytes(),
        models=np.array(models, "<i4").tobytes(),
        versions=np.array(versions, "<i4").tobytes(),
        labels=np.array([_word(event.label, texts) for event in events], "<u8").tobytes(),
        lanes=_small([FEEDBACK_LANE if event.kind == "feedback" else TRUTH_LANE for event in labels]),
        revisions=_small([getattr(event, "revision", 0) for event in labels]),
        scores=_floats([event.score for event in predictions]),
        latencies=_floats([event.latency_ms for event in predictions]),
        shapes=np.array([name for shape in shapes.codes for name in shape], "<i4").tobytes(),
        shape_sizes=np.array([len(shape) for shape in shapes.codes], "<i4").tobytes(),
        row_shapes=np.array(row_shapes, "<i4").tobytes() if len(shapes.codes) > 1 else b"",
        cells=np.array([word for row in rows for _, word in row], "<u8").tobytes(),
        texts=tuple(texts.codes),
        text_hashes=np.array([text_hash(text) for text in texts.codes], "<u8").tobytes(),
    )


@dataclass(slots=True)
class _Texts:
    codes: dict[str, int] = field(default_factory=dict)

    def code(self, text: str) -> int:
        return self.codes.setdefault(text, len(self.codes))

    def optional(self, text: str) -> int:
        return self.code(text) if text else NO_TEXT


@dataclass(slots=True)
class _Shapes:
    codes: dict[tuple[int, ...], int] = field(default_factory=dict)

    def code(self, shape: tuple[int, ...]) -> int:
        return self.codes.setdefault(shape, len(self.codes))


def _row(event: RowEvent, texts: _Texts) -> Iterator[tuple[int, int]]:
    """Yield name and word of each feature, then of each shadow's score."""
    if isinstance(event, LabelEvent):
        return
    for name, value in event.features.items():
        yield texts.code(name), _word(value, texts)
    for version, score in event.shadow.items():
        yield ~texts.code(version), number_word(score)


def _word(value: Value, texts: _Texts) -> int:
    if value is None:
        return MISSING
    if isinstance(value, str):
        return TEXT | texts.code(value)
    return number_word(float(value))


def _small(values: Sequence[int]) -> bytes:
    return np.array(values, np.uint8).tobytes() if any(values) else b""


def _floats(values: Sequence[float | None]) -> bytes:
    """Return float64 values, NaN where there is none; nothing if there is none at all."""
    if all(value is None for value in values):
        return b""
    return np.array(values, "<f8").tobytes()
