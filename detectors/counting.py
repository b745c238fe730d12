"""Rows of a reference as counts: features in bins, the model's answers among them, by pane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors import centres, scores
from detectors.artifact import SERVED
from detectors.bins import with_edge
from detectors.columns import Binned, bin_numbers, bin_texts, count_by_pane, expected_shares
from detectors.estimate.answers import THRESHOLD
from detectors.given import Answers, Column
from detectors.panel.fit import ReferenceCounts

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class PanesOfRows(NamedTuple):
    """Which pane each row is in, ``(n,)``; the panes' starts and rows, ``(R,)``."""

    of_row: Ints
    starts: Ints
    rows: Ints


def panes_of(pane_of_row: Ints) -> PanesOfRows:
    """Return the panes of rows whose starts are given, ``(n,)``.

    >>> panes_of(np.array([60, 0, 60])).of_row
    array([1, 0, 1])
    """
    starts, of_row, rows = np.unique(pane_of_row, return_inverse=True, return_counts=True)
    return PanesOfRows(of_row.astype(np.int64), starts, rows.astype(np.int64))


def bin_column(name: str, kind: str, column: Column | None, n: int) -> Binned:
    """Return a feature in bins that are fitted to it; all missing if there is no column.

    Raises
    ------
    ValueError
        If the kind is neither number nor category, or the column has not ``n`` values.
    """
    if kind == "number":
        binned = bin_numbers(name, np.full(n, np.nan) if column is None else cast(ArrayLike, column))
    elif kind == "category":
        binned = bin_texts(name, [None] * n if column is None else cast(Sequence[str | None], column))
    else:
        raise ValueError(f"kind of {name} must be number or category, got {kind!r}")
    if len(binned.codes) != n:
        raise ValueError(f"{name} has {len(binned.codes)} values for {n} rows")
    return binned


def outputs_of(answers: Answers | None, n: int) -> list[Binned]:
    """Return the model's answers as a feature; none if no row has one."""
    if answers is None:
        return []
    kind = "category" if answers.task == "multiclass" else "number"
    binned = bin_column(SERVED[answers.task], kind, answers.served, n)
    if answers.task == "binary":
        bins = with_edge(binned.bins, THRESHOLD)
        binned = binned._replace(bins=bins, codes=bins.number_codes(binned.values).astype(np.int16))
    return [binned] if binned.codes.any() else []


def carried_by(answers: Answers | None) -> Floats | None:
    """Return a number for each row by which levels are ordered; None for classes, and without answers."""
    if answers is None or answers.task == "multiclass":
        return None
    return np.nan_to_num(np.asarray(answers.served, np.float64), posinf=0.0, neginf=0.0)


def count_rows(features: Sequence[Binned], panes: PanesOfRows, carried: Floats | None) -> ReferenceCounts:
    """Return the rows of each pane by feature and bin, with the order of levels and the centres of bins; O(F n).

    Parameters
    ----------
    carried
        By which levels are ordered, ``(n,)``; None: by frequency.
    """
    width = max(f.bins.width for f in features)
    counts = np.stack([count_by_pane(f.codes, width, panes.of_row, len(panes.rows)) for f in features], 1)
    order, middle = np.zeros((len(features), width)), np.zeros((len(features), width))
    for i, feature in enumerate(features):
        own = slice(0, feature.bins.width)
        shares = expected_shares(counts[:, i, own].sum(0), feature.seen_once)
        middle[i, own], order[i, own] = _centres(feature, shares), _order(feature, shares, carried)
    return ReferenceCounts(
        bins=tuple(f.bins for f in features),
        counts=counts.astype(np.int64),
        rows=panes.rows,
        seen_once=np.array([f.seen_once for f in features], np.int64),
        order=order,
        centres=middle,
    )


def _centres(feature: Binned, shares: Floats) -> Floats:
    if feature.bins.kind == "category":
        return np.zeros(feature.bins.width)
    return centres.number_centres(feature.bins, feature.values, shares).standard


def _order(feature: Binned, shares: Floats, carried: Floats | None) -> Floats:
    if carried is None or feature.bins.kind == "number":
        return scores.order_by_frequency(shares)
    return scores.order_by_score(feature.codes, carried, feature.bins.width)
