"""Drift of the inputs: each window of final panes against the reference, feature by feature."""

from __future__ import annotations

import math

import numpy as np

from detectors.artifact import Reference
from detectors.effects import Effects, above_floor, effects
from detectors.feature_reference import FeatureReference
from detectors.feature_test import FeatureVerdict, judge
from stream.folds.decide.emit import Emit
from stream.folds.decide.incidents import QUIET_WINDOWS, close, open_incident, open_of, short_id, tell
from stream.folds.decide.state import LineageState, Loop, Window
from stream.folds.decide.words import chance, day, drift_title
from stream.folds.monitor import Monitor
from stream.folds.rows import StatisticsRow, VerdictRow

MIN_ROWS = 400
"""Small p-values need so many effective rows: windows are made of panes until they hold them."""

JUDGED = ("stable", "warning", "drift")

ALPHA = 0.001
"""Error allowed in one window over all features together."""


def statistics_rows(
    monitor: Monitor, pane_ms: int, n: int, counts: dict[str, np.ndarray], emit: Emit
) -> list[StatisticsRow]:
    """Return the effect sizes of each feature in a final pane; none without a reference or rows."""
    if monitor.reference is None or n == 0:
        return []
    return [
        _statistics(
            monitor,
            pane_ms,
            feature.name,
            int(counts[feature.name].sum()),
            effects(feature, counts[feature.name]),
            emit,
        )
        for feature in monitor.reference.features
    ]


def _statistics(monitor: Monitor, pane_ms: int, feature: str, n: int, found: Effects, emit: Emit) -> StatisticsRow:
    return StatisticsRow(
        lineage=monitor.lineage,
        model=monitor.model,
        segment_key="",
        segment_value="",
        pane_ms=pane_ms,
        feature=feature,
        n=n,
        missing_share=found.missing_share,
        unseen_share=found.unseen_share,
        psi=found.psi,
        js=found.js,
        ks=found.ks,
        w1=found.w1,
        tv=found.tv,
        mean_shift_sd=found.mean_shift_sd,
        mean=found.mean,
        sd=found.sd,
        known_ms=emit.known_ms,
        position=emit.position,
    )


def judge_pane(
    lineage: LineageState,
    loop: Loop,
    monitor: Monitor,
    pane_ms: int,
    n: int,
    counts: dict[str, np.ndarray],
    emit: Emit,
) -> None:
    """Add a final pane to the window; judge the window when it holds enough rows, then begin another."""
    window = lineage.window
    window.panes, window.rows = window.panes + 1, window.rows + n
    for feature, some in counts.items():
        window.counts[feature] = window.counts.get(feature, np.zeros(len(some), np.int64)) + some
    reference = monitor.reference
    if reference is None or window.panes < window_panes(reference):
        return
    verdicts = [_judged(monitor, reference, feature, window, pane_ms, lineage, emit) for feature in reference.features]
    lineage.window = Window()
    _alarm(lineage, loop, monitor, pane_ms, verdicts, emit)
    emit.rows.extend(verdicts)


def window_panes(reference: Reference) -> int:
    """Return how many panes make a window of MIN_ROWS expected rows."""
    return max(1, math.ceil(MIN_ROWS / max(reference.rows_per_pane, 1e-9)))


