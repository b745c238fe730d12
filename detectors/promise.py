"""How well a model answered the reference's rows: what later panes are held against, for all rows and by segment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.losses import pane_mean

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Name and value of a segment; both empty for all rows.
Group = tuple[str, str]
ALL: Group = ("", "")


class GroupLosses(msgspec.Struct, frozen=True):
    """Losses of the labelled rows of each group, in the metric's unit: number, sums, sums of squares.

    Attributes
    ----------
    design_effects
        Variance of the mean loss over panes against independent rows, 1 or more.
    """

    n: tuple[float, ...]
    total: tuple[float, ...]
    squares: tuple[float, ...]
    design_effects: tuple[float, ...]


class Promise(msgspec.Struct, frozen=True):
    """Losses of the reference's rows by metric; those that are no mean of losses (AUC, F1) are not here.

    What costs are made of is here too, by its name (`detectors.business.PARTS`): a spec says what it is worth.

    Attributes
    ----------
    groups
        All rows first, then segments.
    losses
        By metric, one entry for each group.
    clip
        Of a regression, where absolute errors are cut before they are judged; infinite if they are not.
    """

    groups: tuple[Group, ...]
    losses: dict[str, GroupLosses]
    clip: float = math.inf


class Panes(NamedTuple):
    """Which pane each row is in, ``(n,)``, and how many panes there are."""

    of_row: Ints
    number: int


def fit_promise(losses: Mapping[str, Floats], panes: Panes, groups: Mapping[Group, NDArray[np.bool_]]) -> Promise:
    """Return the promise of some rows; O(rows × groups).

    Parameters
    ----------
    losses
        Loss of each row by metric, ``(n,)``; NaN without answer or label.
    groups
        Rows of each group but `ALL`, ``(n,)``.

    Examples
    --------
    >>> panes = Panes(np.array([0, 0, 1]), 2)
    >>> fit_promise({"mae": np.array([1.0, 3.0, np.nan])}, panes, {}).losses["mae"].total
    (4.0,)
    """
    everybody = np.ones(len(panes.of_row), bool)
    by_group = {ALL: everybody, **groups}
    return Promise(
        tuple(by_group), {metric: _of_groups(rows, panes, list(by_group.values())) for metric, rows in losses.items()}
    )


def _of_groups(losses: Floats, panes: Panes, groups: list[NDArray[np.bool_]]) -> GroupLosses:
    found = [_by_pane(losses, panes, group) for group in groups]
    n, total, squares = (tuple(float(sums[i].sum()) for sums in found) for i in range(3))
    return GroupLosses(n, total, squares, tuple(pane_mean(*sums).design_effect for sums in found))


def _by_pane(losses: Floats, panes: Panes, group: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    known = group & ~np.isnan(losses)
    rows, pane = losses[known], panes.of_row[known]
    weights = np.ones(len(rows)), rows, rows * rows
    n, total, squares = (np.bincount(pane, each, panes.number).astype(np.float64) for each in weights)
    return n, total, squares
