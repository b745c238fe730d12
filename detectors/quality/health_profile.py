"""All that a reference says of the health of later panes: what the hard checks need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.bins import MISSING, Bins
from detectors.quality.binned import binned, unseen_elsewhere
from detectors.quality.gap import GapProfile, fit_gap
from detectors.quality.health import ReferenceHealth
from detectors.quality.labels import LabelProfile, fit_labels
from detectors.quality.profile import QualityProfile, fit_quality
from detectors.quality.volume import VolumeProfile, fit_volume

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class HealthProfile(msgspec.Struct, frozen=True):
    """What is normal of values, of the number of rows, of empty panes, and of labels (None if there were none)."""

    quality: QualityProfile
    volume: VolumeProfile
    gap: GapProfile
    labels: LabelProfile | None


class Counted(NamedTuple):
    """The reference's panes that hold rows.

    Attributes
    ----------
    number
        Of each pane, rising by 1 from one to the next, ``(R,)``.
    rows
        ``(R,)``.
    counts
        By feature and bin, ``(R, F, W)``.
    levels
        Of each feature, which level each row has, its place and 1 more; 0 is missing; empty for numbers.
    pane_of_row
        ``(n,)``.
    labelled
        Which rows have a label, ``(n,)``; None: no labels are known.
    duplicates
        Events of each pane that were dropped since they had been there, ``(R,)``; None: nobody counted them.
    """

    number: Ints
    rows: Ints
    counts: Ints
    levels: Sequence[NDArray[np.int32]]
    pane_of_row: Ints
    labelled: Flags | None
    duplicates: Ints | None = None


def fit_health(bins: tuple[Bins, ...], counted: Counted, phases: int = 1) -> HealthProfile:
    """Return the profile of a reference; O(R F W + n F)."""
    panes = _Panes(counted.number - counted.number[0], int(counted.number[-1] - counted.number[0]) + 1)
    rows, none = panes.spread(counted.rows), np.zeros((panes.number, len(bins)), np.int64)
    ends = binned(bins, counted.counts)
    health = ReferenceHealth(
        rows=rows,
        duplicates=panes.spread(np.zeros_like(counted.rows) if counted.duplicates is None else counted.duplicates),
        missing=panes.spread(counted.counts[:, :, MISSING]),
        invalid=none,
        unseen=panes.spread(_unseen(counted)),
        low=panes.spread(ends.low),
        high=panes.spread(ends.high),
        modal=panes.spread(ends.modal),
    )
    is_number = np.array([feature.kind == "number" for feature in bins])
    names = [feature.name for feature in bins]
    return HealthProfile(
        fit_quality(health, is_number, names, phases, counted.duplicates is not None),
        fit_volume(rows, phases),
        fit_gap(rows, phases),
        None
        if counted.labelled is None
        else fit_labels(rows, panes.spread(_labels(counted, counted.labelled)), phases),
    )


class _Panes(NamedTuple):
    """Places of the panes that hold rows among all of them."""

    places: Ints
    number: int

    def spread(self, values: Ints) -> Ints:
        """Return values of the panes that hold rows, ``(R, ...)``, with zeros for those that do not."""
        found = np.zeros((self.number, *values.shape[1:]), np.int64)
        found[self.places] = values
        return found


def _unseen(counted: Counted) -> Ints:
    found = np.zeros(counted.counts.shape[:2], np.int64)
    for f, levels in enumerate(counted.levels):
        if len(levels):
            known = levels > 0
            places = levels[known].astype(np.int64) - 1
            found[:, f] = unseen_elsewhere(places, counted.pane_of_row[known], len(counted.rows))
    return found


def _labels(counted: Counted, labelled: Flags) -> Ints:
    return np.bincount(counted.pane_of_row[labelled], minlength=len(counted.rows)).astype(np.int64)
