"""A ledger in small that leads through every loop of `measure`: a worker folds it before it joins, to compile them."""

from __future__ import annotations

import msgspec
from streamgauge.events import LabelEvent, PredictionEvent, Value

from stream.folds.base import Record
from stream.folds.blocks import Block, Covered, Entry, Fact, Source, Tick, encode_entry, end_of, place
from stream.folds.frame_events import RowEvent, frame_of
from stream.folds.measure.fold import Measure
from stream.folds.pending import Pending

_MS = 1_700_000_000_000
_DAYS_MS = 20 * 86_400_000


def compile_measure() -> None:
    """Fold the example, with entries that are sealed at once."""
    fold = Measure(0, 1)
    state = fold.start()
    state.pending = Pending(seal_rows=1)
    fold.step(state, example_ledger())
    snapshot = fold.encode(state)
    fold.decode(snapshot.data, snapshot.files.__getitem__)


def example_ledger() -> list[Record]:
    """Return two monitors, labels before and after their predictions, revisions, duplicates, shadows, and old rows."""
    entries: list[Entry] = [_spec(0, "r", "regression"), _spec(1, "k", "multiclass")]
    blocks: list[tuple[str, list[RowEvent]]] = [
        ("labels", [_label("r", "early"), _label("r", "nobody")]),
        ("predictions", [_prediction(model, an_id) for model in "rk" for an_id in ("early", "a", "a", "b", "c")]),
        ("predictions", [_prediction(model, an_id) for model in "rk" for an_id in ("d", "f")]),
        ("labels", [_label("r", "a"), _label("k", "a")]),
        ("labels", [_label("r", "a", 1), _label("k", "a", 1), _label("r", "b")]),
        ("predictions", [_prediction("r", "new", _MS + _DAYS_MS)]),
        ("predictions", [_prediction("r", "newer", _MS + _DAYS_MS)]),
    ]
    for i, (topic, events) in enumerate(blocks):
        frame, source = frame_of(events, [place(i, line) for line in range(len(events))]), Source(topic, "", 0)
        read = Tick("", (Covered(source, end_of(i), end_of(i)),))
        entries += [Block(source, end_of(i - 1), end_of(i), frame), read]
    start_ms = _MS + _DAYS_MS
    return [Record(i, start_ms + 1_000 * i, encode_entry(entry)) for i, entry in enumerate(entries)]


def _spec(number: int, model: str, task: str) -> Fact:
    features = {"x": {"type": "number"}, "c": {"type": "category"}}
    spec = {"monitor": model, "model": model, "task": task, "pane": "1h", "features": features}
    value = msgspec.json.encode({"monitor": model, "revision": 1, "spec": spec})
    return Fact(Source("specs", "", 0), end_of(number - 1), end_of(number), model.encode(), value)


def _prediction(model: str, an_id: str, event_ms: int = _MS) -> PredictionEvent:
    features: dict[str, Value] = {"x": 1.5, "c": 7.0}
    return PredictionEvent(
        prediction_id=an_id, model=model, event_time_ms=event_ms, features=features, score=1.0, shadow={"2": 2.0}
    )


def _label(model: str, an_id: str, revision: int = 0) -> LabelEvent:
    return LabelEvent(prediction_id=an_id, model=model, event_time_ms=_MS, label=float(revision), revision=revision)
