"""The loop of folds without Kafka: intake, measure and decide over lists, with a clock in the hands of the test."""

from __future__ import annotations

import base64
import hashlib
import json

import numpy as np
from streamgauge.partition import partition_of

from detectors.reference import Answers, encode, fit_reference
from stream.folds.base import Record
from stream.folds.blocks import Covered, Source, end_of
from stream.folds.decide import Decide
from stream.folds.intake import Intake, tick
from stream.folds.measure import Measure
from stream.folds.partials import decode_message
from stream.folds.rows import decode_rows

DAY_MS = 86_400_000
MODEL = "m"
SPEC = {
    "monitor": "m",
    "model": MODEL,
    "task": "binary",
    "pane": "1d",
    "lateness": "6h",
    "features": {"x": {"type": "number"}, "c": {"type": "category"}},
    "segments": ["c"],
    "performance": {"metric": "log_loss", "tolerance": 0.02},
    "retrain": {"on": ["performance"]},
}


def spec_record(revision=1, reference=None, **changes):
    """A record of topic specs."""
    artifact = None if reference is None else encode(reference)
    return {
        "monitor": "m",
        "revision": revision,
        "at_ms": 0,
        "who": "test",
        "spec": SPEC | changes,
        "reference": None if artifact is None else base64.b64encode(artifact).decode(),
        "reference_sha": None if artifact is None else hashlib.sha256(artifact).hexdigest(),
    }


def version_record(version, retrain, mean=0.6, passed=True, n=5_000):
    """A version record of topic models."""
    losses = {"n": n, "mean": mean, "sd": 0.4}
    manifest = {"passed": passed, "why": "test", "retrain": retrain, "validation": {"losses": losses}}
    return {"record": "version", "model": MODEL, "version": version, "manifest": manifest}


