"""The fold `score`: one record of features in, one record of predictions out, in order; it keeps no state.

Which versions serve is given; each prediction names the one that scored it, so nothing after it depends on
when a worker read the registry (docs/architecture.md, "Lineage"). A model without a champion is forwarded without
a score, so that its features are watched from the first day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

from streamgauge import wire
from streamgauge.events import Code, FeatureEvent, PredictionEvent, Refusal

from models.serving import Clock, Serving
from stream.folds.base import Output, Record
from stream.folds.blocks import Source
from stream.folds.deadletters import dead_letter

TOPIC: Final = "features"

# What half a ledger record surely holds: a larger row could not be stored.
MAX_EVENT_BYTES = 512 * 1024
# Half of max.message.bytes of `predictions`: only a record of features near the limit is cut in two.
MAX_RECORD_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """What a run gives: predictions, and the lines that are no events."""

    outputs: list[Output]
    dead_letters: list[Output]


@dataclass(frozen=True, slots=True)
class Score:
    """Scores the records of one partition of `features`.

    Parameters
    ----------
    partition
        Its number.
    keep_partition
        Whether predictions go to the partition of the same number, which needs equal counts of partitions;
        else the record's key says where.
    """

    partition: int
    keep_partition: bool = True

    def step(self, records: Sequence[Record], serving: Serving, clock: Clock) -> ScoreResult:
        """Return one record of predictions for each record that holds an event, and the dead letters.

        A record whose predictions would pass 2 MiB becomes several. `clock` gives seconds, for the latency.
        """
        result = ScoreResult([], [])
        for record in records:
            lines: list[bytes] = []
            for line, event in enumerate(wire.decode(TOPIC, record.value, record.headers)):
                told = self._predict(cast("FeatureEvent | Refusal", event), serving, clock)
                if isinstance(told, Refusal):
                    result.dead_letters.append(self._dead_letter(record, line, told))
                else:
                    lines.append(told)
            result.outputs.extend(self._output(record, part) for part in _parts(lines))
        return result

    def _predict(self, event: FeatureEvent | Refusal, serving: Serving, clock: Clock) -> bytes | Refusal:
        if isinstance(event, Refusal):
            return event
        line = wire.encode(predict(event, serving, clock))
        return line if len(line) <= MAX_EVENT_BYTES else _too_large(event, line)

    def _output(self, record: Record, lines: list[bytes]) -> Output:
        partition = self.partition if self.keep_partition else None
        return Output("predictions", b"\n".join(lines), record.key, partition, wire.LINES_HEADERS)

    def _dead_letter(self, record: Record, line: int, refusal: Refusal) -> Output:
        source = Source(TOPIC, "", self.partition)
        return dead_letter(source, record.position, line, record.append_ms, refusal)


def predict(event: FeatureEvent, serving: Serving, clock: Clock) -> PredictionEvent:
    """Return the prediction of one event; without version and score if no model served it."""
    scored = serving.score(event.model, event.features, clock)
    return PredictionEvent(
        prediction_id=event.prediction_id,
        model=event.model,
        event_time_ms=event.event_time_ms,
        source=event.source,
        traceparent=event.traceparent,
        features=event.features,
        version=scored.version,
        score=scored.score,
        shadow=scored.shadow,
        latency_ms=scored.latency_ms,
    )


def _too_large(event: FeatureEvent, line: bytes) -> Refusal:
    return Refusal(
        code=Code.TOO_LARGE,
        field="",
        message=f"an event of {len(line)} bytes, above {MAX_EVENT_BYTES}",
        hint="send fewer or shorter features",
        model=event.model,
        source=event.source,
        excerpt=line[:1_000].decode("utf-8", "replace"),
        size=len(line),
    )


def _parts(lines: list[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for line in lines:
        if part and size + len(line) > MAX_RECORD_BYTES:
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line) + 1
    if part:
        yield part
