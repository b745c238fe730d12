"""What a tick of the gauge says of each feature, as columns: how sure, how much, and by which window."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.evidence.budget import Budget, evidence_days
from detectors.evidence.false_discovery import adjusted
from detectors.panel.effects import Cases, Effects, effects, mean_shift_interval
from detectors.panel.floors import Floors
from detectors.panel.gauge import Verdict
from detectors.panel.much import how_much
from detectors.panel.plan import Plan
from stream.folds.decide.drift_words import OUTLIERS
from stream.folds.decide.state import Part

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_OUTPUT_FLOORS = 0.5
_MEAN = Floors._fields.index("mean_shift_sd")


class Findings(NamedTuple):
    """Of F features, ``(F,)`` each unless said; the joint test is apart.

    Attributes
    ----------
    verdict
        What the gauge said.
    scale, rows, p, worst_bin
        Of the window that tells most of the feature: place of its scale, rows, p-value, and the bin that deviates most.
    is_judged
        Whether there were rows and panes enough.
    alarms
        Whether the feature's change is proven and matters.
    days
        How sure: see `evidence_days`; 0 where nothing was judged. The last of ``(F + 1,)`` is the joint test.
    which, value, floor, low, high
        How much: the effect (`Much`), its floor, and its 95 % interval; NaN where there is none.
    """

    verdict: Verdict
    scale: Ints
    rows: Ints
    p: Floats
    worst_bin: Ints
    is_judged: Flags
    alarms: Flags
    days: Floats
    which: Ints
    value: Floats
    floor: Floats
    low: Floats
    high: Floats


class Gauged(NamedTuple):
    """What the gauge of all rows, or of one group, found in a tick."""

    part: Part
    plan: Plan
    found: Findings

    @property
    def followers(self) -> set[str]:
        """What is moved by inputs: the model's answers, and the share of outliers."""
        names = zip(self.plan.names, self.plan.is_output, strict=True)
        return {OUTLIERS, *(name for name, is_output in names if is_output)}


def findings(plan: Plan, budget: Budget, pane_ms: int, verdict: Verdict) -> Findings:
    """Return the findings of a tick with full windows; O(F W).

    Raises
    ------
    ValueError
        If no window was full.
    """
    windows, tests = verdict.windows, verdict.tests
    if windows is None or tests is None:
        raise ValueError("no window was full")
    every = np.arange(len(plan.panel.bins))
    best = np.where(tests.judged, tests.p, 2.0).argmin(0)
    cases = Cases(every, windows.counts[best, every], windows.rows[best], windows.shares[best, every])
    sizes = _as_alarmed(effects(plan.panel, cases), verdict)
    much = how_much(sizes, plan.floors, np.where(plan.is_output, _OUTPUT_FLOORS, 1.0))
    bounds, is_mean = mean_shift_interval(plan.panel, cases, sizes), much.which == _MEAN
    alarms = np.zeros(len(every), bool)
    alarms[verdict.features] = True
    return Findings(
        verdict=verdict,
        scale=windows.scale[best],
        rows=windows.rows[best].astype(np.int64),
        p=tests.p[best, every],
        worst_bin=tests.worst_bin[best, every],
        is_judged=tests.judged[best, every],
        alarms=alarms,
        days=_days(plan, budget, pane_ms, verdict),
        which=much.which,
        value=much.value,
        floor=much.floor,
        low=np.where(is_mean, bounds.low, math.nan),
        high=np.where(is_mean, bounds.high, math.nan),
    )


def _as_alarmed(sizes: Effects, verdict: Verdict) -> Effects:
    """Return effects with those of the features that alarm where they are largest."""
    for of_all, alarmed in zip(sizes, verdict.effects, strict=True):
        of_all[verdict.features] = alarmed
    return sizes


def _days(plan: Plan, budget: Budget, pane_ms: int, verdict: Verdict) -> Floats:
    """Return how sure, by the evidence over time or by a single window, whichever is more, ``(F + 1,)``."""
    scales = plan.panel.scales
    tests = len(plan.shares) - (plan.panel.joint is None)
    over = [budget.shared_over(share) for share in (1 / (plan.shares[:tests] * plan.budget_part)).tolist()]
    logs = verdict.log_evidence[:tests].tolist()
    days = [evidence_days(log_m, shared, pane_ms) for log_m, shared in zip(logs, over, strict=True)]
    for place in np.flatnonzero(verdict.due).tolist():
        levels = (adjusted(verdict.p[place, :tests], plan.shares[:tests]) / plan.budget_part).tolist()
        by_window = [budget.window_days(level, scales[place], len(scales), pane_ms) for level in levels]
        days = [max(pair) for pair in zip(days, by_window, strict=True)]
    return np.array([*days, *[0.0] * (len(plan.shares) - tests)])
