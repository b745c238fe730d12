"""The verdict on a mature pane: the champion's loss over the newest panes against what its validation promised."""

from __future__ import annotations

import math

from msgspec.structs import replace

from detectors.losses import MIN_LABELS
from detectors.performance import Losses, Worse, pane_mean, task_sums, worse_than
from stream.folds.decide.emit import Emit
from stream.folds.decide.incidents import short_id
from stream.folds.decide.judged import allowance, judged_metric, shown
from stream.folds.decide.state import LineageState, Loop, MaturePane, Sums, Version
from stream.folds.decide.words import day
from stream.folds.monitor import Monitor
from stream.folds.rows import VerdictRow

MIN_PANES = 7
"""A loss is judged over the newest mature panes: so many, or more until they hold MIN_LABELS effective labels."""

HISTORY = 60
"""Mature panes kept to learn how much the loss varies from pane to pane, and the longest window."""

Z999 = 3.09


def judge_mature(lineage: LineageState, loop: Loop, monitor: Monitor, pane_ms: int, emit: Emit) -> VerdictRow | None:
    """Judge the champion's loss over the last mature panes.

    None if the spec names no performance, or no champion served this pane.
    """
    version = loop.versions.get(loop.champion)
    sums = lineage.panes[pane_ms].groups.get((loop.champion, "", ""))
    if not monitor.metric or version is None or sums is None or sums.rows == 0:
        return None
    metric = judged_metric(monitor, task_sums(monitor.task))
    if metric is None or version.metric != metric:
        return _unjudged(monitor, pane_ms, version, sums, emit)
    losses = task_sums(monitor.task).losses(sums.task_cells, sums.task_sums, metric)
    if _lacks_labels(monitor, sums) or losses.n <= 0:
        return _without_labels(monitor, pane_ms, sums, emit)
    history = lineage.history.setdefault(version.version, [])
    history.append(_mature(pane_ms, losses))
    del history[:-HISTORY]
    loop.judged_labels[monitor.name] = loop.judged_labels.get(monitor.name, 0) + int(losses.n)
    window, effect = _window(history)
    worse = _worse(version, metric, len(history), _losses(window), monitor.tolerance, effect)
    return _judged(monitor, metric, pane_ms, window, worse, effect, emit)


def _lacks_labels(monitor: Monitor, sums: Sums) -> bool:
    """Say whether fewer labels came than half of the reference's share: what came may not be like the rest."""
    reference = monitor.reference
    return reference is not None and sums.labels < 0.5 * reference.label_share * sums.rows


def _mature(pane_ms: int, losses: Losses) -> MaturePane:
    variance = losses.sd**2 * max(losses.n - 1, 0)
    return MaturePane(pane_ms, losses.n, losses.mean * losses.n, variance + losses.n * losses.mean**2)


def _window(history: list[MaturePane]) -> tuple[list[MaturePane], float]:
    """Return the newest panes that hold MIN_LABELS effective labels, or all there are, and their design effect.

    Where losses vary much from pane to pane, few panes prove nothing: then more of them are judged together.
    """
    for panes in range(MIN_PANES, len(history)):
        effect = _design_effect(history[:-panes], history[-panes:])
        if sum(p.labels for p in history[-panes:]) / effect >= MIN_LABELS:
            return history[-panes:], effect
    return history[:], _design_effect(history)


def _losses(panes: list[MaturePane]) -> Losses:
    n = sum(p.labels for p in panes)
    mean = sum(p.total for p in panes) / n
    variance = max(0.0, sum(p.squares for p in panes) - n * mean * mean) / max(n - 1, 1)
    return Losses(n, mean, math.sqrt(variance))


def _worse(version: Version, metric: str, panes: int, recent: Losses, tolerance: float, effect: float) -> Worse:
    """Test the window against the validation; how much losses vary between panes comes from the version's own panes."""
    if panes < MIN_PANES or version.loss_n == 0 or not math.isfinite(recent.mean):
        return Worse(0.0, -math.inf, math.nan)
    reference_se = version.loss_sd / math.sqrt(version.loss_n) * math.sqrt(effect)
    allowed = allowance(metric, version.loss_mean + 2 * reference_se, tolerance)
    return worse_than(recent, version.loss_mean, reference_se, allowed, effect)


