"""Rows as a reference is made of them: values by feature, panes, answers and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Column = ArrayLike | Sequence[str | None]


class Answers(NamedTuple):
    """What the model answered, and what turned out to be true.

    Attributes
    ----------
    task
        ``binary``, ``multiclass`` or ``regression``.
    served
        Scores in [0, 1], values (NaN: none), or classes (None: none), ``(n,)``.
    truth
        Labels, ``(n,)``; None: no labels are known.
    """

    task: str
    served: Column
    truth: Column | None = None

    def of(self, rows: Flags) -> Answers:
        """Return those of some rows, ``(n,)``."""
        return Answers(self.task, chosen(self.served, rows), None if self.truth is None else chosen(self.truth, rows))


class Given(NamedTuple):
    """All that is known of the rows; see `detectors.reference.fit_reference`."""

    columns: Mapping[str, Column]
    pane_of_row: Ints
    label_ages_ms: ArrayLike | None
    answers: Answers | None
    repeated_ms: ArrayLike | None = None

    @property
    def ages_ms(self) -> Ints:
        """Age at which the label of each row came, -1 for never; empty if no labels are known."""
        return np.asarray([] if self.label_ages_ms is None else self.label_ages_ms, np.int64)

    def of_panes(self, used: Flags) -> Given:
        """Return the rows of some of the panes, ``(R,)``; ValueError if a column has not as many values as others."""
        if used.all():
            return self
        rows = used[np.unique(self.pane_of_row, return_inverse=True)[1]]
        ages, answers = self.label_ages_ms, self.answers
        return Given(
            {name: chosen(column, rows) for name, column in self.columns.items()},
            self.pane_of_row[rows],
            None if ages is None else np.asarray(ages, np.int64)[rows],
            None if answers is None else answers.of(rows),
            self.repeated_ms,
        )


def chosen(column: Column, rows: Flags) -> Column:
    """Return the values of some rows, ``(n,)``; ValueError if there are not as many values.

    >>> chosen(["a", None, "b"], np.array([True, False, True]))
    ['a', 'b']
    """
    values = column if isinstance(column, np.ndarray) else list(cast(Sequence[str | None], column))
    if len(values) != len(rows):
        raise ValueError(f"a column has {len(values)} values for {len(rows)} rows")
    return values[rows] if isinstance(values, np.ndarray) else list(compress(values, rows.tolist()))
