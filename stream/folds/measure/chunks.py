"""Room for what compiled code writes about rows on their way into the sums."""

from __future__ import annotations

import numpy as np

from stream.folds.measure.chunk_kernels import CHUNK, Chunk, Turns
from stream.folds.measure.feature_kernels import MEMO, Found


def room_for_turns(count: int, keys: int) -> Turns:
    """Return room for turns of rows with lineages, where so many keys are open."""
    accepted, lineage, place = np.empty((3, count), np.int32)
    return Turns(accepted, lineage, place, np.zeros(keys + 1, np.int64))


def room_for_chunk() -> Chunk:
    """Return room for the rows of a chunk."""
    place, plan, cells, latency, base = np.empty((5, CHUNK), np.int64)
    return Chunk(place, plan, cells, latency, np.empty(CHUNK, np.uint64), np.empty(CHUNK), base)


def room_for_found(features: int, texts: int) -> Found:
    """Return room for what features come to in the rows of a chunk; `texts` of them count by name at most."""
    each = features * CHUNK
    named, (invalid, partial, distances) = np.empty(3 * texts * CHUNK, np.int64), np.empty((3, CHUNK), np.int64)
    cells, scores, values = np.empty(each, np.int32), np.empty(each, np.int16), np.empty(each)
    one, tags, levels = (
        np.empty(features, np.int64),
        np.zeros(features * MEMO, np.int64),
        np.zeros(features * MEMO, np.int32),
    )
    return Found(cells, scores, values, named, invalid, partial, distances, one, tags, levels, np.zeros(1, np.int64))
