"""How long a fault was felt: from the blow until every fold has done what lay there, and is no further behind."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from benchmarks.chaos.system import FOLDS, POLL_S, Lags, Standing, StuckError, wait_for

RECENT_S = 6.0
LONGEST_S = 900.0
REFOLD_S = 600.0
"""A worker without checkpoints folds its log from the beginning: until it is where it was, it shows no progress."""

SLACK = 100
"""Records by which a fold may be further behind than before: what a tick and a commit bring."""


@dataclass(frozen=True, slots=True)
class Blow:
    """A fault, as the folds stood when it came.

    Attributes
    ----------
    at_s
        When, monotonic seconds.
    goal
        Records that each fold has to have done.
    allowed
        How far behind each fold may be then.
    """

    at_s: float
    goal: dict[str, int]
    allowed: dict[str, int]


class Watch:
    """Follows the folds; to be asked often. For one thread."""

    def __init__(self, lags: Lags) -> None:
        self._lags = lags
        self._recent: deque[tuple[float, dict[str, Standing]]] = deque()

    def look(self) -> dict[str, Standing] | None:
        """Return where the folds stand; None while the broker does not say."""
        found = self._lags.now()
        now = time.monotonic()
        if found is not None:
            self._recent.append((now, found))
        while self._recent and self._recent[0][0] < now - RECENT_S and len(self._recent) > 1:
            self._recent.popleft()
        return found

    def calm(self, seconds: float) -> None:
        """Look on for a while, so that there is a before."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look()
            time.sleep(POLL_S)

    def brace(self, before: Blow | None = None) -> Blow:
        """Note how things stand right before a fault; at the end of an absence, `before` is what was before it."""
        wait_for(lambda: self.look() is not None, "an answer of the broker")
        last = self._recent[-1][1]
        worst = {fold: max(standing[fold].left for _, standing in self._recent) for fold in FOLDS}
        goal = {fold: last[fold].done + last[fold].left for fold in FOLDS}
        allowed = {fold: 2 * left + SLACK for fold, left in worst.items()} if before is None else before.allowed
        return Blow(time.monotonic(), goal, allowed)

    def recovered(self, blow: Blow, patience_s: float = REFOLD_S) -> float:
        """Wait until nothing is felt of a blow any more; return the seconds since it.

        Raises
        ------
        StuckError
            When one of the folds that are missing does nothing for `patience_s` seconds, or after `LONGEST_S`.
        """
        moved_s, done = time.monotonic(), dict.fromkeys(FOLDS, -1)
        while missing := self._look_for(blow):
            now_s = time.monotonic()
            if self._recent and all(self._recent[-1][1][fold].done > done[fold] for fold in missing):
                moved_s, done = now_s, {fold: self._recent[-1][1][fold].done for fold in FOLDS}
            if now_s - moved_s > patience_s or now_s - blow.at_s > LONGEST_S:
                raise StuckError(f"no recovery after {now_s - blow.at_s:.0f} s: {'; '.join(missing.values())}")
            time.sleep(POLL_S)
        self._recent.clear()  # what was behind meanwhile is no measure of what is usual
        return time.monotonic() - blow.at_s

    def _look_for(self, blow: Blow) -> dict[str, str]:
        """Return what is missing, in words by fold; all folds while the broker does not answer."""
        last = self.look()
        if last is None:
            return dict.fromkeys(FOLDS, "the broker does not answer")
        return {
            fold: f"{fold} has done {last[fold].done:,} of {blow.goal[fold]:,} and has {last[fold].left:,} left"
            for fold in FOLDS
            if last[fold].done <= blow.goal[fold] or last[fold].left > blow.allowed[fold]
        }
