"""What a hard check has found."""

from __future__ import annotations

import math
from typing import NamedTuple

from detectors.evidence.budget import evidence_days

SHARE_FLOOR = 0.005
"""A share of rows must have risen by half a percent: less is of no matter, however certain."""

INFO = frozenset({"new"})
"""Checks that are told, and never alarm."""


class Fault(NamedTuple):
    """One finding, by both keys: how sure (p), and how much (`share` against `expected`).

    Attributes
    ----------
    check
        `schema`, `type`, `missing`, `unseen`, `range`, `stuck`, `duplicates`, `volume`, `no-data`, `no-labels`; `new`
        is a feature that the reference never had, for information.
    feature
        Its name; empty where the fault is the pane's.
    side
        Of `range`: `below` or `above`; else empty.
    p
        Probability of as much, or more, in one pane like the reference's; in (0, 1].
    tests
        How many tests the pane had: the error that is allowed was shared over them.
    share
        Of the rows; of `volume`, rows over those expected; of `no-data`, panes in a row.
    expected, floor
        What the reference lets expect, and how far the share must lie from it; in the unit of the share.
    lo, hi
        95 % interval of the rate behind the share, rows taken as independent; of panes in a row, themselves.
    """

    check: str
    feature: str
    side: str
    p: float
    tests: int
    share: float
    expected: float
    floor: float
    lo: float
    hi: float

    @property
    def alarms(self) -> bool:
        """Whether it may alarm, or is for information."""
        return self.check not in INFO

    def evidence_days(self, pane_ms: int, budget_share: float = 1.0) -> float:
        """Return how many days lie between findings as sure as this one, at least, if nothing were wrong.

        Any of the tests finds as much in a pane with a probability of `tests` p at most. With the part of the budget
        that these checks hold, in (0, 1], its mark is the budget's own period (`Budget.mark_days`).

        >>> fault = Fault("missing", "x", "", 1e-9, 20, 0.1, 0.0, 0.005, 0.08, 0.12)
        >>> fault.evidence_days(pane_ms=3_600_000) / 1e6
        2.08
        """
        return evidence_days(-math.log(self.p), self.tests / budget_share, pane_ms)


def ranked(faults: list[Fault]) -> tuple[Fault, ...]:
    """Return faults, the surest first, of equally sure ones the largest; what is for information comes last."""
    return tuple(sorted(faults, key=lambda f: (not f.alarms, f.p, -abs(f.share - f.expected) / f.floor)))
