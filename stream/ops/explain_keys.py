"""The two keys of a verdict in figures: how sure against its marks, how much against its floor, what lacks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from detectors.evidence.budget import DAY_MS, WARN, Budget
from stream.folds.decide.drift_words import OUTLIERS

if TYPE_CHECKING:
    from streamgauge.spec import MonitorSpec

    from stream.ops.explain_reads import Row

_FAMILIES = 4
"""Families of hard checks that share what single panes may cause (`stream.folds.decide.faults`)."""

_WARNED = ("drift", "attribution")
"""Kinds that have a mark of warnings, whatever the budget."""

_UNSHARED = ("estimate", "attribution")
"""Kinds whose threshold does not say how many tests share it."""


@dataclass(frozen=True, slots=True)
class Keys:
    """How sure and how much; None where a figure does not exist.

    Attributes
    ----------
    evidence_days
        At least so long lies between such findings if nothing were wrong.
    warning_days, budget_days
        Evidence from which on it is a warning, and from which on it is proven at the monitor's budget; the first is
        None for what has no warnings.
    log_evidence, log_threshold
        What is compared inside: logarithms of evidence over time, or of 1 / p.
    shared_over
        Tests that share the budget with this one, itself included; a test with half of the budget stands for 2.
    p, p_needed
        Of the window alone, and the p-value that a window needs to be believed alone.
    n, n_eff
        Rows or labels, and how many independent ones they are worth.
    effect, floor, lo, hi
        How much, the least that matters, and the 95 % interval, in the unit that `effect_name` names.
    is_sure, is_much
        Whether each key turns.
    """

    evidence_days: float | None
    warning_days: float | None
    budget_days: float | None
    log_evidence: float | None
    log_threshold: float | None
    shared_over: float | None
    p: float | None
    p_needed: float | None
    n: int
    n_eff: float | None
    effect_name: str
    effect: float | None
    floor: float | None
    lo: float | None
    hi: float | None
    is_sure: bool
    is_much: bool


def keys_of(row: Row, spec: MonitorSpec) -> Keys:
    """Return the keys of a row of view ``verdicts``; `spec` is its lineage's."""
    kind, threshold = str(row["kind"]), _figure(row["threshold"])
    budget_days, days = _figure(row["budget_days"]), _figure(row["evidence_days"])
    tests = shared_over(kind, threshold, budget_days, spec.pane_ms)
    warning = warning_days(spec.pane_ms) if kind in _WARNED else None
    mark = warning if warning is not None else budget_days
    effect, floor = _figure(row["effect"]), _figure(row["floor"])
    # A fault is found by its own p-value at once: its days may be fewer than the budget's and it is one all the same.
    is_sure = row["status"] == "fault" or (days is not None and mark is not None and days >= mark)
    return Keys(
        evidence_days=days,
        warning_days=warning,
        budget_days=budget_days,
        log_evidence=_figure(row["statistic"]),
        log_threshold=threshold,
        shared_over=tests,
        p=_figure(row["p"]),
        p_needed=_p_needed(row, tests, budget_days, spec),
        n=cast("int", row["n"]),
        n_eff=_figure(row["n_eff"]),
        effect_name=str(row["effect_name"]),
        effect=effect,
        floor=floor,
        lo=_figure(row["lo"]),
        hi=_figure(row["hi"]),
        is_sure=is_sure,
        is_much=_is_much(row, effect, floor),
    )


def warning_days(pane_ms: int) -> float:
    """Return the evidence at which drift is a warning, whatever the budget: 500 panes.

    >>> warning_days(3_600_000)
    20.83
    """
    return WARN.evidence / Budget().shared_over(1) * pane_ms / DAY_MS


def shared_over(kind: str, threshold: float | None, budget_days: float | None, pane_ms: int) -> float | None:
    """Return how many tests share the budget, from the threshold that they led to.

    >>> import math
    >>> round(shared_over("drift", math.log(1_000 * 42), 90.0, 3_600_000))
    42
    """
    if threshold is None or budget_days is None or kind in _UNSHARED:
        return None
    if kind == "drift":
        return math.exp(threshold) / WARN.evidence
    if budget_days * DAY_MS < pane_ms:
        return None
    budget = Budget(pages=1.0, days=budget_days)
    if kind == "performance":
        return max(1.0, math.exp(threshold) / budget.page(pane_ms).evidence)
    return math.exp(threshold) * budget.window_q(pane_ms) / _FAMILIES


def _p_needed(row: Row, tests: float | None, budget_days: float | None, spec: MonitorSpec) -> float | None:
    """Return the p-value with which a window is believed alone, if no other feature's is small too."""
    if tests is None or budget_days is None or row["kind"] == "performance":
        return None
    if row["kind"] == "drift":
        return min(1.0, WARN.q_at(_panes(row, spec), 1 if row["target"] == OUTLIERS else SCALES)) / tests
    return Budget(pages=1.0, days=budget_days).window_q(spec.pane_ms) / _FAMILIES / tests


SCALES = 3
"""Lengths of windows that are judged side by side (`detectors.panel.scales`); outliers have one."""


def _panes(row: Row, spec: MonitorSpec) -> int:
    return max(1, round(cast("int", row["window_s"]) * 1_000 / spec.pane_ms))


def _is_much(row: Row, effect: float | None, floor: float | None) -> bool:
    """Say whether the effect reaches its floor; accuracy, and shares below what is usual, reach it from above."""
    if row["status"] in ("warning", "drift", "fault"):
        return True
    if effect is None or floor is None:
        return False
    if row["effect_name"] == "accuracy":
        return effect <= floor
    return abs(effect) >= floor


def _figure(value: object) -> float | None:
    return None if value is None or not math.isfinite(cast("float", value)) else float(cast("float", value))
