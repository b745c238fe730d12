"""Frames as rows, to compare what was written with what was meant."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from stream.folds.frame import INVALID, MISSING, Frame, is_text


@dataclass(frozen=True)
class Row:
    """One event of a frame; floats and words of numbers as their bits, so that each bit counts."""

    position: int
    prediction_id: str
    model: str
    event_ms: int
    hash: int
    version: str
    source: str
    label: object
    lane: int
    revision: int
    score: bytes
    latency: bytes
    features: tuple[tuple[str, object], ...]
    shadow: tuple[tuple[str, object], ...]

    def feature(self, name: str) -> object:
        return dict(self.features).get(name)


def bits(number: float) -> bytes:
    return struct.pack("d", number)


def rows_of(frame: Frame) -> list[Row]:
    """Return the rows; features without what is missing, by name."""
    columns = frame.columns()
    texts = [*frame.texts, ""]  # NO_TEXT is the last
    rows = []
    for i, prediction_id in enumerate(frame.id_list()):
        shape = int(columns.row_shapes[i])
        names = columns.shapes[columns.shape_starts[shape] : columns.shape_starts[shape + 1]].tolist()
        cells = columns.cells[columns.row_starts[i] : columns.row_starts[i + 1]]
        values = [(name, value(word, texts)) for name, word in zip(names, cells, strict=True)]
        rows.append(
            Row(
                int(columns.positions[i]),
                prediction_id,
                texts[columns.models[i]],
                int(columns.event_ms[i]),
                int(columns.hashes[i]),
                texts[columns.versions[i]],
                texts[columns.producers[i]],
                value(columns.labels[i], texts),
                int(columns.lanes[i]),
                int(columns.revisions[i]),
                columns.scores[i].tobytes(),
                columns.latencies[i].tobytes(),
                tuple(sorted((texts[name], each) for name, each in values if name >= 0)),
                tuple(sorted((texts[~name], each) for name, each in values if name < 0)),
            )
        )
    return rows


def value(word: np.uint64, texts: list[str]) -> object:
    """Return a text, the bits of a number, or what else the word says."""
    if is_text(np.array([word]))[0]:
        return texts[int(word) & 0xFFFF_FFFF]
    named = {MISSING: None, INVALID: "invalid"}
    return named.get(int(word), struct.pack("Q", int(word)))
