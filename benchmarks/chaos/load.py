"""The load of today's models, round by round: all that a seed says, and nothing that a clock does.

A round is a second of event time. The name of an event's producer (`source`) says what is to become of it, so that
what became of it can be counted without knowing when it was read (see `benchmarks.chaos.truth`).
"""

from __future__ import annotations

import json
import random
import zlib
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

from streamgauge.wire import LINES_HEADERS

from benchmarks.chaos.watched import CHURN, CITIES, NOBODY, PRICE, TARDY, Sizes, churn_features

ROUND_MS = 1_000
PERIOD, DRIFT_FROM, DRIFT_TO = 240, 25, 120
"""Every so many rounds inputs drift, from and to these rounds of the period."""
WARM_ROUNDS = 6
"""Rounds before the first event that is too late: by then there is a watermark that it is too late for."""
DAY_MS = 86_400_000
LINES = 50

Event = dict[str, object]


class Sending(NamedTuple):
    """One record to be sent to a public topic."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


def drifts(a_round: int) -> bool:
    """Say whether inputs drift in a round."""
    return DRIFT_FROM <= a_round % PERIOD < DRIFT_TO


class Live:
    """Rounds of the models whose event time is today's, each asked for once, in order.

    Parameters
    ----------
    seed
        Decides everything but `base_ms`.
    base_ms
        Event time of the first round; some hours ago, so that all panes can be final in the end.
    sizes
        Predictions in a round.
    partitions
        Of the public topics.
    """

    def __init__(self, seed: int, base_ms: int, sizes: Sizes, partitions: int) -> None:
        self._rng, self._base_ms, self._sizes, self._partitions = (
            random.Random(f"{seed}/live"), base_ms, sizes, partitions,
        )  # fmt: skip
        self._later: dict[int, list[Callable[[], None]]] = defaultdict(list)
        self._round = -1
        self._lines: dict[str, list[bytes]] = {}
        self._sendings: list[Sending] = []

    def round(self) -> list[Sending]:
        """Return the records of the next round."""
        self._round += 1
        self._lines, self._sendings = {"predictions": [], "labels": []}, []
        for i in range(self._sizes.churn):
            self._churn(i)
        for i in range(self._sizes.price):
            self._price(i)
        for i in range(self._sizes.tardy):
            self._tardy(i)
        for what in self._later.pop(self._round, []):
            what()
        self._bad()
        for topic, lines in self._lines.items():
            for start in range(0, len(lines), LINES):
                self._send(topic, b"\n".join(lines[start : start + LINES]), LINES_HEADERS)
        return self._sendings

    def _churn(self, i: int) -> None:
        rng, drifting = self._rng, drifts(self._round)
        features = churn_features(rng, drifting)
        if rng.random() < 0.01:
            features["tenure"] = float("nan")
        if rng.random() < 0.01:
            del features["plan"]
        score = rng.randrange(1, 64) / 64
        event = self._prediction(CHURN, i, self._sizes.churn, features) | {"score": score, "latency_ms": score * 8}
        came_true = (rng.random() < score) != (drifting and rng.random() < 0.7)
        label = self._label(event, int(came_true))
        if rng.random() < 0.02:  # the label first
            self._line("labels", label)
            self._in(rng.randint(1, 3), lambda: self._line("predictions", event))
            return
        self._line("predictions", event)
        self._twice("predictions", event)
        if rng.random() > 0.03:
            self._in(rng.randint(1, 6), lambda: self._line("labels", label))
            self._twice("labels", label, after=6)

    def _price(self, i: int) -> None:
        rng = self._rng
        size = rng.randrange(0, 800) / 4
        features = {"size": size, "city": rng.choice(CITIES)}
        event = self._prediction(PRICE, i, self._sizes.price, features, version="1" if self._round < 40 else "2")
        event["label"] = size * 2 + rng.randrange(-16, 16) / 8
        self._single("predictions", event)
        if rng.random() < 0.02:
            self._in(rng.randint(0, 5), lambda: self._single("predictions", event))
        label = self._label(event, size * 2)
        if rng.random() < 0.1:
            self._revised(label, size * 2)
        else:
            self._in(rng.randint(1, 6), lambda: self._single("labels", label))

    def _revised(self, label: Event, truth: float) -> None:
        """Send a label and revisions of it, each when it likes and to any partition: the highest wins in any order."""
        for revision in range(self._rng.randint(2, 4)):
            one = label | {"source": "revised", "label": truth + revision, "revision": revision}
            self._in(self._rng.randint(0, 12), lambda one=one: self._anywhere("labels", one))  # type: ignore[misc]

    def _tardy(self, i: int) -> None:
        """Send a fifth of the rows, and a third of the labels, after their panes are final."""
        rng = self._rng
        event = self._prediction(TARDY, i, self._sizes.tardy, {"x": rng.randrange(0, 64) / 4})
        event["score"] = rng.randrange(1, 64) / 64
        label = self._label(event, rng.randint(0, 1))
        if rng.random() < 0.2:
            event["source"] = label["source"] = "late"
            self._in(rng.randint(5, 40), lambda: self._line("predictions", event))
        else:
            self._line("predictions", event)
            self._twice("predictions", event)
        self._in(rng.choice((1, 2, 30)) + rng.randint(0, 10), lambda: self._line("labels", label))

    def _bad(self) -> None:
        """Send what is no event, what nobody watches, and what no spec allows; as lines and as records."""
        rng, number = self._rng, self._round
        good = self._prediction(CHURN, 0, 1, churn_features(rng))
        self._single("predictions", self._named(good, NOBODY, "nobody"))
        self._lines["predictions"].insert(rng.randint(0, 10), b'{"prediction_id": "broken %d", ' % number)
        self._single("predictions", {k: v for k, v in good.items() if k != "prediction_id"})
        self._single("labels", self._label(self._named(good, CHURN, "nan"), float("nan")))
        orphan = self._label(self._named(good, CHURN, "orphan"), 1)
        self._line("labels", orphan)
        self._line("predictions", self._named(good, CHURN, "bad-score") | {"score": 1.5})
        self._line("labels", self._label(self._named(good, CHURN, "bad-label"), 7))
        future_ms = self._base_ms + 400 * DAY_MS
        self._line("predictions", self._named(good, CHURN, "future") | {"event_time": future_ms})
        if number >= WARM_ROUNDS:
            past_ms = self._base_ms - 30 * DAY_MS - number
            self._line("predictions", self._named(good, CHURN, "too-late") | {"event_time": past_ms})

    def _named(self, event: Event, model: str, source: str) -> Event:
        return event | {"model": model, "source": source, "prediction_id": f"{source} {self._round}"}

    def _prediction(self, model: str, i: int, of: int, features: object, version: str = "1") -> Event:
        return {
            "prediction_id": f"{model} {self._round}-{i}",
            "model": model,
            "version": version,
            "event_time": self._base_ms + self._round * ROUND_MS + i * ROUND_MS // of,
            "features": features,
            "source": "good",
        }

    def _label(self, event: Event, label: float) -> Event:
        kept = {name: event[name] for name in ("prediction_id", "model", "event_time", "source")}
        return kept | {"label": label}

    def _in(self, rounds: int, what: Callable[[], None]) -> None:
        if rounds:
            self._later[self._round + rounds].append(what)
        else:
            what()

    def _twice(self, topic: str, event: Event, after: int = 0) -> None:
        """Send some events once more, some rounds later."""
        if self._rng.random() < 0.02:
            self._in(after + self._rng.randint(0, 5), lambda: self._line(topic, event))

    def _line(self, topic: str, event: Event) -> None:
        self._lines[topic].append(json.dumps(event).encode())

    def _single(self, topic: str, event: Event) -> None:
        """Send a record of one event; events of one prediction go to one partition, so they keep their order."""
        key = str(event.get("prediction_id", "")).encode()
        value = json.dumps(event).encode()
        self._sendings.append(Sending(topic, zlib.crc32(key) % self._partitions, key, value))

    def _anywhere(self, topic: str, event: Event) -> None:
        """Send a record of one event to any partition."""
        self._send(topic, json.dumps(event).encode(), ())

    def _send(self, topic: str, value: bytes, headers: tuple[tuple[str, bytes], ...]) -> None:
        """Send to any partition, under any key."""
        key = b"k%d" % self._rng.randrange(8) if self._rng.random() < 0.5 else None
        self._sendings.append(Sending(topic, self._rng.randrange(self._partitions), key, value, tuple(headers)))
