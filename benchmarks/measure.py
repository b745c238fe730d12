"""Rows per second of `measure` from ledger records in memory: ``python -m benchmarks.measure [--json PATH]``.

CPU time of one process, medians of five. Predictions have 20 features (16 numbers with 64 bins, 4 categories) in
blocks of 2,000 rows, 100,000 rows a second of the log clock; where many models are interleaved, blocks have 1,000.
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from detectors.reference import Reference, encode, fit_reference
from stream.folds.base import Record
from stream.folds.blocks import Block, Covered, Fact, Source, Tick, decode_entry, encode_entry, end_of, place
from stream.folds.frame import TEXT, Frame, text_hash
from stream.folds.measure import Measure

RUNS, LEVELS = 5, 12
HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000 // HOUR_MS * HOUR_MS


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    figures = measure_all()
    for name, value in figures.items():
        print(f"{name:40}{value:>14,.0f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def measure_all() -> dict[str, float]:
    """Return rows per CPU second of each case."""
    return {
        "measure_rows_per_cpu_s": predictions_per_cpu_s(Load(1, 16, 4, 2_000, 100)),
        "measure_segmented_rows_per_cpu_s": predictions_per_cpu_s(Load(1, 16, 4, 2_000, 100, segments=("c0",))),
        "measure_300_features_rows_per_cpu_s": predictions_per_cpu_s(Load(1, 240, 60, 200, 100)),
        "measure_5000_models_rows_per_cpu_s": predictions_per_cpu_s(Load(5_000, 16, 4, 1_000, 120)),
        "join_labels_per_cpu_s": labels_per_cpu_s(Load(1, 16, 4, 2_000, 100)),
    }


class Load(msgspec.Struct, frozen=True):
    """What is folded: models of one monitor each, features by type, rows of a block, blocks, segments."""

    models: int
    numbers: int
    texts: int
    rows: int
    blocks: int
    segments: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Names of the models."""
        return [f"model-{i}" for i in range(self.models)]

    @property
    def features(self) -> dict[str, str]:
        """Type of each feature by name."""
        return {f"n{i}": "number" for i in range(self.numbers)} | {f"c{i}": "category" for i in range(self.texts)}


def predictions_per_cpu_s(load: Load) -> float:
    """Return predictions that are folded in a CPU second."""
    rows = ledger("predictions", list(predictions(load, np.random.default_rng(0))))
    return rows_per_cpu_s(load, specs(load), rows)


def labels_per_cpu_s(load: Load) -> float:
    """Return labels that are joined to waiting predictions in a CPU second."""
    frames = list(predictions(load, np.random.default_rng(0)))
    labels = ledger("labels", [labelled(frame) for frame in frames])
    return rows_per_cpu_s(load, specs(load) + ledger("predictions", frames), labels)


def rows_per_cpu_s(load: Load, before: list[Record], rows: list[Record]) -> float:
    """Return how many of `rows` are folded in a CPU second after `before` and the first tenth of them."""
    fold = Measure(0, 1)
    state, first = fold.start(), len(rows) // 10
    fold.step(state, before)
    fold.step(state, rows[:first])
    snapshot = fold.encode(state)
    seconds = []
    for _ in range(RUNS + 1):
        state = fold.decode(snapshot.data, snapshot.files.__getitem__)
        fold.step(state, rows[first : first + 1])  # what is derived from the state is derived with the next row
        begun = time.process_time()
        fold.step(state, rows[first + 1 :])
        seconds.append(time.process_time() - begun)
    blocks = sum(isinstance(decode_entry(record.value), Block) for record in rows[first + 1 :])
    return load.rows * blocks / statistics.median(seconds[1:])


def specs(load: Load) -> list[Record]:
    """Return the facts that put a monitor of each model in force."""
    artifact = base64.b64encode(encode(reference(load))).decode()
    source = Source("specs", "id", 0)
    values = []
    for i, name in enumerate(load.names):
        spec = {
            "monitor": name,
            "model": name,
            "task": "binary",
            "pane": "1h",
            "features": {feature: {"type": kind} for feature, kind in load.features.items()},
            "segments": list(load.segments),
        }
        record = {"monitor": name, "revision": 1, "spec": spec, "reference": artifact, "reference_sha": "sha"}
        fact = Fact(source, end_of(i - 1), end_of(i), name.encode(), json.dumps(record).encode())
        values.append(encode_entry(fact))
    values.append(encode_entry(Tick("w", ())))  # at which they are forwarded
    return [Record(i, START_MS - 1_000 * (i < load.models), value) for i, value in enumerate(values)]


