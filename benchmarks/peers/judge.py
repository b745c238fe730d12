"""What results say: false alarms, the threshold at which they would be as rare as ours, delays and misses."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Setting = float | str
"""A threshold of scores, or the value of a parameter."""


class Delays(NamedTuple):
    """Median rows until a change is seen, infinite if half of the streams never are, and the share of these."""

    rows: float
    missed: float


def alarms_at(scores: Floats, threshold: float) -> int:
    """Return how many windows of features, ``(windows, F)``, reach a threshold."""
    return int((scores >= threshold).sum())


def per_thousand(alarms: int, feature_windows: int) -> float:
    """Return alarms in 1,000 windows of features."""
    return 1_000 * alarms / feature_windows


def threshold_for(scores: Floats, allowed: int) -> float:
    """Return the lowest threshold that at most so many scores reach.

    >>> scores = np.array([[0.1, 0.5], [0.4, 0.2]])
    >>> alarms_at(scores, threshold_for(scores, 1))
    1
    """
    ordered = np.sort(scores, axis=None)[::-1]
    return float(np.nextafter(ordered[allowed], np.inf)) if allowed < len(ordered) else float(ordered[-1])


def delays(scores: Floats, threshold: float, window: int) -> Delays:
    """Return when streams, one a column of ``(windows, F)``, first reach a threshold after their change."""
    reached = scores >= threshold
    first = np.where(reached.any(0), (reached.argmax(0) + 1) * float(window), np.inf)
    return of_rows(first)


def of_rows(first: Floats) -> Delays:
    """Return the median and the misses of rows until each stream is seen, ``(F,)``; infinite for never."""
    # The upper of the two middle ones: the mean with an infinite one would be infinite as well.
    return Delays(float(np.sort(first)[len(first) // 2]), float(np.isinf(first).mean()))


class Method(NamedTuple):
    """One method of a peer at one size: results of a stream without a change, at defaults and re-thresholded."""

    result: dict[str, Any]
    features: int

    @property
    def is_sequential(self) -> bool:
        """Whether it goes row by row, and was run for each value of its parameter."""
        return "alarms" in self.result

    @property
    def default(self) -> Setting | None:
        """Its default threshold or value; None if it has none."""
        found: Setting | None = self.result["default"] if self.is_sequential else self.result["threshold"]
        return found

    def alarms(self, setting: Setting) -> int:
        """Return its false alarms at a threshold or value."""
        if self.is_sequential:
            return sum(len(of_feature) for of_feature in self.result["alarms"][setting])
        return alarms_at(np.array(self.result["scores"]), float(setting))

    def setting_for(self, allowed: int) -> Setting | None:
        """Return the most sensitive setting with at most so many false alarms; None if none has."""
        if self.is_sequential:
            return next((value for value in self.result["alarms"] if self.alarms(value) <= allowed), None)
        return threshold_for(np.array(self.result["scores"]), allowed)


def delays_of(result: dict[str, Any], setting: Setting, window: int) -> Delays:
    """Return the delays of a method's result after a change, at a threshold or value."""
    if "alarms" in result:
        return of_rows(np.array([of[0] if of else np.inf for of in result["alarms"][setting]], np.float64))
    return delays(np.array(result["scores"]), float(setting), window)
