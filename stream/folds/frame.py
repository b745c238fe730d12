"""Frames: events of one kind, of many models, as columns; what a ledger block carries and what `measure` adds up.

Texts (models, versions, producers, names and values of features) stand once in a table; columns hold their codes. The
features of a row are *words* of 64 bits, one after the other; which names they belong to, the row's *shape* says. So a
thousand models with their own features, or features that come and go, cost no more than one model.

A word is a finite float64, or one of the NaNs below: a text's code, missing, or invalid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.folds.hash_kernels import hash64

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

MISSING: Final = 0x7FF8_0000_0000_0001
INVALID: Final = 0x7FF8_0000_0000_0002
TEXT: Final = 0xFFF8_0000_0000_0000  # with the text's code in the low 32 bits
NUMBER_MASK: Final = 0x7FF0_0000_0000_0000  # all set: no finite number

NO_TEXT: Final = -1
_ALL_WHOLE: Final = 1e16
TRUTH_LANE, FEEDBACK_LANE = 0, 1


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """Rows of one kind (predictions or labels) as columns of length ``n``, little endian, in source order.

    Attributes
    ----------
    positions
        int64, positions in the source (``offset << 16 | line``), strictly rising.
    event_ms
        int64, event times in epoch milliseconds.
    hashes
        uint64, identities: `identity` of model and prediction_id.
    ids, id_sizes
        The prediction_ids in UTF-8, one after the other, and the bytes of each, uint16.
    texts, text_hashes
        The distinct texts of the frame, and the hash of each, uint64.
    models, versions, producers
        int32, codes of texts; NO_TEXT: none.
    labels
        uint64, a word: predicted class or value in a prediction, truth in a label.
    lanes, revisions
        uint8, of labels: TRUTH_LANE or FEEDBACK_LANE, and the revision (0 first). Empty: all 0.
    scores, latencies
        float64, NaN where absent. Empty: absent everywhere.
    shapes, shape_sizes
        The names of each shape, one shape after the other, int32: a text's code for a feature, ``~code`` for the
        score of a shadow whose version that text is. How many names each shape has, int32.
    row_shapes
        int32, each row's shape. Empty: all rows have the first.
    cells
        uint64, the words of all rows, one row after the other, each as long as its shape.
    """

    n: int
    positions: bytes
    event_ms: bytes
    hashes: bytes
    ids: bytes
    id_sizes: bytes
    texts: tuple[str, ...]
    text_hashes: bytes
    models: bytes
    versions: bytes
    producers: bytes
    labels: bytes
    lanes: bytes
    revisions: bytes
    scores: bytes
    latencies: bytes
    shapes: bytes
    shape_sizes: bytes
    row_shapes: bytes
    cells: bytes

    def columns(self) -> Columns:
        """Return the columns as arrays. O(rows) at most, without copies where a column is there."""
        n = self.n
        shape_sizes = np.frombuffer(self.shape_sizes, "<i4")
        row_shapes = np.frombuffer(self.row_shapes or bytes(4 * n), "<i4")
        return Columns(
            n=n,
            positions=np.frombuffer(self.positions, "<i8"),
            event_ms=np.frombuffer(self.event_ms, "<i8"),
            hashes=np.frombuffer(self.hashes, "<u8"),
            texts=self.texts,
            text_hashes=np.frombuffer(self.text_hashes, "<u8"),
            models=np.frombuffer(self.models, "<i4"),
            versions=np.frombuffer(self.versions, "<i4"),
            producers=np.frombuffer(self.producers, "<i4"),
            labels=np.frombuffer(self.labels, "<u8"),
            lanes=np.frombuffer(self.lanes, "u1") if self.lanes else np.zeros(n, np.uint8),
            revisions=np.frombuffer(self.revisions, "u1") if self.revisions else np.zeros(n, np.uint8),
            scores=_floats(self.scores, n),
            latencies=_floats(self.latencies, n),
            shapes=np.frombuffer(self.shapes, "<i4"),
            shape_starts=_starts(shape_sizes),
            row_shapes=row_shapes,
            row_starts=_starts(shape_sizes[row_shapes]) if self.row_shapes else _every(shape_sizes[:1].sum(), n),
            cells=np.frombuffer(self.cells, "<u8"),
        )

    def id_list(self) -> list[str]:
        """Return the prediction_ids."""
        ends = np.cumsum(np.frombuffer(self.id_sizes, "<u2"), dtype=np.int64).tolist()
        return [self.ids[start:end].decode() for start, end in zip([0, *ends], ends, strict=False)]


@dataclass(frozen=True, slots=True)
class Columns:
    """A frame's columns as arrays, ``(n,)`` where not said otherwise; read-only.

    Attributes
    ----------
    shape_starts
        ``(shapes + 1,)``: shape ``s`` names ``shapes[shape_starts[s] : shape_starts[s + 1]]``.
    row_starts
        ``(n + 1,)``: the words of row ``i`` are ``cells[row_starts[i] : row_starts[i + 1]]``.
    """

    n: int
    positions: Ints
    event_ms: Ints
    hashes: Words
    texts: tuple[str, ...]
    text_hashes: Words
    models: Codes
    versions: Codes
    producers: Codes
    labels: Words
    lanes: NDArray[np.uint8]
    revisions: NDArray[np.uint8]
    scores: Floats
    latencies: Floats
    shapes: Codes
    shape_starts: Ints
    row_shapes: Codes
    row_starts: Ints
    cells: Words

    def part(self, start: int, end: int) -> Columns:
        """Return the rows ``start .. end - 1``: views; texts, shapes and words are those of all."""
        of_rows = {name: getattr(self, name)[start:end] for name in _OF_ROWS}
        return replace(self, n=end - start, row_starts=self.row_starts[start : end + 1], **of_rows)


_OF_ROWS = (
    "positions", "event_ms", "hashes", "models", "versions", "producers", "labels", "lanes", "revisions", "scores",
    "latencies", "row_shapes",
)  # fmt: skip


def identity(model: str, prediction_id: str) -> int:
    """Return the 64 bits that stand for a prediction within a ledger partition.

    Two of ``n`` pending predictions share them by chance with a probability of ``n² / 2⁶⁵``: 1 in 90,000 at 20 million.

    >>> identity("m", "a") == identity("m", "a") != identity("a", "m")
    True
    """
    return text_hash(prediction_id, text_hash(model))


def text_hash(text: str, seed: int = 0) -> int:
    """Return the hash of a text."""
    data = text.encode()
    return int(hash64(np.frombuffer(data, np.uint8), 0, len(data), np.uint64(seed)))


def number_word(value: float) -> int:
    """Return the word of a number; INVALID if it is not finite.

    >>> number_word(1.0) == 0x3FF0_0000_0000_0000, number_word(float("nan")) == INVALID
    (True, True)
    """
    word = int(np.float64(value).view(np.uint64))
    return word if word & NUMBER_MASK != NUMBER_MASK else INVALID


def number_text(value: float) -> str:
    """Return the text of a finite number that stands where a text belongs: as short as it is exact.

    >>> number_text(7.0), number_text(1234567.0), number_text(0.1), number_text(-0.0)
    ('7', '1234567', '0.1', '0')
    """
    return str(int(value)) if value.is_integer() and abs(value) < _ALL_WHOLE else repr(value)


def is_number(words: Words) -> NDArray[np.bool_]:
    """Say which words are finite numbers."""
    mask = np.uint64(NUMBER_MASK)
    found: NDArray[np.bool_] = (words & mask) != mask
    return found


def is_text(words: Words) -> NDArray[np.bool_]:
    """Say which words are codes of texts."""
    found: NDArray[np.bool_] = (words >> np.uint64(32)) == np.uint64(TEXT >> 32)
    return found


def text_codes(words: Words) -> Ints:
    """Return the codes of words that are texts."""
    return (words & np.uint64(0xFFFF_FFFF)).astype(np.int64)


def _floats(data: bytes, n: int) -> Floats:
    return np.frombuffer(data, "<f8") if data else np.full(n, np.nan)


def _every(size: np.integer, n: int) -> Ints:
    return np.arange(n + 1, dtype=np.int64) * np.int64(size)


def _starts(sizes: Codes) -> Ints:
    starts = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=starts[1:])
    return starts
