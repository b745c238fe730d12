"""Features watched within the groups of segments: a change of one group in ten drowns in all rows, or comes late.

Each group has a panel of its own, fitted on its own rows with the bins, the order of levels and the units of all rows.
Pairs of features are watched in all rows only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Watched
from detectors.columns import Binned, count_by_pane
from detectors.cycles import Cycles
from detectors.panel.fit import ReferenceCounts, fit_panel
from detectors.panel.panel import MIN_PANES, Panel
from detectors.promise import Group

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

MOST_WATCHED = 400
"""Features times groups, the largest groups first: for each a reference holds 3.5 kB, and .5 kB for each more phase."""

_PHASE = 1 / 8
"""Of what a feature of a group takes, a phase of its cycle."""

WINDOWS = 3
"""Windows of a length that a group's reference holds, at least."""

LEAST_GROUPS = 2
"""Groups of one segment: a single one is all rows, or all that are left beside rare ones."""


def fit_groups(
    whole: ReferenceCounts,
    features: Sequence[Binned],
    rows_of: Mapping[Group, Flags],
    pane_of_row: Ints,
    cycles: Cycles,
) -> tuple[Watched, ...]:
    """Return the panels of the groups that can be watched, the largest group first; O(groups F n).

    A group needs 60 panes with rows, and rows for 3 windows of 400 effective ones; where rows have a cycle, rows in
    each pane. The feature that makes the group is not judged in it.

    Parameters
    ----------
    whole
        What all rows are like.
    features
        The same F features by row, ``(n,)`` each.
    rows_of
        Rows of each group, ``(n,)``.
    pane_of_row
        Number of each row's pane, ``(n,)``.
    """
    found: list[Watched] = []
    most = int(MOST_WATCHED / (len(features) * (1 + (cycles.phases - 1) * _PHASE)))
    for group, rows in _largest(rows_of):
        if len(found) == most:
            break
        counted = _counted(whole, features, rows, pane_of_row)
        if len(counted.rows) < (len(whole.rows) if cycles.phases > 1 or cycles.window > 1 else MIN_PANES):
            continue
        panel = _judged(fit_panel(counted, phases=cycles.phases, cycle=cycles.window), group[0])
        if panel.can_alarm and panel.usable.any():
            found.append(Watched(*group, panel))
    return tuple(found)


def _judged(panel: Panel, segment: str) -> Panel:
    """Return the panel without what says nothing of a group: its own level, and windows too long for its reference.

    Of what is as long as the reference, all that the reference never saw by chance would seem to be new or lacking.
    """
    fitting = WINDOWS * np.array(panel.scales) <= panel.panes
    others = np.array([name != segment for name in panel.names])
    return replace(panel, usable=panel.usable & fitting[:, None] & others)


def _largest(rows_of: Mapping[Group, Flags]) -> Iterator[tuple[Group, Flags]]:
    segments = [segment for segment, _ in rows_of]
    several = {group: rows for group, rows in rows_of.items() if segments.count(group[0]) >= LEAST_GROUPS}
    yield from sorted(several.items(), key=lambda each: -int(each[1].sum()))


def _counted(whole: ReferenceCounts, features: Sequence[Binned], rows: Flags, pane_of_row: Ints) -> ReferenceCounts:
    """Return the panes of a group's rows, those without any left out."""
    panes, of_row, sizes = np.unique(pane_of_row[rows], return_inverse=True, return_counts=True)
    width = whole.counts.shape[2]
    counts = np.stack([count_by_pane(f.codes[rows], width, of_row, len(panes)) for f in features], 1)
    return ReferenceCounts(
        bins=whole.bins,
        counts=counts.astype(np.int64),
        rows=sizes.astype(np.int64),
        seen_once=np.array([_seen_once(feature, rows) for feature in features], np.int64),
        order=whole.order,
        centres=whole.centres,
    )


def _seen_once(feature: Binned, rows: Flags) -> int:
    """Return how many levels of a category occur in one of the rows only."""
    if not len(feature.levels):
        return 0
    return int((np.bincount(feature.levels[rows], minlength=1)[1:] == 1).sum())
