"""Rows in bins that the rows before an onset cut: values of a feature, losses, or whether a label came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors.bins import MISSING, Bins, fit_category, fit_number
from detectors.row_losses import row_losses
from stream.ops.blame_rows import Rows, texts_of

if TYPE_CHECKING:
    from streamgauge.spec import MonitorSpec

    from detectors.reference import Column

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

ANSWERS = ("__score__", "__prediction__")
"""What the model answered, by the names under which it is watched."""

LABELS = "labels"
NO_BIN = -1


@dataclass(frozen=True, slots=True)
class Coding:
    """How rows fall into bins.

    Attributes
    ----------
    target
        A feature, an answer, ``labels``, or the metric whose losses are meant.
    task
        Of the monitor.
    bins
        None for labels.
    is_loss
        Whether `target` is a metric.
    """

    target: str
    task: str
    bins: Bins | None
    is_loss: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """What each bin holds, in words."""
        if self.bins is None:
            return "no label", "a label"
        return tuple(self.bins.label(bin_) for bin_ in range(self.bins.width))

    def codes(self, rows: Rows) -> Ints:
        """Return the bin of each row, ``(n,)``; -1 for rows that say nothing of it."""
        if self.bins is None:
            return np.asarray(rows.is_labelled, np.int64)
        if self.bins.kind == "category":
            return _level_codes(self.bins, texts_of(self._column(rows)))
        numbers = self.numbers(rows)
        return np.where(np.isnan(numbers) & self.is_loss, NO_BIN, self.bins.number_codes(numbers))

    def numbers(self, rows: Rows) -> Floats:
        """Return the numbers behind the bins, ``(n,)``; NaN for none."""
        if self.is_loss:
            return row_losses(self.task, np.asarray(rows.served), np.asarray(rows.truth))[self.target]
        return np.asarray(self._column(rows), np.float64)

    @property
    def has_numbers(self) -> bool:
        """Whether there are numbers behind the bins."""
        return self.bins is not None and self.bins.kind == "number"

    def _column(self, rows: Rows) -> Column:
        return rows.served if self.target in ANSWERS else rows.columns[self.target]


def coding_of(spec: MonitorSpec, rows: Rows, target: str, *, is_loss: bool) -> Coding:
    """Return bins cut by the rows before the onset."""
    if target == LABELS:
        return Coding(target, spec.task, None)
    before = ~rows.is_after
    if not is_loss and _is_category(spec, target):
        texts = texts_of(rows.served if target in ANSWERS else rows.columns[target])
        return Coding(target, spec.task, fit_category(target, [texts[i] for i in np.flatnonzero(before)]))
    numbers = Coding(target, spec.task, fit_number(target, []), is_loss).numbers(rows)
    return Coding(target, spec.task, fit_number(target, numbers[before]), is_loss)


def _is_category(spec: MonitorSpec, target: str) -> bool:
    if target in ANSWERS:
        return spec.task == "multiclass"
    return spec.features[target].type == "category"


def _level_codes(bins: Bins, texts: list[str | None]) -> Ints:
    codes = bins.level_codes([text or "" for text in texts])
    return np.where([text is None for text in texts], MISSING, codes).astype(np.int64)