def reference_of(events, pane_ms=DAY_MS, labels=None, outliers="distance", repeated=(), cycle_ms=0):
    """A reference of prediction events whose labels came after five hours; `labels` say which.

    `repeated` are those that came again; None: nobody knows.
    """
    scores = [e.get("score", np.nan) for e in events]
    return fit_reference(
        {name: [e["features"].get(name) for e in events] for name in ("x", "c")},
        {"x": "number", "c": "category"},
        [e["event_time"] // pane_ms * pane_ms for e in events],
        pane_ms=pane_ms,
        cycle_ms=cycle_ms,
        segments=["c"],
        label_ages_ms=[5 * 3_600_000] * len(events),
        repeated_ms=None if repeated is None else [e["event_time"] // pane_ms * pane_ms for e in repeated],
        answers=None if labels is None else Answers("binary", scores, [x["label"] for x in labels]),
        outliers=outliers,
    )


def day_of_events(rng, day, n=200, version=None, shift=0.0, first_id=None, spread=1.0):
    """Predictions of one day with their labels, five hours later; the truth follows the score."""
    first_id = day * 100_000 if first_id is None else first_id
    times = np.sort(rng.integers(day * DAY_MS, (day + 1) * DAY_MS, n)).tolist()
    predictions, labels = [], []
    for i, at in enumerate(times):
        x = float(spread * rng.normal() + shift)
        score = 1 / (1 + float(np.exp(-x)))
        event = {"prediction_id": f"p{first_id + i}", "model": MODEL, "event_time": at}
        served = {"version": version, "score": score, "latency_ms": 1.0} if version else {}
        features = {"x": round(x, 4), "c": "abc"[rng.integers(3)]}
        predictions.append(event | {"features": features} | served)
        labels.append(event | {"event_time": at + 5 * 3_600_000, "label": int(rng.random() < score)})
    return predictions, labels


class FoldLoop:
    """Topics as lists. `send` and `tick` write the ledger; `run` folds what is new."""

    def __init__(self, partitions=4, tick_ms=1000):
        self.partitions, self.clock_ms = partitions, 1_700_000_000_000
        self.intake = Intake(partitions)
        self.ledger = [[] for _ in range(partitions)]
        self.offsets, self.after, self.starts, self.ids, self.siblings = {}, {}, {}, {}, {}
        self.measures = [Measure(p, 4, tick_ms, "ledger") for p in range(partitions)]
        self.states = [measure.start() for measure in self.measures]
        self.home = partition_of(MODEL.encode(), 4)
        self.decide = Decide(self.home, partitions, "ledger")
        self.state = self.decide.start()
        self.partials, self.rows, self.public, self.dead_letters = [], [], [], []

    def send(self, topic, values, key=MODEL, partition=0):
        """Put JSON events through intake, one record each."""
        source = (topic, partition)
        first = self.offsets.get(source, 0)
        records = [
            Record(first + i, self.clock_ms, v if isinstance(v, bytes) else json.dumps(v).encode(), key.encode())
            for i, v in enumerate(values)
        ]
        self.offsets[source] = first + len(records)
        after = self.after.setdefault(source, dict.fromkeys(range(self.partitions), end_of(-1)))
        result = self.intake.split(Source(topic, self.ids.get(topic, "id"), partition), records, after)
        after.update(result.after)
        self.dead_letters += [json.loads(output.value) for output in result.dead_letters]
        self.append(result.outputs)
        return result.outputs

    def skip(self, topic, first, partition=0):
        """Let intake begin again at offset `first`: retention took what was before."""
        source = (topic, partition)
        self.offsets[source], self.starts[source] = first, end_of(first - 1)
        self.after[source] = dict.fromkeys(range(self.partitions), end_of(first - 1))

    def recreate(self, topic, topic_id):
        """Make a topic again: another id, offsets from 0."""
        self.ids[topic] = topic_id
        for source in [source for source in self.offsets if source[0] == topic]:
            self.skip(topic, 0, source[1])

    def append(self, outputs):
        """Write ledger records, as the broker would."""
        for output in outputs:
            log = self.ledger[output.partition]
            log.append(Record(len(log), self.clock_ms, output.value))

    def tick(self, times=1, ends=None):
        """Let a second pass; intake says that all is covered (or that a source's log goes on to `ends`)."""
        for _ in range(times):
            self.clock_ms += 1_000
            covered = [
                Covered(
                    Source(topic, self.ids.get(topic, "id"), p),
                    end_of(next_ - 1),
                    end_of((ends or {}).get((topic, p), next_) - 1),
                    self.starts.get((topic, p), end_of(-1)),
                    self.siblings.get(topic, 0),
                )
                for (topic, p), next_ in self.offsets.items()
            ]
            self.append(tick("worker", covered, self.partitions))

    def run(self):
        """Fold what is new, partition by partition."""
        for measure, state, log in zip(self.measures, self.states, self.ledger, strict=True):
            for output in measure.step(state, log[state.position + 1 :]):
                if output.partition == self.home:
                    self.decided(output.value)

    def decided(self, value):
        """Give `decide` one record of partials."""
        record = Record(len(self.partials), self.clock_ms, value)
        self.partials.append(record)
        for output in self.decide.step(self.state, [record]):
            if output.topic in ("panes", "verdicts"):
                self.rows += decode_rows(output.value)
            else:
                self.public.append((output.topic, json.loads(output.value)))

    def of(self, kind):
        """Rows of a kind, in order."""
        return [row for row in self.rows if isinstance(row, kind)]

    def said(self, topic):
        """Public records of a topic, in order."""
        return [value for name, value in self.public if name == topic]

    def messages(self):
        """What measure told decide."""
        return [decode_message(record.value) for record in self.partials]


def watched(reference=None, partitions=4, **changes):
    """A loop with one monitor in force."""
    loop = FoldLoop(partitions)
    loop.send("specs", [spec_record(reference=reference, **changes)])
    loop.tick(2)
    loop.run()
    return loop