def reference(load: Load) -> Reference:
    """Return a reference with all bins that a number can have."""
    rng = np.random.default_rng(1)
    numbers = {f"n{i}": rng.normal(size=600) for i in range(load.numbers)}
    texts = {f"c{i}": [f"level {k}" for k in rng.integers(0, LEVELS, 600)] for i in range(load.texts)}
    panes = np.arange(600) // 10 * HOUR_MS
    return fit_reference(numbers | texts, load.features, panes, pane_ms=HOUR_MS, segments=load.segments)


def predictions(load: Load, rng: np.random.Generator) -> Iterator[Frame]:
    """Yield blocks of rows whose models follow each other by chance, over an hour of event time."""
    levels = [f"level {k}" for k in range(LEVELS)]
    texts = (*load.features, *levels, "1", *load.names)
    first_level, version, first_model = len(load.features), len(load.features) + LEVELS, len(load.features) + LEVELS + 1
    hashes = np.array([text_hash(text) for text in texts], np.uint64)
    for block in range(load.blocks):
        n = load.rows
        cells = np.empty((n, load.numbers + load.texts), np.uint64)
        cells[:, : load.numbers] = rng.normal(size=(n, load.numbers)).round(4).view(np.uint64)
        codes = rng.integers(0, LEVELS, (n, load.texts)) + first_level
        cells[:, load.numbers :] = codes.astype(np.uint64) | np.uint64(TEXT)
        models = rng.integers(0, load.models, n)
        used, local = np.unique(models, return_inverse=True)
        ids = [b"p%09d" % (block * n + i) for i in range(n)]
        yield Frame(
            n=n,
            positions=np.array([place(block * n + i) for i in range(n)], "<i8").tobytes(),
            event_ms=(
                START_MS - HOUR_MS + np.arange(block * n, (block + 1) * n) * HOUR_MS // (n * load.blocks)
            ).tobytes(),
            hashes=rng.integers(0, 1 << 64, n, np.uint64).tobytes(),
            ids=b"".join(ids),
            id_sizes=np.full(n, 10, "<u2").tobytes(),
            texts=(*texts[:first_model], *(load.names[model] for model in used)),
            text_hashes=np.concatenate([hashes[:first_model], hashes[first_model + used]]).tobytes(),
            models=(first_model + local).astype("<i4").tobytes(),
            versions=np.full(n, version, "<i4").tobytes(),
            producers=np.full(n, -1, "<i4").tobytes(),
            labels=np.full(n, 0x7FF8_0000_0000_0001, "<u8").tobytes(),
            lanes=b"",
            revisions=b"",
            scores=rng.random(n).round(4).tobytes(),
            latencies=rng.random(n).tobytes(),
            shapes=np.arange(load.numbers + load.texts, dtype="<i4").tobytes(),
            shape_sizes=np.array([load.numbers + load.texts], "<i4").tobytes(),
            row_shapes=b"",
            cells=cells.tobytes(),
        )


def labelled(frame: Frame) -> Frame:
    """Return a label for each prediction of a frame."""
    truths = (np.arange(frame.n) % 2).astype(np.float64)
    nothing = np.full(frame.n, -1, "<i4").tobytes()
    return msgspec.structs.replace(
        frame,
        labels=truths.tobytes(),
        versions=nothing,
        scores=b"",
        latencies=b"",
        shapes=b"",
        shape_sizes=bytes(4),
        cells=b"",
    )


def ledger(topic: str, frames: Sequence[Frame]) -> list[Record]:
    """Return the blocks as ledger records, a tick's record after each eight; 100,000 rows arrive in a second."""
    values, source, before = [], Source(topic, "id", 0), -1
    for i, frame in enumerate(frames):
        to = int(frame.columns().positions[-1])
        values.append(encode_entry(Block(source, before, to, frame)))
        before = to
        if i % 8 == 7:
            values.append(encode_entry(Tick("w", (Covered(source, to, to),))))
    return [Record(10_000 + i, START_MS + frames[0].n * i // 100, value) for i, value in enumerate(values)]


if __name__ == "__main__":
    main()
