"""How close rows follow each other where a file does not say when they happened."""

from __future__ import annotations

from stream.backtest.pane import covered
from stream.backtest.reader import ROW_MS, RowsFile


def pace_ms(rows: RowsFile, reference: RowsFile | None) -> float:
    """Return the milliseconds from one row to the next: a second, or where one file alone has event times its mean.

    So a pane holds as many rows of either file, on the whole.
    """
    if reference is None or rows.is_timed == reference.is_timed:
        return ROW_MS
    known = covered((rows if rows.is_timed else reference).times())
    return max(1.0, known.span_ms / known.rows)
