"""Chunks and labels as frames: what ledger blocks carry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream.backtest.chunk import Chunk, Labels
from stream.backtest.texts import Texts, text_hashes
from stream.folds.blocks import LINE_BITS
from stream.folds.frame import NO_TEXT, TEXT, Frame, is_text, text_codes

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]


def prediction_frame(chunk: Chunk, start: int, end: int) -> Frame:
    """Return rows ``start .. end - 1`` of a chunk; their positions are their row numbers. O(values)."""
    n, features = end - start, chunk.cells.shape[1]
    cells, served, versions = chunk.cells[start:end], chunk.served[start:end], chunk.versions[start:end]
    texts, hashes = chunk.texts, chunk.text_hashes
    fixed = int(chunk.shape.max()) + 1
    if len(texts) - fixed > n:
        used = _used(fixed, cells, served, versions)
        texts, hashes = tuple(texts[code] for code in used.tolist()), hashes[used]
        cells, served = _words(cells, used), _words(served, used)
        versions = np.where(versions < 0, NO_TEXT, np.searchsorted(used, versions))
    scores, ids = chunk.scores[start:end], chunk.ids.part(start, end)
    return Frame(
        n=n,
        positions=(chunk.rows[start:end] << LINE_BITS).tobytes(),
        event_ms=chunk.event_ms[start:end].tobytes(),
        hashes=chunk.hashes[start:end].tobytes(),
        ids=ids.packed(),
        id_sizes=ids.sizes.astype("<u2").tobytes(),
        texts=texts,
        text_hashes=hashes.tobytes(),
        models=bytes(4 * n),
        versions=versions.astype("<i4").tobytes(),
        producers=np.full(n, NO_TEXT, "<i4").tobytes(),
        labels=served.tobytes(),
        lanes=b"",
        revisions=b"",
        scores=b"" if np.isnan(scores).all() else scores.tobytes(),
        latencies=b"",
        shapes=chunk.shape.astype("<i4").tobytes(),
        shape_sizes=np.array([features], "<i4").tobytes(),
        row_shapes=b"",
        cells=cells.tobytes(),
    )


def label_frame(labels: Labels, truths: Texts, model: str, first: int) -> Frame:
    """Return labels as a frame; `first` is the number of the first one among all that were appended."""
    n, known = len(labels), np.array(truths.names, object)
    used = _used(0, labels.words, labels.words, np.zeros(0, np.int64))
    texts = (model, *known[used].tolist())
    nobody = np.full(n, NO_TEXT, "<i4").tobytes()
    return Frame(
        n=n,
        positions=(np.arange(first, first + n) << LINE_BITS).tobytes(),
        event_ms=labels.event_ms.tobytes(),
        hashes=labels.hashes.tobytes(),
        ids=labels.ids.packed(),
        id_sizes=labels.ids.sizes.astype("<u2").tobytes(),
        texts=texts,
        text_hashes=text_hashes(texts).tobytes(),
        models=bytes(4 * n),
        versions=nobody,
        producers=nobody,
        labels=_words(labels.words, used, 1).tobytes(),
        lanes=b"",
        revisions=labels.revisions.tobytes() if labels.revisions.any() else b"",
        scores=b"",
        latencies=b"",
        shapes=b"",
        shape_sizes=bytes(4),
        row_shapes=b"",
        cells=b"",
    )


def _used(fixed: int, cells: Words, served: Words, versions: Ints) -> Ints:
    """Return the codes of texts that are used, rising; the first `fixed` are."""
    codes = [text_codes(words[is_text(words)]) for words in (cells, served)]
    found: Ints = np.unique(np.concatenate([np.arange(fixed), *codes, versions[versions >= 0]]))
    return found


def _words(words: Words, used: Ints, after: int = 0) -> Words:
    """Return words with the codes that their texts have among those that are used, behind `after` others."""
    texts = is_text(words)
    if not texts.any():
        return words
    found = words.copy()
    codes = np.searchsorted(used, text_codes(words[texts])) + after
    found[texts] = codes.astype(np.uint64) | np.uint64(TEXT)
    return found
