"""A frame as rows by model, for what is done row by row."""

from __future__ import annotations

import numpy as np

from stream.folds.blocks import INVALID, MISSING, NUMBER, Column, Rows, text_column
from stream.folds.frame import FEEDBACK_LANE, Columns, Frame, Ints, Words, is_number, is_text, text_codes
from stream.folds.frame import MISSING as MISSING_WORD


def rows_of_frame(topic: str, frame: Frame) -> tuple[Rows, ...]:
    """Return the rows of a frame by model, models in order of first appearance."""
    columns, ids = frame.columns(), frame.id_list()
    models = list(dict.fromkeys(columns.models.tolist()))
    return tuple([_rows(topic, columns, ids, np.flatnonzero(columns.models == model)) for model in models])


def _rows(topic: str, columns: Columns, ids: list[str], mine: Ints) -> Rows:
    lanes = ["feedback" if lane == FEEDBACK_LANE else "truth" for lane in columns.lanes[mine].tolist()]
    is_prediction = topic == "predictions"
    names = _names(columns, mine)
    return Rows(
        kind="prediction" if is_prediction else "label",
        model=columns.texts[columns.models[mine[0]]],
        n=len(mine),
        positions=columns.positions[mine].tobytes(),
        event_ms=columns.event_ms[mine].tobytes(),
        ids=tuple([ids[row] for row in mine.tolist()]),
        version=text_column("version", _texts(columns, columns.versions[mine])),
        source=text_column("source", _texts(columns, columns.producers[mine])),
        label=_column("label", columns.labels[mine], columns.texts),
        lane=text_column("lane", [""] * len(mine) if is_prediction else lanes),
        score=columns.scores[mine].tobytes(),
        latency_ms=columns.latencies[mine].tobytes(),
        shadow=tuple([(columns.texts[~n], _shadow(_words(columns, mine, n))) for n in names if n < 0]),
        features=tuple(
            [_column(columns.texts[n], _words(columns, mine, n), columns.texts) for n in names if n >= 0],
        ),
    )


def _names(columns: Columns, mine: Ints) -> list[int]:
    shapes = [columns.shapes[columns.shape_starts[s] : columns.shape_starts[s + 1]] for s in _shapes(columns, mine)]
    return list(dict.fromkeys(name for shape in shapes for name in shape.tolist()))


def _shapes(columns: Columns, mine: Ints) -> list[int]:
    return list(dict.fromkeys(columns.row_shapes[mine].tolist())) if len(columns.shapes) else []


def _words(columns: Columns, mine: Ints, name: int) -> Words:
    """Return the words of one name, MISSING where a row's shape does not have it."""
    found = np.full(len(mine), MISSING_WORD, np.uint64)
    for shape in _shapes(columns, mine):
        at = np.flatnonzero(columns.shapes[columns.shape_starts[shape] : columns.shape_starts[shape + 1]] == name)
        rows = np.flatnonzero(columns.row_shapes[mine] == shape)
        if len(at):
            found[rows] = columns.cells[columns.row_starts[mine[rows]] + at[0]]
    return found


def _shadow(words: Words) -> bytes:
    return np.where(is_number(words), words.view(np.float64), np.nan).tobytes()


def _column(name: str, words: Words, texts: tuple[str, ...]) -> Column:
    codes = np.where(words == np.uint64(MISSING_WORD), MISSING, INVALID)
    codes = np.where(is_number(words), NUMBER, np.where(is_text(words), text_codes(words), codes))
    return Column(name, _shadow(words), codes.astype("<i4").tobytes(), texts)


def _texts(columns: Columns, codes: np.ndarray) -> list[str]:
    return [columns.texts[code] if code >= 0 else "" for code in codes.tolist()]
