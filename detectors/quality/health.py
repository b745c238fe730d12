"""What is counted in a pane about the health of its data: of one pane, and of all panes of a reference."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class PaneHealth(NamedTuple):
    """Of one pane, all versions together; arrays ``(F,)`` in the reference's order of features.

    Attributes
    ----------
    rows, duplicates
        Rows, and events that were dropped since they had been there; those are not among the rows.
    missing, invalid
        Rows without a value, and rows with one that is none (a text for a number, NaN, infinity): no row is both.
    unseen
        Rows with a level that the reference did not have; 0 for numbers.
    below, above
        Rows with a number below, or above, all of the reference's; 0 for categories.
    constant
        Features with two values or more, all of them equal (of a category: in one bin).
    """

    rows: int
    duplicates: int
    missing: Ints
    invalid: Ints
    unseen: Ints
    below: Ints
    above: Ints
    constant: Flags


class ReferenceHealth(NamedTuple):
    """Of the R panes of a reference in time order, empty ones with 0 rows; arrays ``(R,)`` or ``(R, F)``.

    Within a reference nothing is unseen or out of its range. So `unseen` counts against the other panes, and for
    the range the ends of the distribution say how extremes come, alone or in clusters: see `binned`.

    Attributes
    ----------
    rows, duplicates, missing, invalid
        As in `PaneHealth`.
    unseen
        Rows with a level that no other pane has; 0 for numbers.
    low, high
        Rows with a number at the lower, and the upper, end of the reference: about its outermost hundredth, or more if
        that is less than two rows a pane. 0 for categories.
    modal
        Rows with the pane's most frequent value, or of its fullest bin, which are no fewer.
    """

    rows: Ints
    duplicates: Ints
    missing: Ints
    invalid: Ints
    unseen: Ints
    low: Ints
    high: Ints
    modal: Ints


def refuse_pane(pane: PaneHealth, features: int) -> None:
    """Raise ValueError unless the counts of a pane are of so many features, and none exceeds its rows."""
    for name, counts in zip(pane._fields[2:], pane[2:], strict=True):
        if counts.shape != (features,):
            raise ValueError(f"need {name} of {features} features, got shape {counts.shape}")
    if pane.rows < 0 or pane.duplicates < 0:
        raise ValueError(f"need rows and duplicates of 0 or more, got {pane.rows} and {pane.duplicates}")


def refuse_reference(reference: ReferenceHealth, features: int, phases: int) -> None:
    """Raise ValueError unless the counts of a reference are of so many features, and of two cycles or more."""
    panes = len(reference.rows)
    refuse_cycles(panes, phases)
    for name, counts in zip(reference._fields, reference, strict=True):
        shape = (panes,) if name in ("rows", "duplicates") else (panes, features)
        if counts.shape != shape or (counts < 0).any():
            raise ValueError(f"need {name} of 0 or more, {shape}, got {counts.shape}")
    if (reference.missing + reference.invalid > reference.rows[:, None]).any():
        raise ValueError("a feature is missing or invalid in more rows than there are")


def refuse_cycles(panes: int, phases: int) -> None:
    """Raise ValueError unless there are a pane, and two cycles where there is one."""
    if phases < 1 or panes < 1 or (phases > 1 and panes < 2 * phases):
        raise ValueError(f"a reference needs a pane and two cycles, got {panes} panes and {phases} phases")


def refuse_rows(rows: Ints, phases: int) -> None:
    """Raise ValueError unless rows of panes, ``(R,)``, are counts and cover two cycles."""
    refuse_cycles(len(rows), phases)
    if rows.ndim != 1 or (rows < 0).any():
        raise ValueError(f"need rows of 0 or more, (R,), got {rows.shape}")
