r"""How many false pages are allowed, and which thresholds keep to it.

With N panes in the period and B false pages allowed, evidence over time may cause :math:`B (1 - w)` of them and tests
of single windows (Benjamini-Hochberg) :math:`B w`. So evidence alarms at :math:`A = N / (B (1 - w))`, shared over all
that is watched, and each pane is tested at level :math:`q = B w / N`.
"""

from __future__ import annotations

import math

import msgspec

DAY_MS = 86_400_000
_HIGHEST_LOG = 690.0


class Thresholds(msgspec.Struct, frozen=True):
    """Thresholds of one severity.

    Attributes
    ----------
    evidence
        A: mean panes between two alarms of evidence if nothing is wrong, at least; 1 or more.
    q
        Share of panes, at most, in which the tests of single windows raise anything if nothing is wrong; 0 to 1.
    """

    evidence: float
    q: float

    def log_alarm(self, share: float = 1.0) -> float:
        """Return the log evidence at which something alarms that holds this share, in (0, 1], of the budget.

        >>> round(WARN.log_alarm(share=1 / 20), 2)
        9.9
        """
        if not 0 < share <= 1:
            raise ValueError(f"a share of the budget lies in (0, 1], got {share}")
        return math.log(self.evidence / share)

    def q_at(self, panes: int, scales: int) -> float:
        """Return the level of windows of so many panes, tested as often as they are full, at one of several scales.

        >>> WARN.q_at(panes=20, scales=2)
        0.01
        """
        if panes < 1 or scales < 1:
            raise ValueError(f"need at least one pane and one scale, got {panes} and {scales}")
        return min(1.0, self.q * panes / scales)


WARN = Thresholds(evidence=1_000.0, q=0.001)
"""Fixed, whatever the budget: warnings wake nobody."""


class Budget(msgspec.Struct, frozen=True):
    """False pages that are allowed in a period.

    Attributes
    ----------
    pages
        B, above 0.
    days
        Length of the period, above 0.
    window_share
        w, the share that tests of single windows may cause; in [0, 1).
    """

    pages: float = 1.0
    days: float = 90.0
    window_share: float = 0.5

    def __post_init__(self) -> None:
        if not (0 < self.pages < math.inf and 0 < self.days < math.inf):
            raise ValueError(f"need pages and days above 0, got {self.pages} and {self.days}")
        if not 0 <= self.window_share < 1:
            raise ValueError(f"the share of single windows lies in [0, 1), got {self.window_share}")

    def page(self, pane_ms: int) -> Thresholds:
        """Return the thresholds of pages, for panes of this length.

        Raises
        ------
        ValueError
            If the period holds fewer panes than false pages are allowed in it.

        Examples
        --------
        >>> Budget(window_share=0.0).page(pane_ms=60_000)
        Thresholds(evidence=129600.0, q=0.0)
        """
        panes = self.panes(pane_ms)
        if panes < self.pages:
            raise ValueError(
                f"{self.days} days hold {panes:.3g} panes, fewer than the {self.pages} false pages allowed"
            )
        return Thresholds(panes / (self.pages * (1 - self.window_share)), self.pages * self.window_share / panes)

    def window_q(self, pane_ms: int) -> float:
        """Return the share of panes in which faults may be raised if nothing is wrong: never more than warnings may.

        Of panes so long that the period holds few, the budget alone would allow a fault in every few panes.

        >>> round(Budget().window_q(3_600_000), 6), Budget().window_q(5 * DAY_MS)
        (0.000231, 0.001)
        """
        return min(WARN.q, self.page(pane_ms).q)

    def panes(self, pane_ms: int) -> float:
        """Return N, the panes in the period."""
        if pane_ms < 1:
            raise ValueError(f"a pane lasts at least 1 ms, got {pane_ms}")
        return self.days * DAY_MS / pane_ms

    def shared_over(self, tests: float) -> float:
        """Return what evidence must be divided by so that it speaks for all: the tests, and the share of evidence.

        `tests` is features (or 1 / the share of one of them) times segments. Then the mark of a page is
        `mark_days`: to pass it is the decision.

        >>> Budget().shared_over(tests=20)
        40.0
        """
        if tests < 1:
            raise ValueError(f"need at least one test, got {tests}")
        return tests / (1 - self.window_share)

    def window_days(self, adjusted: float, panes: int, scales: int, pane_ms: int) -> float:
        """Return how many days lie between such rejections, at least, if nothing were wrong; at most e^690.

        A window of so many panes, at one of several scales, that is rejected at this level: its
        `detectors.evidence.false_discovery.adjusted`.

        >>> Budget().window_days(Budget().page(60_000).q_at(panes=20, scales=3), panes=20, scales=3, pane_ms=60_000)
        90.0
        """
        if self.window_share == 0:
            return 0.0
        log_panes = math.log(self.window_share * panes / scales) - math.log(max(adjusted, math.exp(-_HIGHEST_LOG)))
        return math.exp(min(_HIGHEST_LOG, log_panes + math.log(pane_ms / DAY_MS)))

    @property
    def mark_days(self) -> float:
        """Days of evidence at which a page is raised."""
        return self.days / self.pages


def evidence_days(log_m: float, shared_over: float, pane_ms: int) -> float:
    """Return how many days lie between such alarms, at least, if nothing were wrong: M / shared_over panes.

    A lower bound, at most e^690 days.

    Parameters
    ----------
    log_m
        Log evidence of what alarms.
    shared_over
        What the budget is shared over (`Budget.shared_over`), 1 or more.
    pane_ms
        Length of a pane.

    Examples
    --------
    >>> round(evidence_days(math.log(28_800), shared_over=20, pane_ms=60_000), 6)
    1.0
    """
    if math.isnan(log_m) or not 1 <= shared_over < math.inf or pane_ms < 1:
        raise ValueError(f"need evidence, a share of 1 or more and a pane, got {log_m}, {shared_over} and {pane_ms} ms")
    log_days = log_m - math.log(shared_over) + math.log(pane_ms / DAY_MS)
    return math.exp(max(-_HIGHEST_LOG, min(_HIGHEST_LOG, log_days)))
