"""Tables of values as a panel of their first panes, and as panes after them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.bins import MISSING, Bins
from detectors.centres import number_centres
from detectors.columns import Binned, bin_numbers, bin_texts, count_by_pane, expected_shares
from detectors.panel.fit import ReferenceCounts, fit_panel
from detectors.panel.gauge_state import Pane
from detectors.panel.joint import pair_sums, with_joint
from detectors.panel.panel import Panel
from detectors.scores import order_by_frequency, order_by_score

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]
"""Values by feature, ``(n,)`` each; texts and None in columns of objects."""


class Cut(NamedTuple):
    """How a table is cut into panes.

    Attributes
    ----------
    rows
        In a pane.
    panes
        Of the reference.
    scales
        Panes of the windows; None: chosen by the reference.
    phases
        Panes of a cycle.
    """

    rows: int
    panes: int
    scales: tuple[int, ...] | None = None
    phases: int = 1


def fit_table(columns: Columns, kinds: Mapping[str, str], cut: Cut, score: Floats | None = None) -> Panel:
    """Return the panel, with a joint test, of the first rows of a table.

    Parameters
    ----------
    kinds
        ``number`` or ``category`` for each feature; one that has no column is missing in every row.
    score
        Of the model, for the first rows at least: levels are ordered by it. None: by their frequency.
    """
    known = cut.rows * cut.panes
    binned = [_binned(name, kind, columns.get(name), known) for name, kind in kinds.items()]
    bins, width = tuple(one.bins for one in binned), max(one.bins.width for one in binned)
    codes = np.stack([one.codes for one in binned])
    counts, rows = counted(codes, width, cut.rows), np.full(cut.panes, cut.rows)
    seen_once = np.array([one.seen_once for one in binned])
    order = np.stack([_padded(_order(one, score, known), width) for one in binned])
    centres = np.stack([_padded(_centres(one), width) for one in binned])
    panel = fit_panel(ReferenceCounts(bins, counts, rows, seen_once, order, centres), cut.scales, cut.phases)
    sums = np.stack([pairs(panel, part) for part in np.split(codes, cut.panes, axis=1)])
    return with_joint(panel, sums, rows.astype(np.float64), np.arange(len(bins)))


def encoded(panel: Panel, columns: Columns, rows: int) -> Ints:
    """Return the bin of each value, ``(F, rows)``; what a table lacks is missing."""
    return np.stack([_codes(bins, columns.get(bins.name), rows) for bins in panel.bins])


def pane(panel: Panel, codes: Ints, number: int = 0) -> Pane:
    """Return the rows of `codes`, ``(F, n)``, as one pane."""
    rows = codes.shape[1]
    return Pane(counted(codes, panel.shares.shape[1], max(rows, 1))[0], rows, pairs(panel, codes), number)


def counted(codes: Ints, width: int, rows: int) -> Ints:
    """Return counts by pane of so many rows, feature and bin, ``(panes, F, width)``; a pane at least."""
    panes = max(1, codes.shape[1] // rows)
    of_row = np.repeat(np.arange(panes), rows)[: codes.shape[1]]
    return np.stack([count_by_pane(own, width, of_row, panes) for own in codes], 1).astype(np.int64)


def pairs(panel: Panel, codes: Ints) -> Ints:
    """Return the sums of pairs of all features over rows, ``(F (F + 1) / 2,)``."""
    return pair_sums(np.take_along_axis(panel.normal_scores, codes, 1).T)


def _binned(name: str, kind: str, column: NDArray[Any] | None, rows: int) -> Binned:
    if kind == "number":
        return bin_numbers(name, np.full(rows, np.nan) if column is None else column[:rows])
    return bin_texts(name, [None] * rows if column is None else column[:rows].tolist())


def _codes(bins: Bins, column: NDArray[Any] | None, rows: int) -> Ints:
    if column is None:
        return np.full(rows, MISSING)
    if bins.kind == "number":
        return bins.number_codes(column)
    texts = [None if value is None or value != value else str(value) for value in column.tolist()]  # noqa: PLR0124
    levels = [level for level in dict.fromkeys(texts) if level is not None]
    code: dict[str | None, int] = dict(zip(levels, bins.level_codes(levels).tolist(), strict=True))
    return np.array([code.get(text, MISSING) for text in texts], np.int64)


def _order(one: Binned, score: Floats | None, rows: int) -> Floats:
    if score is not None:
        return order_by_score(one.codes, score[:rows], one.bins.width)
    return order_by_frequency(_shares(one))


def _centres(one: Binned) -> Floats:
    if one.bins.kind == "number":
        return number_centres(one.bins, one.values, _shares(one)).standard
    return np.zeros(one.bins.width)


def _shares(one: Binned) -> Floats:
    return expected_shares(np.bincount(one.codes, minlength=one.bins.width).astype(np.float64), one.seen_once)


def _padded(values: Floats, width: int) -> Floats:
    return np.pad(values, (0, width - len(values)))
