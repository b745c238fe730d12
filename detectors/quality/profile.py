"""What a reference says about the health of panes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.panel.panel import MIN_PANES
from detectors.quality.fault import SHARE_FLOOR
from detectors.quality.health import ReferenceHealth, refuse_reference
from detectors.quality.shares import Shares, fit_shares, joined

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

KINDS = (("missing", ""), ("type", ""), ("unseen", ""), ("range", "below"), ("range", "above"))
"""Checks of shares, and their sides, in the order of `QualityProfile.shares`: each for all features, then the next."""


class QualityProfile(msgspec.Struct, frozen=True, dict=True):
    """The health of a reference's panes.

    Attributes
    ----------
    names, is_number
        Of the F features.
    panes
        R, those with rows.
    shares
        Of `KINDS` for each feature, and last of duplicates among all events: 5 F + 1.
    modal
        Of each number's most frequent value in a pane; F.
    absent, constant
        Panes in which a feature was missing in all rows, and in which a number had one value only; F.
    known, has_values
        Whether a feature was there at all, and whether with a valid value; F.
    knows_duplicates
        Whether duplicates were counted; else they are not checked.
    """

    names: tuple[str, ...]
    is_number: tuple[bool, ...]
    panes: int
    shares: Shares
    modal: Shares
    absent: tuple[int, ...]
    constant: tuple[int, ...]
    known: tuple[bool, ...]
    has_values: tuple[bool, ...]
    knows_duplicates: bool = False

    @property
    def can_alarm(self) -> bool:
        """Whether there are panes enough."""
        return self.panes >= MIN_PANES

    @cached_property
    def known_array(self) -> Flags:
        """Which features the reference had, ``(F,)``."""
        return np.array(self.known, np.bool_)

    @cached_property
    def never_had(self) -> Ints:
        """Places of the features that the reference never had."""
        return np.flatnonzero(~self.known_array)

    @cached_property
    def is_checked(self) -> Flags:
        """Which of `shares` are checked, ``(5 F + 1,)``: those of a kind that the feature can have."""
        number, known = np.array(self.is_number, np.bool_), self.known_array
        valued = np.array(self.has_values, np.bool_)
        of_features = known, known, valued & ~number, valued & number, valued & number
        return np.append(np.concatenate(of_features), self.knows_duplicates)

    @cached_property
    def loud(self) -> Floats:
        """Shares at which a rise matters, ``(H, 5 F + 1)``; above all shares where nothing is checked."""
        return np.where(self.is_checked, self.shares.expected + SHARE_FLOOR, 2.0)

    @cached_property
    def can_stick(self) -> Flags:
        """Features that have, as expected, enough values of their own in each phase, ``(F,)``."""
        varied = self.modal.expected.max(0) <= 1 - SHARE_FLOOR
        return np.asarray(varied & np.array(self.has_values, np.bool_))

    @cached_property
    def tests(self) -> int:
        """How many tests a pane has: those of shares, and of each feature whether it is there, and varies."""
        return int(self.is_checked.sum() + self.can_stick.sum()) + len(self.names)


def fit_quality(
    reference: ReferenceHealth,
    is_number: Flags,
    names: Sequence[str],
    phases: int = 1,
    knows_duplicates: bool = True,
) -> QualityProfile:
    """Return the profile of a reference; O(R F).

    Parameters
    ----------
    is_number
        Numbers, not levels, ``(F,)``.
    phases
        Panes of a cycle; the first pane is of phase 0.
    knows_duplicates
        Whether duplicates were counted: 0 says nothing if not.

    Raises
    ------
    ValueError
        If shapes do not fit, a count is negative or exceeds the rows, or there are fewer than two cycles.

    Examples
    --------
    >>> rows, none = np.full(60, 1_000), np.zeros((60, 1), np.int64)
    >>> health = ReferenceHealth(rows, rows * 0, none, none, none, none + 10, none + 10, none + 1)
    >>> fit_quality(health, np.array([True]), ["distance"]).tests
    7
    """
    refuse_reference(reference, len(names), phases)
    rows = np.broadcast_to(reference.rows[:, None], reference.missing.shape)
    parts = [fit_shares(counts, rows, phases) for counts in reference[2:5]]
    ends = [_beyond(fit_shares(counts, rows, phases)) for counts in (reference.low, reference.high)]
    events = (reference.rows + reference.duplicates)[:, None]
    present = rows - reference.missing - reference.invalid
    return QualityProfile(
        names=tuple(names),
        is_number=tuple(np.asarray(is_number, np.bool_).tolist()),
        panes=int((reference.rows > 0).sum()),
        shares=joined([*parts, *ends, fit_shares(reference.duplicates[:, None], events, phases)]),
        modal=fit_shares(np.minimum(reference.modal, present), present, phases),
        absent=_panes((reference.missing == rows) & (rows > 0)),
        constant=_panes((reference.modal >= present) & (present > 1)),
        known=_any(reference.missing < rows),
        has_values=_any(present > 0),
        knows_duplicates=knows_duplicates,
    )


def _any(flags: Flags) -> tuple[bool, ...]:
    return tuple(flag > 0 for flag in _panes(flags))


def _panes(flags: Flags) -> tuple[int, ...]:
    return tuple(flags.sum(0).tolist())


def _beyond(ends: Shares) -> Shares:
    r"""Return what the end of a distribution says of what lies beyond, which the reference never had.

    It is expected once in N rows. How extremes come in clusters, the end shows: the variance of its rate between panes,
    relative to the rate, grows towards the extremes. Of a normal distribution that moves it grows with the square of
    the distance, which grows with the root of :math:`\ln(1/p)`; of others it grows less.
    """
    share, known = np.array(ends.shares), np.array(ends.rows)
    correlation, worth = np.array(ends.correlation), np.array(ends.worth)
    spread = (correlation + 1 / worth - 1 / known) * (1 - share) / share
    farther = np.log(known + 2) / np.log(1 / np.minimum(share, 0.5))
    beyond = 1 / (known + 1.5)
    return msgspec.structs.replace(
        ends,
        shares=tuple(beyond.tolist()),
        by_phase={},
        correlation=tuple(np.minimum(spread * farther**2 * beyond, 1 - 1e-9).tolist()),
        worth=ends.rows,
    )
