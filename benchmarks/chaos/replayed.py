"""The load of the model that replays years of long ago, two days of event time in a round, through the SDK."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime

from streamgauge.events import LabelEvent, PredictionEvent, to_ms

from benchmarks.chaos.load import WARM_ROUNDS, drifts
from benchmarks.chaos.watched import DAY_MS, KINDS, SPECIES, Sizes, species_features

START_MS = to_ms(datetime(1980, 1, 1, tzinfo=UTC))  # 46 years lie before today: 8,000 rounds
DAYS = 2
LAPSED_ROUNDS = 40
"""A label so many rounds after its prediction comes when the prediction is forgotten: 80 days for a horizon of 30."""


class Replayed:
    """Rounds of the replayed model, each asked for once, in order.

    A round may be sent when those before it are in the ledger, save a few: the replay's clock stands still meanwhile,
    so no row comes late, and labels beyond the horizon are so in every run.
    """

    def __init__(self, seed: int, sizes: Sizes) -> None:
        self._rng, self._size = random.Random(f"{seed}/replayed"), sizes.species
        self._later: dict[int, list[PredictionEvent | LabelEvent]] = defaultdict(list)
        self._round = -1

    def round(self) -> list[PredictionEvent | LabelEvent]:
        """Return the events of the next round."""
        self._round += 1
        events: list[PredictionEvent | LabelEvent] = []
        for i in range(self._size):
            events += self._one(i)
        events += self._later.pop(self._round, [])
        events.append(self._label(f"orphan {self._round}", self._at_ms(0), "orphan"))
        if self._round >= WARM_ROUNDS:
            past = self._prediction(f"past {self._round}", START_MS - 400 * DAY_MS - self._round, "too-late")
            events.append(past)
        return events

    def _one(self, i: int) -> list[PredictionEvent | LabelEvent]:
        rng, an_id, at_ms = self._rng, f"{SPECIES} {self._round}-{i}", self._at_ms(i)
        event = self._prediction(an_id, at_ms, "good")
        fate = rng.random()
        if fate < 0.02:  # the label first
            self._later[self._round + rng.randint(1, 2)].append(event)
            return [self._label(an_id, at_ms, "good")]
        if fate < 0.05:
            self._later[self._round + LAPSED_ROUNDS].append(self._label(an_id, at_ms, "lapsed"))
            return [event]
        label = self._label(an_id, at_ms, "good")
        self._later[self._round + rng.randint(1, 4)].append(label)
        if fate < 0.07:
            self._later[self._round + rng.randint(1, 3)].append(event)
        if fate > 0.98:
            self._later[self._round + 5].append(label)
        return [event]

    def _at_ms(self, i: int) -> int:
        return START_MS + self._round * DAYS * DAY_MS + i * DAYS * DAY_MS // self._size

    def _prediction(self, an_id: str, at_ms: int, source: str) -> PredictionEvent:
        features = species_features(self._rng, drifts(self._round))
        return PredictionEvent(
            prediction_id=an_id, model=SPECIES, event_time_ms=at_ms, source=source, version="1",
            features=features, label=self._rng.choice(KINDS),
        )  # fmt: skip

    def _label(self, an_id: str, at_ms: int, source: str) -> LabelEvent:
        return LabelEvent(
            prediction_id=an_id, model=SPECIES, event_time_ms=at_ms, source=source, label=self._rng.choice(KINDS)
        )