def _design_effect(*parts: list[MaturePane]) -> float:
    """Return how much more losses vary between panes than rows would.

    Each part about its own mean, so that a change between the parts does not hide itself.
    """
    effects = [(len(part), _pane_effect(part)) for part in parts if len(part) >= MIN_PANES]
    return sum(n * effect for n, effect in effects) / sum(n for n, _ in effects) if effects else 1.0


def _pane_effect(panes: list[MaturePane]) -> float:
    return pane_mean([p.labels for p in panes], [p.total for p in panes], [p.squares for p in panes]).design_effect


def _judged(
    monitor: Monitor,
    metric: str,
    pane_ms: int,
    window: list[MaturePane],
    worse: Worse,
    effect: float,
    emit: Emit,
) -> VerdictRow:
    recent, panes = _losses(window), len(window)
    enough = math.isfinite(worse.lo)
    status = ("drift" if worse.is_worse else "stable") if enough else "insufficient"
    what = f"{metric.replace('_', ' ')} over {panes} panes to {day(pane_ms, monitor.pane_ms)}"
    reason = _reason(what, metric, panes, recent, worse, effect)
    row = _row(monitor, metric, pane_ms, status, int(recent.n), panes, reason, emit)
    return _with_figures(row, metric, recent, worse) if enough else row


def _with_figures(row: VerdictRow, metric: str, recent: Losses, worse: Worse) -> VerdictRow:
    """Put the test's figures into a row, in the metric's unit; `lo` is the bound nearest to the limit."""
    return replace(
        row,
        statistic=worse.statistic,
        p=0.5 * math.erfc(worse.statistic / math.sqrt(2)),
        effect=shown(metric, recent.mean),
        floor=shown(metric, worse.limit),
        lo=shown(metric, worse.lo),
    )


def _reason(what: str, metric: str, panes: int, recent: Losses, worse: Worse, effect: float) -> str:
    found = f"{what}: {shown(metric, recent.mean):.4f}"
    if panes < MIN_PANES:
        return f"{found}; {panes} mature panes, {MIN_PANES} needed"
    if not math.isfinite(worse.lo):
        return f"{found}; n_eff {recent.n / effect:.0f} < {MIN_LABELS}"
    than = "worse than" if worse.is_worse else "not proven worse than"
    best = shown(metric, worse.lo)
    return f"{found}, {best:.4f} at best; {than} {shown(metric, worse.limit):.4f}"


def _unjudged(monitor: Monitor, pane_ms: int, version: Version, sums: Sums, emit: Emit) -> VerdictRow:
    judged = ", ".join(task_sums(monitor.task).judged)
    reason = (
        f"{monitor.metric} is shown, not judged: name one of {judged} to be judged"
        if judged_metric(monitor, task_sums(monitor.task)) is None
        else f"version {version.version} promised {version.metric}, not {monitor.metric}: the next one is judged"
    )
    return _row(monitor, monitor.metric, pane_ms, "insufficient", sums.labels, 1, reason, emit)


def _without_labels(monitor: Monitor, pane_ms: int, sums: Sums, emit: Emit) -> VerdictRow:
    share = 0.0 if monitor.reference is None else monitor.reference.label_share
    came = f"{sums.labels} labels for {sums.rows} rows to {day(pane_ms, monitor.pane_ms)}"
    reason = f"{came}: less than half of the {share:.0%} that the reference had; not judged"
    return _row(monitor, monitor.metric, pane_ms, "no-labels", sums.labels, 1, reason, emit)


def _row(
    monitor: Monitor, metric: str, pane_ms: int, status: str, n: int, panes: int, reason: str, emit: Emit
) -> VerdictRow:
    return VerdictRow(
        id=f"vd-{short_id(monitor.lineage, pane_ms, 'performance')}",
        lineage=monitor.lineage,
        monitor=monitor.name,
        model=monitor.model,
        pane_ms=pane_ms,
        pane_s=panes * monitor.pane_ms // 1000,
        target=metric,
        kind="performance",
        status=status,
        statistic=0.0,
        threshold=Z999,
        p=1.0,
        n=n,
        n_eff=math.nan,
        evidence_days=math.nan,
        budget_days=monitor.budget.mark_days,
        effect=math.nan,
        effect_name=metric,
        floor=math.nan,
        lo=math.nan,
        hi=math.nan,
        reason=reason,
        known_ms=emit.known_ms,
        position=emit.position,
    )
