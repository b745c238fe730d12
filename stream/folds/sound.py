"""Whether a frame holds what it promises: compiled code reads where its codes say, and looks at nothing twice."""

from __future__ import annotations

import numpy as np

from stream.folds.frame import NO_TEXT, Codes, Columns, Frame
from stream.folds.frame_kernels import codes_within, texts_within


def check_frame(frame: Frame, c: Columns) -> None:
    """Raise ValueError unless all columns are as long as they say, and shapes are names of the frame's texts."""
    columns = (
        c.positions, c.event_ms, c.hashes, c.models, c.versions, c.producers, c.labels, c.lanes, c.revisions, c.scores,
        c.latencies, c.row_shapes,
    )  # fmt: skip
    sizes = np.frombuffer(frame.id_sizes, "<u2")
    if any(len(column) != c.n for column in columns) or len(sizes) != c.n or int(sizes.sum()) != len(frame.ids):
        raise ValueError(f"a frame says {c.n} rows, and a column has others")
    if (np.diff(c.shape_starts) < 0).any() or c.shape_starts[-1] != len(c.shapes) or c.row_starts[-1] != len(c.cells):
        raise ValueError("a frame's words do not fit its shapes")
    if len(c.text_hashes) != len(c.texts) or not codes_within(names_of(c), 0, len(c.texts)):
        raise ValueError("a frame has a name of no text")
    if not codes_within(c.row_shapes, 0, len(c.shape_starts) - 1):
        raise ValueError("a frame has a row of no shape")


def check_rows(c: Columns) -> None:
    """Raise ValueError if a row has a code of no text, in its columns or in its words. O(words)."""
    texts = len(c.texts)
    codes = ((c.models, 0), (c.versions, NO_TEXT), (c.producers, NO_TEXT))
    if not all(codes_within(column, low, texts) for column, low in codes):
        raise ValueError("a row has a code of no text")
    if not (texts_within(c.cells[c.row_starts[0] : c.row_starts[-1]], texts) and texts_within(c.labels, texts)):
        raise ValueError("a row has a word of no text")


def names_of(c: Columns) -> Codes:
    """Return the texts that the names of shapes are, of features and of shadows alike."""
    names = np.where(c.shapes < 0, ~c.shapes, c.shapes)
    names.setflags(write=False)  # as columns are that lie in a message: one type for compiled code
    return names