def _judged(
    monitor: Monitor,
    reference: Reference,
    feature: FeatureReference,
    window: Window,
    pane_ms: int,
    lineage: LineageState,
    emit: Emit,
) -> VerdictRow:
    counts = window.counts[feature.name]
    verdict, found = judge(feature, reference, counts, window.panes), effects(feature, counts)
    threshold = ALPHA / len(reference.features)
    large = above_floor(found, feature, int(counts.sum()))
    status = _status(verdict, threshold, large is not None, feature.name in lineage.warned)
    name, effect, floor = large if large is not None else ("js", found.js, math.nan)
    return VerdictRow(
        id=f"vd-{short_id(monitor.lineage, pane_ms, feature.name)}",
        lineage=monitor.lineage,
        monitor=monitor.name,
        model=monitor.model,
        pane_ms=pane_ms,
        pane_s=window.panes * monitor.pane_ms // 1000,
        target=feature.name,
        kind="drift",
        status=status,
        statistic=verdict.statistic,
        threshold=threshold,
        p=verdict.p,
        n=int(counts.sum()),
        effect=effect,
        effect_name=name,
        floor=floor,
        lo=math.nan,
        hi=math.nan,
        reason=_reason(monitor, feature, verdict, name, effect, floor, pane_ms),
        known_ms=emit.known_ms,
        position=emit.position,
    )


def _status(verdict: FeatureVerdict, threshold: float, is_large: bool, warned: bool) -> str:
    """Two keys: proven and large. Drift is a warning in two windows in a row."""
    if verdict.status != "judged":
        return verdict.status
    if verdict.p > threshold or not is_large:
        return "stable"
    return "drift" if warned else "warning"


def _reason(
    monitor: Monitor,
    feature: FeatureReference,
    verdict: FeatureVerdict,
    name: str,
    effect: float,
    floor: float,
    pane_ms: int,
) -> str:
    if verdict.status != "judged":
        return f"{feature.name}: {verdict.reason}"
    at = day(pane_ms, monitor.pane_ms)
    size = (
        f"{name} {effect:.3g} ≥ {floor:.3g}"
        if not math.isnan(floor)
        else f"no effect above its floor ({name} {effect:.3g})"
    )
    return f"{feature.name}, {at}: {size}; {chance(verdict.p)}; most in bin {feature.bins.label(verdict.worst_bin)}"


def _alarm(
    lineage: LineageState, loop: Loop, monitor: Monitor, pane_ms: int, verdicts: list[VerdictRow], emit: Emit
) -> None:
    """Open, extend or close drift incidents by the features that drift now."""
    drifting = [v for v in verdicts if v.status == "drift"]
    unjudged = [v.target for v in verdicts if v.status not in JUDGED and v.target in lineage.warned]
    lineage.warned = [v.target for v in verdicts if v.status in ("warning", "drift")] + unjudged
    drifting.sort(key=lambda v: (v.p, -v.effect))
    names = [v.target for v in drifting]
    now_ms = pane_ms + monitor.pane_ms
    incidents = open_of(loop, monitor, "drift")
    touched = [i for i in incidents if set(i.features) & set(names)]
    judged = {v.target for v in verdicts if v.status in JUDGED}
    for incident in incidents:
        # A window in which none of its features could be judged says nothing.
        incident.quiet = 0 if incident in touched else incident.quiet + bool(set(incident.features) & judged)
        if incident.quiet >= QUIET_WINDOWS:
            close(loop, monitor, incident, now_ms, f"over: {QUIET_WINDOWS} quiet windows", emit)
    new = [name for name in names if not any(name in i.features for i in touched)]
    if not new:
        return
    if touched:
        incident, state = touched[0], "updated"
        incident.features += new
    else:
        since_ms = now_ms - 2 * verdicts[0].pane_s * 1000
        incident, state = open_incident(loop, monitor, "drift", "info", "", new, since_ms, now_ms), "open"
    incident.title = drift_title(monitor.model, incident.features, incident.since_ms, monitor.pane_ms)
    incident.verdicts += [v.id for v in drifting if v.target in new]
    tell(monitor, incident, state, drifting[0].reason, _two_keys(drifting[0]), emit)


def _two_keys(verdict: VerdictRow) -> dict[str, object]:
    return {
        "sure": {"p": verdict.p, "threshold": verdict.threshold},
        "much": {"statistic": verdict.effect_name, "value": verdict.effect, "floor": verdict.floor},
        "next": "look at the feature's panes; drift alone never retrains",
    }
